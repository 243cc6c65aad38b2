/* pulsar/c/reader.h, pulsar_rs/reader.h, and the seeks of consumers */
#include <pulsar/c/client.h>
#include <pulsar_rs/consumer.h>
#include <pulsar_rs/reader.h>
#include <pulsar_rs/reader_configuration.h>

#include "check.h"
#include "latch.h"
#include "session.h"

struct place {
    pulsar_client_t *client;
    pulsar_producer_t *producer;
    pulsar_reader_t *reader;
    char topic[TOPIC_SIZE];
};

/* A topic with m0, m1 ..., and a reader at its beginning. */
static struct place open_place(const char *word, int count, pulsar_reader_configuration_t *conf) {
    struct place place = {.client = open_client(check_url)};
    unique_topic(place.topic, word);
    place.producer = open_producer(place.client, place.topic, (struct producer_options){0});
    REQUIRE_OK(send_numbered(place.producer, count));
    REQUIRE_OK(pulsar_client_create_reader(place.client, place.topic, pulsar_message_id_earliest(), conf,
                                           &place.reader));
    return place;
}

static void end_place(struct place *place) {
    pulsar_reader_free(place->reader);
    end_producer(place->producer);
    end_client(place->client);
}

static void check_next(pulsar_reader_t *reader, const char *expected) {
    pulsar_message_t *message = NULL;
    char word[64];
    if (CHECK_OK(pulsar_reader_read_next_with_timeout(reader, &message, ANSWER_MS))) {
        CHECK_TEXT(content(message, word, sizeof(word)), expected);
    }
    pulsar_message_free(message);
}

static void check_available(pulsar_reader_t *reader, int expected) {
    int available = -1;
    CHECK_OK(pulsar_reader_has_message_available(reader, &available));
    CHECK_INT(available, expected);
}

static void test_reading(void) {
    struct place place = open_place("reading", 3, NULL);
    CHECK_TEXT(pulsar_reader_get_topic(place.reader), place.topic);
    CHECK_INT(pulsar_reader_is_connected(place.reader), 1);
    for (int i = 0; i < 3; i++) {
        char expected[8];
        snprintf(expected, sizeof(expected), "m%d", i);
        check_available(place.reader, 1);
        check_next(place.reader, expected);
    }
    check_available(place.reader, 0);
    pulsar_message_t *message = NULL;
    CHECK_RESULT(pulsar_reader_read_next_with_timeout(place.reader, &message, 50), pulsar_result_Timeout);
    CHECK_RESULT(pulsar_reader_read_next_with_timeout(place.reader, &message, -1), pulsar_result_Timeout);
    CHECK(message == NULL);
    send_text(place.producer, "later");
    CHECK_OK(pulsar_reader_read_next(place.reader, &message));
    pulsar_message_free(message);
    CHECK_OK(pulsar_reader_close(place.reader));
    CHECK_OK(pulsar_reader_close(place.reader));
    CHECK_INT(pulsar_reader_is_connected(place.reader), 0);
    CHECK_RESULT(pulsar_reader_read_next(place.reader, &message), pulsar_result_AlreadyClosed);
    char *text = pulsar_rs_reader_last_error(place.reader);
    CHECK(text && strstr(text, "closed"));
    free(text);
    end_place(&place);
}

static void test_seeking(void) {
    pulsar_reader_configuration_t *conf = pulsar_reader_configuration_create();
    pulsar_rs_reader_configuration_set_start_message_id_inclusive(conf, 1);
    for (int inclusive = 0; inclusive < 2; inclusive++) {
        struct place place = open_place("seeking", 5, inclusive ? conf : NULL);
        pulsar_message_t *message = NULL;
        check_next(place.reader, "m0");
        REQUIRE_OK(pulsar_reader_read_next_with_timeout(place.reader, &message, ANSWER_MS));
        pulsar_message_id_t *id = pulsar_message_get_message_id(message);
        CHECK_OK(pulsar_reader_seek(place.reader, id));
        check_next(place.reader, inclusive ? "m1" : "m2");
        CHECK_OK(pulsar_reader_seek_by_timestamp(place.reader, 0));
        check_next(place.reader, "m0");
        CHECK_OK(pulsar_reader_seek(place.reader, (pulsar_message_id_t *)pulsar_message_id_latest()));
        /* One that reads where it begins reads the last one. */
        check_available(place.reader, inclusive);
        CHECK_OK(pulsar_reader_seek(place.reader, (pulsar_message_id_t *)pulsar_message_id_earliest()));
        check_next(place.reader, "m0");
        pulsar_message_id_t *last = pulsar_message_get_message_id(message);
        CHECK_OK(pulsar_rs_reader_get_last_message_id(place.reader, last));
        CHECK_OK(pulsar_reader_seek(place.reader, last));
        check_available(place.reader, inclusive);
        CHECK_RESULT(pulsar_rs_reader_get_last_message_id(place.reader,
                                                          (pulsar_message_id_t *)pulsar_message_id_latest()),
                     pulsar_result_InvalidMessage);
        pulsar_message_free(message);
        pulsar_message_id_free(id);
        pulsar_message_id_free(last);
        end_place(&place);
    }
    pulsar_reader_configuration_free(conf);
}

struct outcome {
    struct latch called;
    pulsar_result result;
    pulsar_reader_t *reader;
};

static void on_reader(pulsar_result result, pulsar_reader_t *reader, void *context) {
    struct outcome *outcome = context;
    outcome->result = result;
    outcome->reader = reader;
    latch_raise(&outcome->called);
}

static void on_result(pulsar_result result, void *context) {
    struct outcome *outcome = context;
    outcome->result = result;
    latch_raise(&outcome->called);
}

#define CHECK_CALLED(outcome, expected)                                                                      \
    do {                                                                                                     \
        REQUIRE(latch_wait(&(outcome).called, 1, ANSWER_MS));                                                \
        CHECK_RESULT((outcome).result, expected);                                                            \
        (outcome) = (struct outcome){.called = LATCH_INIT, .reader = (outcome).reader};                      \
    } while (0)

static void test_callbacks(void) {
    struct place place = open_place("callbacks", 3, NULL);
    struct outcome outcome = {.called = LATCH_INIT};
    pulsar_client_create_reader_async(place.client, place.topic, pulsar_message_id_earliest(), NULL, on_reader,
                                      &outcome);
    CHECK_CALLED(outcome, pulsar_result_Ok);
    pulsar_reader_t *reader = outcome.reader;
    REQUIRE(reader != NULL);
    pulsar_reader_seek_async(reader, (pulsar_message_id_t *)pulsar_message_id_latest(), on_result, &outcome);
    CHECK_CALLED(outcome, pulsar_result_Ok);
    check_available(reader, 0);
    pulsar_reader_seek_by_timestamp_async(reader, 0, on_result, &outcome);
    CHECK_CALLED(outcome, pulsar_result_Ok);
    check_next(reader, "m0");
    pulsar_reader_seek_async(reader, NULL, on_result, &outcome);
    CHECK_CALLED(outcome, pulsar_result_InvalidMessage);
    pulsar_reader_close_async(reader, on_result, &outcome);
    CHECK_CALLED(outcome, pulsar_result_Ok);
    pulsar_reader_close_async(reader, on_result, &outcome);
    CHECK_CALLED(outcome, pulsar_result_Ok);
    pulsar_reader_seek_async(reader, (pulsar_message_id_t *)pulsar_message_id_latest(), on_result, &outcome);
    CHECK_CALLED(outcome, pulsar_result_AlreadyClosed);
    pulsar_reader_free(reader);
    pulsar_client_create_reader_async(place.client, "a/b", pulsar_message_id_latest(), NULL, on_reader, &outcome);
    CHECK_CALLED(outcome, pulsar_result_InvalidTopicName);
    CHECK(outcome.reader == NULL);
    /* Nobody wants what comes of these. */
    pulsar_client_create_reader_async(place.client, place.topic, pulsar_message_id_latest(), NULL, NULL, NULL);
    pulsar_reader_seek_async(place.reader, (pulsar_message_id_t *)pulsar_message_id_latest(), NULL, NULL);
    end_place(&place);
}

struct listening {
    struct latch called;
    atomic_bool failed;
};

/* Closes its reader with the third message. */
static void listen_to(pulsar_reader_t *reader, pulsar_message_t *message, void *context) {
    struct listening *listening = context;
    char word[64], expected[8];
    snprintf(expected, sizeof(expected), "m%d", latch_count(&listening->called));
    listening->failed = listening->failed || strcmp(content(message, word, sizeof(word)), expected) != 0;
    pulsar_message_free(message);
    if (latch_count(&listening->called) == 2) {
        listening->failed = listening->failed || pulsar_reader_close(reader) != pulsar_result_Ok;
    }
    latch_raise(&listening->called);
}

static void test_listeners(void) {
    struct listening listening = {.called = LATCH_INIT};
    pulsar_reader_configuration_t *conf = pulsar_reader_configuration_create();
    pulsar_reader_configuration_set_reader_listener(conf, listen_to, &listening);
    struct place place = open_place("listeners", 5, conf);
    CHECK(latch_wait(&listening.called, 3, ANSWER_MS));
    pulsar_message_t *message = NULL;
    CHECK_RESULT(pulsar_reader_read_next(place.reader, &message), pulsar_result_InvalidConfiguration);
    CHECK_RESULT(pulsar_reader_read_next_with_timeout(place.reader, &message, 1), pulsar_result_InvalidConfiguration);
    end_place(&place);
    /* With the client everything has ended. */
    CHECK_INT(latch_count(&listening.called), 3);
    CHECK(!listening.failed);
    pulsar_reader_configuration_free(conf);
}

static void test_wrong_arguments(void) {
    struct place place = open_place("arguments", 1, NULL);
    pulsar_reader_t *reader = NULL;
    pulsar_message_t *message = NULL;
    const pulsar_message_id_t *latest = pulsar_message_id_latest();
    CHECK_RESULT(pulsar_client_create_reader(NULL, place.topic, latest, NULL, &reader),
                 pulsar_result_InvalidConfiguration);
    CHECK_RESULT(pulsar_client_create_reader(place.client, NULL, latest, NULL, &reader),
                 pulsar_result_InvalidTopicName);
    CHECK_RESULT(pulsar_client_create_reader(place.client, place.topic, NULL, NULL, &reader),
                 pulsar_result_InvalidMessage);
    CHECK_RESULT(pulsar_client_create_reader(place.client, place.topic, latest, NULL, NULL),
                 pulsar_result_InvalidConfiguration);
    pulsar_reader_configuration_t *conf = pulsar_reader_configuration_create();
    pulsar_reader_configuration_set_receiver_queue_size(conf, -1);
    CHECK_RESULT(pulsar_client_create_reader(place.client, place.topic, latest, conf, &reader),
                 pulsar_result_InvalidConfiguration);
    pulsar_reader_configuration_free(conf);
    CHECK(reader == NULL);
    CHECK_TEXT(pulsar_reader_get_topic(NULL), "");
    CHECK_INT(pulsar_reader_is_connected(NULL), 0);
    CHECK_RESULT(pulsar_reader_read_next(NULL, &message), pulsar_result_ConsumerNotInitialized);
    CHECK_RESULT(pulsar_reader_read_next(place.reader, NULL), pulsar_result_InvalidConfiguration);
    CHECK_RESULT(pulsar_reader_seek(NULL, NULL), pulsar_result_ConsumerNotInitialized);
    CHECK_RESULT(pulsar_reader_seek(place.reader, NULL), pulsar_result_InvalidMessage);
    CHECK_RESULT(pulsar_reader_seek_by_timestamp(NULL, 1), pulsar_result_ConsumerNotInitialized);
    CHECK_RESULT(pulsar_reader_has_message_available(place.reader, NULL), pulsar_result_InvalidConfiguration);
    CHECK_RESULT(pulsar_reader_close(NULL), pulsar_result_ConsumerNotInitialized);
    CHECK_RESULT(pulsar_consumer_seek(NULL, NULL), pulsar_result_ConsumerNotInitialized);
    CHECK_RESULT(pulsar_consumer_seek_by_timestamp(NULL, 1), pulsar_result_ConsumerNotInitialized);
    pulsar_reader_free(NULL);
    end_place(&place);
}

/* Freed with what they have: the reader, then its client. */
static void test_freeing(void) {
    for (int order = 0; order < 2; order++) {
        struct place place = open_place("freeing", 10, NULL);
        check_next(place.reader, "m0");
        if (order == 0) {
            pulsar_reader_free(place.reader);
        }
        pulsar_producer_free(place.producer);
        pulsar_client_free(place.client);
        if (order == 1) {
            pulsar_message_t *message = NULL;
            CHECK_RESULT(pulsar_reader_read_next(place.reader, &message), pulsar_result_AlreadyClosed);
            pulsar_reader_free(place.reader);
        }
    }
}

struct positions {
    int topics;
    bool wanted;
    const pulsar_message_id_t *id;
};

static bool position_of(const char *topic, const pulsar_message_id_t **id, uint64_t *timestamp, void *context) {
    struct positions *positions = context;
    positions->topics += strstr(topic, "persistent://public/default/") == topic;
    CHECK(*id == NULL && *timestamp == 0);
    *id = positions->id;
    return positions->wanted;
}

/* Where to read on is asked for each topic. */
static void test_seeks_by_a_function(void) {
    struct place place = open_place("function", 3, NULL);
    pulsar_consumer_t *consumer = open_consumer(place.client, place.topic, "s", (struct consumer_options){0});
    pulsar_message_t *first = next_message(consumer, ANSWER_MS), *again = NULL;
    REQUIRE(first != NULL);
    pulsar_message_id_t *id = pulsar_message_get_message_id(first);
    struct positions positions = {.wanted = true, .id = id};
    char word[64];
    CHECK_OK(pulsar_rs_consumer_seek_with(consumer, position_of, &positions));
    CHECK((again = next_message(consumer, ANSWER_MS)) && strcmp(content(again, word, sizeof(word)), "m1") == 0);
    pulsar_message_free(again);
    positions.id = NULL;
    CHECK_OK(pulsar_rs_consumer_seek_with(consumer, position_of, &positions));
    CHECK((again = next_message(consumer, ANSWER_MS)) && strcmp(content(again, word, sizeof(word)), "m0") == 0);
    pulsar_message_free(again);
    positions.wanted = false;
    CHECK_OK(pulsar_rs_consumer_seek_with(consumer, position_of, &positions));
    CHECK_OK(pulsar_rs_consumer_seek_with(consumer, NULL, NULL));
    CHECK((again = next_message(consumer, ANSWER_MS)) && strcmp(content(again, word, sizeof(word)), "m1") == 0);
    pulsar_message_free(again);
    CHECK_INT(positions.topics, 3);
    CHECK_RESULT(pulsar_rs_consumer_seek_with(NULL, position_of, &positions), pulsar_result_ConsumerNotInitialized);
    pulsar_message_id_free(id);
    pulsar_message_free(first);
    end_consumer(consumer);
    end_place(&place);
}

CHECK_MAIN(TEST(test_reading), TEST(test_seeking), TEST(test_callbacks), TEST(test_listeners),
           TEST(test_seeks_by_a_function), TEST(test_wrong_arguments), TEST(test_freeing))
