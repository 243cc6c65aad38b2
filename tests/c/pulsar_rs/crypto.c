/* pulsar_rs/crypto.h: keys from functions of the program; and what messages tell of their encryption. */
#include <pulsar_rs/crypto.h>
#include <pulsar_rs/message.h>
#include <pulsar_rs/producer.h>

#include "../check.h"
#include "../keys.h"
#include "../session.h"

struct keyring {
    char public_pem[8192];
    char private_pem[8192];
    int asked[2];
    int freed;
    bool metadata_came;
};

static void load(const char *path, char *text, size_t size) {
    FILE *file = fopen(path, "r");
    REQUIRE(file != NULL);
    text[fread(text, 1, size - 1, file)] = 0;
    fclose(file);
}

static struct keyring *new_keyring(void) {
    struct key_files files = make_keys();
    struct keyring *keyring = calloc(1, sizeof(*keyring));
    load(files.public_key, keyring->public_pem, sizeof(keyring->public_pem));
    load(files.private_key, keyring->private_pem, sizeof(keyring->private_pem));
    remove_keys(&files);
    return keyring;
}

static pulsar_result public_key(const char *name, pulsar_string_map_t *metadata, pulsar_rs_crypto_key_t *key, void *ctx) {
    struct keyring *keyring = ctx;
    __atomic_add_fetch(&keyring->asked[0], 1, __ATOMIC_SEQ_CST);
    if (strcmp(name, "mine") != 0 || pulsar_string_map_size(metadata) != 0) {
        return pulsar_result_CryptoError;
    }
    pulsar_rs_crypto_key_set_metadata(key, "version", "1");
    pulsar_rs_crypto_key_set_metadata(key, "version", "2");
    pulsar_rs_crypto_key_set_metadata(key, NULL, "3");
    pulsar_rs_crypto_key_set_pem(key, keyring->public_pem, strlen(keyring->public_pem));
    return pulsar_result_Ok;
}

static pulsar_result private_key(const char *name, pulsar_string_map_t *metadata, pulsar_rs_crypto_key_t *key, void *ctx) {
    struct keyring *keyring = ctx;
    __atomic_add_fetch(&keyring->asked[1], 1, __ATOMIC_SEQ_CST);
    const char *version = pulsar_string_map_get(metadata, "version");
    keyring->metadata_came = version && strcmp(version, "2") == 0;
    pulsar_rs_crypto_key_set_pem(key, keyring->private_pem, strlen(keyring->private_pem));
    return strcmp(name, "mine") == 0 ? pulsar_result_Ok : (pulsar_result)12345;
}

static void free_keyring(void *ctx) {
    struct keyring *keyring = ctx;
    __atomic_add_fetch(&keyring->freed, 1, __ATOMIC_SEQ_CST);
}

static pulsar_producer_t *producer_with(pulsar_client_t *client, const char *topic, const char *name,
                                        pulsar_rs_crypto_key_reader_t *reader) {
    pulsar_producer_configuration_t *conf = producer_configuration((struct producer_options){0});
    pulsar_rs_producer_configuration_set_crypto_key_reader(conf, reader);
    pulsar_producer_configuration_set_encryption_key(conf, name);
    CHECK_INT(pulsar_producer_is_encryption_enabled(conf), reader != NULL);
    pulsar_producer_t *producer = NULL;
    REQUIRE_OK(pulsar_client_create_producer(client, topic, conf, &producer));
    pulsar_producer_configuration_free(conf);
    return producer;
}

static pulsar_consumer_t *consumer_with(pulsar_client_t *client, const char *topic, const char *subscription,
                                        pulsar_rs_crypto_key_reader_t *reader) {
    pulsar_consumer_configuration_t *conf = consumer_configuration((struct consumer_options){0});
    pulsar_rs_consumer_configuration_set_crypto_key_reader(conf, reader);
    pulsar_consumer_configuration_set_crypto_failure_action(conf, pulsar_ConsumerConsume);
    CHECK_INT(pulsar_consumer_is_encryption_enabled(conf), reader != NULL);
    pulsar_consumer_t *consumer = NULL;
    REQUIRE_OK(pulsar_client_subscribe(client, topic, subscription, conf, &consumer));
    pulsar_consumer_configuration_free(conf);
    return consumer;
}

static void check_context(pulsar_message_t *message, int is_encrypted) {
    size_t length = 99;
    CHECK_INT(pulsar_rs_message_is_encrypted(message), is_encrypted);
    CHECK_INT(pulsar_rs_message_encryption_key_count(message), 1);
    const void *name = pulsar_rs_message_encryption_key_name(message, 0, &length);
    CHECK(length == 4 && memcmp(name, "mine", 4) == 0);
    CHECK(pulsar_rs_message_encryption_key_value(message, 0, &length) != NULL);
    CHECK_INT(length, 256);
    CHECK(pulsar_rs_message_encryption_key_value(message, 1, &length) == NULL);
    CHECK_INT(length, 0);
    CHECK(pulsar_rs_message_encryption_param(message, &length) != NULL);
    CHECK_INT(length, 12);
    CHECK(pulsar_rs_message_encryption_algorithm(message, &length) == NULL);
    CHECK_INT(pulsar_rs_message_encryption_compression(message), pulsar_CompressionNone);
    CHECK_INT(pulsar_rs_message_encryption_uncompressed_size(message), 5);
    CHECK_INT(pulsar_rs_message_encryption_batch_size(message), 0);
    pulsar_string_map_t *metadata = pulsar_rs_message_encryption_key_metadata(message, 0);
    CHECK_TEXT(pulsar_string_map_get(metadata, "version"), "2");
    pulsar_string_map_free(metadata);
    CHECK(pulsar_rs_message_encryption_key_metadata(message, 1) == NULL);
}

static void test_keys_from_functions(void) {
    char topic[TOPIC_SIZE], text[64];
    struct keyring *keyring = new_keyring();
    pulsar_rs_crypto_key_reader_t *reader =
        pulsar_rs_crypto_key_reader_create(public_key, private_key, keyring, free_keyring);
    pulsar_client_t *client = open_client(check_url);
    unique_topic(topic, "rs-crypto");
    pulsar_consumer_t *consumer = consumer_with(client, topic, "s", reader);
    pulsar_consumer_t *other = consumer_with(client, topic, "other", NULL);
    pulsar_producer_t *producer = producer_with(client, topic, "mine", reader);
    pulsar_producer_t *stranger = producer_with(client, topic, "yours", reader);
    pulsar_table_view_configuration_t *view_conf = pulsar_table_view_configuration_create();
    pulsar_rs_table_view_configuration_set_crypto_key_reader(view_conf, reader);
    pulsar_reader_configuration_t *reader_conf = pulsar_reader_configuration_create();
    pulsar_rs_reader_configuration_set_crypto_key_reader(reader_conf, reader);
    pulsar_rs_crypto_key_reader_free(reader);
    pulsar_message_t *message = text_message("hello");
    pulsar_message_set_partition_key(message, "key");
    CHECK_OK(pulsar_producer_send(producer, message));
    CHECK_INT(pulsar_rs_message_encryption_key_count(message), 0);
    pulsar_message_free(message);
    CHECK_RESULT(send_text(stranger, "hello"), pulsar_result_CryptoError);

    message = next_message(consumer, ANSWER_MS);
    REQUIRE(message != NULL);
    CHECK_TEXT(content(message, text, sizeof(text)), "hello");
    check_context(message, 0);
    pulsar_message_free(message);
    CHECK(keyring->metadata_came);
    CHECK_INT(keyring->asked[1], 1);
    message = next_message(other, ANSWER_MS);
    REQUIRE(message != NULL);
    CHECK_INT(pulsar_message_get_length(message), 5 + 16);
    check_context(message, 1);
    pulsar_message_free(message);

    pulsar_reader_t *topic_reader = NULL;
    REQUIRE_OK(pulsar_client_create_reader(client, topic, pulsar_message_id_earliest(), reader_conf, &topic_reader));
    CHECK_OK(pulsar_reader_read_next_with_timeout(topic_reader, &message, ANSWER_MS));
    CHECK_TEXT(content(message, text, sizeof(text)), "hello");
    pulsar_message_free(message);
    pulsar_table_view_t *view = NULL;
    REQUIRE_OK(pulsar_client_create_table_view(client, topic, view_conf, &view));
    void *value = NULL;
    size_t size = 0;
    CHECK_INT(pulsar_table_view_get_value(view, "key", &value, &size), 1);
    CHECK(size == 5 && memcmp(value, "hello", 5) == 0);
    free(value);

    pulsar_table_view_free(view);
    pulsar_reader_close(topic_reader);
    pulsar_reader_free(topic_reader);
    pulsar_table_view_configuration_free(view_conf);
    pulsar_reader_configuration_free(reader_conf);
    end_producer(producer);
    end_producer(stranger);
    end_consumer(other);
    end_consumer(consumer);
    CHECK_BETWEEN(__atomic_load_n(&keyring->freed, __ATOMIC_SEQ_CST), 0, 1);
    end_client(client);
    /* Nothing has the functions any more. */
    CHECK_INT(__atomic_load_n(&keyring->freed, __ATOMIC_SEQ_CST), 1);
    free(keyring);
}

static void test_null_and_foreign(void) {
    size_t length = 99;
    pulsar_rs_crypto_key_reader_free(NULL);
    pulsar_rs_crypto_key_reader_free(pulsar_rs_crypto_key_reader_create(NULL, NULL, NULL, NULL));
    pulsar_rs_crypto_key_set_pem(NULL, "x", 1);
    pulsar_rs_crypto_key_set_metadata(NULL, "x", "y");
    pulsar_rs_producer_configuration_set_crypto_key_reader(NULL, NULL);
    pulsar_rs_consumer_configuration_set_crypto_key_reader(NULL, NULL);
    pulsar_rs_reader_configuration_set_crypto_key_reader(NULL, NULL);
    pulsar_rs_table_view_configuration_set_crypto_key_reader(NULL, NULL);
    pulsar_message_t *made = text_message("made");
    pulsar_message_t *messages[] = {NULL, made};
    for (int i = 0; i < 2; i++) {
        CHECK_INT(pulsar_rs_message_is_encrypted(messages[i]), 0);
        CHECK_INT(pulsar_rs_message_encryption_key_count(messages[i]), 0);
        CHECK(pulsar_rs_message_encryption_key_name(messages[i], 0, NULL) == NULL);
        CHECK(pulsar_rs_message_encryption_param(messages[i], &length) == NULL);
        CHECK_INT(length, 0);
        CHECK(pulsar_rs_message_encryption_algorithm(messages[i], NULL) == NULL);
        CHECK(pulsar_rs_message_encryption_key_metadata(messages[i], 0) == NULL);
    }
    pulsar_message_free(made);
}

/* A reader without a function for public keys encrypts nothing, and says so. */
static void test_functions_that_are_missing(void) {
    char topic[TOPIC_SIZE];
    pulsar_client_t *client = open_client(check_url);
    pulsar_rs_crypto_key_reader_t *reader = pulsar_rs_crypto_key_reader_create(NULL, NULL, NULL, NULL);
    pulsar_producer_t *producer = producer_with(client, unique_topic(topic, "rs-missing"), "mine", reader);
    CHECK_RESULT(send_text(producer, "hello"), pulsar_result_CryptoError);
    pulsar_rs_crypto_key_reader_free(reader);
    end_producer(producer);
    end_client(client);
}

CHECK_MAIN(TEST(test_keys_from_functions), TEST(test_functions_that_are_missing), TEST(test_null_and_foreign))
