/* pulsar_rs/client.h: the text of the last failure. */
#include <pulsar_rs/client.h>

#include "../check.h"
#include "../latch.h"
#include "../session.h"

/* The text contains the word; it is freed. */
static void check_last(pulsar_client_t *client, const char *word, int line) {
    char *text = pulsar_rs_client_last_error(client);
    check_that(text && strstr(text, word), __FILE__, line, "\"%s\" is not in the text %s", word, text ? text : "NULL");
    free(text);
}

static void test_texts_say_what_failed(void) {
    pulsar_client_t *client = open_client(check_url);
    pulsar_producer_t *producer = NULL;
    CHECK(pulsar_rs_client_last_error(client) == NULL);
    CHECK_RESULT(pulsar_client_create_producer(client, "a/b", NULL, &producer), pulsar_result_InvalidTopicName);
    check_last(client, "a/b", __LINE__);
    CHECK_RESULT(pulsar_client_create_producer(client, "persistent://public/nowhere/t", NULL, &producer),
                 pulsar_result_TopicNotFound);
    check_last(client, "nowhere", __LINE__);
    /* A success leaves the text. */
    CHECK_OK(pulsar_client_create_producer(client, "c-last-error", NULL, &producer));
    check_last(client, "nowhere", __LINE__);
    end_producer(producer);
    CHECK_OK(pulsar_client_close(client));
    CHECK_RESULT(pulsar_client_close(client), pulsar_result_AlreadyClosed);
    check_last(client, "closed", __LINE__);
    pulsar_client_free(client);
}

static void test_texts_of_connections(void) {
    pulsar_client_t *client = open_client_for("pulsar://127.0.0.1:1", 1);
    pulsar_producer_t *producer = NULL;
    CHECK_RESULT(pulsar_client_create_producer(client, "t", NULL, &producer), pulsar_result_Timeout);
    check_last(client, "127.0.0.1:1", __LINE__);
    check_last(client, "refused", __LINE__);
    end_client(client);
    client = open_client_for("nothing", 1);
    check_last(client, "nothing", __LINE__);
    end_client(client);
}

static void on_closed(pulsar_result result, void *context) {
    CHECK_RESULT(result, pulsar_result_AlreadyClosed);
    latch_raise(context);
}

static void test_texts_of_asynchronous_closes(void) {
    pulsar_client_t *client = open_client(check_url);
    struct latch closed = LATCH_INIT;
    CHECK_OK(pulsar_client_close(client));
    CHECK(pulsar_rs_client_last_error(client) == NULL);
    pulsar_client_close_async(client, on_closed, &closed);
    CHECK(latch_wait(&closed, 1, ANSWER_MS));
    check_last(client, "closed", __LINE__);
    pulsar_client_free(client);
}

static void test_null_and_foreign(void) {
    pulsar_message_t *message = pulsar_message_create();
    CHECK(pulsar_rs_client_last_error(NULL) == NULL);
    check_last((pulsar_client_t *)message, "handle", __LINE__);
    pulsar_message_free(message);
}

CHECK_MAIN(TEST(test_texts_say_what_failed), TEST(test_texts_of_connections),
           TEST(test_texts_of_asynchronous_closes), TEST(test_null_and_foreign))
