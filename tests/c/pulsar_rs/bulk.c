/* pulsar_rs/bulk.h: receiving and acknowledging many messages with one call. Sending is tested with producers. */
#include <poll.h>
#include <pulsar_rs/bulk.h>
#include <pulsar_rs/completion.h>
#include <pulsar_rs/consumer.h>

#include "../check.h"
#include "../session.h"

#define MESSAGES 100

/* How soon messages come again that were refused. */
#define AGAIN_MS 100

struct session {
    pulsar_client_t *client;
    pulsar_consumer_t *consumer;
    char topic[TOPIC_SIZE];
};

static struct session begin(const char *word) {
    struct session session = {.client = open_client(check_url)};
    unique_topic(session.topic, word);
    session.consumer = open_consumer(session.client, session.topic, "s",
                                     (struct consumer_options){.type = pulsar_ConsumerShared, .nack_delay_ms = AGAIN_MS});
    return session;
}

static void end(struct session *session) {
    end_consumer(session->consumer);
    end_client(session->client);
}

/* Sends numbers: each has a key and an event time, every third two properties. */
static void send_numbers(struct session *session, int count, int batching) {
    pulsar_producer_t *producer =
        open_producer(session->client, session->topic, (struct producer_options){.batching = batching != 0});
    pulsar_rs_property_t properties[] = {{"even", 4, "yes", 3}, {"", 0, "", 0}};
    for (int number = 0; number < count; number++) {
        char text[16];
        int length = snprintf(text, sizeof(text), "%d", number);
        pulsar_rs_record_t record = {
            .payload = text,
            .payload_len = (size_t)length,
            .key = text,
            .key_len = 1,
            .properties = properties,
            .property_count = number % 3 == 0 ? 2 : 0,
            .flags = PULSAR_RS_RECORD_HAS_EVENT_TIME,
            .event_time = 1000 + (uint64_t)number,
        };
        REQUIRE_OK(pulsar_rs_producer_send_bulk(producer, &record, 1, 0, NULL));
    }
    REQUIRE_OK(pulsar_producer_flush(producer));
    end_producer(producer);
}

static pulsar_rs_received_t *receive(pulsar_consumer_t *consumer, size_t max_messages) {
    pulsar_rs_received_t *received = NULL;
    REQUIRE_OK(pulsar_rs_consumer_receive_bulk(consumer, max_messages, SIZE_MAX, ANSWER_MS, &received));
    return received;
}

static int number_of(const pulsar_rs_view_t *view) {
    char text[16] = "";
    memcpy(text, view->payload, view->payload_len < sizeof(text) ? view->payload_len : 0);
    return atoi(text);
}

static void check_view(pulsar_rs_received_t *received, const pulsar_rs_view_t *view, int number, int batching) {
    CHECK_INT(number_of(view), number);
    CHECK(view->key_len == 1 && memcmp(view->key, view->payload, 1) == 0);
    CHECK(view->ordering_key == NULL && view->ordering_key_len == 0);
    CHECK_INT(view->flags, PULSAR_RS_RECORD_HAS_EVENT_TIME);
    CHECK_INT(view->event_time, 1000 + number);
    CHECK(view->publish_time > 1600000000000);
    CHECK_INT(view->sequence_id, number);
    CHECK_INT(view->redelivery_count, 0);
    CHECK_INT(view->position.partition, -1);
    CHECK((view->position.batch_index >= 0) == (batching != 0));
    CHECK((view->position.batch_size > 0) == (batching != 0));
    CHECK(view->position.ledger >= 0 && view->position.entry >= 0);
    CHECK(strstr(pulsar_rs_received_topic(received, view->topic), "persistent://public/default/") != NULL);
    CHECK_INT(view->property_count, number % 3 == 0 ? 2 : 0);
    if (view->property_count == 2) {
        const pulsar_rs_property_t *properties = view->properties;
        CHECK(properties[0].name_len == 4 && memcmp(properties[0].name, "even", 4) == 0);
        CHECK(properties[0].value_len == 3 && memcmp(properties[0].value, "yes", 3) == 0);
        CHECK(properties[1].name_len == 0 && properties[1].value_len == 0);
    } else {
        CHECK(view->properties == NULL);
    }
}

static void test_everything_is_seen(void) {
    for (int batching = 0; batching < 2; batching++) {
        struct session session = begin("bulk-seen");
        send_numbers(&session, MESSAGES, batching);
        for (int seen = 0; seen < MESSAGES;) {
            pulsar_rs_received_t *received = receive(session.consumer, 30);
            size_t count = 0;
            const pulsar_rs_view_t *views = pulsar_rs_received_messages(received, &count);
            CHECK_BETWEEN(count, 1, 30);
            for (size_t i = 0; i < count; i++) {
                check_view(received, &views[i], seen++, batching);
            }
            CHECK(pulsar_rs_received_topic(received, 1) == NULL);
            CHECK_OK(pulsar_rs_consumer_acknowledge_received(session.consumer, received, 0, count));
            pulsar_rs_received_free(received);
        }
        pulsar_rs_received_t *received = NULL;
        CHECK_RESULT(pulsar_rs_consumer_receive_bulk(session.consumer, 1, 1, 0, &received), pulsar_result_Timeout);
        CHECK(received == NULL);
        /* All of it is acknowledged for good. */
        end_consumer(session.consumer);
        session.consumer =
            open_consumer(session.client, session.topic, "s", (struct consumer_options){.type = pulsar_ConsumerShared});
        CHECK(next_message(session.consumer, SILENCE_MS) == NULL);
        end(&session);
    }
}

static void test_limits_in_bytes(void) {
    struct session session = begin("bulk-bytes");
    send_numbers(&session, 10, 1);
    pulsar_rs_received_t *received = NULL;
    size_t count = 0;
    /* One at least, however large it is. */
    REQUIRE_OK(pulsar_rs_consumer_receive_bulk(session.consumer, 100, 0, ANSWER_MS, &received));
    pulsar_rs_received_messages(received, &count);
    CHECK_INT(count, 1);
    pulsar_rs_received_free(received);
    REQUIRE_OK(pulsar_rs_consumer_receive_bulk(session.consumer, 100, 4, ANSWER_MS, &received));
    pulsar_rs_received_messages(received, &count);
    CHECK_INT(count, 4);
    pulsar_rs_received_free(received);
    end(&session);
}

static void test_some_are_acknowledged_and_some_come_again(void) {
    struct session session = begin("bulk-some");
    send_numbers(&session, 10, 1);
    pulsar_rs_received_t *received = receive(session.consumer, 10);
    size_t count = 0;
    const pulsar_rs_view_t *views = pulsar_rs_received_messages(received, &count);
    REQUIRE(count == 10);
    CHECK_OK(pulsar_rs_consumer_acknowledge_received(session.consumer, received, 0, 4));
    pulsar_rs_position_t kept[3];
    for (int i = 0; i < 3; i++) {
        kept[i] = views[4 + i].position;
    }
    /* A message by itself outlives the list. */
    pulsar_message_t *alone = pulsar_rs_received_message(received, 7);
    CHECK(pulsar_rs_received_message(received, 10) == NULL);
    CHECK_OK(pulsar_rs_consumer_negative_acknowledge_received(session.consumer, received, 8, SIZE_MAX));
    pulsar_rs_received_free(received);
    CHECK_OK(pulsar_rs_consumer_acknowledge_positions(session.consumer, NULL, kept, 3));
    CHECK_OK(pulsar_consumer_acknowledge(session.consumer, alone));
    pulsar_message_free(alone);
    bool came[10] = {false};
    for (int again = 0; again < 2;) {
        received = receive(session.consumer, 10);
        views = pulsar_rs_received_messages(received, &count);
        for (size_t i = 0; i < count; i++, again++) {
            came[number_of(&views[i])] = true;
            CHECK_INT(views[i].redelivery_count, 1);
        }
        CHECK_OK(pulsar_rs_consumer_acknowledge_positions(session.consumer, session.topic, &views[0].position, 0));
        CHECK_OK(pulsar_rs_consumer_acknowledge_received(session.consumer, received, 0, count));
        pulsar_rs_received_free(received);
    }
    CHECK(came[8] && came[9]);
    CHECK(next_message(session.consumer, SILENCE_MS) == NULL);
    end(&session);
}

static void test_positions_that_come_again(void) {
    struct session session = begin("bulk-again");
    send_numbers(&session, 3, 0);
    pulsar_rs_position_t positions[3];
    for (int i = 0; i < 3; i++) {
        pulsar_rs_received_t *received = receive(session.consumer, 1);
        positions[i] = pulsar_rs_received_messages(received, NULL)->position;
        pulsar_rs_received_free(received);
    }
    CHECK_OK(pulsar_rs_consumer_negative_acknowledge_positions(session.consumer, NULL, positions, 3));
    CHECK_OK(pulsar_rs_consumer_acknowledge_positions(session.consumer, NULL, positions, 0));
    for (int again = 0; again < 3;) {
        pulsar_rs_received_t *received = receive(session.consumer, 3);
        size_t count = 0;
        pulsar_rs_received_messages(received, &count);
        again += (int)count;
        CHECK_OK(pulsar_rs_consumer_acknowledge_received(session.consumer, received, 0, SIZE_MAX));
        pulsar_rs_received_free(received);
    }
    positions[0].batch_index = 5;
    positions[0].batch_size = 3;
    CHECK_RESULT(pulsar_rs_consumer_acknowledge_positions(session.consumer, NULL, positions, 1),
                 pulsar_result_InvalidMessage);
    CHECK_RESULT(pulsar_rs_consumer_acknowledge_positions(session.consumer, "\xff", positions, 1),
                 pulsar_result_InvalidTopicName);
    positions[0].batch_index = -1;
    CHECK_RESULT(pulsar_rs_consumer_acknowledge_positions(session.consumer, "persistent://a/b/c", positions, 1),
                 pulsar_result_InvalidMessage);
    CHECK_OK(pulsar_rs_consumer_acknowledge_positions(session.consumer, session.topic, positions, 1));
    end(&session);
}

static void test_with_a_completion_queue(void) {
    struct session session = begin("bulk-queued");
    pulsar_rs_completion_queue_t *queue = pulsar_rs_completion_queue_create(4);
    CHECK_RESULT(pulsar_rs_consumer_receive_bulk_queued(session.consumer, 10, SIZE_MAX, 1),
                 pulsar_result_InvalidConfiguration);
    CHECK_OK(pulsar_rs_consumer_set_completion_queue(session.consumer, queue));
    CHECK_RESULT(pulsar_rs_consumer_receive_bulk_queued(session.consumer, 0, SIZE_MAX, 1),
                 pulsar_result_InvalidConfiguration);
    /* Before there is anything. */
    CHECK_OK(pulsar_rs_consumer_receive_bulk_queued(session.consumer, MESSAGES, SIZE_MAX, 7));
    send_numbers(&session, MESSAGES, 1);
    for (int seen = 0; seen < MESSAGES;) {
        pulsar_rs_completion_t done;
        REQUIRE(pulsar_rs_completion_queue_wait(queue, &done, 1, ANSWER_MS) == 1);
        CHECK_INT(done.token, 7);
        REQUIRE_OK(done.result);
        size_t count = 0;
        const pulsar_rs_view_t *views = pulsar_rs_received_messages(done.object, &count);
        for (size_t i = 0; i < count; i++) {
            check_view(done.object, &views[i], seen++, 1);
        }
        CHECK_OK(pulsar_rs_consumer_acknowledge_received(session.consumer, done.object, 0, count));
        pulsar_rs_received_free(done.object);
        if (seen < MESSAGES) {
            CHECK_OK(pulsar_rs_consumer_receive_bulk_queued(session.consumer, MESSAGES, SIZE_MAX, 7));
        }
    }
    /* What nobody fetches comes again. */
    send_numbers(&session, 1, 0);
    CHECK_OK(pulsar_rs_consumer_receive_bulk_queued(session.consumer, 1, SIZE_MAX, 8));
    struct pollfd bell = {.fd = pulsar_rs_completion_queue_fd(queue), .events = POLLIN};
    CHECK_INT(poll(&bell, 1, ANSWER_MS), 1);
    pulsar_rs_completion_queue_free(queue);
    pulsar_message_t *again = next_message(session.consumer, ANSWER_MS);
    CHECK(again != NULL);
    pulsar_message_free(again);
    end(&session);
}

static void test_wrong_arguments(void) {
    struct session session = begin("bulk-wrong");
    pulsar_rs_received_t *received = NULL;
    pulsar_message_t *message = pulsar_message_create();
    pulsar_rs_received_t *foreign = (pulsar_rs_received_t *)message;
    CHECK_RESULT(pulsar_rs_consumer_receive_bulk(session.consumer, 0, 1, 0, &received),
                 pulsar_result_InvalidConfiguration);
    CHECK_RESULT(pulsar_rs_consumer_receive_bulk(session.consumer, 1, 1, 0, NULL), pulsar_result_InvalidConfiguration);
    CHECK_RESULT(pulsar_rs_consumer_receive_bulk(NULL, 1, 1, 0, &received), pulsar_result_ConsumerNotInitialized);
    CHECK(received == NULL);
    pulsar_rs_received_t *none[] = {NULL, foreign};
    for (int i = 0; i < 2; i++) {
        size_t count = 5;
        CHECK(pulsar_rs_received_messages(none[i], &count) == NULL);
        CHECK_INT(count, 0);
        CHECK(pulsar_rs_received_topic(none[i], 0) == NULL);
        CHECK(pulsar_rs_received_message(none[i], 0) == NULL);
        CHECK_RESULT(pulsar_rs_consumer_acknowledge_received(session.consumer, none[i], 0, 1),
                     pulsar_result_InvalidMessage);
        CHECK_RESULT(pulsar_rs_consumer_negative_acknowledge_received(session.consumer, none[i], 0, 1),
                     pulsar_result_InvalidMessage);
        pulsar_rs_received_free(none[i]);
    }
    CHECK_OK(pulsar_rs_consumer_acknowledge_positions(session.consumer, NULL, NULL, 5));
    CHECK_INT(pulsar_message_get_length(message), 0);
    pulsar_message_free(message);
    CHECK_OK(pulsar_consumer_close(session.consumer));
    CHECK_RESULT(pulsar_rs_consumer_receive_bulk(session.consumer, 1, 1, -1, &received), pulsar_result_AlreadyClosed);
    end(&session);
}

CHECK_MAIN(TEST(test_everything_is_seen), TEST(test_limits_in_bytes),
           TEST(test_some_are_acknowledged_and_some_come_again), TEST(test_positions_that_come_again),
           TEST(test_with_a_completion_queue), TEST(test_wrong_arguments))
