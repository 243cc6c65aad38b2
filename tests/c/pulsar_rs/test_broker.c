/* pulsar_rs/test_broker.h: a broker in this process, its faults, and how a client lives with them. */
#include <pulsar_rs/client.h>
#include <pulsar_rs/test_broker.h>

#include "../check.h"
#include "../latch.h"
#include "../session.h"

struct outcomes {
    struct latch called;
    atomic_int ok;
};

static void on_sent(pulsar_result result, pulsar_message_id_t *id, void *context) {
    struct outcomes *outcomes = context;
    pulsar_message_id_free(id);
    outcomes->ok += result == pulsar_result_Ok;
    latch_raise(&outcomes->called);
}

struct place {
    pulsar_rs_test_broker_t *broker;
    pulsar_client_t *client;
    pulsar_producer_t *producer;
    pulsar_consumer_t *consumer;
};

static struct place open_place(struct producer_options options) {
    struct place place = {.broker = pulsar_rs_test_broker_start(0)};
    REQUIRE(place.broker != NULL);
    place.client = open_client_for(pulsar_rs_test_broker_url(place.broker), 5);
    place.producer = open_producer(place.client, "t", options);
    place.consumer = open_consumer(place.client, "t", "s", (struct consumer_options){.acks_at_once = true});
    return place;
}

static void end_place(struct place *place) {
    end_consumer(place->consumer);
    end_producer(place->producer);
    end_client(place->client);
    pulsar_rs_test_broker_stop(place->broker);
}

static void receive_and_acknowledge(pulsar_consumer_t *consumer, const char *expected) {
    char text[40];
    pulsar_message_t *message = next_message(consumer, ANSWER_MS);
    REQUIRE(message != NULL);
    CHECK_TEXT(content(message, text, sizeof(text)), expected);
    CHECK_OK(pulsar_consumer_acknowledge(consumer, message));
    pulsar_message_free(message);
}

static void test_start_and_stop(void) {
    pulsar_rs_test_broker_t *broker = pulsar_rs_test_broker_start(0);
    REQUIRE(broker != NULL);
    const char *url = pulsar_rs_test_broker_url(broker);
    unsigned port = 0;
    CHECK_INT(sscanf(url, "pulsar://127.0.0.1:%u", &port), 1);
    CHECK(pulsar_rs_test_broker_url(broker) == url);
    CHECK(pulsar_rs_test_broker_start((uint16_t)port) == NULL);
    pulsar_rs_test_broker_stop(broker);
    /* The port is free again, and nothing of the old broker is left. */
    broker = pulsar_rs_test_broker_start((uint16_t)port);
    CHECK(broker != NULL);
    CHECK_INT(pulsar_rs_test_broker_backlog(broker, "t", "s"), -1);
    pulsar_rs_test_broker_stop(broker);
}

static void test_lookups_over_http(void) {
    pulsar_rs_test_broker_t *broker = pulsar_rs_test_broker_start(0);
    REQUIRE(broker != NULL);
    const char *url = pulsar_rs_test_broker_http_url(broker);
    unsigned port = 0;
    CHECK_INT(sscanf(url, "http://127.0.0.1:%u", &port), 1);
    CHECK(pulsar_rs_test_broker_http_url(NULL) == NULL);
    char urls[100];
    snprintf(urls, sizeof(urls), "http://127.0.0.1:1,127.0.0.1:%u", port);
    const char *const both[] = {url, urls};
    for (size_t i = 0; i < 2; i++) {
        pulsar_client_t *client = open_client_for(both[i], 5);
        pulsar_producer_t *producer = open_producer(client, "a topic", (struct producer_options){0});
        pulsar_consumer_t *consumer = open_consumer(client, "a topic", "s", (struct consumer_options){0});
        for (int message = 0; message < 100; message++) {
            CHECK_OK(send_text(producer, "x"));
        }
        CHECK_BETWEEN(pulsar_rs_test_broker_drop_connections(broker), 1, 2);
        CHECK_OK(send_text(producer, "x"));
        for (int message = 0; message < 101; message++) {
            receive_and_acknowledge(consumer, "x");
        }
        end_consumer(consumer);
        end_producer(producer);
        end_client(client);
    }
    pulsar_rs_test_broker_stop(broker);
    pulsar_client_t *client = open_client_for(urls, 1);
    pulsar_producer_t *producer = NULL;
    CHECK_RESULT(pulsar_client_create_producer(client, "t", NULL, &producer), pulsar_result_Timeout);
    end_client(client);
}

static bool is_acknowledged(void *context) {
    return pulsar_rs_test_broker_backlog(context, "t", "s") == 0;
}

static void test_backlog(void) {
    struct place place = open_place((struct producer_options){0});
    CHECK_INT(pulsar_rs_test_broker_backlog(place.broker, "t", "s"), 0);
    CHECK_OK(send_text(place.producer, "a"));
    CHECK_OK(send_text(place.producer, "b"));
    CHECK_INT(pulsar_rs_test_broker_backlog(place.broker, "t", "s"), 2);
    CHECK_INT(pulsar_rs_test_broker_backlog(place.broker, "t", "other"), -1);
    receive_and_acknowledge(place.consumer, "a");
    receive_and_acknowledge(place.consumer, "b");
    CHECK(wait_until(is_acknowledged, place.broker, ANSWER_MS));
    end_place(&place);
}

static void test_topics_with_partitions(void) {
    struct place place = open_place((struct producer_options){0});
    pulsar_string_list_t *partitions = NULL;
    CHECK_OK(pulsar_rs_test_broker_create_topic(place.broker, "parts", 3));
    CHECK_OK(pulsar_rs_test_broker_create_topic(place.broker, "whole", 0));
    CHECK_OK(pulsar_rs_test_broker_create_topic(place.broker, "parts", 5));
    CHECK_RESULT(pulsar_rs_test_broker_create_topic(place.broker, "a/b", 1), pulsar_result_InvalidTopicName);
    CHECK_OK(pulsar_client_get_topic_partitions(place.client, "parts", &partitions));
    CHECK_INT(pulsar_string_list_size(partitions), 3);
    pulsar_string_list_free(partitions);
    end_place(&place);
}

static bool has_five_partitions(void *context) {
    struct place *place = context;
    pulsar_string_list_t *partitions = NULL;
    CHECK_OK(pulsar_client_get_topic_partitions(place->client, "growing", &partitions));
    int count = pulsar_string_list_size(partitions);
    pulsar_string_list_free(partitions);
    return count == 5;
}

static void test_topics_that_grow(void) {
    struct place place = open_place((struct producer_options){0});
    CHECK_OK(pulsar_rs_test_broker_create_topic(place.broker, "growing", 3));
    CHECK_OK(pulsar_rs_test_broker_add_partitions(place.broker, "growing", 5));
    CHECK(wait_until(has_five_partitions, &place, ANSWER_MS));
    pulsar_result wrong = pulsar_result_InvalidTopicName;
    CHECK_RESULT(pulsar_rs_test_broker_add_partitions(place.broker, "growing", 5), wrong);
    CHECK_RESULT(pulsar_rs_test_broker_add_partitions(place.broker, "growing", 2), wrong);
    CHECK_RESULT(pulsar_rs_test_broker_add_partitions(place.broker, "growing", 0), wrong);
    CHECK_RESULT(pulsar_rs_test_broker_add_partitions(place.broker, "t", 3), wrong);
    CHECK_RESULT(pulsar_rs_test_broker_add_partitions(place.broker, "a/b", 3), wrong);
    CHECK(has_five_partitions(&place));
    end_place(&place);
}

/* Connections that end: the client comes back, and everything is sent and received. */
static void test_dropped_connections(void) {
    struct place place = open_place((struct producer_options){.max_pending = 1000});
    struct outcomes outcomes = {.called = LATCH_INIT};
    for (int i = 0; i < 100; i++) {
        if (i % 20 == 10) {
            CHECK_BETWEEN(pulsar_rs_test_broker_drop_connections(place.broker), 0, 1);
        }
        send_text_async(place.producer, "x", on_sent, &outcomes);
    }
    CHECK(latch_wait(&outcomes.called, 100, ANSWER_MS));
    CHECK_INT(outcomes.ok, 100);
    for (int i = 0; i < 100; i++) {
        receive_and_acknowledge(place.consumer, "x");
    }
    end_place(&place);
}

static void test_late_receipts(void) {
    struct place place = open_place((struct producer_options){0});
    struct outcomes outcomes = {.called = LATCH_INIT};
    CHECK_OK(pulsar_rs_test_broker_delay_receipts(place.broker, 300));
    long long start = now_ms();
    CHECK_OK(send_text(place.producer, "late"));
    CHECK_BETWEEN(now_ms() - start, 290, 2000);
    CHECK_OK(pulsar_rs_test_broker_delay_receipts(place.broker, 0));

    CHECK_OK(pulsar_rs_test_broker_withhold_receipts(place.broker, 1));
    for (int i = 0; i < 10; i++) {
        send_text_async(place.producer, "held", on_sent, &outcomes);
    }
    CHECK(!latch_wait(&outcomes.called, 1, 200));
    CHECK_OK(pulsar_rs_test_broker_withhold_receipts(place.broker, 0));
    CHECK(latch_wait(&outcomes.called, 10, ANSWER_MS));
    CHECK_INT(outcomes.ok, 10);
    end_place(&place);
}

static void test_a_frozen_broker(void) {
    struct place place = open_place((struct producer_options){.send_timeout_ms = 500});
    CHECK_OK(pulsar_rs_test_broker_freeze(place.broker, 1));
    long long start = now_ms();
    CHECK_RESULT(send_text(place.producer, "x"), pulsar_result_Timeout);
    CHECK_BETWEEN(now_ms() - start, 450, 1500 * check_patience());
    CHECK_OK(pulsar_rs_test_broker_freeze(place.broker, 0));
    CHECK_OK(send_text(place.producer, "y"));
    end_place(&place);
}

/* Errors that pass are tried again; others are the result. */
static void test_commands_that_fail(void) {
    enum { SERVICE_NOT_READY = 6, AUTHORIZATION_ERROR = 4 };
    struct place place = open_place((struct producer_options){0});
    static const pulsar_rs_test_broker_command steps[] = {
        pulsar_rs_command_PartitionedMetadata, pulsar_rs_command_Lookup, pulsar_rs_command_Producer};
    for (int i = 0; i < 3; i++) {
        pulsar_producer_t *producer = NULL;
        CHECK_OK(pulsar_rs_test_broker_fail_next(place.broker, steps[i], SERVICE_NOT_READY, "not yet", 2));
        CHECK_OK(pulsar_client_create_producer(place.client, "other", NULL, &producer));
        end_producer(producer);
        producer = NULL;
        CHECK_OK(pulsar_rs_test_broker_fail_next(place.broker, steps[i], AUTHORIZATION_ERROR, "not you", 1));
        CHECK_RESULT(pulsar_client_create_producer(place.client, "other", NULL, &producer),
                     pulsar_result_AuthorizationError);
        CHECK(producer == NULL);
        char *text = pulsar_rs_client_last_error(place.client);
        CHECK(text && strstr(text, "not you"));
        free(text);
    }
    pulsar_message_id_t *id = pulsar_message_id_deserialize("\x08\x01\x10\x01", 4);
    CHECK_OK(pulsar_rs_test_broker_fail_next(place.broker, pulsar_rs_command_GetLastMessageId, AUTHORIZATION_ERROR,
                                             "not you", 1));
    CHECK_RESULT(pulsar_consumer_get_last_message_id(place.consumer, id), pulsar_result_AuthorizationError);
    pulsar_message_id_free(id);
    CHECK_RESULT(pulsar_rs_test_broker_fail_next(place.broker, (pulsar_rs_test_broker_command)3, 6, "x", 1),
                 pulsar_result_InvalidConfiguration);
    end_place(&place);
}

/* Closed from the broker's side, as when a topic moves. */
static void test_topics_that_move(void) {
    struct place place = open_place((struct producer_options){0});
    CHECK_OK(send_text(place.producer, "a"));
    CHECK_INT(pulsar_rs_test_broker_close_producers(place.broker, "t"), 1);
    CHECK_INT(pulsar_rs_test_broker_close_consumers(place.broker, "t", "s"), 1);
    CHECK_OK(send_text(place.producer, "b"));
    receive_and_acknowledge(place.consumer, "a");
    receive_and_acknowledge(place.consumer, "b");
    CHECK_INT(pulsar_rs_test_broker_close_producers(place.broker, "nothing"), 0);
    CHECK_INT(pulsar_rs_test_broker_close_consumers(place.broker, "t", "nobody"), 0);
    end_place(&place);
}

static void test_unloaded_topics(void) {
    struct place place = open_place((struct producer_options){0});
    for (int i = 0; i < 3; i++) {
        CHECK_OK(send_text(place.producer, "before"));
        CHECK_OK(pulsar_rs_test_broker_unload(place.broker, "t"));
        CHECK_OK(send_text(place.producer, "after"));
        receive_and_acknowledge(place.consumer, "before");
        receive_and_acknowledge(place.consumer, "after");
    }
    CHECK(wait_until(is_acknowledged, place.broker, ANSWER_MS));
    CHECK_RESULT(pulsar_rs_test_broker_unload(place.broker, "nothing"), pulsar_result_TopicNotFound);
    end_place(&place);
}

static void test_compacted_topics(void) {
    struct place place = open_place((struct producer_options){0});
    CHECK_OK(send_text(place.producer, "a"));
    CHECK_OK(send_text(place.producer, "b"));
    CHECK_OK(pulsar_rs_test_broker_compact(place.broker, "t"));
    CHECK_RESULT(pulsar_rs_test_broker_compact(place.broker, "nothing"), pulsar_result_TopicNotFound);
    /* Nothing changes for who does not read compacted. */
    CHECK_INT(pulsar_rs_test_broker_backlog(place.broker, "t", "s"), 2);
    receive_and_acknowledge(place.consumer, "a");
    receive_and_acknowledge(place.consumer, "b");
    end_place(&place);
}

static bool is_there_again(void *context) {
    return pulsar_rs_test_broker_backlog(context, "t", "s") >= 0;
}

static void test_deleted_topics(void) {
    struct place place = open_place((struct producer_options){0});
    CHECK_OK(send_text(place.producer, "lost"));
    CHECK_OK(pulsar_rs_test_broker_delete_topic(place.broker, "t"));
    CHECK_RESULT(pulsar_rs_test_broker_delete_topic(place.broker, "nothing"), pulsar_result_TopicNotFound);
    /* The consumer comes back and creates it. */
    CHECK(wait_until(is_there_again, place.broker, ANSWER_MS));
    CHECK_OK(send_text(place.producer, "kept"));
    char text[40];
    pulsar_message_t *message = NULL;
    do {
        pulsar_message_free(message);
        message = next_message(place.consumer, ANSWER_MS);
        REQUIRE(message != NULL);
    } while (strcmp(content(message, text, sizeof(text)), "kept") != 0);
    CHECK_OK(pulsar_consumer_acknowledge(place.consumer, message));
    pulsar_message_free(message);
    end_place(&place);
}

static void test_deduplication(void) {
    struct place place = open_place((struct producer_options){.name = "named"});
    CHECK_OK(pulsar_rs_test_broker_set_deduplication(place.broker, 1));
    for (int i = 0; i < 3; i++) {
        pulsar_message_t *message = text_message(i < 2 ? "once" : "next");
        pulsar_message_set_sequence_id(message, i < 2 ? 0 : 1);
        CHECK_OK(pulsar_producer_send(place.producer, message));
        pulsar_message_free(message);
    }
    receive_and_acknowledge(place.consumer, "once");
    receive_and_acknowledge(place.consumer, "next");
    CHECK_OK(pulsar_rs_test_broker_set_deduplication(place.broker, 0));
    end_place(&place);
}

static void use_unusable(pulsar_rs_test_broker_t *broker) {
    CHECK(pulsar_rs_test_broker_url(broker) == NULL);
    CHECK(pulsar_rs_test_broker_create_topic(broker, "t", 1) != pulsar_result_Ok);
    CHECK(pulsar_rs_test_broker_add_partitions(broker, "t", 2) != pulsar_result_Ok);
    CHECK(pulsar_rs_test_broker_drop_connections(broker) <= 0);
    CHECK(pulsar_rs_test_broker_delay_receipts(broker, 1) != pulsar_result_Ok);
    CHECK(pulsar_rs_test_broker_withhold_receipts(broker, 1) != pulsar_result_Ok);
    CHECK(pulsar_rs_test_broker_fail_next(broker, pulsar_rs_command_Send, 6, "x", 1) != pulsar_result_Ok);
    CHECK(pulsar_rs_test_broker_close_producers(broker, "t") <= 0);
    CHECK(pulsar_rs_test_broker_close_consumers(broker, "t", "s") <= 0);
    CHECK(pulsar_rs_test_broker_set_deduplication(broker, 1) != pulsar_result_Ok);
    CHECK(pulsar_rs_test_broker_unload(broker, "t") != pulsar_result_Ok);
    CHECK(pulsar_rs_test_broker_compact(broker, "t") != pulsar_result_Ok);
    CHECK(pulsar_rs_test_broker_delete_topic(broker, "t") != pulsar_result_Ok);
    CHECK(pulsar_rs_test_broker_set_entry_metadata(broker, 1) != pulsar_result_Ok);
    CHECK(pulsar_rs_test_broker_freeze(broker, 1) != pulsar_result_Ok);
    CHECK_INT(pulsar_rs_test_broker_backlog(broker, "t", "s"), -1);
    pulsar_rs_test_broker_stop(broker);
}

static void test_null_and_foreign(void) {
    pulsar_message_t *message = pulsar_message_create();
    use_unusable(NULL);
    use_unusable((pulsar_rs_test_broker_t *)message);
    pulsar_message_free(message);

    pulsar_rs_test_broker_t *broker = pulsar_rs_test_broker_start(0);
    CHECK(pulsar_rs_test_broker_create_topic(broker, NULL, 1) != pulsar_result_Ok);
    CHECK(pulsar_rs_test_broker_add_partitions(broker, NULL, 2) != pulsar_result_Ok);
    CHECK(pulsar_rs_test_broker_close_producers(broker, NULL) <= 0);
    CHECK(pulsar_rs_test_broker_close_consumers(broker, NULL, "s") <= 0);
    CHECK(pulsar_rs_test_broker_close_consumers(broker, "t", NULL) <= 0);
    CHECK_INT(pulsar_rs_test_broker_backlog(broker, NULL, "s"), -1);
    CHECK_INT(pulsar_rs_test_broker_backlog(broker, "t", NULL), -1);
    CHECK(pulsar_rs_test_broker_fail_next(broker, pulsar_rs_command_Send, 6, NULL, 1) != pulsar_result_Ok);
    pulsar_rs_test_broker_stop(broker);
}

CHECK_MAIN(TEST(test_start_and_stop), TEST(test_lookups_over_http), TEST(test_backlog), TEST(test_topics_with_partitions),
           TEST(test_topics_that_grow),
           TEST(test_dropped_connections), TEST(test_late_receipts), TEST(test_a_frozen_broker),
           TEST(test_commands_that_fail), TEST(test_topics_that_move), TEST(test_deduplication),
           TEST(test_unloaded_topics), TEST(test_compacted_topics), TEST(test_deleted_topics), TEST(test_null_and_foreign))
