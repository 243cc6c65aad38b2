/*
 * Sends and receives numbered messages in all ways for a while, whatever happens to the broker meanwhile, and prints as
 * one line of JSON what became of them, and what memory, threads and time it took. tests/soak/run starts it, and makes
 * things happen.
 *
 *     soak URL TOPICS SECONDS PER_SECOND
 *
 * TOPICS is the beginning of the topics' names; the partitioned one, TOPICS-partitioned, must be there. Each stream has
 * one producer, which sends so many messages a second. Status 0 says only that it came to its end.
 */
#define _GNU_SOURCE

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include "streams.h"

enum { SAMPLES = 240, FOLLOW_SECONDS = 3, REPORT_SECONDS = 30, DRAIN_SECONDS = 120 };

atomic_bool senders_end;
atomic_bool receivers_end;

static struct stream streams[KINDS];
static const char *const names[KINDS] = {"batched", "bulk", "unbatched", "compressed", "partitioned", "keyed", "coming", "nacked"};

/* Evenly spread over the run. */
static struct {
    unsigned count;
    long resident_kb[SAMPLES];
    int threads[SAMPLES];
} samples;

static int thread_count(void) {
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *entry; tasks != NULL && (entry = readdir(tasks)) != NULL;) {
        count += entry->d_name[0] != '.';
    }
    if (tasks != NULL) {
        closedir(tasks);
    }
    return count;
}

static long resident_kilobytes(void) {
    long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    if (statm != NULL) {
        if (fscanf(statm, "%*d %ld", &pages) != 1) {
            pages = 0;
        }
        fclose(statm);
    }
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static bool is_worth_a_line(pulsar_logger_level_t level, void *context) {
    (void)context;
    return level >= pulsar_ERROR;
}

static void print_line(pulsar_logger_level_t level, const char *file, int line, const char *text, void *context) {
    (void)level, (void)file, (void)line, (void)context;
    fprintf(stderr, "soak: %s\n", text);
}

static pulsar_client_t *connect_to(const char *url) {
    pulsar_client_configuration_t *conf = pulsar_client_configuration_create();
    pulsar_client_configuration_set_partitions_update_interval(conf, 2);
    pulsar_client_configuration_set_logger_t(conf, (pulsar_logger_t){NULL, is_worth_a_line, print_line});
    pulsar_client_t *client = pulsar_client_create(url, conf);
    pulsar_client_configuration_free(conf);
    return client;
}

static void report_progress(unsigned second) {
    uint64_t sent = 0;
    uint64_t received = 0;
    for (int i = 0; i < KINDS; i++) {
        sent += streams[i].ledger.sent;
        received += ledger_received(&streams[i].ledger);
    }
    fprintf(stderr, "soak: %u s: sent %" PRIu64 ", received %" PRIu64 ", %ld KB, %d threads\n", second, sent, received,
            resident_kilobytes(), thread_count());
}

static unsigned clock_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (unsigned)now.tv_sec;
}

/* Until the time is over: takes samples, and follows the partitions, which takes long while the broker is away. */
static void watch(unsigned seconds) {
    unsigned start = clock_seconds();
    unsigned followed = 0;
    unsigned reported = 0;
    for (unsigned passed = 0; passed < seconds; passed = clock_seconds() - start) {
        if ((uint64_t)passed * SAMPLES / seconds >= samples.count && samples.count < SAMPLES) {
            samples.resident_kb[samples.count] = resident_kilobytes();
            samples.threads[samples.count++] = thread_count();
        }
        if (passed >= reported + REPORT_SECONDS) {
            reported = passed;
            report_progress(passed);
        }
        if (passed >= followed + FOLLOW_SECONDS) {
            receivers_follow(&streams[PARTITIONED]);
            followed = passed;
        }
        sleep_ms(1000);
    }
}

/* Waits until everything that was sent has arrived, or nothing has for so long. */
static void drain(void) {
    uint64_t before = 0;
    for (int quiet = 0; quiet < DRAIN_SECONDS * 10; quiet++) {
        uint64_t missing = 0;
        uint64_t received = 0;
        receivers_follow(&streams[PARTITIONED]);
        for (int i = 0; i < KINDS; i++) {
            uint64_t arrived = ledger_received(&streams[i].ledger);
            missing += streams[i].ledger.completed - arrived;
            received += arrived;
        }
        if (missing == 0) {
            break;
        }
        quiet = received > before ? 0 : quiet;
        before = received;
        sleep_ms(100);
    }
    /* What comes twice may come later. */
    sleep_ms(2000);
}

static void print_numbers(const char *name, unsigned count, long (*number)(unsigned)) {
    printf(", \"%s\": [", name);
    for (unsigned i = 0; i < count; i++) {
        printf("%s%ld", i > 0 ? ", " : "", number(i));
    }
    printf("]");
}

static long resident_at(unsigned sample) { return samples.resident_kb[sample]; }
static long threads_at(unsigned sample) { return samples.threads[sample]; }

static void print_streams(void) {
    printf(", \"streams\": [");
    for (int i = 0; i < KINDS; i++) {
        struct ledger *ledger = &streams[i].ledger;
        printf("%s{\"name\": \"%s\", \"consumers\": %u, \"sent\": %" PRIuFAST64 ", \"completed\": %" PRIuFAST64
               ", \"failed\": %" PRIuFAST64 ", \"received\": %" PRIu64 ", \"damaged\": %" PRIuFAST64
               ", \"again\": %" PRIu64 ", \"twice\": %" PRIu64 ", \"forgotten\": %" PRIu64 ", \"disorder\": %" PRIu64 "}",
               i > 0 ? ", " : "", names[i], streams[i].receiver_count, ledger->sent, ledger->completed, ledger->failed,
               ledger->received, ledger->damaged, ledger->again, ledger->twice, ledger->forgotten, ledger->disorder);
    }
    printf("]");
}

int main(int argc, char **argv) {
    unsigned seconds = argc == 5 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
    if (seconds == 0) {
        fprintf(stderr, "usage: %s URL TOPICS SECONDS PER_SECOND\n", argv[0]);
        return 2;
    }
    int threads_before = thread_count();
    /* One connection for each, so that either can end alone. */
    pulsar_client_t *sending = connect_to(argv[1]);
    pulsar_client_t *receiving = connect_to(argv[1]);
    for (int i = 0; i < KINDS; i++) {
        struct stream *stream = &streams[i];
        stream->kind = (enum kind)i;
        stream->name = names[i];
        stream->per_second = (unsigned)strtoul(argv[4], NULL, 10);
        snprintf(stream->topic, sizeof(stream->topic), "%s-%s", argv[2], names[i]);
        ledger_init(&stream->ledger);
        receivers_open(stream, receiving);
        sender_open(stream, sending);
    }
    fprintf(stderr, "soak: ready\n");
    for (int i = 0; i < KINDS; i++) {
        pthread_create(&streams[i].sender, NULL, sender_run, &streams[i]);
    }
    watch(seconds);
    senders_end = true;
    for (int i = 0; i < KINDS; i++) {
        pthread_join(streams[i].sender, NULL);
    }
    drain();
    receivers_end = true;
    for (int i = 0; i < KINDS; i++) {
        sender_close(&streams[i]);
        receivers_close(&streams[i]);
    }
    pulsar_client_close(sending);
    pulsar_client_free(sending);
    pulsar_client_close(receiving);
    pulsar_client_free(receiving);

    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"seconds\": %u, \"cpu_s\": %.2f, \"threads_before\": %d, \"threads_after\": %d", seconds,
           (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
               (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6,
           threads_before, thread_count());
    print_numbers("rss_kb", samples.count, resident_at);
    print_numbers("threads", samples.count, threads_at);
    print_streams();
    printf("}\n");
    return 0;
}
