/* How a client is put before a fake broker that attacks, and what has to hold whatever it does. */
#pragma once

#include <pulsar/c/client.h>
#include <sys/resource.h>

#include "check.h"
#include "fake_broker.h"
#include "latch.h"
#include "session.h"

#define HOSTILE_TIMEOUT_MS 2000
/* What a machine under load may take beyond the timeouts. */
#define HOSTILE_SLACK_MS 1500
#define HOSTILE_THREADS 24

/* One assault, once or on and on. */
struct hostile_run {
    const struct assault *assault;
    bool always;
};

static struct hostile_run hostile_runs[400];
static int hostile_count;
static atomic_int hostile_next;

#define CHECK_FOR(run, condition)                                                                            \
    check_that((condition), __FILE__, __LINE__, "%s, %s: %s", (run)->assault->name,                          \
               (run)->always ? "always" : "once", #condition)

static inline void check_in_time(const struct hostile_run *run, const char *what, long long start, int timeout) {
    long long took = now_ms() - start;
    check_that(took <= timeout + HOSTILE_SLACK_MS * check_patience(), __FILE__, __LINE__, "%s, %s: %s took %lld ms",
               run->assault->name, run->always ? "always" : "once", what, took);
}

/* After one attack the broker behaves: everything works. Under endless ones it fails, but in time. */
static inline bool must_work(const struct hostile_run *run) {
    return run->assault->harmless || (!run->always && !run->assault->may_fail);
}

static inline void check_outcome(const struct hostile_run *run, const char *what, pulsar_result result) {
    check_that(!must_work(run) || result == pulsar_result_Ok, __FILE__, __LINE__, "%s, %s: %s gives %s",
               run->assault->name, run->always ? "always" : "once", what, pulsar_result_str(result));
}

static inline void produce(const struct hostile_run *run, pulsar_client_t *client) {
    pulsar_producer_t *producer = NULL;
    struct producer_options options = {.send_timeout_ms = HOSTILE_TIMEOUT_MS};
    long long start = now_ms();
    pulsar_result result = try_producer(client, "hostile", options, &producer);
    check_in_time(run, "create_producer", start, HOSTILE_TIMEOUT_MS);
    check_outcome(run, "create_producer", result);
    CHECK_FOR(run, (result == pulsar_result_Ok) == (producer != NULL));
    if (producer == NULL) {
        return;
    }
    for (int i = 0; i < 3; i++) {
        start = now_ms();
        result = send_text(producer, "x");
        check_in_time(run, "send", start, HOSTILE_TIMEOUT_MS);
        check_outcome(run, "send", result);
    }
    start = now_ms();
    pulsar_producer_close(producer);
    check_in_time(run, "producer close", start, HOSTILE_TIMEOUT_MS);
    pulsar_producer_free(producer);
}

/* Messages until the good one, for so long. */
static inline bool receives_good(pulsar_consumer_t *consumer, int milliseconds) {
    char text[16];
    bool good = false;
    for (long long end = now_ms() + milliseconds; !good && now_ms() < end;) {
        pulsar_message_t *message = next_message(consumer, (int)(end - now_ms()));
        if (message) {
            good = strcmp(content(message, text, sizeof(text)), "good") == 0;
            pulsar_consumer_acknowledge(consumer, message);
            pulsar_message_free(message);
        }
    }
    return good;
}

static inline void consume(const struct hostile_run *run, pulsar_client_t *client) {
    pulsar_consumer_t *consumer = NULL;
    long long start = now_ms();
    pulsar_result result = try_subscribe(client, "hostile", "s", (struct consumer_options){0}, &consumer);
    check_in_time(run, "subscribe", start, HOSTILE_TIMEOUT_MS);
    check_outcome(run, "subscribe", result);
    CHECK_FOR(run, (result == pulsar_result_Ok) == (consumer != NULL));
    if (consumer == NULL) {
        return;
    }
    /* As long as a client may need to connect again; longer only for what is sure to come. */
    int limit = HOSTILE_TIMEOUT_MS * (must_work(run) ? check_patience() : 1);
    start = now_ms();
    bool good = receives_good(consumer, limit);
    check_in_time(run, "receive", start, limit);
    check_outcome(run, "receive", good ? pulsar_result_Ok : pulsar_result_Timeout);
    start = now_ms();
    pulsar_consumer_close(consumer);
    check_in_time(run, "consumer close", start, HOSTILE_TIMEOUT_MS);
    pulsar_consumer_free(consumer);
}

static inline bool is_for_consumers(const struct assault *assault) {
    return assault->at == FLOW || assault->at == SUBSCRIBE || assault->at == CLOSE_CONSUMER;
}

static inline void *hostile_work(void *context) {
    (void)context;
    for (int index; (index = hostile_next++) < hostile_count;) {
        const struct hostile_run *run = &hostile_runs[index];
        long long begin = now_ms();
        struct fake_broker *broker = fake_start(run->assault, run->always ? -1 : 1);
        pulsar_client_t *client = open_client_for(broker->url, HOSTILE_TIMEOUT_MS / 1000);
        if (is_for_consumers(run->assault)) {
            consume(run, client);
        } else {
            produce(run, client);
        }
        /* An assault that never took place shows nothing. */
        CHECK_FOR(run, broker->attacks > 0);
        long long start = now_ms();
        pulsar_client_close(client);
        pulsar_client_free(client);
        check_in_time(run, "client close", start, HOSTILE_TIMEOUT_MS);
        fake_stop(broker);
        if (getenv("CHECK_VERBOSE")) {
            fprintf(stderr, "%s, %s: %lld ms\n", run->assault->name, run->always ? "always" : "once",
                    now_ms() - begin);
        }
    }
    return NULL;
}

/* All assaults, each once and on and on, many at the same time: most of it is waiting. */
static inline void check_assaults(const struct assault *assaults, size_t count) {
    pthread_t threads[HOSTILE_THREADS];
    hostile_count = 0;
    hostile_next = 0;
    for (size_t i = 0; i < 2 * count; i++) {
        hostile_runs[hostile_count++] = (struct hostile_run){&assaults[i / 2], i % 2};
    }
    for (int i = 0; i < HOSTILE_THREADS; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, hostile_work, NULL) == 0);
    }
    for (int i = 0; i < HOSTILE_THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    /* Nothing that a broker says makes a client take memory that it does not fill. */
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    CHECK_BETWEEN(usage.ru_maxrss, 0, check_patience() > 1 ? 4000000 : 400000);
}
