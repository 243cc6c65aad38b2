/* pulsar/c/consumer.h: arguments, outcomes, and waiting. tests/conformance has what acknowledgements come to. */
#include <pulsar/c/consumer.h>

#include "check.h"
#include "latch.h"
#include "session.h"

struct outcomes {
    struct latch called;
    atomic_int results[64]; /* how often each result came */
    atomic_int objects;     /* messages or lists that came */
};

#define OUTCOMES {.called = LATCH_INIT}

static void count(struct outcomes *outcomes, pulsar_result result) {
    if (CHECK_BETWEEN(result, 0, 63)) {
        outcomes->results[result]++;
    }
    latch_raise(&outcomes->called);
}

static void on_result(pulsar_result result, void *context) {
    count(context, result);
}

static void on_message(pulsar_result result, pulsar_message_t *message, void *context) {
    struct outcomes *outcomes = context;
    outcomes->objects += message != NULL;
    /* Also the message of a failure can be looked at. */
    if (result != pulsar_result_Ok) {
        CHECK_INT(pulsar_message_get_length(message), 0);
        CHECK_TEXT(pulsar_message_get_topic_name(message), "");
    }
    pulsar_message_free(message);
    count(outcomes, result);
}

static void on_messages(pulsar_result result, pulsar_messages_t *messages, void *context) {
    struct outcomes *outcomes = context;
    outcomes->objects += messages != NULL;
    pulsar_messages_free(messages);
    count(outcomes, result);
}

struct place {
    pulsar_client_t *client;
    pulsar_producer_t *producer;
    pulsar_consumer_t *consumer;
    char topic[TOPIC_SIZE];
};

static struct place open_place(const char *word, struct consumer_options options) {
    struct place place = {.client = open_client(check_url)};
    unique_topic(place.topic, word);
    place.producer = open_producer(place.client, place.topic, (struct producer_options){0});
    place.consumer = open_consumer(place.client, place.topic, "sub", options);
    return place;
}

static void end_place(struct place *place) {
    end_consumer(place->consumer);
    end_producer(place->producer);
    end_client(place->client);
}

static void test_getters(void) {
    struct place place = open_place("getters", (struct consumer_options){0});
    CHECK_TEXT(pulsar_consumer_get_topic(place.consumer), place.topic);
    CHECK_TEXT(pulsar_consumer_get_subscription_name(place.consumer), "sub");
    CHECK_INT(pulsar_consumer_is_connected(place.consumer), 1);
    CHECK_OK(pulsar_consumer_close(place.consumer));
    CHECK_INT(pulsar_consumer_is_connected(place.consumer), 0);
    CHECK_OK(pulsar_consumer_close(place.consumer));
    CHECK_TEXT(pulsar_consumer_get_topic(place.consumer), place.topic);
    end_place(&place);
}

/* Every call with a handle that is none; `message` and `id` are good ones. */
static void use_unusable(pulsar_consumer_t *consumer, pulsar_message_t *message, pulsar_message_id_t *id) {
    struct outcomes outcomes = OUTCOMES;
    pulsar_result wrong = pulsar_result_ConsumerNotInitialized;
    pulsar_message_t *received = NULL;
    pulsar_messages_t *list = NULL;
    CHECK_TEXT(pulsar_consumer_get_topic(consumer), "");
    CHECK_TEXT(pulsar_consumer_get_subscription_name(consumer), "");
    CHECK_INT(pulsar_consumer_is_connected(consumer), 0);
    CHECK_RESULT(pulsar_consumer_receive(consumer, &received), wrong);
    CHECK_RESULT(pulsar_consumer_receive_with_timeout(consumer, &received, 100), wrong);
    CHECK_RESULT(pulsar_consumer_batch_receive(consumer, &list), wrong);
    CHECK_RESULT(pulsar_consumer_acknowledge(consumer, message), wrong);
    CHECK_RESULT(pulsar_consumer_acknowledge_id(consumer, id), wrong);
    CHECK_RESULT(pulsar_consumer_acknowledge_cumulative(consumer, message), wrong);
    CHECK_RESULT(pulsar_consumer_acknowledge_cumulative_id(consumer, id), wrong);
    CHECK_RESULT(pulsar_consumer_get_last_message_id(consumer, id), wrong);
    CHECK_RESULT(pulsar_consumer_pause_message_listener(consumer), wrong);
    CHECK_RESULT(resume_message_listener(consumer), wrong);
    CHECK_RESULT(pulsar_consumer_unsubscribe(consumer), wrong);
    CHECK_RESULT(pulsar_consumer_close(consumer), wrong);
    CHECK(received == NULL && list == NULL);
    pulsar_consumer_negative_acknowledge(consumer, message);
    pulsar_consumer_negative_acknowledge_id(consumer, id);
    pulsar_consumer_redeliver_unacknowledged_messages(consumer);
    for (int with = 1; with >= 0; with--) {
        pulsar_result_callback result = with ? on_result : NULL;
        pulsar_consumer_acknowledge_async(consumer, message, result, &outcomes);
        pulsar_consumer_acknowledge_async_id(consumer, id, result, &outcomes);
        pulsar_consumer_acknowledge_cumulative_async(consumer, message, result, &outcomes);
        pulsar_consumer_acknowledge_cumulative_async_id(consumer, id, result, &outcomes);
        pulsar_consumer_seek_async(consumer, id, result, &outcomes);
        pulsar_consumer_seek_by_timestamp_async(consumer, 1, result, &outcomes);
        pulsar_consumer_unsubscribe_async(consumer, result, &outcomes);
        pulsar_consumer_close_async(consumer, result, &outcomes);
        pulsar_consumer_receive_async(consumer, with ? on_message : NULL, &outcomes);
        pulsar_consumer_batch_receive_async(consumer, with ? on_messages : NULL, &outcomes);
    }
    CHECK_INT(outcomes.results[wrong], 10);
    CHECK_INT(outcomes.objects, 1); /* the empty message of receive_async */
    pulsar_consumer_free(consumer);
}

static void test_null_and_foreign_consumers(void) {
    pulsar_message_t *message = text_message("x");
    pulsar_message_id_t *id = pulsar_message_id_deserialize("\x08\x01\x10\x01", 4);
    use_unusable(NULL, message, id);
    use_unusable((pulsar_consumer_t *)message, message, id);
    CHECK_INT(pulsar_message_get_length(message), 1);
    pulsar_message_id_free(id);
    pulsar_message_free(message);
}

static void test_null_and_foreign_messages_and_ids(void) {
    struct place place = open_place("wrong", (struct consumer_options){0});
    struct outcomes outcomes = OUTCOMES;
    pulsar_string_map_t *map = pulsar_string_map_create();
    pulsar_result wrong = pulsar_result_InvalidMessage;
    for (int i = 0; i < 2; i++) {
        pulsar_message_t *message = i ? (pulsar_message_t *)map : NULL;
        pulsar_message_id_t *id = i ? (pulsar_message_id_t *)map : NULL;
        CHECK_RESULT(pulsar_consumer_acknowledge(place.consumer, message), wrong);
        CHECK_RESULT(pulsar_consumer_acknowledge_id(place.consumer, id), wrong);
        CHECK_RESULT(pulsar_consumer_acknowledge_cumulative(place.consumer, message), wrong);
        CHECK_RESULT(pulsar_consumer_acknowledge_cumulative_id(place.consumer, id), wrong);
        CHECK_RESULT(pulsar_consumer_get_last_message_id(place.consumer, id), wrong);
        pulsar_consumer_acknowledge_async(place.consumer, message, on_result, &outcomes);
        pulsar_consumer_acknowledge_async_id(place.consumer, id, on_result, &outcomes);
        pulsar_consumer_acknowledge_cumulative_async(place.consumer, message, on_result, &outcomes);
        pulsar_consumer_acknowledge_cumulative_async_id(place.consumer, id, on_result, &outcomes);
        pulsar_consumer_seek_async(place.consumer, id, on_result, &outcomes);
        pulsar_consumer_seek_async(place.consumer, id, NULL, NULL);
        pulsar_consumer_acknowledge_async(place.consumer, message, NULL, NULL);
        pulsar_consumer_acknowledge_async_id(place.consumer, id, NULL, NULL);
        pulsar_consumer_acknowledge_cumulative_async(place.consumer, message, NULL, NULL);
        pulsar_consumer_acknowledge_cumulative_async_id(place.consumer, id, NULL, NULL);
        pulsar_consumer_negative_acknowledge(place.consumer, message);
        pulsar_consumer_negative_acknowledge_id(place.consumer, id);
    }
    CHECK_INT(outcomes.results[wrong], 10);
    pulsar_string_map_free(map);
    end_place(&place);
}

/* A message that has no place to go stays for the next call. */
static void test_null_outputs(void) {
    struct place place = open_place("outputs", (struct consumer_options){0});
    pulsar_result wrong = pulsar_result_InvalidConfiguration;
    CHECK_OK(send_text(place.producer, "x"));
    CHECK_RESULT(pulsar_consumer_receive(place.consumer, NULL), wrong);
    CHECK_RESULT(pulsar_consumer_receive_with_timeout(place.consumer, NULL, 100), wrong);
    CHECK_RESULT(pulsar_consumer_batch_receive(place.consumer, NULL), wrong);
    pulsar_message_t *message = next_message(place.consumer, ANSWER_MS);
    CHECK(message != NULL);
    pulsar_message_free(message);
    end_place(&place);
}

/* Without a callback the call is as good as any: the message it takes is freed. */
static void test_null_callbacks(void) {
    struct place place = open_place("nobody", (struct consumer_options){0});
    pulsar_consumer_receive_async(place.consumer, NULL, NULL);
    pulsar_consumer_batch_receive_async(place.consumer, NULL, NULL);
    CHECK_OK(send_text(place.producer, "x"));
    CHECK_OK(send_text(place.producer, "y"));
    pulsar_consumer_unsubscribe_async(place.consumer, NULL, NULL);
    pulsar_consumer_close_async(place.consumer, NULL, NULL);
    end_place(&place);
}

static void check_next(pulsar_consumer_t *consumer, const char *expected) {
    char word[20];
    pulsar_message_t *message = next_message(consumer, ANSWER_MS);
    REQUIRE(message != NULL);
    CHECK_TEXT(content(message, word, sizeof(word)), expected);
    pulsar_message_free(message);
}

/* With a callback, which comes once for each; without one they are done all the same. */
static void test_seeks_with_callbacks(void) {
    struct place place = open_place("seeks", (struct consumer_options){0});
    struct outcomes outcomes = OUTCOMES;
    REQUIRE_OK(send_numbered(place.producer, 3));
    pulsar_message_t *first = next_message(place.consumer, ANSWER_MS);
    REQUIRE(first != NULL);
    pulsar_message_id_t *id = pulsar_message_get_message_id(first);
    check_next(place.consumer, "m1");
    pulsar_consumer_seek_async(place.consumer, id, on_result, &outcomes);
    /* It is the caller's, and no longer needed. */
    pulsar_message_id_free(id);
    CHECK(latch_wait(&outcomes.called, 1, ANSWER_MS));
    check_next(place.consumer, "m1");
    pulsar_consumer_seek_by_timestamp_async(place.consumer, pulsar_message_get_publish_timestamp(first), on_result,
                                            &outcomes);
    CHECK(latch_wait(&outcomes.called, 2, ANSWER_MS));
    check_next(place.consumer, "m0");
    CHECK_INT(outcomes.results[pulsar_result_Ok], 2);
    /* The second one finds the first one done, or under way. */
    pulsar_consumer_seek_async(place.consumer, (pulsar_message_id_t *)pulsar_message_id_latest(), NULL, NULL);
    pulsar_consumer_seek_by_timestamp_async(place.consumer, 0, NULL, NULL);
    CHECK_OK(pulsar_consumer_close(place.consumer));
    pulsar_consumer_seek_async(place.consumer, (pulsar_message_id_t *)pulsar_message_id_earliest(), on_result,
                               &outcomes);
    pulsar_consumer_seek_by_timestamp_async(place.consumer, 0, on_result, &outcomes);
    CHECK(latch_wait(&outcomes.called, 4, ANSWER_MS));
    CHECK_INT(outcomes.results[pulsar_result_AlreadyClosed], 2);
    pulsar_message_free(first);
    end_place(&place);
}

/* Calls that wait for messages get an answer when the consumer is closed, each once. */
static void test_closing_answers_those_who_wait(void) {
    struct place place = open_place("waiting", (struct consumer_options){0});
    struct outcomes messages = OUTCOMES;
    for (int i = 0; i < 50; i++) {
        pulsar_consumer_receive_async(place.consumer, on_message, &messages);
    }
    CHECK_OK(pulsar_consumer_close(place.consumer));
    CHECK(latch_wait(&messages.called, 50, ANSWER_MS));
    CHECK_INT(messages.results[pulsar_result_AlreadyClosed], 50);
    CHECK_INT(messages.objects, 50);
    end_place(&place);
}

static void *receive_one(void *context) {
    pulsar_message_t *message = NULL;
    CHECK_RESULT(pulsar_consumer_receive(context, &message), pulsar_result_AlreadyClosed);
    CHECK(message == NULL);
    return NULL;
}

static void test_closing_wakes_threads_that_wait(void) {
    struct place place = open_place("threads", (struct consumer_options){0});
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, receive_one, place.consumer) == 0);
    }
    pause_ms(50); /* so that they most likely wait by now; it is right either way */
    CHECK_OK(pulsar_consumer_close(place.consumer));
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    end_place(&place);
}

/* Requests are served in their order, each with one message. */
static void test_waiting_requests_get_a_message_each(void) {
    struct place place = open_place("requests", (struct consumer_options){0});
    struct outcomes outcomes = OUTCOMES;
    for (int i = 0; i < 20; i++) {
        pulsar_consumer_receive_async(place.consumer, on_message, &outcomes);
    }
    for (int i = 0; i < 20; i++) {
        CHECK_OK(send_text(place.producer, "x"));
    }
    CHECK(latch_wait(&outcomes.called, 20, ANSWER_MS));
    CHECK_INT(outcomes.results[pulsar_result_Ok], 20);
    end_place(&place);
}

/* A policy without a time: it waits for the messages, and no longer. */
static void test_batch_receive_without_a_time(void) {
    static const pulsar_consumer_batch_receive_policy_t three = {3, -1, -1};
    struct place place = open_place("policy", (struct consumer_options){.policy = &three});
    struct outcomes outcomes = OUTCOMES;
    pulsar_consumer_batch_receive_async(place.consumer, on_messages, &outcomes);
    CHECK_OK(send_text(place.producer, "x"));
    CHECK_OK(send_text(place.producer, "y"));
    CHECK(!latch_wait(&outcomes.called, 1, 100));
    CHECK_OK(send_text(place.producer, "z"));
    CHECK(latch_wait(&outcomes.called, 1, ANSWER_MS));
    CHECK_INT(outcomes.results[pulsar_result_Ok], 1);
    /* Closing ends the wait of one that will not get its messages. */
    struct outcomes ended = OUTCOMES;
    pulsar_consumer_batch_receive_async(place.consumer, on_messages, &ended);
    CHECK_OK(pulsar_consumer_close(place.consumer));
    CHECK(latch_wait(&ended.called, 1, ANSWER_MS));
    end_place(&place);
}

/* Free of a consumer that was not closed: its place becomes free. */
static bool place_is_free(void *context) {
    struct place *place = context;
    return try_subscribe(place->client, place->topic, "sub", (struct consumer_options){0}, &place->consumer) ==
           pulsar_result_Ok;
}

static void test_free_closes(void) {
    struct place place = open_place("freed", (struct consumer_options){0});
    pulsar_consumer_free(place.consumer);
    CHECK(wait_until(place_is_free, &place, ANSWER_MS));
    end_place(&place);
}

/* Ids from elsewhere: of other topics, of nothing that exists, of the ends. */
static void test_ids_from_elsewhere(void) {
    struct place place = open_place("elsewhere", (struct consumer_options){.batch_index_acks = true});
    static const struct {
        const char *bytes;
        uint32_t length;
    } ids[] = {
        {"\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x10\x05", 11},                      /* a ledger that is far away */
        {"\x08\x01\x10\x01\x20\xe8\x07\x30\x05", 9},                               /* index 1000 of 5 */
        {"\x08\x01\x10\x01\x20\xff\xff\xff\xff\x07\x30\xff\xff\xff\xff\x07", 16}, /* the largest of both */
        {"\x08\x01\x10\x01\x20\x00\x30\x00", 8},                                   /* a batch of none */
        {"\x08\x01\x10\x01\x18\x05", 6},                                           /* of a partition */
    };
    for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
        pulsar_message_id_t *id = pulsar_message_id_deserialize(ids[i].bytes, ids[i].length);
        if (id == NULL) {
            continue; /* refused earlier is as good */
        }
        (void)pulsar_consumer_acknowledge_id(place.consumer, id);
        pulsar_consumer_negative_acknowledge_id(place.consumer, id);
        (void)pulsar_consumer_acknowledge_cumulative_id(place.consumer, id);
        pulsar_message_id_free(id);
    }
    end_consumer(place.consumer);
    place.consumer = open_consumer(place.client, place.topic, "other", (struct consumer_options){0});
    CHECK_OK(send_text(place.producer, "x"));
    pulsar_message_t *message = next_message(place.consumer, ANSWER_MS);
    CHECK(message != NULL);
    pulsar_message_free(message);
    end_place(&place);
}

CHECK_MAIN(TEST(test_getters), TEST(test_null_and_foreign_consumers), TEST(test_null_and_foreign_messages_and_ids),
           TEST(test_null_outputs), TEST(test_null_callbacks), TEST(test_seeks_with_callbacks),
           TEST(test_closing_answers_those_who_wait),
           TEST(test_closing_wakes_threads_that_wait), TEST(test_waiting_requests_get_a_message_each),
           TEST(test_batch_receive_without_a_time), TEST(test_free_closes), TEST(test_ids_from_elsewhere))
