/* pulsar_rs/consumer_configuration.h */
#include <pulsar_rs/consumer_configuration.h>

#include "../check.h"
#include "../session.h"

static void test_defaults_and_what_is_set(void) {
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();
    for (int value = 0; value < 3; value++) {
        CHECK_INT(pulsar_rs_consumer_configuration_is_ack_receipt_enabled(conf), value != 0);
        CHECK_INT(pulsar_rs_consumer_configuration_is_retry_enabled(conf), value != 0);
        pulsar_rs_consumer_configuration_set_ack_receipt_enabled(conf, value + 1);
        pulsar_rs_consumer_configuration_set_retry_enabled(conf, value + 1);
    }
    pulsar_consumer_configuration_free(conf);
}

static pulsar_result subscribe(pulsar_client_t *client, pulsar_consumer_configuration_t *conf) {
    char topic[TOPIC_SIZE];
    pulsar_consumer_t *consumer = NULL;
    pulsar_result result = pulsar_client_subscribe(client, unique_topic(topic, "conf"), "s", conf, &consumer);
    pulsar_consumer_free(consumer);
    pulsar_consumer_configuration_free(conf);
    return result;
}

static pulsar_consumer_configuration_t *shared_configuration(void) {
    return consumer_configuration((struct consumer_options){.type = pulsar_ConsumerShared});
}

static void test_values_that_make_no_sense(void) {
    pulsar_client_t *client = open_client(check_url);
    static const struct {
        uint64_t min_ms, max_ms;
        double multiplier;
        pulsar_result result;
    } backoffs[] = {
        {1000, 60000, 2, pulsar_result_Ok},
        {UINT64_MAX, UINT64_MAX, 1e300, pulsar_result_Ok},
        {1000, 999, 2, pulsar_result_InvalidConfiguration},
        {1000, 60000, 0.9, pulsar_result_InvalidConfiguration},
        {1000, 60000, -__builtin_nan(""), pulsar_result_InvalidConfiguration},
        {1000, 60000, __builtin_inf(), pulsar_result_InvalidConfiguration},
    };
    for (size_t i = 0; i < sizeof(backoffs) / sizeof(backoffs[0]); i++) {
        pulsar_consumer_configuration_t *conf = shared_configuration();
        pulsar_rs_consumer_configuration_set_negative_ack_backoff(conf, backoffs[i].min_ms, backoffs[i].max_ms,
                                                                  backoffs[i].multiplier);
        CHECK_RESULT(subscribe(client, conf), backoffs[i].result);
        conf = shared_configuration();
        pulsar_rs_consumer_configuration_set_ack_timeout_backoff(conf, backoffs[i].min_ms, backoffs[i].max_ms,
                                                                 backoffs[i].multiplier);
        CHECK_RESULT(subscribe(client, conf), backoffs[i].result);
    }
    pulsar_consumer_configuration_t *conf = shared_configuration();
    pulsar_rs_consumer_configuration_set_retry_enabled(conf, 1);
    pulsar_rs_consumer_configuration_set_retry_letter_topic(conf, "no://such/name");
    CHECK_RESULT(subscribe(client, conf), pulsar_result_InvalidTopicName);
    conf = shared_configuration();
    pulsar_rs_consumer_configuration_set_retry_enabled(conf, 1);
    pulsar_rs_consumer_configuration_set_retry_letter_topic(conf, "\xff");
    CHECK_RESULT(subscribe(client, conf), pulsar_result_InvalidConfiguration);
    end_client(client);
}

static void use_everything(pulsar_consumer_configuration_t *conf) {
    pulsar_rs_consumer_configuration_set_ack_receipt_enabled(conf, 1);
    CHECK_INT(pulsar_rs_consumer_configuration_is_ack_receipt_enabled(conf), 0);
    pulsar_rs_consumer_configuration_set_negative_ack_backoff(conf, 1, 2, 3);
    pulsar_rs_consumer_configuration_set_ack_timeout_backoff(conf, 1, 2, 3);
    pulsar_rs_consumer_configuration_set_retry_enabled(conf, 1);
    CHECK_INT(pulsar_rs_consumer_configuration_is_retry_enabled(conf), 0);
    pulsar_rs_consumer_configuration_set_retry_letter_topic(conf, "t");
}

static void test_null_and_foreign(void) {
    pulsar_message_t *message = pulsar_message_create();
    use_everything(NULL);
    use_everything((pulsar_consumer_configuration_t *)message);
    pulsar_message_free(message);
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();
    pulsar_rs_consumer_configuration_set_retry_letter_topic(conf, NULL);
    pulsar_consumer_configuration_free(conf);
}

CHECK_MAIN(TEST(test_defaults_and_what_is_set), TEST(test_values_that_make_no_sense), TEST(test_null_and_foreign))
