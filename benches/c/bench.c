/*
 * One program for every library that has the C API: sends or receives messages one by one, as programs do, and
 * prints what it cost as one line of JSON.
 *
 *     bench produce URL TOPIC COUNT SIZE           as fast as it goes
 *     bench paced   URL TOPIC COUNT SIZE PER_MS    PER_MS messages each millisecond
 *     bench consume URL TOPIC COUNT SIZE [QUEUE]   subscription "bench" from the beginning
 *     bench prepare URL TOPIC COUNT SIZE           the subscription, then messages for `consume`
 *     bench leftover URL TOPIC                     fails if the subscription has anything left
 *     bench sync    URL TOPIC COUNT SIZE           one after the other, unbatched, each waited for
 *
 * CPU is that of the whole process (getrusage), start and end included.
 */
#define _GNU_SOURCE

#include <errno.h>

#include "sends.h"

static void on_acknowledged(pulsar_result result, void *ctx) {
    uint64_t *refused = ctx;
    *refused += result != pulsar_result_Ok;
}

static void send_all(pulsar_producer_t *producer, uint64_t count, size_t size, uint64_t per_ms) {
    char *content = malloc(size);
    memset(content, 'x', size);
    uint64_t next = now();
    for (uint64_t i = 0; i < count; i++) {
        if (per_ms > 0 && i % per_ms == 0) {
            next += 1000000;
            struct timespec until = {(time_t)(next / 1000000000u), (long)(next % 1000000000u)};
            while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {
            }
        }
        send_one(producer, content, size);
        if (i == count / 2) {
            threads_seen = thread_count();
        }
    }
    pulsar_producer_flush(producer);
    wait_for_outcomes(count);
    free(content);
}

static void send_sync(pulsar_producer_t *producer, uint64_t count, size_t size) {
    char *content = malloc(size);
    memset(content, 'x', size);
    uint64_t *took = calloc(count, sizeof(*took));
    for (uint64_t i = 0; i < count; i++) {
        uint64_t start = now();
        pulsar_message_t *message = pulsar_message_create();
        pulsar_message_set_content(message, content, size);
        pulsar_result result = pulsar_producer_send(producer, message);
        pulsar_message_free(message);
        took[i] = now() - start;
        if (result != pulsar_result_Ok) {
            fail("cannot send", result);
        }
    }
    /* Shell sort: short, and the arrays are small. */
    for (uint64_t gap = count / 2; gap > 0; gap /= 2) {
        for (uint64_t i = gap; i < count; i++) {
            uint64_t value = took[i];
            uint64_t at = i;
            for (; at >= gap && took[at - gap] > value; at -= gap) {
                took[at] = took[at - gap];
            }
            took[at] = value;
        }
    }
    printf("{\"p50_us\": %.1f, \"p99_us\": %.1f, ", (double)took[count / 2] / 1e3,
           (double)took[count - 1 - count / 100] / 1e3);
    threads_seen = thread_count();
    free(took);
    free(content);
}

static void receive_all(pulsar_consumer_t *consumer, uint64_t count, size_t size) {
    uint64_t refused = 0;
    for (uint64_t i = 0; i < count; i++) {
        pulsar_message_t *message = NULL;
        pulsar_result result = pulsar_consumer_receive_with_timeout(consumer, &message, 30000);
        if (result != pulsar_result_Ok) {
            fail("cannot receive", result);
        }
        const char *content = pulsar_message_get_data(message);
        if (pulsar_message_get_length(message) != size || content[size - 1] != 'x') {
            fprintf(stderr, "bench: message %" PRIu64 " is not what was sent\n", i);
            exit(1);
        }
        pulsar_consumer_acknowledge_async(consumer, message, on_acknowledged, &refused);
        pulsar_message_free(message);
        if (i == count / 2) {
            threads_seen = thread_count();
        }
    }
    if (refused > 0) {
        fprintf(stderr, "bench: %" PRIu64 " acknowledgements refused\n", refused);
        exit(1);
    }
}

static void check_leftover(pulsar_consumer_t *consumer) {
    pulsar_message_t *message = NULL;
    pulsar_result result = pulsar_consumer_receive_with_timeout(consumer, &message, 500);
    if (result != pulsar_result_Timeout) {
        fail("there is something left", result);
    }
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: %s produce|paced|consume|prepare|leftover|sync URL TOPIC [COUNT SIZE [PER_MS|QUEUE]]\n",
                argv[0]);
        return 2;
    }
    const char *mode = argv[1];
    uint64_t count = argc > 4 ? strtoull(argv[4], NULL, 10) : 0;
    size_t size = argc > 5 ? strtoul(argv[5], NULL, 10) : 0;
    uint64_t per_ms = argc > 6 ? strtoull(argv[6], NULL, 10) : 0;
    int queue = per_ms > 0 ? (int)per_ms : QUEUE;

    pulsar_client_t *client = connect_to(argv[2]);
    uint64_t start = 0;
    if (strcmp(mode, "consume") == 0 || strcmp(mode, "leftover") == 0) {
        pulsar_consumer_t *consumer = consumer_for(client, argv[3], queue);
        start = now();
        if (count > 0) {
            receive_all(consumer, count, size);
        } else {
            check_leftover(consumer);
        }
        pulsar_consumer_close(consumer);
        pulsar_consumer_free(consumer);
    } else {
        if (strcmp(mode, "prepare") == 0) {
            pulsar_consumer_t *consumer = consumer_for(client, argv[3], QUEUE);
            pulsar_consumer_close(consumer);
            pulsar_consumer_free(consumer);
        }
        int sync = strcmp(mode, "sync") == 0;
        pulsar_producer_t *producer = producer_for(client, argv[3], !sync);
        start = now();
        if (sync) {
            send_sync(producer, count, size);
        } else {
            send_all(producer, count, size, per_ms);
        }
        pulsar_producer_close(producer);
        pulsar_producer_free(producer);
    }
    uint64_t wall = now() - start;
    pulsar_client_close(client);
    pulsar_client_free(client);
    report(wall, count > 0 ? count : 1, strcmp(mode, "sync") == 0);
    return 0;
}
