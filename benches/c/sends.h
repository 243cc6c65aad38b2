/* Sends one by one with callbacks, as programs do, and waiting for what becomes of them. */
#pragma once

#include <stdatomic.h>
#include <unistd.h>

#include "measure.h"

/* Written by the callback thread, read at the end: alone on its cache line. */
static struct {
    _Alignas(128) _Atomic uint64_t completed;
    _Atomic uint64_t failed;
} outcomes;

static inline void on_sent(pulsar_result result, pulsar_message_id_t *id, void *ctx) {
    (void)ctx;
    pulsar_message_id_free(id);
    if (result != pulsar_result_Ok) {
        atomic_fetch_add_explicit(&outcomes.failed, 1, memory_order_relaxed);
    }
    uint64_t completed = atomic_load_explicit(&outcomes.completed, memory_order_relaxed);
    atomic_store_explicit(&outcomes.completed, completed + 1, memory_order_release);
}

static inline void send_one(pulsar_producer_t *producer, const char *content, size_t size) {
    pulsar_message_t *message = pulsar_message_create();
    pulsar_message_set_content(message, content, size);
    pulsar_producer_send_async(producer, message, on_sent, NULL);
    pulsar_message_free(message);
}

/* Returns when so many sends have an outcome; ends the program if one of them failed. */
static inline void wait_for_outcomes(uint64_t count) {
    while (atomic_load_explicit(&outcomes.completed, memory_order_acquire) < count) {
        usleep(100);
    }
    if (atomic_load(&outcomes.failed) > 0) {
        fprintf(stderr, "bench: %" PRIu64 " sends failed\n", atomic_load(&outcomes.failed));
        exit(1);
    }
}
