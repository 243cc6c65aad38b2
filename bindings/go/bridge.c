#include "bridge.h"

#include "_cgo_export.h"

static void on_sent(pulsar_result result, pulsar_message_id_t *id, void *context) {
    pulsarGoSent(result, id, (uintptr_t)context);
}

void pulsar_go_send_async(pulsar_producer_t *producer, pulsar_message_t *message, uintptr_t handle) {
    pulsar_producer_send_async(producer, message, on_sent, (void *)handle);
}
