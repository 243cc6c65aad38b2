#include "consumer_bridge.h"

#include <string.h>

#include "_cgo_export.h"

void pulsar_go_open_list(pulsar_rs_received_t *list, pulsar_go_list_t *opened) {
    opened->views = pulsar_rs_received_messages(list, &opened->count);
    opened->entries = pulsar_rs_received_entries(list, &opened->entry_count);
    opened->topic = pulsar_rs_received_topic(list, 0);
    opened->topic_len = opened->topic ? strlen(opened->topic) : 0;
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
