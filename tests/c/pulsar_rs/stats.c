/* pulsar_rs/stats.h: what a client, its producers and its consumers counted; and the lines that it logs about it. */
#include <pulsar_rs/client.h>
#include <pulsar_rs/stats.h>

#include "../check.h"
#include "../latch.h"
#include "../session.h"

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))
#define PRODUCERS(stats, array) pulsar_rs_stats_producers(stats, array, sizeof(*(array)), LENGTH(array))
#define CONSUMERS(stats, array) pulsar_rs_stats_consumers(stats, array, sizeof(*(array)), LENGTH(array))

static pulsar_rs_stats_t *snapshot(pulsar_client_t *client) {
    pulsar_rs_stats_t *stats = NULL;
    CHECK_OK(pulsar_rs_client_stats(client, &stats));
    CHECK(stats != NULL);
    return stats;
}

static uint64_t sum(const uint64_t *counts, size_t count) {
    uint64_t all = 0;
    for (size_t i = 0; i < count; i++) {
        all += counts[i];
    }
    return all;
}

static void test_bounds(void) {
    size_t count = 0;
    const uint64_t *bounds = pulsar_rs_stats_latency_bounds(&count);
    CHECK_BETWEEN(count, 50, 200);
    CHECK_INT(bounds[0], 16);
    CHECK_INT(bounds[3], 64);
    CHECK_INT(bounds[7], 128);
    for (size_t i = 1; i < count; i++) {
        CHECK(bounds[i] > bounds[i - 1]);
    }
    CHECK(pulsar_rs_stats_latency_bounds(NULL) == bounds);
}

static void test_what_was_sent_and_received(void) {
    pulsar_client_t *client = open_client(check_url);
    char topic[TOPIC_SIZE];
    unique_topic(topic, "stats");
    pulsar_consumer_t *consumer = open_consumer(client, topic, "s", (struct consumer_options){.name = "taker"});
    pulsar_producer_t *producer = open_producer(client, topic, (struct producer_options){.name = "maker"});
    CHECK_OK(send_text(producer, "one"));
    CHECK_OK(send_text(producer, "four"));
    pulsar_message_t *message = next_message(consumer, ANSWER_MS);
    CHECK_OK(pulsar_consumer_acknowledge(consumer, message));
    pulsar_message_free(message);

    pulsar_rs_stats_t *stats = snapshot(client);
    pulsar_rs_client_stats_t all;
    CHECK_INT(pulsar_rs_stats_client(stats, &all, sizeof(all)), 1);
    CHECK_INT(all.connections, 1);
    CHECK_INT(all.memory_used, 0);
    CHECK_INT(all.memory_limit, 0);
    CHECK_INT(all.producers, 1);
    CHECK_INT(all.consumers, 1);

    pulsar_rs_producer_stats_t sent[2];
    CHECK_INT(PRODUCERS(stats, sent), 1);
    CHECK_TEXT(sent->topic, topic);
    CHECK_TEXT(sent->name, "maker");
    CHECK_INT(sent->partition, -1);
    CHECK_INT(sent->is_connected, 1);
    CHECK_INT(sent->messages, 2);
    CHECK_INT(sent->bytes, 7);
    CHECK_INT(sent->entries, 2);
    CHECK_INT(sent->uncompressed_bytes, 7);
    CHECK_INT(sent->compressed_bytes, 7);
    CHECK_INT(sent->acknowledged, 2);
    CHECK_INT(sent->failed + sent->timed_out + sent->refused + sent->reconnects, 0);
    CHECK_INT(sent->pending_messages + sent->pending_bytes, 0);
    size_t bounds = 0;
    pulsar_rs_stats_latency_bounds(&bounds);
    CHECK_INT(sent->latency_buckets, bounds + 1);
    CHECK_INT(sum(sent->latency_counts, sent->latency_buckets), 2);
    CHECK_BETWEEN(sent->latency_sum_us, 2, 2 * 1000 * ANSWER_MS);

    pulsar_rs_consumer_stats_t received[2];
    CHECK_INT(CONSUMERS(stats, received), 1);
    CHECK_TEXT(received->topic, topic);
    CHECK_TEXT(received->subscription, "s");
    CHECK_TEXT(received->name, "taker");
    CHECK_INT(received->partition, -1);
    CHECK_INT(received->is_connected, 1);
    CHECK_INT(received->messages, 1);
    CHECK_INT(received->bytes, 3);
    CHECK_INT(received->acknowledged, 1);
    CHECK_INT(received->cumulative_acks + received->acks_failed + received->negative_acks, 0);
    CHECK_INT(received->ack_timeouts + received->redelivery_requests + received->discarded, 0);
    CHECK_INT(received->unreturned_permits, 1);
    CHECK_BETWEEN(received->entries, 1, 2);
    CHECK_INT(received->queued_messages, received->entries - 1);

    /* It outlives its client, and does not change. */
    end_producer(producer);
    end_consumer(consumer);
    end_client(client);
    CHECK_INT(PRODUCERS(stats, sent), 1);
    CHECK_TEXT(sent->topic, topic);
    CHECK_INT(sent->is_connected, 1);
    pulsar_rs_stats_free(stats);
}

/* A program that was compiled with another version of the header. */
static void test_structs_of_other_sizes(void) {
    pulsar_client_t *client = open_client(check_url);
    char topic[TOPIC_SIZE];
    unique_topic(topic, "sizes");
    pulsar_producer_t *first = open_producer(client, topic, (struct producer_options){.name = "first"});
    pulsar_producer_t *second = open_producer(client, topic, (struct producer_options){.name = "second"});
    struct {
        pulsar_rs_producer_stats_t known;
        uint64_t later;
    } newer[3];
    memset(newer, 7, sizeof(newer));
    uint64_t untouched = newer[2].later;
    pulsar_rs_stats_t *stats = snapshot(client);
    CHECK_INT(pulsar_rs_stats_producers(stats, &newer->known, sizeof(*newer), 3), 2);
    CHECK_TEXT(newer[0].known.name, "first");
    CHECK_TEXT(newer[1].known.name, "second");
    CHECK_INT(newer[0].later + newer[1].later, 0);
    CHECK(newer[2].later == untouched);

    /* Too few places, and none. */
    pulsar_rs_producer_stats_t one[1];
    CHECK_INT(PRODUCERS(stats, one), 2);
    CHECK_TEXT(one->name, "first");
    CHECK_INT(pulsar_rs_stats_producers(stats, NULL, 0, 0), 2);
    CHECK_INT(pulsar_rs_stats_consumers(stats, NULL, 0, 0), 0);

    /* Sizes that it never had. */
    pulsar_rs_producer_stats_t odd = {.messages = 3};
    CHECK_INT(pulsar_rs_stats_producers(stats, &odd, 0, 1), 0);
    CHECK_INT(pulsar_rs_stats_producers(stats, &odd, 8, 1), 0);
    CHECK_INT(pulsar_rs_stats_producers(stats, &odd, sizeof(odd) + 1, 1), 0);
    CHECK_INT(pulsar_rs_stats_producers(stats, &odd, (size_t)-8, 1), 0);
    CHECK_INT(odd.messages, 3);
    pulsar_rs_stats_free(stats);
    end_producer(first);
    end_producer(second);
    end_client(client);
}

static void test_null_foreign_and_closed(void) {
    pulsar_rs_stats_t *stats = NULL;
    pulsar_rs_client_stats_t all;
    pulsar_rs_consumer_stats_t consumers[1];
    CHECK_RESULT(pulsar_rs_client_stats(NULL, &stats), pulsar_result_InvalidConfiguration);
    CHECK(stats == NULL);
    pulsar_rs_stats_free(NULL);
    CHECK_INT(pulsar_rs_stats_client(NULL, &all, sizeof(all)), 0);
    CHECK_INT(pulsar_rs_stats_producers(NULL, NULL, 0, 0), 0);
    CHECK_INT(CONSUMERS(NULL, consumers), 0);

    pulsar_message_t *message = pulsar_message_create();
    CHECK_RESULT(pulsar_rs_client_stats((pulsar_client_t *)message, &stats), pulsar_result_InvalidConfiguration);
    CHECK_INT(CONSUMERS((pulsar_rs_stats_t *)message, consumers), 0);
    pulsar_rs_stats_free((pulsar_rs_stats_t *)message);
    CHECK_INT(pulsar_message_get_length(message), 0);
    pulsar_message_free(message);

    pulsar_client_t *client = open_client(check_url);
    CHECK_RESULT(pulsar_rs_client_stats(client, NULL), pulsar_result_InvalidConfiguration);
    CHECK_OK(pulsar_client_close(client));
    CHECK_RESULT(pulsar_rs_client_stats(client, &stats), pulsar_result_AlreadyClosed);
    CHECK(stats == NULL);
    char *text = pulsar_rs_client_last_error(client);
    CHECK(text && strstr(text, "closed"));
    free(text);
    pulsar_client_free(client);

    /* A wrong URL shows in every call. */
    client = open_client_for("nothing", 1);
    CHECK(pulsar_rs_client_stats(client, &stats) != pulsar_result_Ok);
    CHECK(stats == NULL);
    pulsar_client_free(client);
}

struct callback {
    pulsar_client_t *client;
    struct latch done;
};

static void on_sent(pulsar_result result, pulsar_message_id_t *id, void *context) {
    struct callback *callback = context;
    CHECK_RESULT(result, pulsar_result_Ok);
    pulsar_message_id_free(id);
    pulsar_rs_stats_t *stats = snapshot(callback->client);
    pulsar_rs_producer_stats_t sent[1];
    CHECK_INT(PRODUCERS(stats, sent), 1);
    CHECK_INT(sent->acknowledged, 1);
    pulsar_rs_stats_free(stats);
    latch_raise(&callback->done);
}

static void test_inside_a_callback(void) {
    struct callback callback = {.client = open_client(check_url), .done = LATCH_INIT};
    char topic[TOPIC_SIZE];
    pulsar_producer_t *producer =
        open_producer(callback.client, unique_topic(topic, "callback"), (struct producer_options){0});
    send_text_async(producer, "x", on_sent, &callback);
    CHECK(latch_wait(&callback.done, 1, ANSWER_MS));
    end_producer(producer);
    end_client(callback.client);
}

static void on_line(pulsar_logger_level_t level, const char *file, int line, const char *text, void *context) {
    (void)file, (void)line;
    /* An interval may end before the receipt comes. */
    if (strncmp(text, "statistics of producer teller ", 30) == 0 && strstr(text, "1 bytes, 1 acknowledged")) {
        CHECK_INT(level, pulsar_INFO);
        CHECK(strstr(text, "in all: 1 messages") && strstr(text, "latency 50 %"));
        latch_raise(context);
    }
}

static void test_lines(void) {
    struct latch lines = LATCH_INIT;
    pulsar_client_configuration_t *conf = pulsar_client_configuration_create();
    pulsar_client_configuration_set_stats_interval_in_seconds(conf, 1);
    pulsar_client_configuration_set_logger(conf, on_line, &lines);
    pulsar_client_t *client = pulsar_client_create(check_url, conf);
    pulsar_client_configuration_set_stats_interval_in_seconds(conf, 0);
    pulsar_client_t *silent = pulsar_client_create(check_url, conf);
    pulsar_client_configuration_free(conf);
    char topic[TOPIC_SIZE];
    unique_topic(topic, "lines");
    pulsar_producer_t *producer = open_producer(client, topic, (struct producer_options){.name = "teller"});
    CHECK_OK(send_text(producer, "x"));
    CHECK(latch_wait(&lines, 1, ANSWER_MS));
    end_producer(producer);
    end_client(client);
    producer = open_producer(silent, topic, (struct producer_options){.name = "teller"});
    CHECK_OK(send_text(producer, "x"));
    /* Twice the interval of the other. */
    pause_ms(2000);
    CHECK_INT(latch_count(&lines), 1);
    end_producer(producer);
    end_client(silent);
}

CHECK_MAIN(TEST(test_bounds), TEST(test_what_was_sent_and_received), TEST(test_structs_of_other_sizes),
           TEST(test_null_foreign_and_closed), TEST(test_inside_a_callback), TEST(test_lines))
