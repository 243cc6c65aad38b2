/* pulsar_rs/completion.h and pulsar_rs/bulk.h: outcomes that are fetched, messages by the hundred. */
#include <poll.h>
#include <pthread.h>
#include <pulsar_rs/bulk.h>
#include <pulsar_rs/completion.h>
#include <pulsar_rs/producer.h>

#include "../check.h"
#include "../session.h"

#define CAPACITY 1000

static bool is_readable(pulsar_rs_completion_queue_t *queue, int milliseconds) {
    struct pollfd watched = {.fd = pulsar_rs_completion_queue_fd(queue), .events = POLLIN};
    return poll(&watched, 1, milliseconds) == 1;
}

/* A producer whose outcomes go to a queue, and a consumer of what it sends. */
struct session {
    pulsar_client_t *client;
    pulsar_producer_t *producer;
    pulsar_consumer_t *consumer;
    pulsar_rs_completion_queue_t *queue;
};

static struct session begin(struct producer_options options, unsigned capacity) {
    char topic[TOPIC_SIZE];
    struct session session = {.client = open_client(check_url)};
    unique_topic(topic, "queued");
    session.consumer = open_consumer(session.client, topic, "s", (struct consumer_options){0});
    session.producer = open_producer(session.client, topic, options);
    session.queue = pulsar_rs_completion_queue_create(capacity);
    REQUIRE(session.queue != NULL);
    CHECK_OK(pulsar_rs_producer_set_completion_queue(session.producer, session.queue));
    return session;
}

static void end(struct session session) {
    end_producer(session.producer);
    end_consumer(session.consumer);
    end_client(session.client);
    pulsar_rs_completion_queue_free(session.queue);
}

/* Fetches until `count` operations are done, each ok, their tokens in a row from `first` on. */
static void check_in_a_row(pulsar_rs_completion_queue_t *queue, uint64_t first, uint64_t count) {
    uint64_t next = first;
    while (next < first + count) {
        pulsar_rs_completion_t completions[3];
        size_t fetched = pulsar_rs_completion_queue_wait(queue, completions, 3, ANSWER_MS);
        REQUIRE(fetched > 0);
        for (size_t i = 0; i < fetched; i++) {
            CHECK_RESULT(completions[i].result, pulsar_result_Ok);
            CHECK_INT(completions[i].token, next);
            CHECK(completions[i].ledger >= 0 && completions[i].entry >= 0);
            CHECK_INT(completions[i].partition, -1);
            next += completions[i].count;
        }
    }
    CHECK_INT(next, first + count);
}

static void test_messages_one_by_one(void) {
    struct session session = begin((struct producer_options){.batching = true, .batch_delay_ms = 1}, CAPACITY);
    CHECK(!is_readable(session.queue, 0));
    for (uint64_t token = 7; token < 17; token++) {
        pulsar_message_t *message = text_message("one");
        CHECK_OK(pulsar_rs_producer_send_queued(session.producer, message, token));
        CHECK_RESULT(pulsar_rs_producer_send_queued(session.producer, message, token), pulsar_result_InvalidMessage);
        pulsar_message_free(message);
    }
    CHECK(is_readable(session.queue, ANSWER_MS));
    check_in_a_row(session.queue, 7, 10);
    CHECK(!is_readable(session.queue, 0));
    CHECK_OK(pulsar_rs_producer_flush_queued(session.producer, 100));
    CHECK_OK(pulsar_rs_producer_close_queued(session.producer, 101));
    pulsar_rs_completion_t done;
    for (uint64_t token = 100; token < 102; token++) {
        CHECK_INT(pulsar_rs_completion_queue_wait(session.queue, &done, 1, ANSWER_MS), 1);
        CHECK_INT(done.token, token);
        CHECK_RESULT(done.result, pulsar_result_Ok);
        CHECK(done.object == NULL);
    }
    end(session);
}

static void test_records(void) {
    struct session session = begin((struct producer_options){.batching = true, .batch_messages = 100}, CAPACITY);
    pulsar_rs_property_t properties[] = {{"a", 1, "1", 1}, {"b", 1, "22", 2}};
    pulsar_rs_record_t records[250];
    char texts[250][20];
    memset(records, 0, sizeof(records));
    for (int i = 0; i < 250; i++) {
        records[i].payload = texts[i];
        records[i].payload_len = (size_t)sprintf(texts[i], "record %d", i);
    }
    records[3].key = "key";
    records[3].key_len = 3;
    records[3].properties = properties;
    records[3].property_count = 2;
    records[3].event_time = 12345;
    records[3].flags = PULSAR_RS_RECORD_HAS_EVENT_TIME;
    size_t accepted = 0;
    CHECK_OK(pulsar_rs_producer_send_bulk(session.producer, records, 250, 0, &accepted));
    CHECK_INT(accepted, 250);
    CHECK_OK(pulsar_producer_flush(session.producer));
    check_in_a_row(session.queue, 0, 250);
    for (int i = 0; i < 250; i++) {
        pulsar_message_t *message = next_message(session.consumer, ANSWER_MS);
        REQUIRE(message != NULL);
        CHECK_INT(pulsar_message_get_length(message), records[i].payload_len);
        CHECK(memcmp(pulsar_message_get_data(message), texts[i], records[i].payload_len) == 0);
        CHECK_TEXT(pulsar_message_get_partitionKey(message), i == 3 ? "key" : "");
        CHECK_TEXT(pulsar_message_get_property(message, "b"), i == 3 ? "22" : "");
        CHECK_INT(pulsar_message_get_event_timestamp(message), i == 3 ? 12345 : 0);
        pulsar_message_free(message);
    }
    end(session);
}

static size_t put(unsigned char *buffer, size_t at, const void *data, size_t length) {
    memcpy(buffer + at, data, length);
    return at + length;
}

/* On a machine whose numbers have the low byte first, like all that this library runs on. */
static size_t put_packed(unsigned char *buffer, size_t at, const char *key, const char *payload) {
    uint32_t flags = key ? PULSAR_RS_RECORD_HAS_KEY : 0, length = (uint32_t)strlen(payload);
    at = put(buffer, put(buffer, at, &flags, 4), &length, 4);
    if (key) {
        uint32_t key_length = (uint32_t)strlen(key);
        at = put(buffer, put(buffer, at, &key_length, 4), key, key_length);
    }
    return put(buffer, at, payload, length);
}

/* Its batch would wait for an hour. */
static void test_packed_records_at_once(void) {
    struct session session = begin((struct producer_options){.batching = true, .batch_delay_ms = 3600 * 1000}, CAPACITY);
    unsigned char buffer[100];
    size_t length = put_packed(buffer, 0, NULL, "first"), accepted = 99;
    CHECK_OK(pulsar_rs_producer_send_packed_at_once(session.producer, buffer, length, 7, &accepted));
    CHECK_INT(accepted, 1);
    check_in_a_row(session.queue, 7, 1);
    CHECK_OK(pulsar_rs_producer_send_packed(session.producer, buffer, length, 8, NULL));
    CHECK_INT(pulsar_rs_completion_queue_wait(session.queue, &(pulsar_rs_completion_t){0}, 1, 50), 0);
    CHECK_OK(pulsar_rs_producer_send_packed_at_once(session.producer, NULL, 0, 0, &accepted));
    CHECK_INT(accepted, 0);
    check_in_a_row(session.queue, 8, 1);
    CHECK_RESULT(pulsar_rs_producer_send_packed_at_once(session.producer, buffer, length - 1, 9, NULL),
                 pulsar_result_InvalidMessage);
    CHECK_INT(pulsar_rs_producer_partitions(session.producer), 0);
    CHECK_INT(pulsar_rs_producer_partitions(NULL), 0);
    end(session);
}

static void test_packed_records(void) {
    struct session session = begin((struct producer_options){.batching = true}, CAPACITY);
    unsigned char buffer[200];
    size_t length = put_packed(buffer, 0, NULL, "first");
    length = put_packed(buffer, length, "key", "second");
    length = put_packed(buffer, length, NULL, "");
    size_t accepted = 99;
    CHECK_RESULT(pulsar_rs_producer_send_packed(session.producer, buffer, length - 1, 5, &accepted),
                 pulsar_result_InvalidMessage);
    CHECK_OK(pulsar_rs_producer_send_packed(session.producer, buffer, length, 5, &accepted));
    CHECK_INT(accepted, 3);
    CHECK_OK(pulsar_producer_flush(session.producer));
    check_in_a_row(session.queue, 5, 3);
    static const char *expected[][2] = {{"first", ""}, {"second", "key"}, {"", ""}};
    for (int i = 0; i < 3; i++) {
        pulsar_message_t *message = next_message(session.consumer, ANSWER_MS);
        REQUIRE(message != NULL);
        char word[64];
        CHECK_TEXT(content(message, word, sizeof(word)), expected[i][0]);
        CHECK_TEXT(pulsar_message_get_partitionKey(message), expected[i][1]);
        pulsar_message_free(message);
    }
    end(session);
}

static void *fetch_all(void *argument) {
    pulsar_rs_completion_queue_t *queue = argument;
    uint64_t count = 0;
    while (count < 1000) {
        pulsar_rs_completion_t completions[10];
        size_t fetched = pulsar_rs_completion_queue_wait(queue, completions, 10, ANSWER_MS);
        if (fetched == 0) {
            break;
        }
        for (size_t i = 0; i < fetched; i++) {
            count += completions[i].count;
        }
    }
    CHECK_INT(count, 1000);
    return NULL;
}

static void test_a_full_queue(void) {
    struct session session = begin((struct producer_options){.batching = true, .batch_delay_ms = 1}, 10);
    static pulsar_rs_record_t records[1000];
    memset(records, 0, sizeof(records));
    size_t accepted = 0;
    CHECK_RESULT(pulsar_rs_producer_send_bulk(session.producer, records, 12, 0, &accepted),
                 pulsar_result_ProducerQueueIsFull);
    CHECK_INT(accepted, 10);
    pulsar_message_t *message = text_message("x");
    CHECK_RESULT(pulsar_rs_producer_send_queued(session.producer, message, 10), pulsar_result_ProducerQueueIsFull);
    CHECK_OK(pulsar_producer_flush(session.producer));
    CHECK_RESULT(pulsar_rs_producer_send_queued(session.producer, message, 10), pulsar_result_ProducerQueueIsFull);
    check_in_a_row(session.queue, 0, 10);
    CHECK_OK(pulsar_rs_producer_send_queued(session.producer, message, 10));
    pulsar_message_free(message);
    check_in_a_row(session.queue, 10, 1);
    end(session);
    /* Or it waits for whoever fetches. */
    session = begin((struct producer_options){.batching = true, .batch_delay_ms = 1, .block_if_full = true}, 10);
    pthread_t thread;
    pthread_create(&thread, NULL, fetch_all, session.queue);
    CHECK_OK(pulsar_rs_producer_send_bulk(session.producer, records, 1000, 0, &accepted));
    CHECK_INT(accepted, 1000);
    pthread_join(thread, NULL);
    end(session);
}

static void test_a_producer_from_the_queue(void) {
    pulsar_client_t *client = open_client(check_url);
    pulsar_rs_completion_queue_t *queue = pulsar_rs_completion_queue_create(CAPACITY);
    char topic[TOPIC_SIZE];
    unique_topic(topic, "created");
    CHECK_OK(pulsar_rs_client_create_producer_queued(client, topic, NULL, queue, 42));
    CHECK_OK(pulsar_rs_client_create_producer_queued(client, "no/topic", NULL, queue, 43));
    pulsar_producer_t *producer = NULL;
    for (int i = 0; i < 2; i++) {
        pulsar_rs_completion_t done;
        CHECK_INT(pulsar_rs_completion_queue_wait(queue, &done, 1, ANSWER_MS), 1);
        if (done.token == 42) {
            CHECK_RESULT(done.result, pulsar_result_Ok);
            producer = done.object;
        } else {
            CHECK_INT(done.token, 43);
            CHECK_RESULT(done.result, pulsar_result_InvalidTopicName);
            CHECK(done.object == NULL);
        }
    }
    REQUIRE(producer != NULL);
    CHECK_RESULT(pulsar_rs_producer_set_completion_queue(producer, queue), pulsar_result_InvalidConfiguration);
    pulsar_rs_record_t record = {.payload = "x", .payload_len = 1};
    CHECK_OK(pulsar_rs_producer_send_bulk(producer, &record, 1, 1, NULL));
    CHECK_OK(pulsar_producer_flush(producer));
    check_in_a_row(queue, 1, 1);
    end_producer(producer);
    end_client(client);
    pulsar_rs_completion_queue_free(queue);
}

static void test_null_and_no_queue(void) {
    struct producer_options options = {.batching = true};
    struct session session = begin(options, 1);
    char topic[TOPIC_SIZE];
    unique_topic(topic, "none");
    pulsar_producer_t *producer = open_producer(session.client, topic, options);
    pulsar_message_t *message = text_message("x");
    pulsar_rs_record_t record = {.payload = NULL};
    CHECK_RESULT(pulsar_rs_producer_send_queued(producer, message, 0), pulsar_result_InvalidConfiguration);
    CHECK_RESULT(pulsar_rs_producer_flush_queued(producer, 0), pulsar_result_InvalidConfiguration);
    CHECK_RESULT(pulsar_rs_producer_set_completion_queue(producer, NULL), pulsar_result_InvalidConfiguration);
    /* Nobody is told. */
    CHECK_OK(pulsar_rs_producer_send_bulk(producer, &record, 1, 0, NULL));
    CHECK_OK(pulsar_rs_producer_send_bulk(producer, NULL, 0, 0, NULL));
    CHECK_OK(pulsar_rs_producer_send_packed(producer, NULL, 0, 0, NULL));
    CHECK_OK(pulsar_producer_flush(producer));
    CHECK_RESULT(pulsar_rs_producer_send_bulk(NULL, &record, 1, 0, NULL), pulsar_result_ProducerNotInitialized);
    CHECK_RESULT(pulsar_rs_producer_send_queued(NULL, message, 0), pulsar_result_ProducerNotInitialized);
    CHECK_RESULT(pulsar_rs_producer_send_queued(session.producer, NULL, 0), pulsar_result_InvalidMessage);
    CHECK(pulsar_rs_completion_queue_create(0) == NULL);
    CHECK_INT(pulsar_rs_completion_queue_fd(NULL), -1);
    CHECK_INT(pulsar_rs_completion_queue_poll(NULL, NULL, 1), 0);
    CHECK_INT(pulsar_rs_completion_queue_poll(session.queue, NULL, 1), 0);
    CHECK_INT(pulsar_rs_completion_queue_wait(session.queue, NULL, 1, 0), 0);
    pulsar_rs_completion_queue_free(NULL);
    CHECK_RESULT(pulsar_rs_client_create_producer_queued(NULL, topic, NULL, session.queue, 0),
                 pulsar_result_InvalidConfiguration);
    pulsar_message_free(message);
    end_producer(producer);
    end(session);
}

CHECK_MAIN(TEST(test_messages_one_by_one), TEST(test_records), TEST(test_packed_records), TEST(test_packed_records_at_once), TEST(test_a_full_queue),
           TEST(test_a_producer_from_the_queue), TEST(test_null_and_no_queue))
