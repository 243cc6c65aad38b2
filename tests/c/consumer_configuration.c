/* pulsar/c/consumer_configuration.h */
#include <pulsar/c/consumer_configuration.h>
#include <pulsar/c/message.h>

#include "check.h"
#include "session.h"

/* The numbers of every getter, in the order of the header. */
static void check_values(pulsar_consumer_configuration_t *conf, const long long expected[19]) {
    CHECK_INT(pulsar_consumer_configuration_get_consumer_type(conf), expected[0]);
    CHECK_INT(pulsar_consumer_configuration_has_message_listener(conf), expected[1]);
    CHECK_INT(pulsar_consumer_configuration_get_receiver_queue_size(conf), expected[2]);
    CHECK_INT(pulsar_consumer_get_unacked_messages_timeout_ms(conf), expected[3]);
    CHECK_INT(pulsar_configure_get_negative_ack_redelivery_delay_ms(conf), expected[4]);
    CHECK_INT(pulsar_configure_get_ack_grouping_time_ms(conf), expected[5]);
    CHECK_INT(pulsar_configure_get_ack_grouping_max_size(conf), expected[6]);
    CHECK_INT(pulsar_consumer_get_subscription_initial_position(conf), expected[7]);
    CHECK_INT(pulsar_consumer_configuration_get_priority_level(conf), expected[8]);
    CHECK_INT(pulsar_consumer_configuration_is_batch_index_ack_enabled(conf), expected[9]);
    CHECK_INT(pulsar_consumer_configuration_is_start_paused(conf), expected[10]);
    CHECK_INT(pulsar_consumer_configuration_get_max_pending_chunked_message(conf), expected[11]);
    CHECK_INT(pulsar_consumer_configuration_is_auto_ack_oldest_chunked_message_on_queue_full(conf), expected[12]);
    CHECK_INT(pulsar_consumer_get_max_total_receiver_queue_size_across_partitions(conf), expected[13]);
    CHECK_INT(pulsar_consumer_configuration_get_crypto_failure_action(conf), expected[14]);
    CHECK_INT(pulsar_consumer_is_read_compacted(conf), expected[15]);
    CHECK_INT(pulsar_consumer_configuration_is_start_message_id_inclusive(conf), expected[16]);
    CHECK_INT(pulsar_consumer_configuration_get_regex_subscription_mode(conf), expected[17]);
    CHECK_INT(pulsar_consumer_is_encryption_enabled(conf), expected[18]);
}

static void free_message(pulsar_consumer_t *consumer, pulsar_message_t *message, void *context) {
    (void)consumer, (void)context;
    pulsar_message_free(message);
}

static void set_everything(pulsar_consumer_configuration_t *conf) {
    pulsar_consumer_configuration_set_consumer_type(conf, pulsar_ConsumerFailover);
    pulsar_consumer_configuration_set_message_listener(conf, free_message, NULL);
    pulsar_consumer_configuration_set_receiver_queue_size(conf, 7);
    pulsar_consumer_set_consumer_name(conf, "name");
    pulsar_consumer_set_unacked_messages_timeout_ms(conf, 12345);
    pulsar_configure_set_negative_ack_redelivery_delay_ms(conf, 88);
    pulsar_configure_set_ack_grouping_time_ms(conf, -1);
    pulsar_configure_set_ack_grouping_max_size(conf, 0);
    pulsar_consumer_set_subscription_initial_position(conf, initial_position_earliest);
    pulsar_consumer_configuration_set_priority_level(conf, 3);
    pulsar_consumer_configuration_set_batch_index_ack_enabled(conf, -1);
    pulsar_consumer_configuration_set_start_paused(conf, 2);
    pulsar_consumer_configuration_set_max_pending_chunked_message(conf, 44);
    pulsar_consumer_configuration_set_auto_ack_oldest_chunked_message_on_queue_full(conf, -2);
    pulsar_consumer_configuration_set_property(conf, "p", "v");
    pulsar_consumer_set_max_total_receiver_queue_size_across_partitions(conf, 55);
    pulsar_consumer_configuration_set_crypto_failure_action(conf, pulsar_ConsumerConsume);
    pulsar_consumer_set_read_compacted(conf, 7);
    pulsar_consumer_configuration_set_start_message_id_inclusive(conf, -1);
    pulsar_consumer_configuration_set_regex_subscription_mode(conf, pulsar_consumer_regex_sub_mode_AllTopics);
    pulsar_consumer_configuration_set_schema_info(conf, pulsar_String, "name", NULL, NULL);
}

static void test_defaults_and_what_is_set(void) {
    static const long long defaults[] = {0, 0, 1000, 0, 60000, 100, 1000, 0, 0, 0, 0, 10, 0, 50000, 0, 0, 0, 0, 0};
    static const long long changed[] = {2, 1, 7, 12345, 88, -1, 0, 1, 3, 1, 1, 44, 1, 55, 2, 1, 1, 2, 0};
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();
    CHECK_TEXT(pulsar_consumer_get_consumer_name(conf), "");
    check_values(conf, defaults);
    set_everything(conf);
    CHECK_TEXT(pulsar_consumer_get_consumer_name(conf), "name");
    check_values(conf, changed);

    pulsar_consumer_set_consumer_name(conf, NULL);
    pulsar_consumer_configuration_set_property(conf, NULL, "v");
    pulsar_consumer_configuration_set_property(conf, "p", NULL);
    CHECK_TEXT(pulsar_consumer_get_consumer_name(conf), "name");
    pulsar_consumer_configuration_set_message_listener(conf, NULL, NULL);
    CHECK_INT(pulsar_consumer_configuration_has_message_listener(conf), 0);
    pulsar_consumer_configuration_free(conf);
}

static void test_numbers_that_are_no_constant(void) {
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();
    pulsar_consumer_configuration_set_consumer_type(conf, pulsar_ConsumerKeyShared);
    pulsar_consumer_set_subscription_initial_position(conf, initial_position_earliest);
    pulsar_consumer_configuration_set_crypto_failure_action(conf, pulsar_ConsumerDiscard);
    pulsar_consumer_configuration_set_regex_subscription_mode(conf, pulsar_consumer_regex_sub_mode_NonPersistentOnly);
    static const int wrong[] = {-1, 4, 2147483647};
    for (int i = 0; i < 3; i++) {
        pulsar_consumer_configuration_set_consumer_type(conf, (pulsar_consumer_type)wrong[i]);
        CHECK_INT(pulsar_consumer_configuration_get_consumer_type(conf), pulsar_ConsumerKeyShared);
        pulsar_consumer_set_subscription_initial_position(conf, (initial_position)wrong[i]);
        CHECK_INT(pulsar_consumer_get_subscription_initial_position(conf), initial_position_earliest);
        pulsar_consumer_configuration_set_crypto_failure_action(conf, (pulsar_consumer_crypto_failure_action)wrong[i]);
        CHECK_INT(pulsar_consumer_configuration_get_crypto_failure_action(conf), pulsar_ConsumerDiscard);
        pulsar_consumer_configuration_set_regex_subscription_mode(conf,
                                                                  (pulsar_consumer_regex_subscription_mode)wrong[i]);
        CHECK_INT(pulsar_consumer_configuration_get_regex_subscription_mode(conf),
                  pulsar_consumer_regex_sub_mode_NonPersistentOnly);
        pulsar_consumer_configuration_set_schema_info(conf, (pulsar_schema_type)99, "n", "s", NULL);
    }
    pulsar_consumer_configuration_free(conf);
}

static void test_batch_receive_policy(void) {
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();
    pulsar_consumer_batch_receive_policy_t policy = {1, 2, 3};
    pulsar_consumer_configuration_get_batch_receive_policy(conf, &policy);
    CHECK_INT(policy.maxNumMessages, -1);
    CHECK_INT(policy.maxNumBytes, 10485760);
    CHECK_INT(policy.timeoutMs, 100);
    static const pulsar_consumer_batch_receive_policy_t good[] = {{5, -1, -1}, {0, 7, 0}, {-1, 0, 9}};
    for (int i = 0; i < 3; i++) {
        CHECK_INT(pulsar_consumer_configuration_set_batch_receive_policy(conf, &good[i]), 0);
        pulsar_consumer_configuration_get_batch_receive_policy(conf, &policy);
        CHECK_INT(policy.maxNumMessages, good[i].maxNumMessages);
        CHECK_INT(policy.maxNumBytes, good[i].maxNumBytes);
        CHECK_INT(policy.timeoutMs, good[i].timeoutMs);
    }
    static const pulsar_consumer_batch_receive_policy_t endless[] = {{0, 0, 0}, {-1, -1, -1}};
    for (int i = 0; i < 2; i++) {
        CHECK_INT(pulsar_consumer_configuration_set_batch_receive_policy(conf, &endless[i]), -1);
    }
    CHECK_INT(pulsar_consumer_configuration_set_batch_receive_policy(conf, NULL), -1);
    pulsar_consumer_configuration_get_batch_receive_policy(conf, &policy);
    CHECK_INT(policy.timeoutMs, 9);
    pulsar_consumer_configuration_get_batch_receive_policy(conf, NULL);
    pulsar_consumer_configuration_free(conf);
}

static void check_dlq_policy(pulsar_consumer_configuration_t *conf, const char *topic, int max, const char *name) {
    pulsar_consumer_config_dead_letter_policy_t policy = {"x", 7, "y"};
    pulsar_consumer_configuration_get_dlq_policy(conf, &policy);
    CHECK_TEXT(policy.dead_letter_topic, topic);
    CHECK_INT(policy.max_redeliver_count, max);
    CHECK_TEXT(policy.initial_subscription_name, name);
}

static void test_dlq_policy(void) {
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();
    check_dlq_policy(conf, "", 2147483647, "");
    char topic[] = "dead", name[] = "graveyard";
    pulsar_consumer_config_dead_letter_policy_t policy = {topic, 3, name};
    pulsar_consumer_configuration_set_dlq_policy(conf, &policy);
    /* They were copied. */
    topic[0] = name[0] = 'x';
    check_dlq_policy(conf, "dead", 3, "graveyard");
    pulsar_consumer_configuration_set_dlq_policy(conf, NULL);
    pulsar_consumer_configuration_get_dlq_policy(conf, NULL);
    check_dlq_policy(conf, "dead", 3, "graveyard");
    static const int endless[] = {0, -1, 2147483647};
    for (int i = 0; i < 3; i++) {
        policy = (pulsar_consumer_config_dead_letter_policy_t){NULL, endless[i], NULL};
        pulsar_consumer_configuration_set_dlq_policy(conf, &policy);
        check_dlq_policy(conf, "", 2147483647, "");
    }
    pulsar_consumer_configuration_free(conf);
    pulsar_consumer_configuration_set_dlq_policy(NULL, &policy);
    pulsar_consumer_configuration_get_dlq_policy(NULL, &policy);
}

static void use_everything(pulsar_consumer_configuration_t *conf) {
    pulsar_consumer_batch_receive_policy_t policy = {5, -1, -1};
    set_everything(conf);
    CHECK_TEXT(pulsar_consumer_get_consumer_name(conf), "");
    CHECK_INT(pulsar_consumer_configuration_has_message_listener(conf), 0);
    /* No more is promised than that they return. */
    (void)pulsar_consumer_configuration_get_consumer_type(conf);
    (void)pulsar_consumer_configuration_get_receiver_queue_size(conf);
    (void)pulsar_consumer_get_unacked_messages_timeout_ms(conf);
    (void)pulsar_configure_get_negative_ack_redelivery_delay_ms(conf);
    (void)pulsar_configure_get_ack_grouping_time_ms(conf);
    (void)pulsar_configure_get_ack_grouping_max_size(conf);
    (void)pulsar_consumer_get_subscription_initial_position(conf);
    (void)pulsar_consumer_configuration_get_priority_level(conf);
    (void)pulsar_consumer_configuration_is_batch_index_ack_enabled(conf);
    (void)pulsar_consumer_configuration_is_start_paused(conf);
    (void)pulsar_consumer_get_max_total_receiver_queue_size_across_partitions(conf);
    (void)pulsar_consumer_configuration_get_crypto_failure_action(conf);
    (void)pulsar_consumer_is_read_compacted(conf);
    (void)pulsar_consumer_configuration_is_start_message_id_inclusive(conf);
    (void)pulsar_consumer_configuration_get_regex_subscription_mode(conf);
    (void)pulsar_consumer_is_encryption_enabled(conf);
    CHECK_INT(pulsar_consumer_configuration_set_batch_receive_policy(conf, &policy), -1);
    pulsar_consumer_configuration_get_batch_receive_policy(conf, &policy);
    pulsar_consumer_configuration_free(conf);
}

static void test_null_and_foreign(void) {
    pulsar_message_t *message = pulsar_message_create();
    use_everything(NULL);
    use_everything((pulsar_consumer_configuration_t *)message);
    CHECK_INT(pulsar_message_get_length(message), 0);
    pulsar_message_free(message);
}

static pulsar_result subscribe(pulsar_client_t *client, pulsar_consumer_configuration_t *conf) {
    char topic[TOPIC_SIZE];
    pulsar_consumer_t *consumer = NULL;
    pulsar_result result = pulsar_client_subscribe(client, unique_topic(topic, "consumer-conf"), "s", conf, &consumer);
    pulsar_consumer_configuration_free(conf);
    if (result == pulsar_result_Ok) {
        end_consumer(consumer);
    } else {
        CHECK(consumer == NULL);
    }
    return result;
}

static void test_values_that_make_no_sense(void) {
    pulsar_client_t *client = open_client(check_url);
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();
    pulsar_consumer_set_unacked_messages_timeout_ms(conf, 9999);
    CHECK_RESULT(subscribe(client, conf), pulsar_result_InvalidConfiguration);
    conf = pulsar_consumer_configuration_create();
    pulsar_consumer_configuration_set_priority_level(conf, -1);
    CHECK_RESULT(subscribe(client, conf), pulsar_result_InvalidConfiguration);
    conf = pulsar_consumer_configuration_create();
    pulsar_consumer_configuration_set_receiver_queue_size(conf, -1);
    CHECK_RESULT(subscribe(client, conf), pulsar_result_InvalidConfiguration);
    conf = pulsar_consumer_configuration_create();
    pulsar_consumer_configuration_set_max_pending_chunked_message(conf, -1);
    CHECK_RESULT(subscribe(client, conf), pulsar_result_InvalidConfiguration);
    conf = pulsar_consumer_configuration_create();
    pulsar_consumer_set_max_total_receiver_queue_size_across_partitions(conf, -1);
    CHECK_RESULT(subscribe(client, conf), pulsar_result_InvalidConfiguration);
    conf = pulsar_consumer_configuration_create();
    pulsar_consumer_configuration_set_schema_info(conf, pulsar_String, "\xff", NULL, NULL);
    CHECK_RESULT(subscribe(client, conf), pulsar_result_InvalidConfiguration);
    end_client(client);
}

static pulsar_result subscribe_with_schema(pulsar_client_t *client, const char *topic, pulsar_schema_type type,
                                           const char *schema) {
    static int count = 0;
    char subscription[16];
    snprintf(subscription, sizeof(subscription), "s-%d", count++);
    pulsar_string_map_t *properties = pulsar_string_map_create();
    pulsar_string_map_put(properties, "a", "b");
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();
    pulsar_consumer_configuration_set_schema_info(conf, type, "record", schema, properties);
    pulsar_string_map_free(properties);
    pulsar_consumer_t *consumer = NULL;
    pulsar_result result = pulsar_client_subscribe(client, topic, subscription, conf, &consumer);
    pulsar_consumer_configuration_free(conf);
    if (result == pulsar_result_Ok) {
        end_consumer(consumer);
    }
    return result;
}

static void test_schemas(void) {
    static const char record[] = "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"}]}";
    char topic[TOPIC_SIZE];
    unique_topic(topic, "consumer-schema");
    pulsar_client_t *client = open_client(check_url);
    CHECK_OK(subscribe_with_schema(client, topic, pulsar_Avro, record));
    CHECK_RESULT(subscribe_with_schema(client, topic, pulsar_String, NULL), pulsar_result_IncompatibleSchema);
    /* Whatever the topic's is. */
    static const pulsar_schema_type any[] = {pulsar_None, pulsar_Bytes, pulsar_AutoConsume};
    for (int i = 0; i < 3; i++) {
        CHECK_OK(subscribe_with_schema(client, topic, any[i], NULL));
    }
    end_client(client);
}

static void test_receiving_without_a_queue(void) {
    char topic[TOPIC_SIZE], text[16];
    pulsar_client_t *client = open_client(check_url);
    pulsar_producer_t *producer = open_producer(client, unique_topic(topic, "no-queue"), (struct producer_options){0});
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();
    pulsar_consumer_configuration_set_consumer_type(conf, pulsar_ConsumerShared);
    pulsar_consumer_set_subscription_initial_position(conf, initial_position_earliest);
    pulsar_consumer_configuration_set_receiver_queue_size(conf, 0);
    pulsar_consumer_t *first = NULL, *second = NULL;
    REQUIRE_OK(pulsar_client_subscribe(client, topic, "s", conf, &first));
    REQUIRE_OK(pulsar_client_subscribe(client, topic, "s", conf, &second));
    CHECK_OK(send_numbered(producer, 4));
    /* Whoever asks gets the next one: nothing is with the other. */
    static const char *const expected[] = {"m0", "m1", "m2", "m3"};
    for (int i = 0; i < 4; i++) {
        pulsar_message_t *message = next_message(i < 3 ? first : second, ANSWER_MS);
        CHECK_TEXT(message ? content(message, text, sizeof(text)) : NULL, expected[i]);
        pulsar_message_free(message);
    }
    pulsar_message_t *none = NULL;
    CHECK_RESULT(pulsar_consumer_receive_with_timeout(first, &none, 1), pulsar_result_Timeout);
    /* Several topics, or partitions, need a queue. */
    pulsar_consumer_t *third = NULL;
    CHECK_RESULT(pulsar_client_subscribe(client, "conformance-parts", "no-queue", conf, &third),
                 pulsar_result_InvalidConfiguration);
    pulsar_consumer_configuration_free(conf);
    end_consumer(first);
    end_consumer(second);
    end_producer(producer);
    end_client(client);
}

static void test_values_at_their_limits(void) {
    pulsar_client_t *client = open_client(check_url);
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();
    pulsar_consumer_set_unacked_messages_timeout_ms(conf, UINT64_MAX);
    pulsar_configure_set_negative_ack_redelivery_delay_ms(conf, -1);
    pulsar_configure_set_ack_grouping_time_ms(conf, INT64_MAX);
    pulsar_configure_set_ack_grouping_max_size(conf, -1);
    pulsar_consumer_configuration_set_priority_level(conf, 2147483647);
    CHECK_OK(subscribe(client, conf));
    conf = pulsar_consumer_configuration_create();
    pulsar_consumer_configuration_set_receiver_queue_size(conf, 2147483647);
    pulsar_configure_set_negative_ack_redelivery_delay_ms(conf, INT64_MAX);
    pulsar_configure_set_ack_grouping_time_ms(conf, INT64_MIN);
    pulsar_consumer_configuration_set_property(conf, "p", "v");
    CHECK_OK(subscribe(client, conf));
    end_client(client);
}

CHECK_MAIN(TEST(test_defaults_and_what_is_set), TEST(test_numbers_that_are_no_constant),
           TEST(test_batch_receive_policy), TEST(test_dlq_policy), TEST(test_null_and_foreign),
           TEST(test_values_that_make_no_sense), TEST(test_values_at_their_limits), TEST(test_schemas),
           TEST(test_receiving_without_a_queue))
