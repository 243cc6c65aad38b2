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

enum { PENDING = 10000, BATCH = 1000, DELAY_MS = 1 };

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
    pulsar_client_t *client = pulsar_client_create(url, conf);
    pulsar_client_configuration_free(conf);
    return client;
}

static inline pulsar_producer_t *producer_for(pulsar_client_t *client, const char *topic, int batching) {
    pulsar_producer_configuration_t *conf = pulsar_producer_configuration_create();
    pulsar_producer_configuration_set_batching_enabled(conf, batching);
    pulsar_producer_configuration_set_batching_max_messages(conf, BATCH);
    pulsar_producer_configuration_set_batching_max_publish_delay_ms(conf, DELAY_MS);
    pulsar_producer_configuration_set_max_pending_messages(conf, PENDING);
    pulsar_producer_configuration_set_block_if_queue_full(conf, 1);
    pulsar_producer_t *producer = NULL;
    pulsar_result result = pulsar_client_create_producer(client, topic, conf, &producer);
    pulsar_producer_configuration_free(conf);
    if (result != pulsar_result_Ok) {
        fail("cannot create the producer", result);
    }
    return producer;
}

/* Threads of the process, counted half-way. */
static int threads_seen;

/* Peak of the resident memory of this program. ru_maxrss would include that of the program that started it. */
static inline long peak_kilobytes(void) {
    long kilobytes = 0;
    char line[256];
    FILE *status = fopen("/proc/self/status", "r");
    while (status != NULL && fgets(line, sizeof(line), status) != NULL) {
        if (sscanf(line, "VmHWM: %ld", &kilobytes) == 1) {
            break;
        }
    }
    if (status != NULL) {
        fclose(status);
    }
    return kilobytes;
}

static inline void report(uint64_t wall, uint64_t count, int started) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e9 +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e3;
    double system = (double)usage.ru_stime.tv_sec * 1e9 + (double)usage.ru_stime.tv_usec * 1e3;
    printf("%s\"wall_ns\": %.1f, \"cpu_ns\": %.1f, \"system_ns\": %.1f, \"rss_kb\": %ld, \"threads\": %d, "
           "\"switches\": %ld}\n",
           started ? "" : "{", (double)wall / (double)count, cpu / (double)count, system / (double)count,
           peak_kilobytes(), threads_seen, usage.ru_nvcsw + usage.ru_nivcsw);
}
