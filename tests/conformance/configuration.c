/* Configurations: defaults, what is kept as set, and what is refused. */
#include "observe.h"

#define AREA "configuration"
#define SHOW_INT(getter, object) observe("defaults", #getter, "%lld", (long long)getter(object))
#define SHOW_TEXT(getter, object) observe("defaults", #getter, "\"%s\"", getter(object))

static void client_defaults(const char *url) {
    (void)url;
    pulsar_client_configuration_t *conf = pulsar_client_configuration_create();
    SHOW_INT(pulsar_client_configuration_get_operation_timeout_seconds, conf);
    SHOW_INT(pulsar_client_configuration_get_io_threads, conf);
    SHOW_INT(pulsar_client_configuration_get_message_listener_threads, conf);
    SHOW_INT(pulsar_client_configuration_get_keep_alive_interval_in_seconds, conf);
    SHOW_TEXT(pulsar_client_configuration_get_listener_name, conf);
    SHOW_INT(pulsar_client_configuration_get_memory_limit, conf);
    SHOW_INT(pulsar_client_configuration_get_concurrent_lookup_request, conf);
    SHOW_INT(pulsar_client_configuration_get_partitions_update_interval, conf);
    SHOW_INT(pulsar_client_configuration_get_stats_interval_in_seconds, conf);
    pulsar_client_configuration_free(conf);
}

static void producer_defaults(const char *url) {
    (void)url;
    pulsar_producer_configuration_t *conf = pulsar_producer_configuration_create();
    SHOW_TEXT(pulsar_producer_configuration_get_producer_name, conf);
    SHOW_INT(pulsar_producer_configuration_get_send_timeout, conf);
    SHOW_INT(pulsar_producer_configuration_get_initial_sequence_id, conf);
    SHOW_INT(pulsar_producer_configuration_get_max_pending_messages, conf);
    SHOW_INT(pulsar_producer_configuration_get_block_if_queue_full, conf);
    SHOW_INT(pulsar_producer_configuration_get_batching_enabled, conf);
    SHOW_INT(pulsar_producer_configuration_get_batching_max_messages, conf);
    SHOW_INT(pulsar_producer_configuration_get_batching_max_allowed_size_in_bytes, conf);
    SHOW_INT(pulsar_producer_configuration_get_batching_max_publish_delay_ms, conf);
    SHOW_INT(pulsar_producer_configuration_is_chunking_enabled, conf);
    SHOW_INT(pulsar_producer_configuration_get_max_pending_messages_across_partitions, conf);
    SHOW_INT(pulsar_producer_configuration_get_compression_type, conf);
    SHOW_INT(pulsar_producer_configuration_get_partitions_routing_mode, conf);
    SHOW_INT(pulsar_producer_configuration_get_hashing_scheme, conf);
    SHOW_INT(pulsar_producer_configuration_get_lazy_start_partitioned_producers, conf);
    SHOW_INT(pulsar_producer_configuration_get_access_mode, conf);
    pulsar_producer_configuration_free(conf);
}

static void consumer_defaults(const char *url) {
    (void)url;
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();
    pulsar_consumer_batch_receive_policy_t policy;
    SHOW_INT(pulsar_consumer_configuration_get_consumer_type, conf);
    SHOW_INT(pulsar_consumer_configuration_has_message_listener, conf);
    SHOW_INT(pulsar_consumer_configuration_get_receiver_queue_size, conf);
    SHOW_TEXT(pulsar_consumer_get_consumer_name, conf);
    SHOW_INT(pulsar_consumer_get_unacked_messages_timeout_ms, conf);
    SHOW_INT(pulsar_configure_get_negative_ack_redelivery_delay_ms, conf);
    SHOW_INT(pulsar_configure_get_ack_grouping_time_ms, conf);
    SHOW_INT(pulsar_configure_get_ack_grouping_max_size, conf);
    SHOW_INT(pulsar_consumer_get_subscription_initial_position, conf);
    SHOW_INT(pulsar_consumer_configuration_get_priority_level, conf);
    SHOW_INT(pulsar_consumer_configuration_is_batch_index_ack_enabled, conf);
    SHOW_INT(pulsar_consumer_configuration_is_start_paused, conf);
    SHOW_INT(pulsar_consumer_configuration_get_max_pending_chunked_message, conf);
    SHOW_INT(pulsar_consumer_configuration_is_auto_ack_oldest_chunked_message_on_queue_full, conf);
    SHOW_INT(pulsar_consumer_get_max_total_receiver_queue_size_across_partitions, conf);
    SHOW_INT(pulsar_consumer_is_encryption_enabled, conf);
    SHOW_INT(pulsar_consumer_configuration_get_crypto_failure_action, conf);
    SHOW_INT(pulsar_consumer_is_read_compacted, conf);
    SHOW_INT(pulsar_consumer_configuration_is_start_message_id_inclusive, conf);
    SHOW_INT(pulsar_consumer_configuration_get_regex_subscription_mode, conf);
    pulsar_consumer_configuration_get_batch_receive_policy(conf, &policy);
    observe("defaults", "pulsar_consumer_configuration_get_batch_receive_policy",
            "maxNumMessages=%d maxNumBytes=%ld timeoutMs=%ld", policy.maxNumMessages, policy.maxNumBytes,
            policy.timeoutMs);
    pulsar_consumer_configuration_free(conf);
}

static void message_defaults(const char *url) {
    (void)url;
    pulsar_message_t *message = pulsar_message_create();
    observe("defaults", "pulsar_message_get_message_id", "%s", message_id_text(message));
    SHOW_TEXT(pulsar_message_get_partitionKey, message);
    SHOW_INT(pulsar_message_has_partition_key, message);
    SHOW_TEXT(pulsar_message_get_orderingKey, message);
    SHOW_INT(pulsar_message_has_ordering_key, message);
    SHOW_INT(pulsar_message_get_publish_timestamp, message);
    SHOW_INT(pulsar_message_get_event_timestamp, message);
    SHOW_TEXT(pulsar_message_get_topic_name, message);
    SHOW_INT(pulsar_message_get_redelivery_count, message);
    SHOW_INT(pulsar_message_has_schema_version, message);
    SHOW_TEXT(pulsar_message_get_schemaVersion, message);
    SHOW_TEXT(pulsar_message_get_producer_name, message);
    observe("defaults", "pulsar_message_get_replicated_from", "%s",
            pulsar_message_get_replicated_from(message) ? "text" : "NULL");
    SHOW_INT(pulsar_message_has_null_value, message);
    pulsar_message_free(message);
}

static void message_properties(const char *url) {
    (void)url;
    pulsar_message_t *message = pulsar_message_create();
    pulsar_string_map_t *map = pulsar_message_get_properties(message);
    observe("defaults", "pulsar_message_get_properties", "size %d", pulsar_string_map_size(map));
    pulsar_string_map_free(map);
    pulsar_message_free(message);
}

static void message_has_property(const char *url) {
    (void)url;
    pulsar_message_t *message = pulsar_message_create();
    SHOW_INT(pulsar_message_get_length, message);
    pulsar_message_free(message);
}

static void message_get_data(const char *url) {
    (void)url;
    pulsar_message_t *message = pulsar_message_create();
    observe("defaults", "pulsar_message_get_data", "%s", pulsar_message_get_data(message) ? "bytes" : "NULL");
    pulsar_message_free(message);
}

static void result_texts(const char *url) {
    (void)url;
    static const int others[] = {-1, 47, 48, 1000};
    char name[60];
    for (int i = 0; i < 47 + 4; i++) {
        int number = i < 47 ? i : others[i - 47];
        snprintf(name, sizeof(name), "pulsar_result_str(%d)", number);
        observe("defaults", name, "%s", pulsar_result_str((pulsar_result)number));
    }
}

/* "1 of 1" per pair of setter and getter that gives back what was set. */
static void round_trips(const char *url) {
    (void)url;
    int kept = 0, tried = 0;
    pulsar_client_configuration_t *client = pulsar_client_configuration_create();
    pulsar_producer_configuration_t *producer = pulsar_producer_configuration_create();
    pulsar_consumer_configuration_t *consumer = pulsar_consumer_configuration_create();
#define ROUND_TRIP(conf, set, get, value) (set(conf, value), tried++, kept += get(conf) == (value))
#define TEXT_TRIP(conf, set, get, value) (set(conf, value), tried++, kept += strcmp(get(conf), value) == 0)
    ROUND_TRIP(client, pulsar_client_configuration_set_operation_timeout_seconds,
               pulsar_client_configuration_get_operation_timeout_seconds, 7);
    ROUND_TRIP(client, pulsar_client_configuration_set_io_threads, pulsar_client_configuration_get_io_threads, 3);
    ROUND_TRIP(client, pulsar_client_configuration_set_message_listener_threads,
               pulsar_client_configuration_get_message_listener_threads, 4);
    ROUND_TRIP(client, pulsar_client_configuration_set_keep_alive_interval_in_seconds,
               pulsar_client_configuration_get_keep_alive_interval_in_seconds, 9u);
    ROUND_TRIP(client, pulsar_client_configuration_set_stats_interval_in_seconds,
               pulsar_client_configuration_get_stats_interval_in_seconds, 4000000000u);
    TEXT_TRIP(client, pulsar_client_configuration_set_listener_name, pulsar_client_configuration_get_listener_name,
              "internal");
    ROUND_TRIP(client, pulsar_client_configuration_set_memory_limit, pulsar_client_configuration_get_memory_limit,
               123456ull);
    ROUND_TRIP(client, pulsar_client_configuration_set_concurrent_lookup_request,
               pulsar_client_configuration_get_concurrent_lookup_request, 12);
    ROUND_TRIP(client, pulsar_client_configuration_set_partitions_update_interval,
               pulsar_client_configuration_get_partitions_update_interval, 13u);
    TEXT_TRIP(producer, pulsar_producer_configuration_set_producer_name,
              pulsar_producer_configuration_get_producer_name, "name");
    ROUND_TRIP(producer, pulsar_producer_configuration_set_send_timeout,
               pulsar_producer_configuration_get_send_timeout, 1234);
    ROUND_TRIP(producer, pulsar_producer_configuration_set_initial_sequence_id,
               pulsar_producer_configuration_get_initial_sequence_id, 99);
    ROUND_TRIP(producer, pulsar_producer_configuration_set_max_pending_messages,
               pulsar_producer_configuration_get_max_pending_messages, 55);
    ROUND_TRIP(producer, pulsar_producer_configuration_set_block_if_queue_full,
               pulsar_producer_configuration_get_block_if_queue_full, 1);
    ROUND_TRIP(producer, pulsar_producer_configuration_set_batching_enabled,
               pulsar_producer_configuration_get_batching_enabled, 0);
    ROUND_TRIP(producer, pulsar_producer_configuration_set_batching_max_messages,
               pulsar_producer_configuration_get_batching_max_messages, 77u);
    ROUND_TRIP(producer, pulsar_producer_configuration_set_batching_max_allowed_size_in_bytes,
               pulsar_producer_configuration_get_batching_max_allowed_size_in_bytes, 4096ul);
    ROUND_TRIP(producer, pulsar_producer_configuration_set_batching_max_publish_delay_ms,
               pulsar_producer_configuration_get_batching_max_publish_delay_ms, 21ul);
    ROUND_TRIP(producer, pulsar_producer_configuration_set_max_pending_messages_across_partitions,
               pulsar_producer_configuration_get_max_pending_messages_across_partitions, 66);
    ROUND_TRIP(producer, pulsar_producer_configuration_set_compression_type,
               pulsar_producer_configuration_get_compression_type, pulsar_CompressionZSTD);
    ROUND_TRIP(producer, pulsar_producer_configuration_set_partitions_routing_mode,
               pulsar_producer_configuration_get_partitions_routing_mode, pulsar_UseSinglePartition);
    ROUND_TRIP(producer, pulsar_producer_configuration_set_hashing_scheme,
               pulsar_producer_configuration_get_hashing_scheme, pulsar_JavaStringHash);
    ROUND_TRIP(producer, pulsar_producer_configuration_set_lazy_start_partitioned_producers,
               pulsar_producer_configuration_get_lazy_start_partitioned_producers, 1);
    ROUND_TRIP(producer, pulsar_producer_configuration_set_access_mode,
               pulsar_producer_configuration_get_access_mode, pulsar_ProducerAccessModeExclusive);
    ROUND_TRIP(consumer, pulsar_consumer_configuration_set_consumer_type,
               pulsar_consumer_configuration_get_consumer_type, pulsar_ConsumerKeyShared);
    ROUND_TRIP(consumer, pulsar_consumer_configuration_set_receiver_queue_size,
               pulsar_consumer_configuration_get_receiver_queue_size, 17);
    TEXT_TRIP(consumer, pulsar_consumer_set_consumer_name, pulsar_consumer_get_consumer_name, "c");
    ROUND_TRIP(consumer, pulsar_consumer_set_unacked_messages_timeout_ms,
               pulsar_consumer_get_unacked_messages_timeout_ms, 20000);
    ROUND_TRIP(consumer, pulsar_configure_set_negative_ack_redelivery_delay_ms,
               pulsar_configure_get_negative_ack_redelivery_delay_ms, 333);
    ROUND_TRIP(consumer, pulsar_configure_set_ack_grouping_time_ms, pulsar_configure_get_ack_grouping_time_ms, 44);
    ROUND_TRIP(consumer, pulsar_configure_set_ack_grouping_max_size, pulsar_configure_get_ack_grouping_max_size, 66);
    ROUND_TRIP(consumer, pulsar_consumer_set_subscription_initial_position,
               pulsar_consumer_get_subscription_initial_position, initial_position_earliest);
    ROUND_TRIP(consumer, pulsar_consumer_configuration_set_priority_level,
               pulsar_consumer_configuration_get_priority_level, 3);
    ROUND_TRIP(consumer, pulsar_consumer_configuration_set_batch_index_ack_enabled,
               pulsar_consumer_configuration_is_batch_index_ack_enabled, 1);
    ROUND_TRIP(consumer, pulsar_consumer_configuration_set_start_paused,
               pulsar_consumer_configuration_is_start_paused, 1);
    ROUND_TRIP(consumer, pulsar_consumer_configuration_set_max_pending_chunked_message,
               pulsar_consumer_configuration_get_max_pending_chunked_message, 12);
    ROUND_TRIP(consumer, pulsar_consumer_configuration_set_auto_ack_oldest_chunked_message_on_queue_full,
               pulsar_consumer_configuration_is_auto_ack_oldest_chunked_message_on_queue_full, 1);
    ROUND_TRIP(consumer, pulsar_consumer_set_max_total_receiver_queue_size_across_partitions,
               pulsar_consumer_get_max_total_receiver_queue_size_across_partitions, 7000);
    ROUND_TRIP(consumer, pulsar_consumer_configuration_set_crypto_failure_action,
               pulsar_consumer_configuration_get_crypto_failure_action, pulsar_ConsumerConsume);
    ROUND_TRIP(consumer, pulsar_consumer_set_read_compacted, pulsar_consumer_is_read_compacted, 1);
    ROUND_TRIP(consumer, pulsar_consumer_configuration_set_start_message_id_inclusive,
               pulsar_consumer_configuration_is_start_message_id_inclusive, 1);
    ROUND_TRIP(consumer, pulsar_consumer_configuration_set_regex_subscription_mode,
               pulsar_consumer_configuration_get_regex_subscription_mode, pulsar_consumer_regex_sub_mode_AllTopics);
    observe(AREA, "setters followed by their getters", "%d of %d give back what was set", kept, tried);
    pulsar_producer_configuration_set_batching_enabled(producer, 5);
    pulsar_consumer_configuration_set_start_paused(consumer, 5);
    observe(AREA, "boolean setters given 5: getters", "%d %d",
            pulsar_producer_configuration_get_batching_enabled(producer),
            pulsar_consumer_configuration_is_start_paused(consumer));
    pulsar_client_configuration_free(client);
    pulsar_producer_configuration_free(producer);
    pulsar_consumer_configuration_free(consumer);
}

static void policies(const char *url) {
    (void)url;
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();
    pulsar_consumer_batch_receive_policy_t good = {4, -1, 2000}, zero = {0, 0, 0}, none = {-1, -1, -1}, now;
    int results[4] = {pulsar_consumer_configuration_set_batch_receive_policy(conf, &good),
                      pulsar_consumer_configuration_set_batch_receive_policy(conf, &zero),
                      pulsar_consumer_configuration_set_batch_receive_policy(conf, &none),
                      pulsar_consumer_configuration_set_batch_receive_policy(conf, NULL)};
    pulsar_consumer_configuration_get_batch_receive_policy(conf, &now);
    observe(AREA, "set_batch_receive_policy {4,-1,2000}, {0,0,0}, {-1,-1,-1}, NULL", "%d %d %d %d; then %d %ld %ld",
            results[0], results[1], results[2], results[3], now.maxNumMessages, now.maxNumBytes, now.timeoutMs);
    pulsar_consumer_configuration_free(conf);
}

/* Values at or outside their limits, and what a consumer or producer configured so comes to. */
static void harmless_limits(const char *url) {
    (void)url;
    pulsar_producer_configuration_t *producer = pulsar_producer_configuration_create();
    pulsar_consumer_configuration_t *consumer = pulsar_consumer_configuration_create();
    pulsar_client_configuration_t *client = pulsar_client_configuration_create();
    pulsar_producer_configuration_set_max_pending_messages(producer, 0);
    observe(AREA, "max_pending_messages 0", "%d", pulsar_producer_configuration_get_max_pending_messages(producer));
    pulsar_client_configuration_set_keep_alive_interval_in_seconds(client, 0);
    observe(AREA, "keep_alive 0", "%u", pulsar_client_configuration_get_keep_alive_interval_in_seconds(client));
    pulsar_client_configuration_set_stats_interval_in_seconds(client, 0);
    observe(AREA, "stats_interval 0", "%u", pulsar_client_configuration_get_stats_interval_in_seconds(client));
    pulsar_consumer_set_unacked_messages_timeout_ms(consumer, 10000);
    observe(AREA, "unacked timeout 10000 ms", "%ld", pulsar_consumer_get_unacked_messages_timeout_ms(consumer));
    pulsar_consumer_set_unacked_messages_timeout_ms(consumer, 0);
    observe(AREA, "unacked timeout 0", "%ld", pulsar_consumer_get_unacked_messages_timeout_ms(consumer));
    pulsar_consumer_configuration_set_receiver_queue_size(consumer, -1);
    observe(AREA, "receiver_queue_size -1", "%d", pulsar_consumer_configuration_get_receiver_queue_size(consumer));
    pulsar_producer_configuration_free(producer);
    pulsar_consumer_configuration_free(consumer);
    pulsar_client_configuration_free(client);
}

static void produce_with(const char *url, const char *name, pulsar_producer_configuration_t *conf) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    pulsar_producer_t *producer = NULL;
    observe(AREA, name, "create_producer %s",
            named(pulsar_client_create_producer(client, unique_topic(topic, "limits"), conf, &producer)));
    pulsar_producer_configuration_free(conf);
    end_client(client);
}

static void subscribe_with(const char *url, const char *name, pulsar_consumer_configuration_t *conf) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    pulsar_consumer_t *consumer = NULL;
    observe(AREA, name, "subscribe %s",
            named(pulsar_client_subscribe(client, unique_topic(topic, "limits"), "s", conf, &consumer)));
    pulsar_consumer_configuration_free(conf);
    end_client(client);
}

static void short_timeout(const char *url) {
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();
    pulsar_consumer_set_unacked_messages_timeout_ms(conf, 5000);
    subscribe_with(url, "unacked_messages_timeout 5 s", conf);
}

static void negative_priority(const char *url) {
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();
    pulsar_consumer_configuration_set_priority_level(conf, -1);
    subscribe_with(url, "priority_level -1", conf);
}

static void negative_pending(const char *url) {
    pulsar_producer_configuration_t *conf = pulsar_producer_configuration_create();
    pulsar_producer_configuration_set_max_pending_messages(conf, -1);
    produce_with(url, "max_pending_messages -1", conf);
}

static void batches_of_one(const char *url) {
    pulsar_producer_configuration_t *conf = pulsar_producer_configuration_create();
    pulsar_producer_configuration_set_batching_max_messages(conf, 1);
    produce_with(url, "batching_max_messages 1", conf);
}

OBSERVE_MAIN(GROUP("defaults", client_defaults), GROUP("defaults", producer_defaults),
             GROUP("defaults", consumer_defaults), GROUP("defaults", message_defaults),
             CASE("defaults", "pulsar_message_get_properties", message_properties),
             CASE("defaults", "pulsar_message_get_length", message_has_property),
             CASE("defaults", "pulsar_message_get_data", message_get_data), GROUP("defaults", result_texts),
             GROUP(AREA, round_trips), GROUP(AREA, policies), GROUP(AREA, harmless_limits),
             CASE(AREA, "unacked_messages_timeout 5 s", short_timeout),
             CASE(AREA, "priority_level -1", negative_priority),
             CASE(AREA, "max_pending_messages -1", negative_pending),
             CASE(AREA, "batching_max_messages 1", batches_of_one))
