/* pulsar_rs/completion.h: subscribing, receiving and acknowledging without callbacks. */
#include <poll.h>
#include <pulsar_rs/completion.h>
#include <pulsar_rs/consumer.h>

#include "../check.h"
#include "../latch.h"
#include "../session.h"

#define CAPACITY 1000
/* How soon messages come again that nobody fetched. */
#define AGAIN_MS 100

struct session {
    pulsar_client_t *client;
    pulsar_producer_t *producer;
    pulsar_consumer_t *consumer;
    pulsar_rs_completion_queue_t *queue;
    char topic[TOPIC_SIZE];
};

static pulsar_rs_completion_t next(pulsar_rs_completion_queue_t *queue) {
    pulsar_rs_completion_t done;
    memset(&done, 0xff, sizeof(done));
    REQUIRE(pulsar_rs_completion_queue_wait(queue, &done, 1, ANSWER_MS) == 1);
    return done;
}

/* The object of the next outcome, which has to be this one. */
static void *next_object(pulsar_rs_completion_queue_t *queue, uint64_t token, pulsar_result result) {
    pulsar_rs_completion_t done = next(queue);
    CHECK_INT(done.token, token);
    CHECK_INT(done.count, 1);
    CHECK_RESULT(done.result, result);
    return done.object;
}

static void check_nothing_made(pulsar_rs_completion_queue_t *queue, uint64_t token, pulsar_result result) {
    CHECK(next_object(queue, token, result) == NULL);
}

static void check_message(pulsar_message_t *message, const char *expected) {
    char text[64];
    CHECK_TEXT(message ? content(message, text, sizeof(text)) : NULL, expected);
    pulsar_message_free(message);
}

static void check_next_message(pulsar_rs_completion_queue_t *queue, uint64_t token, const char *expected) {
    check_message(next_object(queue, token, pulsar_result_Ok), expected);
}

static pulsar_consumer_t *subscribe(struct session *session, struct consumer_options options, uint64_t token) {
    pulsar_consumer_configuration_t *conf = consumer_configuration(options);
    CHECK_OK(pulsar_rs_client_subscribe_queued(session->client, session->topic, "s", conf, session->queue, token));
    pulsar_consumer_configuration_free(conf);
    return next_object(session->queue, token, pulsar_result_Ok);
}

static struct session begin(struct consumer_options options, unsigned capacity) {
    struct session session = {.client = open_client(check_url)};
    unique_topic(session.topic, "queued-consumer");
    session.queue = pulsar_rs_completion_queue_create(capacity);
    session.consumer = subscribe(&session, options, 1);
    REQUIRE(session.consumer != NULL);
    session.producer = open_producer(session.client, session.topic, (struct producer_options){0});
    return session;
}

static void end_all_but_queue(struct session session) {
    end_producer(session.producer);
    end_consumer(session.consumer);
    end_client(session.client);
}

static void end(struct session session) {
    end_all_but_queue(session);
    pulsar_rs_completion_queue_free(session.queue);
}

static void test_receives_in_order(void) {
    struct session session = begin((struct consumer_options){0}, CAPACITY);
    for (uint64_t token = 10; token < 13; token++) {
        CHECK_OK(pulsar_rs_consumer_receive_queued(session.consumer, token));
    }
    send_numbered(session.producer, 5);
    check_next_message(session.queue, 10, "m0");
    check_next_message(session.queue, 11, "m1");
    check_next_message(session.queue, 12, "m2");
    /* These find their messages there. */
    pulsar_message_t *message = next_message(session.consumer, ANSWER_MS);
    check_message(message, "m3");
    CHECK_OK(pulsar_rs_consumer_receive_queued(session.consumer, 13));
    check_next_message(session.queue, 13, "m4");
    CHECK_INT(pulsar_rs_completion_queue_wait(session.queue, &(pulsar_rs_completion_t){0}, 1, 20), 0);
    end(session);
}

#define MANY 3000

/* Some wait, some find their message there: the outcomes are in the order of the messages all the same. */
static void test_many_receives(void) {
    struct session session = begin((struct consumer_options){0}, 64);
    pulsar_producer_t *producer =
        open_producer(session.client, session.topic, (struct producer_options){.batching = true, .max_pending = MANY});
    for (int i = 0; i < 64; i++) {
        CHECK_OK(pulsar_rs_consumer_receive_queued(session.consumer, 0));
    }
    CHECK_RESULT(pulsar_rs_consumer_receive_queued(session.consumer, 0), pulsar_result_ProducerQueueIsFull);
    CHECK_OK(send_numbered(producer, MANY));
    for (int i = 0; i < MANY; i++) {
        char expected[32];
        snprintf(expected, sizeof(expected), "m%d", i);
        check_next_message(session.queue, 0, expected);
        if (i + 64 < MANY) {
            CHECK_OK(pulsar_rs_consumer_receive_queued(session.consumer, 0));
        }
    }
    end_producer(producer);
    end(session);
}

static void test_acknowledging(void) {
    struct session session = begin((struct consumer_options){.acks_at_once = true}, CAPACITY);
    pulsar_message_t *messages[5];
    send_numbered(session.producer, 5);
    for (int i = 0; i < 5; i++) {
        CHECK_OK(pulsar_rs_consumer_receive_queued(session.consumer, 0));
        REQUIRE((messages[i] = next_object(session.queue, 0, pulsar_result_Ok)) != NULL);
    }
    pulsar_message_id_t *fourth = pulsar_message_get_message_id(messages[3]);
    pulsar_message_id_t *third = pulsar_message_get_message_id(messages[2]);
    CHECK_OK(pulsar_rs_consumer_acknowledge_cumulative_queued(session.consumer, messages[1], 2));
    CHECK_OK(pulsar_rs_consumer_acknowledge_cumulative_id_queued(session.consumer, third, 3));
    CHECK_OK(pulsar_rs_consumer_acknowledge_queued(session.consumer, messages[4], 4));
    CHECK_OK(pulsar_rs_consumer_acknowledge_id_queued(session.consumer, fourth, 5));
    CHECK_OK(pulsar_rs_consumer_acknowledge_queued(session.consumer, NULL, 6));
    CHECK_OK(pulsar_rs_consumer_acknowledge_id_queued(session.consumer, NULL, 7));
    for (uint64_t token = 2; token < 8; token++) {
        check_nothing_made(session.queue, token, token < 6 ? pulsar_result_Ok : pulsar_result_InvalidMessage);
    }
    char *text = pulsar_rs_consumer_last_error(session.consumer);
    CHECK(text && strstr(text, "message"));
    free(text);
    pulsar_message_id_free(third);
    pulsar_message_id_free(fourth);
    for (int i = 0; i < 5; i++) {
        pulsar_message_free(messages[i]);
    }
    /* All are acknowledged: the subscription can go, and nothing is left for another consumer. */
    CHECK_OK(pulsar_rs_consumer_close_queued(session.consumer, 8));
    check_nothing_made(session.queue, 8, pulsar_result_Ok);
    pulsar_consumer_free(session.consumer);
    session.consumer = subscribe(&session, (struct consumer_options){0}, 9);
    REQUIRE(session.consumer != NULL);
    CHECK(next_message(session.consumer, SILENCE_MS) == NULL);
    CHECK_OK(pulsar_rs_consumer_unsubscribe_queued(session.consumer, 10));
    check_nothing_made(session.queue, 10, pulsar_result_Ok);
    CHECK_OK(pulsar_rs_consumer_unsubscribe_queued(session.consumer, 11));
    check_nothing_made(session.queue, 11, pulsar_result_AlreadyClosed);
    end(session);
}

static void test_batches(void) {
    pulsar_consumer_batch_receive_policy_t policy = {.maxNumMessages = 3, .maxNumBytes = -1, .timeoutMs = 300};
    struct session session = begin((struct consumer_options){.policy = &policy}, CAPACITY);
    CHECK_OK(pulsar_rs_consumer_batch_receive_queued(session.consumer, 2));
    CHECK_OK(pulsar_rs_consumer_receive_queued(session.consumer, 3));
    CHECK_OK(pulsar_rs_consumer_batch_receive_queued(session.consumer, 4));
    CHECK_OK(pulsar_rs_consumer_batch_receive_queued(session.consumer, 5));
    send_numbered(session.producer, 5);
    pulsar_messages_t *messages = next_object(session.queue, 2, pulsar_result_Ok);
    /* The first may have ended on its time. */
    size_t first = pulsar_messages_size(messages);
    CHECK_BETWEEN(first, 0, 3);
    pulsar_messages_free(messages);
    pulsar_message_free(next_object(session.queue, 3, pulsar_result_Ok));
    size_t rest = 0;
    for (uint64_t token = 4; token < 6; token++) {
        messages = next_object(session.queue, token, pulsar_result_Ok);
        REQUIRE(messages != NULL);
        rest += pulsar_messages_size(messages);
        pulsar_messages_free(messages);
    }
    CHECK_INT(first + 1 + rest, 5);
    end(session);
}

static void test_a_closed_consumer(void) {
    struct session session = begin((struct consumer_options){0}, CAPACITY);
    send_numbered(session.producer, 1);
    CHECK_OK(pulsar_rs_consumer_receive_queued(session.consumer, 2));
    CHECK_OK(pulsar_rs_consumer_receive_queued(session.consumer, 3));
    CHECK_OK(pulsar_rs_consumer_batch_receive_queued(session.consumer, 4));
    pulsar_message_t *message = next_object(session.queue, 2, pulsar_result_Ok);
    CHECK_OK(pulsar_consumer_close(session.consumer));
    check_nothing_made(session.queue, 3, pulsar_result_AlreadyClosed);
    check_nothing_made(session.queue, 4, pulsar_result_AlreadyClosed);
    CHECK_OK(pulsar_rs_consumer_receive_queued(session.consumer, 5));
    check_nothing_made(session.queue, 5, pulsar_result_AlreadyClosed);
    CHECK_OK(pulsar_rs_consumer_acknowledge_queued(session.consumer, message, 6));
    check_nothing_made(session.queue, 6, pulsar_result_AlreadyClosed);
    check_message(message, "m0");
    end(session);
}

/* Nobody closes anything: freeing the handles has to end what waits. */
static void test_freed_handles(void) {
    struct session session = begin((struct consumer_options){0}, CAPACITY);
    CHECK_OK(pulsar_rs_consumer_receive_queued(session.consumer, 2));
    pulsar_consumer_free(session.consumer);
    check_nothing_made(session.queue, 2, pulsar_result_AlreadyClosed);
    session.consumer = subscribe(&session, (struct consumer_options){0}, 3);
    CHECK_OK(pulsar_rs_consumer_receive_queued(session.consumer, 4));
    CHECK_OK(pulsar_rs_consumer_batch_receive_queued(session.consumer, 5));
    pulsar_client_free(session.client);
    check_nothing_made(session.queue, 4, pulsar_result_AlreadyClosed);
    check_nothing_made(session.queue, 5, pulsar_result_AlreadyClosed);
    CHECK_OK(pulsar_rs_consumer_receive_queued(session.consumer, 6));
    check_nothing_made(session.queue, 6, pulsar_result_AlreadyClosed);
    pulsar_producer_free(session.producer);
    pulsar_consumer_free(session.consumer);
    pulsar_rs_completion_queue_free(session.queue);
}

/* Messages of a queue that is freed come again, whether they were in it or not taken yet. */
static void test_a_freed_queue(void) {
    pulsar_consumer_batch_receive_policy_t policy = {.maxNumMessages = 2, .maxNumBytes = -1, .timeoutMs = -1};
    struct consumer_options options = {
        .type = pulsar_ConsumerShared, .nack_delay_ms = AGAIN_MS, .policy = &policy};
    struct session session = begin(options, CAPACITY);
    send_numbered(session.producer, 3);
    CHECK_OK(pulsar_rs_consumer_receive_queued(session.consumer, 2));
    CHECK_OK(pulsar_rs_consumer_batch_receive_queued(session.consumer, 3));
    check_next_message(session.queue, 2, "m0");
    /* Two messages are in the queue, and two receives wait, one of them with a message in hand. */
    struct pollfd watched = {.fd = pulsar_rs_completion_queue_fd(session.queue), .events = POLLIN};
    REQUIRE(poll(&watched, 1, ANSWER_MS) == 1);
    CHECK_OK(pulsar_rs_consumer_batch_receive_queued(session.consumer, 4));
    CHECK_OK(pulsar_rs_consumer_receive_queued(session.consumer, 5));
    CHECK_OK(send_text(session.producer, "m3"));
    pulsar_rs_completion_queue_free(session.queue);
    CHECK_RESULT(pulsar_rs_consumer_receive_queued(session.consumer, 6), pulsar_result_AlreadyClosed);
    CHECK_RESULT(pulsar_rs_consumer_close_queued(session.consumer, 7), pulsar_result_AlreadyClosed);
    int seen[4] = {0};
    while (!(seen[1] && seen[2] && seen[3])) {
        pulsar_message_t *message = next_message(session.consumer, ANSWER_MS);
        REQUIRE(message != NULL);
        char text[64];
        content(message, text, sizeof(text));
        CHECK(text[0] == 'm' && text[1] >= '0' && text[1] <= '3');
        seen[text[1] - '0']++;
        CHECK_OK(pulsar_consumer_acknowledge(session.consumer, message));
        pulsar_message_free(message);
    }
    CHECK_INT(seen[0], 0);
    end_all_but_queue(session);
}

/* What is created for a queue that is freed is closed again: somebody else can have the exclusive subscription. */
static void test_objects_of_a_freed_queue(void) {
    struct session session = begin((struct consumer_options){0}, CAPACITY);
    end_consumer(session.consumer);
    CHECK_OK(pulsar_rs_client_subscribe_queued(session.client, session.topic, "s", NULL, session.queue, 2));
    CHECK_OK(pulsar_rs_client_create_producer_queued(session.client, session.topic, NULL, session.queue, 3));
    CHECK_OK(pulsar_rs_client_get_topic_partitions_queued(session.client, session.topic, session.queue, 4));
    pulsar_rs_completion_queue_free(session.queue);
    long long start = now_ms();
    pulsar_result result;
    do {
        pause_ms(10);
        result = try_subscribe(session.client, session.topic, "s", (struct consumer_options){0}, &session.consumer);
    } while (result == pulsar_result_ConsumerBusy && now_ms() - start < ANSWER_MS);
    REQUIRE_OK(result);
    end_all_but_queue(session);
}

static void test_a_client(void) {
    struct session session = begin((struct consumer_options){0}, CAPACITY);
    CHECK_OK(pulsar_rs_client_get_topic_partitions_queued(session.client, session.topic, session.queue, 2));
    pulsar_string_list_t *names = next_object(session.queue, 2, pulsar_result_Ok);
    CHECK_INT(pulsar_string_list_size(names), 1);
    CHECK_TEXT(pulsar_string_list_get(names, 0), session.topic);
    pulsar_string_list_free(names);
    CHECK_OK(pulsar_rs_client_get_topic_partitions_queued(session.client, "no/topic", session.queue, 3));
    check_nothing_made(session.queue, 3, pulsar_result_InvalidTopicName);
    CHECK_OK(pulsar_rs_client_subscribe_queued(session.client, session.topic, NULL, NULL, session.queue, 4));
    check_nothing_made(session.queue, 4, pulsar_result_InvalidConfiguration);
    CHECK_OK(pulsar_rs_client_subscribe_queued(session.client, session.topic, "s", NULL, session.queue, 5));
    check_nothing_made(session.queue, 5, pulsar_result_ConsumerBusy);
    CHECK_OK(pulsar_rs_consumer_receive_queued(session.consumer, 6));
    CHECK_OK(pulsar_rs_client_close_queued(session.client, session.queue, 7));
    check_nothing_made(session.queue, 6, pulsar_result_AlreadyClosed);
    check_nothing_made(session.queue, 7, pulsar_result_Ok);
    CHECK_OK(pulsar_rs_client_close_queued(session.client, session.queue, 8));
    check_nothing_made(session.queue, 8, pulsar_result_AlreadyClosed);
    end(session);
}

static void swallow(pulsar_consumer_t *consumer, pulsar_message_t *message, void *context) {
    (void)consumer, (void)context;
    pulsar_message_free(message);
}

static void test_a_listener(void) {
    struct session session = begin((struct consumer_options){.listener = swallow}, CAPACITY);
    CHECK_OK(pulsar_rs_consumer_receive_queued(session.consumer, 2));
    check_nothing_made(session.queue, 2, pulsar_result_InvalidConfiguration);
    CHECK_OK(pulsar_rs_consumer_batch_receive_queued(session.consumer, 3));
    check_nothing_made(session.queue, 3, pulsar_result_InvalidConfiguration);
    end(session);
}

static void test_a_full_queue(void) {
    struct session session = begin((struct consumer_options){0}, 1);
    send_numbered(session.producer, 1);
    CHECK_OK(pulsar_rs_consumer_receive_queued(session.consumer, 2));
    pulsar_consumer_t *consumer = session.consumer;
    CHECK_RESULT(pulsar_rs_consumer_receive_queued(consumer, 3), pulsar_result_ProducerQueueIsFull);
    CHECK_RESULT(pulsar_rs_consumer_batch_receive_queued(consumer, 3), pulsar_result_ProducerQueueIsFull);
    CHECK_RESULT(pulsar_rs_consumer_acknowledge_queued(consumer, NULL, 3), pulsar_result_ProducerQueueIsFull);
    CHECK_RESULT(pulsar_rs_consumer_close_queued(consumer, 3), pulsar_result_ProducerQueueIsFull);
    CHECK_RESULT(pulsar_rs_client_subscribe_queued(session.client, session.topic, "s", NULL, session.queue, 3),
                 pulsar_result_ProducerQueueIsFull);
    CHECK_RESULT(pulsar_rs_client_close_queued(session.client, session.queue, 3), pulsar_result_ProducerQueueIsFull);
    check_next_message(session.queue, 2, "m0");
    CHECK_OK(pulsar_rs_consumer_close_queued(consumer, 3));
    check_nothing_made(session.queue, 3, pulsar_result_Ok);
    end(session);
}

static void test_null_and_no_queue(void) {
    struct session session = begin((struct consumer_options){0}, CAPACITY);
    char topic[TOPIC_SIZE];
    unique_topic(topic, "no-queue");
    pulsar_consumer_t *consumer = open_consumer(session.client, topic, "s", (struct consumer_options){0});
    pulsar_result invalid = pulsar_result_InvalidConfiguration, none = pulsar_result_ConsumerNotInitialized;
    CHECK_RESULT(pulsar_rs_consumer_set_completion_queue(session.consumer, session.queue), invalid);
    CHECK_RESULT(pulsar_rs_consumer_set_completion_queue(consumer, NULL), invalid);
    CHECK_RESULT(pulsar_rs_consumer_set_completion_queue(NULL, session.queue), none);
    CHECK_RESULT(pulsar_rs_consumer_receive_queued(consumer, 0), invalid);
    CHECK_RESULT(pulsar_rs_consumer_batch_receive_queued(consumer, 0), invalid);
    CHECK_RESULT(pulsar_rs_consumer_acknowledge_queued(consumer, NULL, 0), invalid);
    CHECK_RESULT(pulsar_rs_consumer_close_queued(consumer, 0), invalid);
    CHECK_RESULT(pulsar_rs_consumer_receive_queued(NULL, 0), none);
    CHECK_RESULT(pulsar_rs_consumer_batch_receive_queued(NULL, 0), none);
    CHECK_RESULT(pulsar_rs_consumer_acknowledge_queued(NULL, NULL, 0), none);
    CHECK_RESULT(pulsar_rs_consumer_acknowledge_id_queued(NULL, NULL, 0), none);
    CHECK_RESULT(pulsar_rs_consumer_acknowledge_cumulative_queued(NULL, NULL, 0), none);
    CHECK_RESULT(pulsar_rs_consumer_acknowledge_cumulative_id_queued(NULL, NULL, 0), none);
    CHECK_RESULT(pulsar_rs_consumer_unsubscribe_queued(NULL, 0), none);
    CHECK_RESULT(pulsar_rs_consumer_close_queued(NULL, 0), none);
    CHECK_RESULT(pulsar_rs_client_subscribe_queued(NULL, topic, "s", NULL, session.queue, 0), invalid);
    CHECK_RESULT(pulsar_rs_client_subscribe_queued(session.client, topic, "s", NULL, NULL, 0), invalid);
    CHECK_RESULT(pulsar_rs_client_get_topic_partitions_queued(NULL, topic, session.queue, 0), invalid);
    CHECK_RESULT(pulsar_rs_client_get_topic_partitions_queued(session.client, topic, NULL, 0), invalid);
    CHECK_RESULT(pulsar_rs_client_close_queued(NULL, session.queue, 0), invalid);
    CHECK_RESULT(pulsar_rs_client_close_queued(session.client, NULL, 0), invalid);
    CHECK_INT(pulsar_rs_completion_queue_poll(session.queue, &(pulsar_rs_completion_t){0}, 1), 0);
    /* A queue may be had later. */
    CHECK_OK(pulsar_rs_consumer_set_completion_queue(consumer, session.queue));
    CHECK_OK(pulsar_rs_consumer_close_queued(consumer, 1));
    check_nothing_made(session.queue, 1, pulsar_result_Ok);
    pulsar_consumer_free(consumer);
    end(session);
}

CHECK_MAIN(TEST(test_receives_in_order), TEST(test_many_receives), TEST(test_acknowledging), TEST(test_batches),
           TEST(test_a_closed_consumer), TEST(test_freed_handles), TEST(test_a_freed_queue),
           TEST(test_objects_of_a_freed_queue), TEST(test_a_client), TEST(test_a_listener), TEST(test_a_full_queue),
           TEST(test_null_and_no_queue))
