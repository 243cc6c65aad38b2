//! Everything that leaves the library: the established API header by header, then the additions. A test holds
//! this list, the headers and the exported symbols against each other.

// pulsar/c/authentication.h
pub use crate::ffi::authentication::{
    pulsar_authentication_athenz_create, pulsar_authentication_basic_create, pulsar_authentication_create,
    pulsar_authentication_free, pulsar_authentication_oauth2_create, pulsar_authentication_tls_create,
    pulsar_authentication_token_create, pulsar_authentication_token_create_with_supplier,
};

// pulsar/c/client_configuration.h
pub use crate::ffi::client_configuration::{
    pulsar_client_configuration_create, pulsar_client_configuration_free,
    pulsar_client_configuration_get_concurrent_lookup_request, pulsar_client_configuration_get_io_threads,
    pulsar_client_configuration_get_keep_alive_interval_in_seconds,
    pulsar_client_configuration_get_listener_name, pulsar_client_configuration_get_memory_limit,
    pulsar_client_configuration_get_message_listener_threads,
    pulsar_client_configuration_get_operation_timeout_seconds,
    pulsar_client_configuration_get_partitions_update_interval,
    pulsar_client_configuration_get_stats_interval_in_seconds,
    pulsar_client_configuration_get_tls_certificate_file_path,
    pulsar_client_configuration_get_tls_private_key_file_path,
    pulsar_client_configuration_get_tls_trust_certs_file_path,
    pulsar_client_configuration_is_http_lookup_auth_allow_redirect,
    pulsar_client_configuration_is_tls_allow_insecure_connection, pulsar_client_configuration_is_use_tls,
    pulsar_client_configuration_is_validate_hostname, pulsar_client_configuration_set_auth,
    pulsar_client_configuration_set_concurrent_lookup_request,
    pulsar_client_configuration_set_http_lookup_auth_allow_redirect,
    pulsar_client_configuration_set_io_threads,
    pulsar_client_configuration_set_keep_alive_interval_in_seconds,
    pulsar_client_configuration_set_listener_name, pulsar_client_configuration_set_logger,
    pulsar_client_configuration_set_logger_t, pulsar_client_configuration_set_memory_limit,
    pulsar_client_configuration_set_message_listener_threads,
    pulsar_client_configuration_set_operation_timeout_seconds,
    pulsar_client_configuration_set_partitions_update_interval,
    pulsar_client_configuration_set_stats_interval_in_seconds,
    pulsar_client_configuration_set_tls_allow_insecure_connection,
    pulsar_client_configuration_set_tls_certificate_file_path,
    pulsar_client_configuration_set_tls_private_key_file_path,
    pulsar_client_configuration_set_tls_trust_certs_file_path, pulsar_client_configuration_set_use_tls,
    pulsar_client_configuration_set_validate_hostname,
};

// pulsar/c/client.h
pub use crate::ffi::client::{
    pulsar_client_close, pulsar_client_close_async, pulsar_client_create, pulsar_client_create_producer,
    pulsar_client_create_producer_async, pulsar_client_create_reader, pulsar_client_create_reader_async,
    pulsar_client_create_table_view, pulsar_client_create_table_view_async, pulsar_client_free,
    pulsar_client_get_topic_partitions, pulsar_client_get_topic_partitions_async, pulsar_client_subscribe,
    pulsar_client_subscribe_async, pulsar_client_subscribe_multi_topics,
    pulsar_client_subscribe_multi_topics_async, pulsar_client_subscribe_pattern,
    pulsar_client_subscribe_pattern_async,
};

// pulsar/c/message_router.h
pub use crate::ffi::message_router::pulsar_topic_metadata_get_num_partitions;

// pulsar/c/producer_configuration.h
pub use crate::ffi::producer_configuration::{
    pulsar_producer_configuration_create, pulsar_producer_configuration_free,
    pulsar_producer_configuration_get_access_mode, pulsar_producer_configuration_get_batching_enabled,
    pulsar_producer_configuration_get_batching_max_allowed_size_in_bytes,
    pulsar_producer_configuration_get_batching_max_messages,
    pulsar_producer_configuration_get_batching_max_publish_delay_ms,
    pulsar_producer_configuration_get_block_if_queue_full,
    pulsar_producer_configuration_get_compression_type,
    pulsar_producer_configuration_get_crypto_failure_action,
    pulsar_producer_configuration_get_hashing_scheme, pulsar_producer_configuration_get_initial_sequence_id,
    pulsar_producer_configuration_get_lazy_start_partitioned_producers,
    pulsar_producer_configuration_get_max_pending_messages,
    pulsar_producer_configuration_get_max_pending_messages_across_partitions,
    pulsar_producer_configuration_get_partitions_routing_mode,
    pulsar_producer_configuration_get_producer_name, pulsar_producer_configuration_get_send_timeout,
    pulsar_producer_configuration_is_chunking_enabled, pulsar_producer_configuration_set_access_mode,
    pulsar_producer_configuration_set_batching_enabled,
    pulsar_producer_configuration_set_batching_max_allowed_size_in_bytes,
    pulsar_producer_configuration_set_batching_max_messages,
    pulsar_producer_configuration_set_batching_max_publish_delay_ms,
    pulsar_producer_configuration_set_block_if_queue_full,
    pulsar_producer_configuration_set_chunking_enabled, pulsar_producer_configuration_set_compression_type,
    pulsar_producer_configuration_set_crypto_failure_action,
    pulsar_producer_configuration_set_default_crypto_key_reader,
    pulsar_producer_configuration_set_encryption_key, pulsar_producer_configuration_set_hashing_scheme,
    pulsar_producer_configuration_set_initial_sequence_id,
    pulsar_producer_configuration_set_lazy_start_partitioned_producers,
    pulsar_producer_configuration_set_max_pending_messages,
    pulsar_producer_configuration_set_max_pending_messages_across_partitions,
    pulsar_producer_configuration_set_message_router,
    pulsar_producer_configuration_set_partitions_routing_mode,
    pulsar_producer_configuration_set_producer_name, pulsar_producer_configuration_set_property,
    pulsar_producer_configuration_set_schema_info, pulsar_producer_configuration_set_send_timeout,
    pulsar_producer_is_encryption_enabled,
};

// pulsar/c/producer.h
pub use crate::ffi::producer::{
    pulsar_producer_close, pulsar_producer_close_async, pulsar_producer_flush, pulsar_producer_flush_async,
    pulsar_producer_free, pulsar_producer_get_last_sequence_id, pulsar_producer_get_producer_name,
    pulsar_producer_get_topic, pulsar_producer_is_connected, pulsar_producer_send,
    pulsar_producer_send_async,
};

// pulsar/c/consumer_configuration.h
pub use crate::ffi::consumer_configuration::{
    pulsar_configure_get_ack_grouping_max_size, pulsar_configure_get_ack_grouping_time_ms,
    pulsar_configure_get_negative_ack_redelivery_delay_ms, pulsar_configure_set_ack_grouping_max_size,
    pulsar_configure_set_ack_grouping_time_ms, pulsar_configure_set_negative_ack_redelivery_delay_ms,
    pulsar_consumer_configuration_create, pulsar_consumer_configuration_free,
    pulsar_consumer_configuration_get_batch_receive_policy, pulsar_consumer_configuration_get_consumer_type,
    pulsar_consumer_configuration_get_crypto_failure_action, pulsar_consumer_configuration_get_dlq_policy,
    pulsar_consumer_configuration_get_max_pending_chunked_message,
    pulsar_consumer_configuration_get_priority_level, pulsar_consumer_configuration_get_receiver_queue_size,
    pulsar_consumer_configuration_get_regex_subscription_mode,
    pulsar_consumer_configuration_has_message_listener,
    pulsar_consumer_configuration_is_auto_ack_oldest_chunked_message_on_queue_full,
    pulsar_consumer_configuration_is_batch_index_ack_enabled,
    pulsar_consumer_configuration_is_start_message_id_inclusive,
    pulsar_consumer_configuration_is_start_paused,
    pulsar_consumer_configuration_set_auto_ack_oldest_chunked_message_on_queue_full,
    pulsar_consumer_configuration_set_batch_index_ack_enabled,
    pulsar_consumer_configuration_set_batch_receive_policy, pulsar_consumer_configuration_set_consumer_type,
    pulsar_consumer_configuration_set_crypto_failure_action,
    pulsar_consumer_configuration_set_default_crypto_key_reader,
    pulsar_consumer_configuration_set_dlq_policy,
    pulsar_consumer_configuration_set_max_pending_chunked_message,
    pulsar_consumer_configuration_set_message_listener, pulsar_consumer_configuration_set_priority_level,
    pulsar_consumer_configuration_set_property, pulsar_consumer_configuration_set_receiver_queue_size,
    pulsar_consumer_configuration_set_regex_subscription_mode, pulsar_consumer_configuration_set_schema_info,
    pulsar_consumer_configuration_set_start_message_id_inclusive,
    pulsar_consumer_configuration_set_start_paused, pulsar_consumer_get_consumer_name,
    pulsar_consumer_get_max_total_receiver_queue_size_across_partitions,
    pulsar_consumer_get_subscription_initial_position, pulsar_consumer_get_unacked_messages_timeout_ms,
    pulsar_consumer_is_encryption_enabled, pulsar_consumer_is_read_compacted,
    pulsar_consumer_set_consumer_name, pulsar_consumer_set_max_total_receiver_queue_size_across_partitions,
    pulsar_consumer_set_read_compacted, pulsar_consumer_set_subscription_initial_position,
    pulsar_consumer_set_unacked_messages_timeout_ms,
};

// pulsar/c/consumer.h
pub use crate::ffi::consumer::{
    pulsar_consumer_acknowledge, pulsar_consumer_acknowledge_async, pulsar_consumer_acknowledge_async_id,
    pulsar_consumer_acknowledge_cumulative, pulsar_consumer_acknowledge_cumulative_async,
    pulsar_consumer_acknowledge_cumulative_async_id, pulsar_consumer_acknowledge_cumulative_id,
    pulsar_consumer_acknowledge_id, pulsar_consumer_batch_receive, pulsar_consumer_batch_receive_async,
    pulsar_consumer_close, pulsar_consumer_close_async, pulsar_consumer_free,
    pulsar_consumer_get_last_message_id, pulsar_consumer_get_subscription_name, pulsar_consumer_get_topic,
    pulsar_consumer_is_connected, pulsar_consumer_negative_acknowledge,
    pulsar_consumer_negative_acknowledge_id, pulsar_consumer_pause_message_listener, pulsar_consumer_receive,
    pulsar_consumer_receive_async, pulsar_consumer_receive_with_timeout,
    pulsar_consumer_redeliver_unacknowledged_messages, pulsar_consumer_seek, pulsar_consumer_seek_async,
    pulsar_consumer_seek_by_timestamp, pulsar_consumer_seek_by_timestamp_async, pulsar_consumer_unsubscribe,
    pulsar_consumer_unsubscribe_async, resume_message_listener,
};

// pulsar/c/reader_configuration.h
pub use crate::ffi::reader_configuration::{
    pulsar_reader_configuration_create, pulsar_reader_configuration_free,
    pulsar_reader_configuration_get_crypto_failure_action, pulsar_reader_configuration_get_reader_name,
    pulsar_reader_configuration_get_receiver_queue_size,
    pulsar_reader_configuration_get_subscription_role_prefix,
    pulsar_reader_configuration_has_reader_listener, pulsar_reader_configuration_is_read_compacted,
    pulsar_reader_configuration_set_crypto_failure_action,
    pulsar_reader_configuration_set_default_crypto_key_reader,
    pulsar_reader_configuration_set_read_compacted, pulsar_reader_configuration_set_reader_listener,
    pulsar_reader_configuration_set_reader_name, pulsar_reader_configuration_set_receiver_queue_size,
    pulsar_reader_configuration_set_subscription_role_prefix,
};

// pulsar/c/reader.h
pub use crate::ffi::reader::{
    pulsar_reader_close, pulsar_reader_close_async, pulsar_reader_free, pulsar_reader_get_topic,
    pulsar_reader_has_message_available, pulsar_reader_is_connected, pulsar_reader_read_next,
    pulsar_reader_read_next_with_timeout, pulsar_reader_seek, pulsar_reader_seek_async,
    pulsar_reader_seek_by_timestamp, pulsar_reader_seek_by_timestamp_async,
};

// pulsar/c/table_view_configuration.h
pub use crate::ffi::table_view_configuration::{
    pulsar_table_view_configuration_create, pulsar_table_view_configuration_free,
    pulsar_table_view_configuration_get_subscription_name, pulsar_table_view_configuration_set_schema_info,
    pulsar_table_view_configuration_set_subscription_name,
};

// pulsar/c/table_view.h
pub use crate::ffi::table_view::{
    pulsar_table_view_close, pulsar_table_view_close_async, pulsar_table_view_contain_key,
    pulsar_table_view_for_each, pulsar_table_view_for_each_add_listen, pulsar_table_view_free,
    pulsar_table_view_get_value, pulsar_table_view_retrieve_value, pulsar_table_view_size,
};

// pulsar/c/message.h
pub use crate::ffi::message::{
    pulsar_message_copy, pulsar_message_create, pulsar_message_disable_replication, pulsar_message_free,
    pulsar_message_get_data, pulsar_message_get_event_timestamp, pulsar_message_get_length,
    pulsar_message_get_message_id, pulsar_message_get_orderingKey, pulsar_message_get_partitionKey,
    pulsar_message_get_producer_name, pulsar_message_get_properties, pulsar_message_get_property,
    pulsar_message_get_publish_timestamp, pulsar_message_get_redelivery_count,
    pulsar_message_get_replicated_from, pulsar_message_get_schemaVersion, pulsar_message_get_topic_name,
    pulsar_message_has_null_value, pulsar_message_has_ordering_key, pulsar_message_has_partition_key,
    pulsar_message_has_property, pulsar_message_has_schema_version, pulsar_message_set_allocated_content,
    pulsar_message_set_content, pulsar_message_set_deliver_after, pulsar_message_set_deliver_at,
    pulsar_message_set_event_timestamp, pulsar_message_set_null_value, pulsar_message_set_ordering_key,
    pulsar_message_set_partition_key, pulsar_message_set_property, pulsar_message_set_replication_clusters,
    pulsar_message_set_schema_version, pulsar_message_set_sequence_id,
};

// pulsar/c/message_id.h
pub use crate::ffi::message_id::{
    pulsar_message_id_deserialize, pulsar_message_id_earliest, pulsar_message_id_free,
    pulsar_message_id_latest, pulsar_message_id_serialize, pulsar_message_id_str,
};

// pulsar/c/messages.h
pub use crate::ffi::messages::{pulsar_messages_free, pulsar_messages_get, pulsar_messages_size};

// pulsar/c/string_list.h
pub use crate::ffi::string_list::{
    pulsar_string_list_append, pulsar_string_list_create, pulsar_string_list_free, pulsar_string_list_get,
    pulsar_string_list_size,
};

// pulsar/c/string_map.h
pub use crate::ffi::string_map::{
    pulsar_string_map_create, pulsar_string_map_free, pulsar_string_map_get, pulsar_string_map_get_key,
    pulsar_string_map_get_value, pulsar_string_map_put, pulsar_string_map_size,
};

// pulsar/c/result.h
pub use crate::ffi::result::pulsar_result_str;

// pulsar_rs/authentication.h
pub use crate::ffi::pulsar_rs::authentication::{
    pulsar_rs_authentication_tls_create_with_supplier, pulsar_rs_certificate_set_pem,
    pulsar_rs_certificate_set_private_key_pem,
};

// pulsar_rs/bulk.h
pub use crate::ffi::pulsar_rs::bulk::{
    pulsar_rs_consumer_acknowledge_positions, pulsar_rs_consumer_acknowledge_received,
    pulsar_rs_consumer_negative_acknowledge_positions, pulsar_rs_consumer_negative_acknowledge_received,
    pulsar_rs_consumer_receive_bulk, pulsar_rs_consumer_receive_bulk_queued, pulsar_rs_producer_send_bulk,
    pulsar_rs_producer_send_packed, pulsar_rs_producer_send_packed_at_once, pulsar_rs_received_entries,
    pulsar_rs_received_free, pulsar_rs_received_message, pulsar_rs_received_messages,
    pulsar_rs_received_topic,
};

// pulsar_rs/completion.h
pub use crate::ffi::pulsar_rs::completion::{
    pulsar_rs_client_close_queued, pulsar_rs_client_create_producer_queued,
    pulsar_rs_client_create_reader_queued, pulsar_rs_client_create_table_view_queued,
    pulsar_rs_client_get_topic_partitions_queued, pulsar_rs_client_subscribe_queued,
    pulsar_rs_completion_queue_create, pulsar_rs_completion_queue_fd, pulsar_rs_completion_queue_free,
    pulsar_rs_completion_queue_poll, pulsar_rs_completion_queue_wait,
    pulsar_rs_consumer_acknowledge_cumulative_id_queued, pulsar_rs_consumer_acknowledge_cumulative_queued,
    pulsar_rs_consumer_acknowledge_id_queued, pulsar_rs_consumer_acknowledge_queued,
    pulsar_rs_consumer_batch_receive_queued, pulsar_rs_consumer_close_queued,
    pulsar_rs_consumer_receive_queued, pulsar_rs_consumer_seek_by_timestamp_queued,
    pulsar_rs_consumer_seek_queued, pulsar_rs_consumer_set_completion_queue,
    pulsar_rs_consumer_unsubscribe_by_force_queued, pulsar_rs_consumer_unsubscribe_queued,
    pulsar_rs_producer_close_queued, pulsar_rs_producer_flush_queued, pulsar_rs_producer_send_queued,
    pulsar_rs_producer_set_completion_queue, pulsar_rs_reader_close_queued,
    pulsar_rs_reader_read_next_queued, pulsar_rs_reader_seek_by_timestamp_queued,
    pulsar_rs_reader_seek_queued, pulsar_rs_reader_set_completion_queue, pulsar_rs_table_view_close_queued,
};

// pulsar_rs/client.h
pub use crate::ffi::pulsar_rs::client::{pulsar_rs_client_last_error, pulsar_rs_client_service_url};

// pulsar_rs/client_configuration.h
pub use crate::ffi::pulsar_rs::client_configuration::{
    pulsar_rs_client_configuration_get_connections_per_broker,
    pulsar_rs_client_configuration_set_cluster_failover,
    pulsar_rs_client_configuration_set_connections_per_broker, pulsar_rs_client_configuration_set_proxy,
};

// pulsar_rs/consumer.h
pub use crate::ffi::pulsar_rs::consumer::{
    pulsar_rs_consumer_acknowledge_ids, pulsar_rs_consumer_acknowledge_messages,
    pulsar_rs_consumer_last_error, pulsar_rs_consumer_reconsume_later,
    pulsar_rs_consumer_reconsume_later_async, pulsar_rs_consumer_seek_with,
};

// pulsar_rs/consumer_configuration.h
pub use crate::ffi::pulsar_rs::consumer_configuration::{
    pulsar_rs_consumer_configuration_get_allow_out_of_order_delivery,
    pulsar_rs_consumer_configuration_get_auto_scaled_receiver_queue,
    pulsar_rs_consumer_configuration_get_chunk_expiry_ms,
    pulsar_rs_consumer_configuration_get_pattern_discovery_interval_ms,
    pulsar_rs_consumer_configuration_get_replicate_subscription_state,
    pulsar_rs_consumer_configuration_is_ack_receipt_enabled, pulsar_rs_consumer_configuration_is_durable,
    pulsar_rs_consumer_configuration_is_retry_enabled,
    pulsar_rs_consumer_configuration_set_ack_receipt_enabled,
    pulsar_rs_consumer_configuration_set_ack_timeout_backoff,
    pulsar_rs_consumer_configuration_set_allow_out_of_order_delivery,
    pulsar_rs_consumer_configuration_set_auto_scaled_receiver_queue,
    pulsar_rs_consumer_configuration_set_chunk_expiry_ms, pulsar_rs_consumer_configuration_set_durable,
    pulsar_rs_consumer_configuration_set_event_listener,
    pulsar_rs_consumer_configuration_set_negative_ack_backoff,
    pulsar_rs_consumer_configuration_set_pattern_discovery_interval_ms,
    pulsar_rs_consumer_configuration_set_replicate_subscription_state,
    pulsar_rs_consumer_configuration_set_retry_enabled,
    pulsar_rs_consumer_configuration_set_retry_letter_topic,
    pulsar_rs_consumer_configuration_set_sticky_hash_ranges,
    pulsar_rs_consumer_configuration_set_subscription_property,
};

// pulsar_rs/crypto.h
pub use crate::ffi::pulsar_rs::crypto::{
    pulsar_rs_consumer_configuration_set_crypto_key_reader, pulsar_rs_crypto_key_reader_create,
    pulsar_rs_crypto_key_reader_free, pulsar_rs_crypto_key_set_metadata, pulsar_rs_crypto_key_set_pem,
    pulsar_rs_producer_configuration_set_crypto_key_reader,
    pulsar_rs_reader_configuration_set_crypto_key_reader,
    pulsar_rs_table_view_configuration_set_crypto_key_reader,
};

// pulsar_rs/message.h
pub use crate::ffi::pulsar_rs::message::{
    pulsar_rs_message_encryption_algorithm, pulsar_rs_message_encryption_batch_size,
    pulsar_rs_message_encryption_compression, pulsar_rs_message_encryption_key_count,
    pulsar_rs_message_encryption_key_metadata, pulsar_rs_message_encryption_key_name,
    pulsar_rs_message_encryption_key_value, pulsar_rs_message_encryption_param,
    pulsar_rs_message_encryption_uncompressed_size, pulsar_rs_message_get_broker_publish_timestamp,
    pulsar_rs_message_get_deliver_at, pulsar_rs_message_get_index, pulsar_rs_message_get_sequence_id,
    pulsar_rs_message_is_encrypted, pulsar_rs_message_is_key_base64,
};

// pulsar_rs/position.h
pub use crate::ffi::pulsar_rs::position::{
    pulsar_rs_consumer_acknowledge_cumulative_position,
    pulsar_rs_consumer_acknowledge_cumulative_position_queued,
    pulsar_rs_consumer_acknowledge_positions_queued, pulsar_rs_consumer_get_last_positions_queued,
    pulsar_rs_consumer_get_reading, pulsar_rs_consumer_reconsume_later_queued,
    pulsar_rs_consumer_seek_position_queued, pulsar_rs_positions_count, pulsar_rs_positions_free,
    pulsar_rs_positions_get, pulsar_rs_positions_topic, pulsar_rs_reader_get_last_positions_queued,
    pulsar_rs_reader_get_reading, pulsar_rs_reader_has_message_available_queued, pulsar_rs_reader_read_bulk,
    pulsar_rs_reader_read_bulk_queued, pulsar_rs_reader_seek_position_queued,
};

// pulsar_rs/producer.h
pub use crate::ffi::pulsar_rs::producer::{pulsar_rs_producer_last_error, pulsar_rs_producer_partitions};

// pulsar_rs/producer_configuration.h
pub use crate::ffi::pulsar_rs::producer_configuration::{
    pulsar_rs_producer_configuration_get_batching_by_key,
    pulsar_rs_producer_configuration_get_old_boost_hash,
    pulsar_rs_producer_configuration_set_batching_by_key,
    pulsar_rs_producer_configuration_set_old_boost_hash,
};

// pulsar_rs/schema.h
pub use crate::ffi::pulsar_rs::schema::{
    pulsar_rs_consumer_get_message_schema, pulsar_rs_consumer_get_schema,
    pulsar_rs_consumer_get_schema_async, pulsar_rs_schema_definition, pulsar_rs_schema_free,
    pulsar_rs_schema_name, pulsar_rs_schema_properties, pulsar_rs_schema_type, pulsar_rs_schema_version,
};

// pulsar_rs/reader.h
pub use crate::ffi::pulsar_rs::reader::{pulsar_rs_reader_get_last_message_id, pulsar_rs_reader_last_error};

// pulsar_rs/reader_configuration.h
pub use crate::ffi::pulsar_rs::reader_configuration::{
    pulsar_rs_reader_configuration_get_subscription_name,
    pulsar_rs_reader_configuration_is_start_message_id_inclusive,
    pulsar_rs_reader_configuration_set_chunk_expiry_ms,
    pulsar_rs_reader_configuration_set_max_pending_chunked_message,
    pulsar_rs_reader_configuration_set_property, pulsar_rs_reader_configuration_set_schema_info,
    pulsar_rs_reader_configuration_set_start_message_id_inclusive,
    pulsar_rs_reader_configuration_set_subscription_name,
};

// pulsar_rs/reconnect.h
pub use crate::ffi::pulsar_rs::reconnect::{
    pulsar_rs_consumer_configuration_set_reconnect_delay,
    pulsar_rs_producer_configuration_set_reconnect_delay, pulsar_rs_reader_configuration_set_reconnect_delay,
};

// pulsar_rs/stats.h
pub use crate::ffi::pulsar_rs::stats::{
    pulsar_rs_client_stats, pulsar_rs_stats_client, pulsar_rs_stats_consumers, pulsar_rs_stats_free,
    pulsar_rs_stats_latency_bounds, pulsar_rs_stats_producers,
};

// pulsar_rs/table_view.h
pub use crate::ffi::pulsar_rs::table_view::pulsar_rs_table_view_last_error;

// pulsar_rs/test_broker.h
#[cfg(feature = "test-broker")]
pub use crate::ffi::pulsar_rs::test_broker::{
    pulsar_rs_test_broker_add_partitions, pulsar_rs_test_broker_add_user, pulsar_rs_test_broker_backlog,
    pulsar_rs_test_broker_close_consumers, pulsar_rs_test_broker_close_producers,
    pulsar_rs_test_broker_compact, pulsar_rs_test_broker_create_topic, pulsar_rs_test_broker_delay_receipts,
    pulsar_rs_test_broker_delete_topic, pulsar_rs_test_broker_drop_connections,
    pulsar_rs_test_broker_fail_next, pulsar_rs_test_broker_freeze, pulsar_rs_test_broker_http_url,
    pulsar_rs_test_broker_issue_token, pulsar_rs_test_broker_require_authentication,
    pulsar_rs_test_broker_set_deduplication, pulsar_rs_test_broker_set_entry_metadata,
    pulsar_rs_test_broker_set_permissions, pulsar_rs_test_broker_start, pulsar_rs_test_broker_stop,
    pulsar_rs_test_broker_unload, pulsar_rs_test_broker_url, pulsar_rs_test_broker_withhold_receipts,
};

// pulsar_rs/version.h
pub use crate::ffi::pulsar_rs::version::{pulsar_rs_version, pulsar_rs_version_str};
