/* pulsar/c/reader_configuration.h, pulsar_rs/reader_configuration.h */
#include <pulsar/c/message.h>
#include <pulsar/c/reader_configuration.h>
#include <pulsar_rs/reader_configuration.h>

#include "check.h"

static void forget(pulsar_reader_t *reader, pulsar_message_t *message, void *context) {
    (void)reader, (void)context;
    pulsar_message_free(message);
}

static void test_defaults_and_what_is_set(void) {
    pulsar_reader_configuration_t *conf = pulsar_reader_configuration_create();
    REQUIRE(conf != NULL);
    CHECK_INT(pulsar_reader_configuration_has_reader_listener(conf), 0);
    CHECK_INT(pulsar_reader_configuration_get_receiver_queue_size(conf), 1000);
    CHECK_TEXT(pulsar_reader_configuration_get_reader_name(conf), "");
    CHECK_TEXT(pulsar_reader_configuration_get_subscription_role_prefix(conf), "");
    CHECK_INT(pulsar_reader_configuration_is_read_compacted(conf), 0);
    CHECK_INT(pulsar_reader_configuration_get_crypto_failure_action(conf), pulsar_ConsumerFail);
    CHECK_INT(pulsar_rs_reader_configuration_is_start_message_id_inclusive(conf), 0);
    CHECK_TEXT(pulsar_rs_reader_configuration_get_subscription_name(conf), "");

    pulsar_reader_configuration_set_reader_listener(conf, forget, NULL);
    pulsar_reader_configuration_set_receiver_queue_size(conf, 7);
    pulsar_reader_configuration_set_reader_name(conf, "name");
    pulsar_reader_configuration_set_subscription_role_prefix(conf, "prefix");
    pulsar_reader_configuration_set_read_compacted(conf, -1);
    pulsar_reader_configuration_set_crypto_failure_action(conf, pulsar_ConsumerConsume);
    pulsar_rs_reader_configuration_set_start_message_id_inclusive(conf, 2);
    pulsar_rs_reader_configuration_set_subscription_name(conf, "subscription");
    CHECK_INT(pulsar_reader_configuration_has_reader_listener(conf), 1);
    CHECK_INT(pulsar_reader_configuration_get_receiver_queue_size(conf), 7);
    CHECK_TEXT(pulsar_reader_configuration_get_reader_name(conf), "name");
    CHECK_TEXT(pulsar_reader_configuration_get_subscription_role_prefix(conf), "prefix");
    CHECK_INT(pulsar_reader_configuration_is_read_compacted(conf), 1);
    CHECK_INT(pulsar_reader_configuration_get_crypto_failure_action(conf), pulsar_ConsumerConsume);
    CHECK_INT(pulsar_rs_reader_configuration_is_start_message_id_inclusive(conf), 1);
    CHECK_TEXT(pulsar_rs_reader_configuration_get_subscription_name(conf), "subscription");

    pulsar_reader_configuration_set_reader_listener(conf, NULL, NULL);
    CHECK_INT(pulsar_reader_configuration_has_reader_listener(conf), 0);
    pulsar_reader_configuration_free(conf);
}

static void test_wrong_arguments_change_nothing(void) {
    pulsar_reader_configuration_t *conf = pulsar_reader_configuration_create();
    pulsar_reader_configuration_set_reader_name(conf, "name");
    pulsar_reader_configuration_set_reader_name(conf, NULL);
    CHECK_TEXT(pulsar_reader_configuration_get_reader_name(conf), "name");
    pulsar_reader_configuration_set_subscription_role_prefix(conf, NULL);
    CHECK_TEXT(pulsar_reader_configuration_get_subscription_role_prefix(conf), "");
    pulsar_reader_configuration_set_crypto_failure_action(conf, (pulsar_consumer_crypto_failure_action)77);
    CHECK_INT(pulsar_reader_configuration_get_crypto_failure_action(conf), pulsar_ConsumerFail);
    pulsar_reader_configuration_free(conf);
}

static void test_null(void) {
    pulsar_reader_configuration_set_reader_listener(NULL, forget, NULL);
    pulsar_reader_configuration_set_receiver_queue_size(NULL, 7);
    pulsar_reader_configuration_set_reader_name(NULL, "name");
    pulsar_reader_configuration_set_subscription_role_prefix(NULL, "prefix");
    pulsar_reader_configuration_set_read_compacted(NULL, 1);
    pulsar_reader_configuration_set_crypto_failure_action(NULL, pulsar_ConsumerConsume);
    pulsar_rs_reader_configuration_set_start_message_id_inclusive(NULL, 1);
    pulsar_rs_reader_configuration_set_subscription_name(NULL, "subscription");
    CHECK_INT(pulsar_reader_configuration_has_reader_listener(NULL), 0);
    CHECK_INT(pulsar_reader_configuration_get_receiver_queue_size(NULL), 0);
    CHECK_TEXT(pulsar_reader_configuration_get_reader_name(NULL), "");
    CHECK_TEXT(pulsar_reader_configuration_get_subscription_role_prefix(NULL), "");
    CHECK_INT(pulsar_reader_configuration_is_read_compacted(NULL), 0);
    CHECK_INT(pulsar_reader_configuration_get_crypto_failure_action(NULL), pulsar_ConsumerFail);
    CHECK_INT(pulsar_rs_reader_configuration_is_start_message_id_inclusive(NULL), 0);
    CHECK_TEXT(pulsar_rs_reader_configuration_get_subscription_name(NULL), "");
    pulsar_reader_configuration_free(NULL);
}

CHECK_MAIN(TEST(test_defaults_and_what_is_set), TEST(test_wrong_arguments_change_nothing), TEST(test_null))
