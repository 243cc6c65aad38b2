/* What the measuring programs have in common: a client and a producer, clocks, and the line of JSON they print. */
#pragma once

#include <dirent.h>
#include <inttypes.h>
#include <pulsar/c/client.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

/* A batch ends with 1,000 messages, 128 KiB, or after 1 ms. */
enum { PENDING = 10000, BATCH = 1000, BATCH_BYTES = 128 * 1024, DELAY_MS = 1 };

static inline uint64_t nanoseconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline uint64_t now(void) { return nanoseconds(CLOCK_MONOTONIC); }

static inline void fail(const char *what, pulsar_result result) {
    fprintf(stderr, "bench: %s: %s\n", what, pulsar_result_str(result));
    exit(1);
}

static inline int thread_count(void) {
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    if (tasks != NULL) {
        for (struct dirent *entry; (entry = readdir(tasks)) != NULL;) {
            count += entry->d_name[0] != '.';
        }
        closedir(tasks);
    }
    return count;
}

static inline bool is_enabled(pulsar_logger_level_t level, void *ctx) {
    (void)level, (void)ctx;
    return false;
}

static inline void log_nothing(pulsar_logger_level_t level, const char *file, int line, const char *text, void *ctx) {
    (void)level, (void)file, (void)line, (void)text, (void)ctx;
}

static inline pulsar_client_t *connect_to(const char *url) {
    pulsar_client_configuration_t *conf = pulsar_client_configuration_create();
    /* Log lines would be measured too. */
    pulsar_client_configuration_set_logger_t(conf, (pulsar_logger_t){NULL, is_enabled, log_nothing});
    const char *trusted = getenv("BENCH_TRUSTED");
    if (trusted != NULL) {
        pulsar_client_configuration_set_tls_trust_certs_file_path(conf, trusted);
        pulsar_client_configuration_set_validate_hostname(conf, 1);
    }
    pulsar_client_t *client = pulsar_client_create(url, conf);
    pulsar_client_configuration_free(conf);
    return client;
}

static inline pulsar_compression_type codec_named(const char *name) {
    static const char *const names[] = {"none", "lz4", "zlib", "zstd", "snappy"};
    for (int number = 0; number < 5; number++) {
        if (strcmp(name, names[number]) == 0) {
            return (pulsar_compression_type)number;
        }
    }
    fprintf(stderr, "bench: there is no codec %s\n", name);
    exit(2);
}

/* How a producer is set up. */
struct setup {
    int batching;
    unsigned long delay_ms;
    int pending;
    pulsar_compression_type codec;
};

static inline pulsar_producer_t *producer_with(pulsar_client_t *client, const char *topic, struct setup setup) {
    pulsar_producer_configuration_t *conf = pulsar_producer_configuration_create();
    pulsar_producer_configuration_set_batching_enabled(conf, setup.batching);
    pulsar_producer_configuration_set_batching_max_messages(conf, BATCH);
    pulsar_producer_configuration_set_batching_max_allowed_size_in_bytes(conf, BATCH_BYTES);
    pulsar_producer_configuration_set_batching_max_publish_delay_ms(conf, setup.delay_ms);
    pulsar_producer_configuration_set_max_pending_messages(conf, setup.pending);
    pulsar_producer_configuration_set_block_if_queue_full(conf, 1);
    pulsar_producer_configuration_set_compression_type(conf, setup.codec);
    pulsar_producer_t *producer = NULL;
    pulsar_result result = pulsar_client_create_producer(client, topic, conf, &producer);
    pulsar_producer_configuration_free(conf);
    if (result != pulsar_result_Ok) {
        fail("cannot create the producer", result);
    }
    return producer;
}

static inline pulsar_producer_t *producer_for(pulsar_client_t *client, const char *topic, int batching) {
    return producer_with(client, topic, (struct setup){batching, DELAY_MS, PENDING, pulsar_CompressionNone});
}

/* Messages that a consumer fetches ahead, where nothing else is said. */
enum { QUEUE = 10000 };

static inline pulsar_consumer_t *consumer_for(pulsar_client_t *client, const char *topic, int queue) {
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();
    pulsar_consumer_configuration_set_receiver_queue_size(conf, queue);
    pulsar_consumer_set_subscription_initial_position(conf, initial_position_earliest);
    pulsar_consumer_t *consumer = NULL;
    pulsar_result result = pulsar_client_subscribe(client, topic, "bench", conf, &consumer);
    pulsar_consumer_configuration_free(conf);
    if (result != pulsar_result_Ok) {
        fail("cannot subscribe", result);
    }
    return consumer;
}

/* Threads of the process, counted half-way. */
static int threads_seen;

/* A number in kilobytes out of /proc/self/status: VmRSS, resident now, or VmHWM, the most there was. ru_maxrss would
 * include that of the program that started this one. */
static inline long status_kilobytes(const char *field) {
    long kilobytes = 0;
    char line[256];
    size_t length = strlen(field);
    FILE *status = fopen("/proc/self/status", "r");
    while (status != NULL && fgets(line, sizeof(line), status) != NULL) {
        if (strncmp(line, field, length) == 0 && sscanf(line + length, ": %ld", &kilobytes) == 1) {
            break;
        }
    }
    if (status != NULL) {
        fclose(status);
    }
    return kilobytes;
}

static inline double nanoseconds_of(struct timeval time) { return (double)time.tv_sec * 1e9 + (double)time.tv_usec * 1e3; }

/* The line of JSON; `started`: the program has printed the beginning of it. */
static inline void report_since(const struct rusage *before, uint64_t wall, uint64_t count, int started) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double system = nanoseconds_of(usage.ru_stime) - nanoseconds_of(before->ru_stime);
    double cpu = nanoseconds_of(usage.ru_utime) - nanoseconds_of(before->ru_utime) + system;
    printf("%s\"wall_ns\": %.1f, \"cpu_ns\": %.1f, \"system_ns\": %.1f, \"rss_kb\": %ld, \"threads\": %d, "
           "\"switches\": %ld}\n",
           started ? "" : "{", (double)wall / (double)count, cpu / (double)count, system / (double)count,
           status_kilobytes("VmHWM"), threads_seen,
           usage.ru_nvcsw + usage.ru_nivcsw - before->ru_nvcsw - before->ru_nivcsw);
}

static inline void report(uint64_t wall, uint64_t count, int started) {
    static const struct rusage nothing;
    report_since(&nothing, wall, count, started);
}
