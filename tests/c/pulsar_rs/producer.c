/* pulsar_rs/producer.h: the text of the last failure. */
#include <pulsar_rs/producer.h>

#include "../check.h"
#include "../session.h"

static void check_last(pulsar_producer_t *producer, const char *word, int line) {
    char *text = pulsar_rs_producer_last_error(producer);
    check_that(text && strstr(text, word), __FILE__, line, "\"%s\" is not in the text %s", word, text ? text : "NULL");
    free(text);
}

static void test_texts_say_what_failed(void) {
    pulsar_client_t *client = open_client(check_url);
    char topic[TOPIC_SIZE];
    pulsar_producer_t *producer =
        open_producer(client, unique_topic(topic, "last-error"), (struct producer_options){0});
    CHECK(pulsar_rs_producer_last_error(producer) == NULL);
    CHECK_RESULT(pulsar_producer_send(producer, NULL), pulsar_result_InvalidMessage);
    check_last(producer, "NULL", __LINE__);

    size_t size = 6 * 1024 * 1024;
    char *bytes = calloc(1, size);
    pulsar_message_t *message = pulsar_message_create();
    pulsar_message_set_allocated_content(message, bytes, size);
    CHECK_RESULT(pulsar_producer_send(producer, message), pulsar_result_MessageTooBig);
    check_last(producer, "6291456", __LINE__);
    pulsar_message_free(message);
    free(bytes);

    CHECK_OK(send_text(producer, "x"));
    CHECK_OK(pulsar_producer_close(producer));
    CHECK_RESULT(send_text(producer, "y"), pulsar_result_AlreadyClosed);
    check_last(producer, "closed", __LINE__);
    pulsar_producer_free(producer);
    end_client(client);
}

static void test_null_and_foreign(void) {
    pulsar_message_t *message = pulsar_message_create();
    CHECK(pulsar_rs_producer_last_error(NULL) == NULL);
    check_last((pulsar_producer_t *)message, "handle", __LINE__);
    pulsar_message_free(message);
}

CHECK_MAIN(TEST(test_texts_say_what_failed), TEST(test_null_and_foreign))
