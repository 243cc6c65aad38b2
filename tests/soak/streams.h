/* The streams of the soak: what is sent, how it is received, and what both have in common. */
#pragma once

#include <pulsar/c/client.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ledger.h"

enum kind { BATCHED, BULK, UNBATCHED, COMPRESSED, PARTITIONED, KEYED, COMING, NACKED, KINDS };

/* Lanes of the ledger, where each key has its order. */
enum { KEYS = 32 };

enum { TOPIC_SIZE = 256, CONSUMERS = 16, PAYLOAD_MAX = 2048, WAIT_MS = 200 };

struct stream;

/* A consumer with its thread, or with the client's listener thread. */
struct receiver {
    struct stream *stream;
    unsigned lane; /* of the ledger */
    char topic[TOPIC_SIZE];
    pulsar_consumer_t *consumer;
    pthread_t thread;
};

struct stream {
    enum kind kind;
    const char *name;
    char topic[TOPIC_SIZE];
    unsigned per_second;
    pulsar_client_t *client; /* for consumers that come later */
    pulsar_producer_t *producer;
    pthread_t sender;
    struct receiver receivers[CONSUMERS];
    atomic_uint receiver_count;
    struct ledger ledger;
};

/* Senders are to stop, and then receivers. */
extern atomic_bool senders_end;
extern atomic_bool receivers_end;

void sender_open(struct stream *stream, pulsar_client_t *client);
/* Sends until `senders_end`, then flushes. */
void *sender_run(void *stream);
void sender_close(struct stream *stream);

/* Opens the consumers of a stream, and threads for them. */
void receivers_open(struct stream *stream, pulsar_client_t *client);
/* Opens consumers for partitions that are new. */
void receivers_follow(struct stream *stream);
void receivers_close(struct stream *stream);

/* The payload of a message: its number, and bytes that follow from it. Returns the length. */
size_t payload_fill(char *payload, uint64_t number);
/* Reads the number back; false: these are not such bytes. */
bool payload_read(const char *payload, size_t length, uint64_t *number);

static inline void stop_if(bool failed, const char *what, pulsar_result result) {
    if (failed) {
        fprintf(stderr, "soak: %s: %s\n", what, pulsar_result_str(result));
        exit(1);
    }
}

static inline void sleep_ms(long millis) {
    struct timespec time = {millis / 1000, millis % 1000 * 1000000};
    nanosleep(&time, NULL);
}
