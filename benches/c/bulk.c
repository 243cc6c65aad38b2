/*
 * The same work as `bench produce` and `bench consume`, through the calls that the established API does not have: many
 * messages a call, and a completion queue instead of callbacks.
 *
 *     bulk produce URL TOPIC COUNT SIZE
 *     bulk consume URL TOPIC COUNT SIZE
 */
#define _GNU_SOURCE

#include <pulsar_rs/bulk.h>
#include <pulsar_rs/completion.h>

#include "measure.h"

enum { RECORDS = 500, CAPACITY = 2 * PENDING, FETCH = 64 };

/* Outcomes that are there, or, if `block`, the next; returns how many messages they stand for. */
static uint64_t fetch(pulsar_rs_completion_queue_t *queue, int block) {
    pulsar_rs_completion_t completions[FETCH];
    size_t count = pulsar_rs_completion_queue_wait(queue, completions, FETCH, block ? 30000 : 0);
    uint64_t messages = 0;
    for (size_t i = 0; i < count; i++) {
        if (completions[i].result != pulsar_result_Ok) {
            fail("cannot send", completions[i].result);
        }
        messages += completions[i].count;
    }
    if (block && count == 0) {
        fail("cannot send", pulsar_result_Timeout);
    }
    return messages;
}

static void send_all(pulsar_producer_t *producer, pulsar_rs_completion_queue_t *queue, uint64_t count, size_t size) {
    char *content = malloc(size);
    memset(content, 'x', size);
    pulsar_rs_record_t records[RECORDS];
    memset(records, 0, sizeof(records));
    for (int i = 0; i < RECORDS; i++) {
        records[i].payload = content;
        records[i].payload_len = size;
    }
    uint64_t completed = 0;
    for (uint64_t sent = 0; sent < count;) {
        uint64_t next = count - sent < RECORDS ? count - sent : RECORDS;
        while (sent + next - completed > CAPACITY) {
            completed += fetch(queue, 1);
        }
        pulsar_result result = pulsar_rs_producer_send_bulk(producer, records, next, sent, NULL);
        if (result != pulsar_result_Ok) {
            fail("cannot send", result);
        }
        sent += next;
        if (threads_seen == 0 && sent >= count / 2) {
            threads_seen = thread_count();
        }
        completed += fetch(queue, 0);
    }
    pulsar_producer_flush(producer);
    while (completed < count) {
        completed += fetch(queue, 1);
    }
    free(content);
}

static void receive_all(pulsar_consumer_t *consumer, uint64_t count, size_t size) {
    for (uint64_t taken = 0; taken < count;) {
        pulsar_rs_received_t *received = NULL;
        pulsar_result result = pulsar_rs_consumer_receive_bulk(consumer, RECORDS, SIZE_MAX, 30000, &received);
        if (result != pulsar_result_Ok) {
            fail("cannot receive", result);
        }
        size_t messages = 0;
        const pulsar_rs_view_t *views = pulsar_rs_received_messages(received, &messages);
        for (size_t i = 0; i < messages; i++) {
            const char *content = views[i].payload;
            if (views[i].payload_len != size || content[size - 1] != 'x') {
                fprintf(stderr, "bulk: message %" PRIu64 " is not what was sent\n", taken + i);
                exit(1);
            }
        }
        result = pulsar_rs_consumer_acknowledge_received(consumer, received, 0, messages);
        if (result != pulsar_result_Ok) {
            fail("cannot acknowledge", result);
        }
        pulsar_rs_received_free(received);
        taken += messages;
        if (threads_seen == 0 && taken >= count / 2) {
            threads_seen = thread_count();
        }
    }
}

static int consume(pulsar_client_t *client, char **argv, uint64_t count) {
    pulsar_consumer_t *consumer = consumer_for(client, argv[3], QUEUE);
    uint64_t start = now();
    receive_all(consumer, count, strtoul(argv[5], NULL, 10));
    pulsar_consumer_close(consumer);
    uint64_t wall = now() - start;
    pulsar_consumer_free(consumer);
    pulsar_client_close(client);
    pulsar_client_free(client);
    report(wall, count, 0);
    return 0;
}

int main(int argc, char **argv) {
    int consumes = argc == 6 && strcmp(argv[1], "consume") == 0;
    if (argc != 6 || (!consumes && strcmp(argv[1], "produce") != 0)) {
        fprintf(stderr, "usage: %s produce|consume URL TOPIC COUNT SIZE\n", argv[0]);
        return 2;
    }
    uint64_t count = strtoull(argv[4], NULL, 10);
    pulsar_client_t *client = connect_to(argv[2]);
    if (consumes) {
        return consume(client, argv, count);
    }
    pulsar_producer_t *producer = producer_for(client, argv[3], 1);
    pulsar_rs_completion_queue_t *queue = pulsar_rs_completion_queue_create(CAPACITY);
    pulsar_result result = pulsar_rs_producer_set_completion_queue(producer, queue);
    if (result != pulsar_result_Ok) {
        fail("cannot use the queue", result);
    }
    uint64_t start = now();
    send_all(producer, queue, count, strtoul(argv[5], NULL, 10));
    pulsar_producer_close(producer);
    uint64_t wall = now() - start;
    pulsar_producer_free(producer);
    pulsar_client_close(client);
    pulsar_client_free(client);
    pulsar_rs_completion_queue_free(queue);
    report(wall, count, 0);
    return 0;
}
