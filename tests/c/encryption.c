/* Encryption with keys in files, as the established API has it. */
#include <pulsar/c/client.h>

#include "check.h"
#include "keys.h"
#include "latch.h"
#include "session.h"

static struct key_files keys;

static pulsar_producer_t *encrypting_producer(pulsar_client_t *client, const char *topic, const char *public_key,
                                              pulsar_producer_crypto_failure_action action, bool batching) {
    struct producer_options options = {.batching = batching, .batch_messages = 10, .batch_delay_ms = 10000};
    pulsar_producer_configuration_t *conf = producer_configuration(options);
    pulsar_producer_configuration_set_compression_type(conf, pulsar_CompressionLZ4);
    pulsar_producer_configuration_set_default_crypto_key_reader(conf, public_key, NULL);
    pulsar_producer_configuration_set_encryption_key(conf, "c-test");
    pulsar_producer_configuration_set_encryption_key(conf, "c-test");
    pulsar_producer_configuration_set_crypto_failure_action(conf, action);
    CHECK_INT(pulsar_producer_is_encryption_enabled(conf), 1);
    pulsar_producer_t *producer = NULL;
    REQUIRE_OK(pulsar_client_create_producer(client, topic, conf, &producer));
    pulsar_producer_configuration_free(conf);
    return producer;
}

static pulsar_consumer_t *decrypting_consumer(pulsar_client_t *client, const char *topic, const char *subscription,
                                              const char *private_key, pulsar_consumer_crypto_failure_action action) {
    pulsar_consumer_configuration_t *conf = consumer_configuration((struct consumer_options){0});
    if (private_key) {
        pulsar_consumer_configuration_set_default_crypto_key_reader(conf, NULL, private_key);
    }
    CHECK_INT(pulsar_consumer_is_encryption_enabled(conf), private_key != NULL);
    pulsar_consumer_configuration_set_crypto_failure_action(conf, action);
    pulsar_consumer_t *consumer = NULL;
    REQUIRE_OK(pulsar_client_subscribe(client, topic, subscription, conf, &consumer));
    pulsar_consumer_configuration_free(conf);
    return consumer;
}

static void check_content(pulsar_message_t *message, const char *expected) {
    char text[64];
    REQUIRE(message != NULL);
    CHECK_TEXT(content(message, text, sizeof(text)), expected);
    pulsar_message_free(message);
}

static void test_messages_come_as_they_went(void) {
    for (int batching = 0; batching < 2; batching++) {
        char topic[TOPIC_SIZE], expected[16];
        pulsar_client_t *client = open_client(check_url);
        unique_topic(topic, "encrypted");
        pulsar_consumer_t *consumer = decrypting_consumer(client, topic, "s", keys.private_key, pulsar_ConsumerFail);
        pulsar_consumer_t *other = decrypting_consumer(client, topic, "other", NULL, pulsar_ConsumerConsume);
        pulsar_producer_t *producer = encrypting_producer(client, topic, keys.public_key, pulsar_ProducerFail, batching);
        CHECK_OK(send_numbered(producer, 10));
        for (int i = 0; i < 10; i++) {
            snprintf(expected, sizeof(expected), "m%d", i);
            check_content(next_message(consumer, ANSWER_MS), expected);
        }
        /* Who has no key sees something, but not that; of a batch one message. */
        for (int i = 0; i < (batching ? 1 : 10); i++) {
            pulsar_message_t *message = next_message(other, ANSWER_MS);
            REQUIRE(message != NULL);
            CHECK(pulsar_message_get_length(message) > 16);
            pulsar_message_free(message);
        }
        CHECK(next_message(other, SILENCE_MS) == NULL);

        pulsar_reader_configuration_t *conf = pulsar_reader_configuration_create();
        pulsar_reader_configuration_set_default_crypto_key_reader(conf, NULL, keys.private_key);
        pulsar_reader_t *reader = NULL;
        REQUIRE_OK(pulsar_client_create_reader(client, topic, pulsar_message_id_earliest(), conf, &reader));
        pulsar_message_t *message = NULL;
        CHECK_OK(pulsar_reader_read_next_with_timeout(reader, &message, ANSWER_MS));
        check_content(message, "m0");
        pulsar_reader_close(reader);
        pulsar_reader_free(reader);
        pulsar_reader_configuration_free(conf);
        end_producer(producer);
        end_consumer(consumer);
        end_consumer(other);
        end_client(client);
    }
}

static void test_keys_that_cannot_be_read(void) {
    char topic[TOPIC_SIZE];
    pulsar_client_t *client = open_client(check_url);
    unique_topic(topic, "unreadable");
    const char *paths[] = {"/nowhere/public.pem", "/dev/null", NULL};
    for (size_t i = 0; i < 3; i++) {
        pulsar_producer_t *producer = encrypting_producer(client, topic, paths[i], pulsar_ProducerFail, i == 1);
        CHECK_RESULT(send_text(producer, "secret"), pulsar_result_CryptoError);
        end_producer(producer);
    }
    pulsar_consumer_t *none = decrypting_consumer(client, topic, "none", "/nowhere/private.pem", pulsar_ConsumerDiscard);
    pulsar_producer_t *sealed = encrypting_producer(client, topic, keys.public_key, pulsar_ProducerFail, false);
    CHECK_OK(send_text(sealed, "secret"));
    pulsar_producer_t *open = encrypting_producer(client, topic, "/nowhere", pulsar_ProducerSend, false);
    CHECK_OK(send_text(open, "public"));
    /* The first is discarded, the second is readable for everybody. */
    check_content(next_message(none, ANSWER_MS), "public");
    end_producer(sealed);
    end_producer(open);
    end_consumer(none);
    end_client(client);
}

static void test_configurations(void) {
    pulsar_producer_configuration_t *conf = pulsar_producer_configuration_create();
    CHECK_INT(pulsar_producer_configuration_get_crypto_failure_action(conf), pulsar_ProducerFail);
    pulsar_producer_configuration_set_encryption_key(conf, NULL);
    pulsar_producer_configuration_set_default_crypto_key_reader(conf, "a", "b");
    CHECK_INT(pulsar_producer_is_encryption_enabled(conf), 0);
    pulsar_producer_configuration_set_encryption_key(conf, "k");
    CHECK_INT(pulsar_producer_is_encryption_enabled(conf), 1);
    pulsar_producer_configuration_set_crypto_failure_action(conf, pulsar_ProducerSend);
    pulsar_producer_configuration_set_crypto_failure_action(conf, (pulsar_producer_crypto_failure_action)2);
    CHECK_INT(pulsar_producer_configuration_get_crypto_failure_action(conf), pulsar_ProducerSend);
    pulsar_producer_configuration_free(conf);
    conf = pulsar_producer_configuration_create();
    pulsar_producer_configuration_set_encryption_key(conf, "k");
    CHECK_INT(pulsar_producer_is_encryption_enabled(conf), 0);
    pulsar_producer_configuration_free(conf);
    CHECK_INT(pulsar_producer_is_encryption_enabled(NULL), 0);
    CHECK_INT(pulsar_producer_configuration_get_crypto_failure_action(NULL), pulsar_ProducerFail);
    pulsar_producer_configuration_set_crypto_failure_action(NULL, pulsar_ProducerSend);
    pulsar_producer_configuration_set_encryption_key(NULL, "k");
    pulsar_producer_configuration_set_default_crypto_key_reader(NULL, "a", "b");
    pulsar_consumer_configuration_set_default_crypto_key_reader(NULL, "a", "b");
    pulsar_reader_configuration_set_default_crypto_key_reader(NULL, "a", "b");
    CHECK_INT(pulsar_consumer_is_encryption_enabled(NULL), 0);
    keys = make_keys();
}

static void count_warnings_of_plain_text(pulsar_logger_level_t level, const char *file, int line, const char *message,
                                         void *context) {
    (void)file;
    (void)line;
    if (level == pulsar_ERROR && strstr(message, "UNENCRYPTED")) {
        latch_raise(context);
    }
}

static void test_keys_without_a_reader_are_told_of(void) {
    static struct latch warnings = LATCH_INIT;
    pulsar_client_configuration_t *client_conf = pulsar_client_configuration_create();
    pulsar_client_configuration_set_logger(client_conf, count_warnings_of_plain_text, &warnings);
    pulsar_client_t *client = pulsar_client_create(check_url, client_conf);
    pulsar_client_configuration_free(client_conf);
    for (int named = 0; named < 2; named++) {
        char topic[TOPIC_SIZE];
        unique_topic(topic, "plain");
        pulsar_producer_configuration_t *conf = pulsar_producer_configuration_create();
        if (named) {
            pulsar_producer_configuration_set_encryption_key(conf, "c-test");
        }
        pulsar_producer_t *producer = NULL;
        REQUIRE_OK(pulsar_client_create_producer(client, topic, conf, &producer));
        pulsar_producer_configuration_free(conf);
        CHECK(latch_wait(&warnings, named, ANSWER_MS));
        CHECK_OK(send_numbered(producer, 3));
        end_producer(producer);
    }
    end_client(client);
    CHECK_INT(latch_count(&warnings), 1);
}

static void test_the_keys_go(void) {
    remove_keys(&keys);
    CHECK(access(keys.folder, F_OK) != 0);
}

CHECK_MAIN(TEST(test_configurations), TEST(test_messages_come_as_they_went), TEST(test_keys_that_cannot_be_read),
           TEST(test_keys_without_a_reader_are_told_of), TEST(test_the_keys_go))
