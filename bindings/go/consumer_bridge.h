/* Between Go and the C API: receiving. */
#pragma once

#include "bridge.h"

#include <pulsar/c/message_id.h>
#include <pulsar/c/string_map.h>
#include <pulsar_rs/bulk.h>
#include <pulsar_rs/completion.h>
#include <pulsar_rs/consumer_configuration.h>
#include <pulsar_rs/crypto.h>
#include <pulsar_rs/message.h>
#include <pulsar_rs/position.h>
#include <pulsar_rs/reader.h>
#include <pulsar_rs/reader_configuration.h>
#include <pulsar_rs/schema.h>

/* What a list of messages has, all at once: each call from Go costs. */
typedef struct pulsar_go_list {
    const pulsar_rs_view_t *views;
    size_t count;
    const pulsar_rs_entry_t *entries;
    size_t entry_count;
    const char *topic; /* that of number 0 */
    size_t topic_len;
} pulsar_go_list_t;

void pulsar_go_open_list(pulsar_rs_received_t *list, pulsar_go_list_t *opened);

/* Go must not hold a number as a pointer: handles go through these functions. */

/* Changes go to pulsarGoActive. */
void pulsar_go_set_event_listener(pulsar_consumer_configuration_t *conf, uintptr_t handle);

/* Keys come from pulsarGoKey until pulsarGoForgetKeys. */
pulsar_rs_crypto_key_reader_t *pulsar_go_key_reader(uintptr_t handle);
