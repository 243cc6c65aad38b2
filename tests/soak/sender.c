/* The sending side of the streams. */
#define _GNU_SOURCE

#include <pulsar_rs/bulk.h>
#include <pulsar_rs/completion.h>
#include <pulsar_rs/producer_configuration.h>

#include "streams.h"

enum { TICK_MS = 10, SEND_TIMEOUT_MS = 300000, QUEUE = 20000, FETCH = 64, MOST_AT_ONCE = 512 };

size_t payload_fill(char *payload, uint64_t number) {
    size_t length = 16 + number * 2654435761u % 1000;
    memcpy(payload, &number, sizeof(number));
    for (size_t i = sizeof(number); i < length; i++) {
        payload[i] = (char)('a' + (number + i) % 26);
    }
    return length;
}

bool payload_read(const char *payload, size_t length, uint64_t *number) {
    char expected[PAYLOAD_MAX];
    if (length < sizeof(*number)) {
        return false;
    }
    memcpy(number, payload, sizeof(*number));
    return payload_fill(expected, *number) == length && memcmp(expected, payload, length) == 0;
}

void sender_open(struct stream *stream, pulsar_client_t *client) {
    pulsar_producer_configuration_t *conf = pulsar_producer_configuration_create();
    /* A name, so that the broker knows what it has when messages are sent again. */
    char name[64];
    snprintf(name, sizeof(name), "soak-%s", stream->name);
    pulsar_producer_configuration_set_producer_name(conf, name);
    pulsar_producer_configuration_set_send_timeout(conf, SEND_TIMEOUT_MS);
    pulsar_producer_configuration_set_block_if_queue_full(conf, 1);
    pulsar_producer_configuration_set_max_pending_messages(conf, QUEUE / 2);
    pulsar_producer_configuration_set_batching_enabled(conf, stream->kind != UNBATCHED);
    pulsar_producer_configuration_set_batching_max_publish_delay_ms(conf, 5);
    if (stream->kind == COMING) {
        pulsar_rs_producer_configuration_set_batching_by_key(conf, 1);
    }
    if (stream->kind == COMPRESSED) {
        pulsar_producer_configuration_set_compression_type(conf, pulsar_CompressionZSTD);
    }
    if (stream->kind == PARTITIONED) {
        pulsar_producer_configuration_set_partitions_routing_mode(conf, pulsar_RoundRobinDistribution);
    }
    pulsar_result result = pulsar_client_create_producer(client, stream->topic, conf, &stream->producer);
    stop_if(result != pulsar_result_Ok, stream->topic, result);
    pulsar_producer_configuration_free(conf);
}

static void count_outcomes(struct stream *stream, pulsar_result result, uint64_t messages) {
    if (result == pulsar_result_Ok) {
        stream->ledger.completed += messages;
    } else {
        stream->ledger.failed += messages;
        fprintf(stderr, "soak: %s: %" PRIu64 " sends: %s\n", stream->name, messages, pulsar_result_str(result));
    }
}

static void on_sent(pulsar_result result, pulsar_message_id_t *id, void *stream) {
    pulsar_message_id_free(id);
    count_outcomes(stream, result, 1);
}

static void send_one(struct stream *stream, uint64_t number) {
    char payload[PAYLOAD_MAX];
    pulsar_message_t *message = pulsar_message_create();
    pulsar_message_set_content(message, payload, payload_fill(payload, number));
    if (stream->kind == KEYED || stream->kind == COMING) {
        char key[16];
        snprintf(key, sizeof(key), "key-%u", (unsigned)(number % KEYS));
        pulsar_message_set_partition_key(message, key);
    }
    stream->ledger.sent++;
    /* Some of those that are sent alone are waited for. */
    if (stream->kind == UNBATCHED && number % 50 == 0) {
        count_outcomes(stream, pulsar_producer_send(stream->producer, message), 1);
    } else {
        pulsar_producer_send_async(stream->producer, message, on_sent, stream);
    }
    pulsar_message_free(message);
}

/* Takes outcomes out of the queue; waits for the first so long. */
static void fetch(struct stream *stream, pulsar_rs_completion_queue_t *queue, int wait_ms) {
    pulsar_rs_completion_t outcomes[FETCH];
    for (size_t count = FETCH; count == FETCH; wait_ms = 0) {
        count = pulsar_rs_completion_queue_wait(queue, outcomes, FETCH, wait_ms);
        for (size_t i = 0; i < count; i++) {
            count_outcomes(stream, outcomes[i].result, outcomes[i].count);
        }
    }
}

static void send_bulk(struct stream *stream, uint64_t first, uint64_t count) {
    static char payloads[MOST_AT_ONCE][PAYLOAD_MAX];
    pulsar_rs_record_t records[MOST_AT_ONCE];
    memset(records, 0, sizeof(records));
    for (uint64_t i = 0; i < count; i++) {
        records[i].payload = payloads[i];
        records[i].payload_len = payload_fill(payloads[i], first + i);
    }
    stream->ledger.sent += count;
    size_t accepted = 0;
    pulsar_result result = pulsar_rs_producer_send_bulk(stream->producer, records, count, first, &accepted);
    if (result != pulsar_result_Ok) {
        count_outcomes(stream, result, count - accepted);
    }
}

/* Whether as much is under way as may be. */
static bool is_full(struct stream *stream, pulsar_rs_completion_queue_t *queue) {
    uint64_t sent = stream->ledger.sent;
    /* The queue of outcomes has room for all sends without one. */
    bool no_room = queue != NULL && sent - stream->ledger.completed - stream->ledger.failed + MOST_AT_ONCE > QUEUE;
    return no_room || sent - ledger_lowest(&stream->ledger) + MOST_AT_ONCE > WINDOW / 2;
}

void *sender_run(void *context) {
    struct stream *stream = context;
    pulsar_rs_completion_queue_t *queue = NULL;
    if (stream->kind == BULK) {
        queue = pulsar_rs_completion_queue_create(QUEUE);
        pulsar_result result = pulsar_rs_producer_set_completion_queue(stream->producer, queue);
        stop_if(result != pulsar_result_Ok, "completion queue", result);
    }
    uint64_t per_tick = stream->per_second * TICK_MS / 1000;
    per_tick = per_tick < 1 ? 1 : per_tick > MOST_AT_ONCE ? MOST_AT_ONCE : per_tick;
    for (uint64_t number = 0; !senders_end; sleep_ms(TICK_MS)) {
        if (is_full(stream, queue)) {
            /* The broker is away; outcomes make room again. */
        } else if (queue != NULL) {
            send_bulk(stream, number, per_tick);
            number += per_tick;
        } else {
            for (uint64_t end = number + per_tick; number < end; number++) {
                send_one(stream, number);
            }
        }
        if (queue != NULL) {
            fetch(stream, queue, 0);
        }
    }
    pulsar_result result = pulsar_producer_flush(stream->producer);
    if (result != pulsar_result_Ok) {
        fprintf(stderr, "soak: %s: flush: %s\n", stream->name, pulsar_result_str(result));
    }
    for (int i = 0; queue != NULL && i < 100 && stream->ledger.completed + stream->ledger.failed < stream->ledger.sent; i++) {
        fetch(stream, queue, 100);
    }
    if (queue != NULL) {
        pulsar_producer_close(stream->producer);
        pulsar_rs_completion_queue_free(queue);
    }
    return NULL;
}

void sender_close(struct stream *stream) {
    pulsar_producer_close(stream->producer);
    pulsar_producer_free(stream->producer);
}
