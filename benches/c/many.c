/*
 * Many producers in one client, each on a topic of its own, and what they cost as one line of JSON.
 *
 *     many rotate URL TOPIC COUNT SIZE PRODUCERS [CODEC]   COUNT messages, the producers in turn
 *     many idle   URL TOPIC PRODUCERS SECONDS              nothing for so long; all but one are created under measurement
 *
 * TOPIC is the beginning of the topics' names. Each producer has room for 1,000 messages that are under way.
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <sys/socket.h>

#include "sends.h"

enum { ROOM = 1000, DESCRIPTORS = 4096 };

/* TCP connections of this process. */
static int connection_count(void) {
    int count = 0;
    for (int descriptor = 0; descriptor < DESCRIPTORS; descriptor++) {
        struct sockaddr_storage peer;
        socklen_t length = sizeof(peer);
        if (getpeername(descriptor, (struct sockaddr *)&peer, &length) == 0) {
            count += peer.ss_family == AF_INET || peer.ss_family == AF_INET6;
        }
    }
    return count;
}

static pulsar_producer_t *producer_number(pulsar_client_t *client, const char *topic, size_t number,
                                          pulsar_compression_type codec) {
    char name[256];
    snprintf(name, sizeof(name), "%s-%zu", topic, number);
    return producer_with(client, name, (struct setup){1, DELAY_MS, ROOM, codec});
}

static void rotate(pulsar_producer_t **producers, size_t number, uint64_t count, size_t size) {
    char *content = malloc(size);
    memset(content, 'x', size);
    struct rusage before;
    getrusage(RUSAGE_SELF, &before);
    uint64_t start = now();
    for (uint64_t i = 0; i < count; i++) {
        send_one(producers[i % number], content, size);
        if (i == count / 2) {
            threads_seen = thread_count();
        }
    }
    for (size_t i = 0; i < number; i++) {
        pulsar_producer_flush(producers[i]);
    }
    wait_for_outcomes(count);
    uint64_t wall = now() - start;
    printf("{\"producers\": %zu, \"connections\": %d, ", number, connection_count());
    report_since(&before, wall, count, 1);
    free(content);
}

/* What the process has used until now. */
struct usage {
    long resident_kb;
    int threads;
    uint64_t wall;
    struct rusage spent;
};

static struct usage usage_now(void) {
    struct usage usage = {.resident_kb = status_kilobytes("VmRSS"), .threads = thread_count(), .wall = now()};
    getrusage(RUSAGE_SELF, &usage.spent);
    return usage;
}

static double cpu_of(const struct usage *usage) {
    return nanoseconds_of(usage->spent.ru_utime) + nanoseconds_of(usage->spent.ru_stime);
}

static void report_idle(const struct usage *one, const struct usage *all, const struct usage *end, size_t number) {
    double seconds = (double)(end->wall - all->wall) / 1e9;
    double more = (double)(number - 1);
    printf("{\"producers\": %zu, \"connections\": %d, \"threads_one\": %d, \"threads\": %d, \"rss_one_kb\": %ld, "
           "\"rss_kb\": %ld, \"kb_each\": %.2f, \"create_us\": %.1f, \"wakeups_s\": %.1f, \"cpu_ms_s\": %.3f}\n",
           number, connection_count(), one->threads, end->threads, one->resident_kb, end->resident_kb,
           (double)(end->resident_kb - one->resident_kb) / more, (double)(all->wall - one->wall) / 1e3 / more,
           (double)(end->spent.ru_nvcsw - all->spent.ru_nvcsw) / seconds, (cpu_of(end) - cpu_of(all)) / 1e6 / seconds);
}

int main(int argc, char **argv) {
    int idle = argc == 6 && strcmp(argv[1], "idle") == 0;
    int in_turn = (argc == 7 || argc == 8) && strcmp(argv[1], "rotate") == 0;
    size_t number = strtoul(argc > 5 ? argv[idle ? 4 : 6] : "0", NULL, 10);
    if ((!idle && !in_turn) || number < 2) {
        fprintf(stderr, "usage: %s rotate URL TOPIC COUNT SIZE PRODUCERS [CODEC] | idle URL TOPIC PRODUCERS SECONDS\n", argv[0]);
        return 2;
    }
    pulsar_compression_type codec = codec_named(argc == 8 ? argv[7] : "none");
    pulsar_client_t *client = connect_to(argv[2]);
    pulsar_producer_t **producers = calloc(number, sizeof(*producers));
    producers[0] = producer_number(client, argv[3], 0, codec);
    struct usage one = usage_now();
    for (size_t i = 1; i < number; i++) {
        producers[i] = producer_number(client, argv[3], i, codec);
    }
    if (idle) {
        struct usage all = usage_now();
        sleep((unsigned)strtoul(argv[5], NULL, 10));
        struct usage end = usage_now();
        report_idle(&one, &all, &end, number);
    } else {
        rotate(producers, number, strtoull(argv[4], NULL, 10), strtoul(argv[5], NULL, 10));
    }
    for (size_t i = 0; i < number; i++) {
        pulsar_producer_close(producers[i]);
        pulsar_producer_free(producers[i]);
    }
    free(producers);
    pulsar_client_close(client);
    pulsar_client_free(client);
    return 0;
}
