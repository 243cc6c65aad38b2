/* pulsar/c/messages.h: what a batch receive returns. */
#include <pulsar/c/messages.h>

#include "check.h"
#include "session.h"

static void test_a_list_of_messages(void) {
    static const pulsar_consumer_batch_receive_policy_t ten = {10, -1, ANSWER_MS};
    pulsar_client_t *client = open_client(check_url);
    char topic[TOPIC_SIZE], text[40];
    struct producer_options batching = {.batching = true};
    unique_topic(topic, "messages");
    pulsar_producer_t *producer = open_producer(client, topic, batching);
    pulsar_consumer_t *consumer = open_consumer(client, topic, "s", (struct consumer_options){.policy = &ten});
    CHECK_OK(send_numbered(producer, 10));
    pulsar_messages_t *messages = NULL;
    REQUIRE_OK(pulsar_consumer_batch_receive(consumer, &messages));
    CHECK_INT(pulsar_messages_size(messages), 10);
    for (size_t i = 0; i < pulsar_messages_size(messages); i++) {
        char expected[32];
        snprintf(expected, sizeof(expected), "m%zu", i);
        pulsar_message_t *message = pulsar_messages_get(messages, i);
        CHECK(message == pulsar_messages_get(messages, i));
        CHECK_TEXT(content(message, text, sizeof(text)), expected);
        CHECK_OK(pulsar_consumer_acknowledge(consumer, message));
    }
    CHECK(pulsar_messages_get(messages, 10) == NULL);
    CHECK(pulsar_messages_get(messages, (size_t)-1) == NULL);

    /* A copy of a message of the list outlives it, and all else. */
    pulsar_message_t *copy = pulsar_message_create();
    pulsar_message_copy(pulsar_messages_get(messages, 3), copy);
    pulsar_messages_free(messages);
    end_consumer(consumer);
    end_producer(producer);
    end_client(client);
    CHECK_TEXT(content(copy, text, sizeof(text)), "m3");
    CHECK_TEXT(pulsar_message_get_topic_name(copy), topic);
    pulsar_message_free(copy);
}

static void test_null_and_foreign(void) {
    pulsar_message_t *message = pulsar_message_create();
    pulsar_messages_t *others[] = {NULL, (pulsar_messages_t *)message};
    for (int i = 0; i < 2; i++) {
        CHECK_INT(pulsar_messages_size(others[i]), 0);
        CHECK(pulsar_messages_get(others[i], 0) == NULL);
        pulsar_messages_free(others[i]);
    }
    CHECK_INT(pulsar_message_get_length(message), 0);
    pulsar_message_free(message);
}

CHECK_MAIN(TEST(test_a_list_of_messages), TEST(test_null_and_foreign))
