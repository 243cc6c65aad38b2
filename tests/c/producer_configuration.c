/* pulsar/c/producer_configuration.h */
#include <pulsar/c/message.h>
#include <pulsar/c/producer_configuration.h>

#include "check.h"
#include "session.h"

/* The numbers of every getter, in the order of the header. */
static void check_values(pulsar_producer_configuration_t *conf, const long long expected[8]) {
    CHECK_INT(pulsar_producer_configuration_get_send_timeout(conf), expected[0]);
    CHECK_INT(pulsar_producer_configuration_get_initial_sequence_id(conf), expected[1]);
    CHECK_INT(pulsar_producer_configuration_get_max_pending_messages(conf), expected[2]);
    CHECK_INT(pulsar_producer_configuration_get_block_if_queue_full(conf), expected[3]);
    CHECK_INT(pulsar_producer_configuration_get_batching_enabled(conf), expected[4]);
    CHECK_INT(pulsar_producer_configuration_get_batching_max_messages(conf), expected[5]);
    CHECK_INT(pulsar_producer_configuration_get_batching_max_allowed_size_in_bytes(conf), expected[6]);
    CHECK_INT(pulsar_producer_configuration_get_batching_max_publish_delay_ms(conf), expected[7]);
}

static void set_everything(pulsar_producer_configuration_t *conf) {
    pulsar_producer_configuration_set_producer_name(conf, "name");
    pulsar_producer_configuration_set_send_timeout(conf, 1234);
    pulsar_producer_configuration_set_initial_sequence_id(conf, INT64_MAX);
    pulsar_producer_configuration_set_max_pending_messages(conf, 5);
    pulsar_producer_configuration_set_block_if_queue_full(conf, -7);
    pulsar_producer_configuration_set_batching_enabled(conf, 0);
    pulsar_producer_configuration_set_batching_max_messages(conf, 4294967295u);
    pulsar_producer_configuration_set_batching_max_allowed_size_in_bytes(conf, 4096);
    pulsar_producer_configuration_set_batching_max_publish_delay_ms(conf, 99);
    pulsar_producer_configuration_set_property(conf, "p", "v");
    pulsar_producer_configuration_set_property(conf, "p", "w");
}

static void test_defaults_and_what_is_set(void) {
    static const long long defaults[] = {30000, -1, 1000, 0, 1, 1000, 131072, 10};
    static const long long changed[] = {1234, INT64_MAX, 5, 1, 0, 4294967295u, 4096, 99};
    pulsar_producer_configuration_t *conf = pulsar_producer_configuration_create();
    CHECK_TEXT(pulsar_producer_configuration_get_producer_name(conf), "");
    check_values(conf, defaults);
    set_everything(conf);
    CHECK_TEXT(pulsar_producer_configuration_get_producer_name(conf), "name");
    check_values(conf, changed);
    pulsar_producer_configuration_set_producer_name(conf, NULL);
    pulsar_producer_configuration_set_property(conf, NULL, "v");
    pulsar_producer_configuration_set_property(conf, "q", NULL);
    CHECK_TEXT(pulsar_producer_configuration_get_producer_name(conf), "name");
    check_values(conf, changed);
    pulsar_producer_configuration_free(conf);
}

static void use_everything(pulsar_producer_configuration_t *conf) {
    set_everything(conf);
    CHECK_TEXT(pulsar_producer_configuration_get_producer_name(conf), "");
    /* No more is promised than that they return. */
    (void)pulsar_producer_configuration_get_send_timeout(conf);
    (void)pulsar_producer_configuration_get_initial_sequence_id(conf);
    (void)pulsar_producer_configuration_get_max_pending_messages(conf);
    (void)pulsar_producer_configuration_get_block_if_queue_full(conf);
    (void)pulsar_producer_configuration_get_batching_enabled(conf);
    (void)pulsar_producer_configuration_get_batching_max_messages(conf);
    (void)pulsar_producer_configuration_get_batching_max_allowed_size_in_bytes(conf);
    (void)pulsar_producer_configuration_get_batching_max_publish_delay_ms(conf);
    pulsar_producer_configuration_free(conf);
}

static void test_null_and_foreign(void) {
    pulsar_message_t *message = pulsar_message_create();
    use_everything(NULL);
    use_everything((pulsar_producer_configuration_t *)message);
    CHECK_INT(pulsar_message_get_length(message), 0);
    pulsar_message_free(message);
}

/* Creates a producer, sends, and frees all. */
static pulsar_result produce(pulsar_client_t *client, pulsar_producer_configuration_t *conf) {
    char topic[TOPIC_SIZE];
    pulsar_producer_t *producer = NULL;
    pulsar_result result =
        pulsar_client_create_producer(client, unique_topic(topic, "producer-conf"), conf, &producer);
    pulsar_producer_configuration_free(conf);
    if (result == pulsar_result_Ok) {
        CHECK_OK(send_text(producer, "x"));
        end_producer(producer);
    } else {
        CHECK(producer == NULL);
    }
    return result;
}

static void test_values_that_make_no_sense(void) {
    pulsar_client_t *client = open_client(check_url);
    pulsar_producer_configuration_t *conf = pulsar_producer_configuration_create();
    pulsar_producer_configuration_set_send_timeout(conf, -1);
    CHECK_RESULT(produce(client, conf), pulsar_result_InvalidConfiguration);
    conf = pulsar_producer_configuration_create();
    pulsar_producer_configuration_set_max_pending_messages(conf, -1);
    CHECK_RESULT(produce(client, conf), pulsar_result_InvalidConfiguration);
    for (unsigned messages = 0; messages < 2; messages++) {
        conf = pulsar_producer_configuration_create();
        pulsar_producer_configuration_set_batching_max_messages(conf, messages);
        CHECK_RESULT(produce(client, conf), pulsar_result_InvalidConfiguration);
    }
    end_client(client);
}

static void test_values_at_their_limits(void) {
    pulsar_client_t *client = open_client(check_url);
    pulsar_producer_configuration_t *conf = pulsar_producer_configuration_create();
    pulsar_producer_configuration_set_send_timeout(conf, 0);
    pulsar_producer_configuration_set_max_pending_messages(conf, 0);
    pulsar_producer_configuration_set_batching_max_allowed_size_in_bytes(conf, 0);
    pulsar_producer_configuration_set_batching_max_publish_delay_ms(conf, 0);
    CHECK_OK(produce(client, conf));
    conf = pulsar_producer_configuration_create();
    pulsar_producer_configuration_set_send_timeout(conf, 2147483647);
    pulsar_producer_configuration_set_max_pending_messages(conf, 2147483647);
    pulsar_producer_configuration_set_batching_max_messages(conf, 4294967295u);
    pulsar_producer_configuration_set_batching_max_allowed_size_in_bytes(conf, (unsigned long)-1);
    pulsar_producer_configuration_set_property(conf, "p", "v");
    CHECK_OK(produce(client, conf));
    conf = pulsar_producer_configuration_create();
    pulsar_producer_configuration_set_max_pending_messages(conf, 1);
    pulsar_producer_configuration_set_batching_max_messages(conf, 2);
    CHECK_OK(produce(client, conf));
    end_client(client);
}

/* One message is more than a batch may have: it goes alone. */
static void test_a_message_larger_than_a_batch(void) {
    pulsar_client_t *client = open_client(check_url);
    pulsar_producer_configuration_t *conf = pulsar_producer_configuration_create();
    pulsar_producer_configuration_set_batching_max_allowed_size_in_bytes(conf, 1);
    CHECK_OK(produce(client, conf));
    end_client(client);
}

CHECK_MAIN(TEST(test_defaults_and_what_is_set), TEST(test_null_and_foreign), TEST(test_values_that_make_no_sense),
           TEST(test_values_at_their_limits), TEST(test_a_message_larger_than_a_batch))
