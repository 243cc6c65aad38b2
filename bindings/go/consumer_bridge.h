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

/* Each call from Go costs: these do several things at once. */

/* What a list of messages has. */
typedef struct pulsar_go_list {
    pulsar_rs_received_t *received; /* NULL: none */
    const pulsar_rs_view_t *views;
    size_t count;
    const pulsar_rs_entry_t *entries;
    size_t entry_count;
    const char *topic; /* that of number 0 */
    size_t topic_len;
} pulsar_go_list_t;

void pulsar_go_open_list(pulsar_rs_received_t *received, pulsar_go_list_t *opened);

/* Frees a list, and opens one of the messages that are there. When there are none, and if `is_lazy` without looking, asks for
 * a list that goes to the completion queue. Returns the result of asking. */
pulsar_result pulsar_go_receive(pulsar_consumer_t *consumer, pulsar_rs_received_t *done, int is_lazy, size_t max_messages,
                                size_t max_bytes, uint64_t token, pulsar_go_list_t *opened);
pulsar_result pulsar_go_read(pulsar_reader_t *reader, pulsar_rs_received_t *done, size_t max_messages, size_t max_bytes,
                             uint64_t token, pulsar_go_list_t *opened);

/* Go must not hold a number as a pointer: handles go through these functions. */

/* Changes go to pulsarGoActive. */
void pulsar_go_set_event_listener(pulsar_consumer_configuration_t *conf, uintptr_t handle);

/* Keys come from pulsarGoKey until pulsarGoForgetKeys. */
pulsar_rs_crypto_key_reader_t *pulsar_go_key_reader(uintptr_t handle);
