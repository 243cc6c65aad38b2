#include "consumer_bridge.h"

#include <string.h>

#include "_cgo_export.h"

void pulsar_go_open_list(pulsar_rs_received_t *received, pulsar_go_list_t *opened) {
    opened->received = received;
    opened->views = pulsar_rs_received_messages(received, &opened->count);
    opened->entries = pulsar_rs_received_entries(received, &opened->entry_count);
    opened->topic = pulsar_rs_received_topic(received, 0);
    opened->topic_len = opened->topic ? strlen(opened->topic) : 0;
}

pulsar_result pulsar_go_receive(pulsar_consumer_t *consumer, pulsar_rs_received_t *done, int is_lazy, size_t max_messages,
                                size_t max_bytes, uint64_t token, pulsar_go_list_t *opened) {
    pulsar_rs_received_free(done);
    pulsar_rs_received_t *received = NULL;
    if (!is_lazy &&
        pulsar_rs_consumer_receive_bulk(consumer, max_messages, max_bytes, 0, &received) == pulsar_result_Ok) {
        pulsar_go_open_list(received, opened);
        return pulsar_result_Ok;
    }
    return pulsar_rs_consumer_receive_bulk_queued(consumer, max_messages, max_bytes, token);
}

pulsar_result pulsar_go_read(pulsar_reader_t *reader, pulsar_rs_received_t *done, size_t max_messages, size_t max_bytes,
                             uint64_t token, pulsar_go_list_t *opened) {
    pulsar_rs_received_free(done);
    pulsar_rs_received_t *received = NULL;
    if (pulsar_rs_reader_read_bulk(reader, max_messages, max_bytes, 0, &received) == pulsar_result_Ok) {
        pulsar_go_open_list(received, opened);
        return pulsar_result_Ok;
    }
    return pulsar_rs_reader_read_bulk_queued(reader, max_messages, max_bytes, token);
}

static void on_active(const char *topic, int partition, int is_active, void *context) {
    pulsarGoActive((char *)topic, partition, is_active, (uintptr_t)context);
}

void pulsar_go_set_event_listener(pulsar_consumer_configuration_t *conf, uintptr_t handle) {
    pulsar_rs_consumer_configuration_set_event_listener(conf, on_active, (void *)handle);
}

static pulsar_result on_public_key(const char *name, pulsar_string_map_t *metadata, pulsar_rs_crypto_key_t *key, void *context) {
    return (pulsar_result)pulsarGoKey(1, (char *)name, metadata, key, (uintptr_t)context);
}

static pulsar_result on_private_key(const char *name, pulsar_string_map_t *metadata, pulsar_rs_crypto_key_t *key,
                                    void *context) {
    return (pulsar_result)pulsarGoKey(0, (char *)name, metadata, key, (uintptr_t)context);
}

static void forget_keys(void *context) {
    pulsarGoForgetKeys((uintptr_t)context);
}

pulsar_rs_crypto_key_reader_t *pulsar_go_key_reader(uintptr_t handle) {
    return pulsar_rs_crypto_key_reader_create(on_public_key, on_private_key, (void *)handle, forget_keys);
}
