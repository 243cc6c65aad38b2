/* pulsar/c/producer_configuration.h */
#include <pulsar/c/message.h>
#include <pulsar/c/producer_configuration.h>

#include "check.h"
#include "session.h"

#define VALUES 15

/* The numbers of every getter, in the order of the header. */
static void check_values(pulsar_producer_configuration_t *conf, const long long expected[VALUES]) {
    CHECK_INT(pulsar_producer_configuration_get_send_timeout(conf), expected[0]);
    CHECK_INT(pulsar_producer_configuration_get_initial_sequence_id(conf), expected[1]);
    CHECK_INT(pulsar_producer_configuration_get_max_pending_messages(conf), expected[2]);
    CHECK_INT(pulsar_producer_configuration_get_block_if_queue_full(conf), expected[3]);
    CHECK_INT(pulsar_producer_configuration_get_batching_enabled(conf), expected[4]);
    CHECK_INT(pulsar_producer_configuration_get_batching_max_messages(conf), expected[5]);
    CHECK_INT(pulsar_producer_configuration_get_batching_max_allowed_size_in_bytes(conf), expected[6]);
    CHECK_INT(pulsar_producer_configuration_get_batching_max_publish_delay_ms(conf), expected[7]);
    CHECK_INT(pulsar_producer_configuration_get_max_pending_messages_across_partitions(conf), expected[8]);
    CHECK_INT(pulsar_producer_configuration_get_compression_type(conf), expected[9]);
    CHECK_INT(pulsar_producer_configuration_get_partitions_routing_mode(conf), expected[10]);
    CHECK_INT(pulsar_producer_configuration_get_hashing_scheme(conf), expected[11]);
    CHECK_INT(pulsar_producer_configuration_get_lazy_start_partitioned_producers(conf), expected[12]);
    CHECK_INT(pulsar_producer_configuration_get_access_mode(conf), expected[13]);
    CHECK_INT(pulsar_producer_configuration_is_chunking_enabled(conf), expected[14]);
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
    pulsar_producer_configuration_set_max_pending_messages_across_partitions(conf, 7);
    pulsar_producer_configuration_set_compression_type(conf, pulsar_CompressionZSTD);
    pulsar_producer_configuration_set_partitions_routing_mode(conf, pulsar_UseSinglePartition);
    pulsar_producer_configuration_set_hashing_scheme(conf, pulsar_JavaStringHash);
    pulsar_producer_configuration_set_lazy_start_partitioned_producers(conf, 2);
    pulsar_producer_configuration_set_access_mode(conf, pulsar_ProducerAccessModeExclusive);
    pulsar_producer_configuration_set_chunking_enabled(conf, 3);
    /* Numbers that are no constants change nothing. */
    pulsar_producer_configuration_set_compression_type(conf, (pulsar_compression_type)5);
    pulsar_producer_configuration_set_partitions_routing_mode(conf, (pulsar_partitions_routing_mode)-1);
    pulsar_producer_configuration_set_hashing_scheme(conf, (pulsar_hashing_scheme)99);
    pulsar_producer_configuration_set_access_mode(conf, (pulsar_producer_access_mode)4);
    pulsar_producer_configuration_set_schema_info(conf, (pulsar_schema_type)12, "n", "s", NULL);
}

static void test_defaults_and_what_is_set(void) {
    static const long long defaults[VALUES] = {30000, -1, 1000, 0, 1, 1000, 131072, 10, 50000, 0, 1, 1, 0, 0, 0};
    static const long long changed[VALUES] = {1234, INT64_MAX, 5, 1, 0, 4294967295u, 4096, 99, 7, 3, 0, 2, 1, 1, 1};
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

/* Each codec, in a batch and alone: what comes is what went. */
static void test_compression(void) {
    pulsar_client_t *client = open_client(check_url);
    static char text[30000];
    memset(text, 'x', sizeof(text) - 1);
    for (int codec = pulsar_CompressionNone; codec <= pulsar_CompressionSNAPPY; codec++) {
        for (int batching = 0; batching < 2; batching++) {
            char topic[TOPIC_SIZE];
            unique_topic(topic, "codec");
            pulsar_consumer_t *consumer = open_consumer(client, topic, "s", (struct consumer_options){0});
            pulsar_producer_configuration_t *conf = producer_configuration((struct producer_options){.batching = batching});
            pulsar_producer_configuration_set_compression_type(conf, (pulsar_compression_type)codec);
            pulsar_producer_t *producer = NULL;
            REQUIRE_OK(pulsar_client_create_producer(client, topic, conf, &producer));
            pulsar_producer_configuration_free(conf);
            CHECK_OK(send_text(producer, text));
            pulsar_message_t *message = next_message(consumer, ANSWER_MS);
            REQUIRE(message != NULL);
            CHECK_INT(pulsar_message_get_length(message), sizeof(text) - 1);
            CHECK(memcmp(pulsar_message_get_data(message), text, sizeof(text) - 1) == 0);
            pulsar_message_free(message);
            end_producer(producer);
            end_consumer(consumer);
        }
    }
    end_client(client);
}

static pulsar_result with_schema(pulsar_client_t *client, const char *topic, pulsar_schema_type type,
                                 pulsar_producer_t **producer) {
    static const char definition[] =
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"}]}";
    pulsar_producer_configuration_t *conf = pulsar_producer_configuration_create();
    pulsar_string_map_t *properties = pulsar_string_map_create();
    pulsar_string_map_put(properties, "owner", "tests");
    pulsar_producer_configuration_set_schema_info(conf, type, "R", type == pulsar_Json ? definition : NULL,
                                                  type == pulsar_Json ? properties : NULL);
    pulsar_string_map_free(properties);
    pulsar_result result = pulsar_client_create_producer(client, topic, conf, producer);
    pulsar_producer_configuration_free(conf);
    return result;
}

static void test_schemas(void) {
    pulsar_client_t *client = open_client(check_url);
    char topic[TOPIC_SIZE];
    unique_topic(topic, "schema");
    pulsar_consumer_t *consumer = open_consumer(client, topic, "s", (struct consumer_options){0});
    pulsar_producer_t *producer = NULL, *other = NULL;
    REQUIRE_OK(with_schema(client, topic, pulsar_Json, &producer));
    CHECK_RESULT(with_schema(client, topic, pulsar_String, &other), pulsar_result_IncompatibleSchema);
    CHECK(other == NULL);
    pulsar_message_t *message = text_message("{}");
    CHECK_INT(pulsar_message_has_schema_version(message), 0);
    CHECK_OK(pulsar_producer_send(producer, message));
    pulsar_message_free(message);
    message = text_message("{}");
    pulsar_message_set_schema_version(message, NULL);
    CHECK_INT(pulsar_message_has_schema_version(message), 0);
    pulsar_message_set_schema_version(message, "seven");
    CHECK_INT(pulsar_message_has_schema_version(message), 1);
    CHECK_TEXT(pulsar_message_get_schemaVersion(message), "seven");
    CHECK_OK(pulsar_producer_send(producer, message));
    pulsar_message_free(message);
    static const char *versions[] = {"\0\0\0\0\0\0\0\0", "seven"};
    for (int i = 0; i < 2; i++) {
        message = next_message(consumer, ANSWER_MS);
        REQUIRE(message != NULL);
        CHECK_INT(pulsar_message_has_schema_version(message), 1);
        CHECK(memcmp(pulsar_message_get_schemaVersion(message), versions[i], i == 0 ? 8 : 5) == 0);
        pulsar_message_free(message);
    }
    end_producer(producer);
    end_consumer(consumer);
    end_client(client);
}

static pulsar_result with_access(pulsar_client_t *client, const char *topic, pulsar_producer_access_mode mode,
                                 pulsar_producer_t **producer) {
    pulsar_producer_configuration_t *conf = pulsar_producer_configuration_create();
    pulsar_producer_configuration_set_access_mode(conf, mode);
    pulsar_result result = pulsar_client_create_producer(client, topic, conf, producer);
    pulsar_producer_configuration_free(conf);
    return result;
}

static void test_access_modes(void) {
    pulsar_client_t *client = open_client(check_url);
    char topic[TOPIC_SIZE];
    unique_topic(topic, "access");
    pulsar_producer_t *first = NULL, *second = NULL;
    REQUIRE_OK(with_access(client, topic, pulsar_ProducerAccessModeExclusive, &first));
    CHECK_RESULT(with_access(client, topic, pulsar_ProducerAccessModeExclusive, &second),
                 pulsar_result_ProducerFenced);
    REQUIRE_OK(with_access(client, topic, pulsar_ProducerAccessModeExclusiveWithFencing, &second));
    CHECK_OK(send_text(second, "x"));
    CHECK_RESULT(send_text(first, "x"), pulsar_result_ProducerFenced);
    end_producer(first);
    end_producer(second);
    end_client(client);
}

CHECK_MAIN(TEST(test_defaults_and_what_is_set), TEST(test_null_and_foreign), TEST(test_values_that_make_no_sense),
           TEST(test_values_at_their_limits), TEST(test_a_message_larger_than_a_batch),
           TEST(test_compression), TEST(test_schemas), TEST(test_access_modes))
