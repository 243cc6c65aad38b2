/* pulsar_rs/consumer.h: the text of the last failure. */
#include <pulsar_rs/consumer.h>

#include "../check.h"
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

static void test_null_and_foreign(void) {
    pulsar_message_t *message = pulsar_message_create();
    CHECK(pulsar_rs_consumer_last_error(NULL) == NULL);
    check_last((pulsar_consumer_t *)message, "handle", __LINE__);
    pulsar_message_free(message);
}

CHECK_MAIN(TEST(test_texts_say_what_failed), TEST(test_null_and_foreign))
