/* pulsar_rs/consumer.h: the text of the last failure, acknowledging lists, reconsuming later. */
#include <pulsar_rs/consumer.h>
#include <pulsar_rs/consumer_configuration.h>

#include "../check.h"
#include "../latch.h"
#include "../session.h"

static void check_last(pulsar_consumer_t *consumer, const char *word, int line) {
    char *text = pulsar_rs_consumer_last_error(consumer);
    check_that(text && strstr(text, word), __FILE__, line, "\"%s\" is not in the text %s", word, text ? text : "NULL");
    free(text);
}

static void test_texts_say_what_failed(void) {
    pulsar_client_t *client = open_client(check_url);
    char topic[TOPIC_SIZE];
    struct consumer_options shared = {.type = pulsar_ConsumerShared};
    pulsar_consumer_t *consumer = open_consumer(client, unique_topic(topic, "last-error"), "s", shared);
    pulsar_message_t *message = NULL;
    CHECK(pulsar_rs_consumer_last_error(consumer) == NULL);
    CHECK_RESULT(pulsar_consumer_receive_with_timeout(consumer, &message, 10), pulsar_result_Timeout);
    CHECK_RESULT(pulsar_consumer_acknowledge(consumer, NULL), pulsar_result_InvalidMessage);
    check_last(consumer, "message", __LINE__);
    pulsar_message_id_t *id = pulsar_message_id_deserialize("\x08\x01\x10\x01", 4);
    CHECK_RESULT(pulsar_consumer_acknowledge_cumulative_id(consumer, id),
                 pulsar_result_CumulativeAcknowledgementNotAllowedError);
    check_last(consumer, "umulative", __LINE__);
    pulsar_message_id_free(id);
    CHECK_RESULT(resume_message_listener(consumer), pulsar_result_InvalidConfiguration);
    check_last(consumer, "listener", __LINE__);
    CHECK_OK(pulsar_consumer_close(consumer));
    CHECK_RESULT(pulsar_consumer_receive(consumer, &message), pulsar_result_AlreadyClosed);
    check_last(consumer, "closed", __LINE__);
    pulsar_consumer_free(consumer);
    end_client(client);
}

struct place {
    pulsar_client_t *client;
    pulsar_producer_t *producer;
    pulsar_consumer_t *consumer;
    char topic[TOPIC_SIZE];
};

static struct place begin(const char *word, pulsar_consumer_configuration_t *conf) {
    struct place place = {.client = open_client(check_url)};
    unique_topic(place.topic, word);
    REQUIRE_OK(pulsar_client_subscribe(place.client, place.topic, "s", conf, &place.consumer));
    pulsar_consumer_configuration_free(conf);
    place.producer = open_producer(place.client, place.topic, (struct producer_options){0});
    return place;
}

static void end(struct place place) {
    end_producer(place.producer);
    end_consumer(place.consumer);
    end_client(place.client);
}

static pulsar_consumer_configuration_t *shared_configuration(void) {
    return consumer_configuration((struct consumer_options){.type = pulsar_ConsumerShared, .nack_delay_ms = 100});
}

/* What the next consumer gets: everything that was not acknowledged, and no more. */
static void check_left(struct place *place, int first, int count) {
    end_consumer(place->consumer);
    place->consumer = open_consumer(place->client, place->topic, "s", (struct consumer_options){0});
    for (int i = 0; i < count; i++) {
        pulsar_message_t *message = next_message(place->consumer, ANSWER_MS);
        char text[32], expected[32];
        snprintf(expected, sizeof(expected), "m%d", first + i);
        CHECK_TEXT(message ? content(message, text, sizeof(text)) : NULL, expected);
        pulsar_message_free(message);
    }
    CHECK(next_message(place->consumer, SILENCE_MS) == NULL);
}

static void test_lists_are_acknowledged(void) {
    for (int receipts = 0; receipts < 2; receipts++) {
        pulsar_consumer_configuration_t *conf = shared_configuration();
        pulsar_consumer_batch_receive_policy_t ten = {10, -1, ANSWER_MS};
        pulsar_consumer_configuration_set_batch_receive_policy(conf, &ten);
        pulsar_rs_consumer_configuration_set_ack_receipt_enabled(conf, receipts);
        struct place place = begin("lists", conf);
        CHECK_OK(send_numbered(place.producer, 22));
        pulsar_messages_t *messages = NULL;
        REQUIRE_OK(pulsar_consumer_batch_receive(place.consumer, &messages));
        CHECK_INT(pulsar_messages_size(messages), 10);
        CHECK_OK(pulsar_rs_consumer_acknowledge_messages(place.consumer, messages));
        pulsar_messages_free(messages);
        REQUIRE_OK(pulsar_consumer_batch_receive(place.consumer, &messages));
        pulsar_message_id_t *ids[10];
        for (size_t i = 0; i < 10; i++) {
            ids[i] = pulsar_message_get_message_id(pulsar_messages_get(messages, i));
        }
        CHECK_OK(pulsar_rs_consumer_acknowledge_ids(place.consumer, ids, 10));
        CHECK_OK(pulsar_rs_consumer_acknowledge_ids(place.consumer, NULL, 10));
        pulsar_message_id_t *wrong[] = {ids[0], NULL};
        CHECK_RESULT(pulsar_rs_consumer_acknowledge_ids(place.consumer, wrong, 2), pulsar_result_InvalidMessage);
        CHECK_RESULT(pulsar_rs_consumer_acknowledge_messages(place.consumer, NULL), pulsar_result_InvalidMessage);
        check_last(place.consumer, "list", __LINE__);
        for (size_t i = 0; i < 10; i++) {
            pulsar_message_id_free(ids[i]);
        }
        check_left(&place, 20, 2);
        CHECK_OK(pulsar_consumer_close(place.consumer));
        CHECK_RESULT(pulsar_rs_consumer_acknowledge_messages(place.consumer, messages), pulsar_result_AlreadyClosed);
        pulsar_messages_free(messages);
        end(place);
    }
}

static void on_result(pulsar_result result, void *context) {
    CHECK_OK(result);
    latch_raise(context);
}

static void test_receipts(void) {
    pulsar_consumer_configuration_t *conf = consumer_configuration((struct consumer_options){0});
    pulsar_rs_consumer_configuration_set_ack_receipt_enabled(conf, 1);
    struct place place = begin("receipts", conf);
    CHECK_OK(send_numbered(place.producer, 9));
    pulsar_message_t *messages[9];
    for (int i = 0; i < 9; i++) {
        messages[i] = next_message(place.consumer, ANSWER_MS);
        REQUIRE(messages[i] != NULL);
    }
    struct latch called = LATCH_INIT;
    pulsar_message_id_t *id = pulsar_message_get_message_id(messages[1]);
    CHECK_OK(pulsar_consumer_acknowledge(place.consumer, messages[0]));
    CHECK_OK(pulsar_consumer_acknowledge_id(place.consumer, id));
    CHECK_OK(pulsar_consumer_acknowledge(place.consumer, messages[0]));
    pulsar_consumer_acknowledge_async(place.consumer, messages[2], on_result, &called);
    pulsar_consumer_acknowledge_async_id(place.consumer, id, on_result, &called);
    CHECK(latch_wait(&called, 2, ANSWER_MS));
    pulsar_message_id_free(id);
    id = pulsar_message_get_message_id(messages[5]);
    CHECK_OK(pulsar_consumer_acknowledge_cumulative(place.consumer, messages[4]));
    CHECK_OK(pulsar_consumer_acknowledge_cumulative_id(place.consumer, id));
    pulsar_consumer_acknowledge_cumulative_async(place.consumer, messages[6], on_result, &called);
    pulsar_consumer_acknowledge_cumulative_async_id(place.consumer, id, on_result, &called);
    pulsar_consumer_acknowledge_async(place.consumer, messages[7], NULL, NULL);
    CHECK(latch_wait(&called, 4, ANSWER_MS));
    pulsar_message_id_free(id);
    for (int i = 0; i < 9; i++) {
        pulsar_message_free(messages[i]);
    }
    check_left(&place, 8, 1);
    end(place);
}

static void check_retried(struct place place, const char *times, const char *why) {
    pulsar_message_t *message = next_message(place.consumer, ANSWER_MS);
    char text[32];
    REQUIRE(message != NULL);
    CHECK_TEXT(content(message, text, sizeof(text)), "m0");
    CHECK_TEXT(pulsar_message_get_property(message, "RECONSUMETIMES"), times);
    CHECK_TEXT(pulsar_message_get_property(message, "REAL_TOPIC"), place.topic);
    CHECK_TEXT(pulsar_message_get_property(message, "why"), why);
    pulsar_message_free(message);
}

static void test_reconsume_later(void) {
    char retry[TOPIC_SIZE], dead[TOPIC_SIZE];
    unique_topic(retry, "retry");
    unique_topic(dead, "dead");
    pulsar_consumer_config_dead_letter_policy_t policy = {dead, 1, "s"};
    pulsar_consumer_configuration_t *conf = shared_configuration();
    pulsar_consumer_configuration_set_dlq_policy(conf, &policy);
    pulsar_rs_consumer_configuration_set_retry_enabled(conf, 1);
    pulsar_rs_consumer_configuration_set_retry_letter_topic(conf, retry);
    struct place place = begin("later", conf);
    pulsar_consumer_t *retries = open_consumer(place.client, retry, "check", (struct consumer_options){0});
    CHECK_OK(send_numbered(place.producer, 1));
    pulsar_message_t *message = next_message(place.consumer, ANSWER_MS);
    pulsar_message_t *made = text_message("made");
    pulsar_string_map_t *properties = pulsar_string_map_create();
    pulsar_string_map_put(properties, "why", "busy");
    CHECK_RESULT(pulsar_rs_consumer_reconsume_later(place.consumer, NULL, 0, NULL), pulsar_result_InvalidMessage);
    CHECK_RESULT(pulsar_rs_consumer_reconsume_later(place.consumer, made, 0, NULL), pulsar_result_InvalidMessage);
    CHECK_OK(pulsar_rs_consumer_reconsume_later(place.consumer, message, 1, properties));
    struct latch called = LATCH_INIT;
    pulsar_rs_consumer_reconsume_later_async(place.consumer, message, 0, NULL, on_result, &called);
    pulsar_rs_consumer_reconsume_later_async(place.consumer, message, 0, NULL, NULL, NULL);
    CHECK(latch_wait(&called, 1, ANSWER_MS));
    pulsar_string_map_free(properties);
    pulsar_message_free(message);
    pulsar_message_free(made);

    struct place at_retry = place;
    at_retry.consumer = retries;
    check_retried(at_retry, "1", "busy");
    check_retried(at_retry, "1", "");
    end_consumer(retries);
    check_left(&place, 0, 0);
    /* A consumer that is not configured for it. */
    CHECK_OK(send_numbered(place.producer, 1));
    message = next_message(place.consumer, ANSWER_MS);
    CHECK_RESULT(pulsar_rs_consumer_reconsume_later(place.consumer, message, 0, NULL),
                 pulsar_result_OperationNotSupported);
    check_last(place.consumer, "reconsumed", __LINE__);
    pulsar_message_free(message);
    end(place);
}

static void test_null_and_foreign_consumers(void) {
    pulsar_message_t *message = pulsar_message_create();
    pulsar_result wrong = pulsar_result_ConsumerNotInitialized;
    for (int foreign = 0; foreign < 2; foreign++) {
        pulsar_consumer_t *consumer = foreign ? (pulsar_consumer_t *)message : NULL;
        CHECK_RESULT(pulsar_rs_consumer_acknowledge_messages(consumer, NULL), wrong);
        CHECK_RESULT(pulsar_rs_consumer_acknowledge_ids(consumer, NULL, 0), wrong);
        CHECK_RESULT(pulsar_rs_consumer_reconsume_later(consumer, message, 0, NULL), wrong);
        pulsar_rs_consumer_reconsume_later_async(consumer, message, 0, NULL, NULL, NULL);
    }
    pulsar_message_free(message);
}

static void test_null_and_foreign(void) {
    pulsar_message_t *message = pulsar_message_create();
    CHECK(pulsar_rs_consumer_last_error(NULL) == NULL);
    check_last((pulsar_consumer_t *)message, "handle", __LINE__);
    pulsar_message_free(message);
}

CHECK_MAIN(TEST(test_texts_say_what_failed), TEST(test_lists_are_acknowledged), TEST(test_receipts),
           TEST(test_reconsume_later), TEST(test_null_and_foreign_consumers), TEST(test_null_and_foreign))
