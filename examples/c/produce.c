/*
 * Sends each line of standard input as one message.
 *
 *     produce pulsar://localhost:6650 my-topic < file
 *
 * Lines are sent without waiting; the outcome of each comes to a callback. At the end it prints how many were
 * stored, how fast, and how long a line took from sending to its receipt. SIGTERM and SIGINT end the input: what was
 * sent by then is stored before the program ends.
 */
#define _GNU_SOURCE

#include <inttypes.h>
#include <pthread.h>
#include <pulsar/c/client.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Lines are told apart by their number; this is what is known of each. */
struct line {
    uint64_t sent_at;
    uint64_t took;
    pulsar_result result;
};

static struct line *lines;
static size_t line_count;
static size_t line_room;

static pthread_t reader;
static int nothing[2]; /* a pipe whose other end is closed */

/* From here on there is nothing to read, also where a read waits already: that one is interrupted. */
static void end_input(int signal) {
    dup2(nothing[0], STDIN_FILENO);
    if (!pthread_equal(pthread_self(), reader)) {
        pthread_kill(reader, signal);
    }
}

static int end_input_on_signals(void) {
    struct sigaction action = {.sa_handler = end_input};
    reader = pthread_self();
    return pipe(nothing) == 0 && close(nothing[1]) == 0 && sigaction(SIGTERM, &action, NULL) == 0 &&
           sigaction(SIGINT, &action, NULL) == 0;
}

static uint64_t nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Called once for each message, in the order of sending, on a thread of the client. */
static void on_sent(pulsar_result result, pulsar_message_id_t *id, void *context) {
    struct line *line = context;
    line->took = nanoseconds() - line->sent_at;
    line->result = result;
    pulsar_message_id_free(id);
}

/* Contexts must stay where they are while messages are pending, so lines are allocated in one piece. */
static struct line *next_line(void) {
    if (line_count == line_room) {
        fprintf(stderr, "more than %zu lines\n", line_room);
        exit(1);
    }
    return &lines[line_count++];
}

static void send_lines(pulsar_producer_t *producer) {
    char *text = NULL;
    size_t room = 0;
    ssize_t length;
    while ((length = getline(&text, &room, stdin)) >= 0) {
        if (length > 0 && text[length - 1] == '\n') {
            length--;
        }
        struct line *line = next_line();
        line->sent_at = nanoseconds();

        pulsar_message_t *message = pulsar_message_create();
        pulsar_message_set_content(message, text, (size_t)length);
        pulsar_producer_send_async(producer, message, on_sent, line);
        pulsar_message_free(message);

        if (line_count % 20000 == 0) {
            fprintf(stderr, "  sent %zu lines\n", line_count);
        }
    }
    free(text);
}

static int by_duration(const void *left, const void *right) {
    const struct line *a = left, *b = right;
    return a->took < b->took ? -1 : a->took > b->took;
}

static int report(uint64_t elapsed) {
    size_t failed = 0;
    pulsar_result last_failure = pulsar_result_Ok;
    for (size_t i = 0; i < line_count; i++) {
        if (lines[i].result != pulsar_result_Ok) {
            failed++;
            last_failure = lines[i].result;
        }
    }
    double seconds = (double)elapsed / 1e9;
    fprintf(stderr, "produced %zu lines in %.2f s: %.0f lines/s", line_count - failed, seconds,
            (double)line_count / seconds);
    if (line_count > 0) {
        qsort(lines, line_count, sizeof(*lines), by_duration);
        fprintf(stderr, ", latency p50 %.2f ms, p99 %.2f ms", (double)lines[line_count / 2].took / 1e6,
                (double)lines[line_count - 1 - line_count / 100].took / 1e6);
    }
    fprintf(stderr, "\n");
    if (failed > 0) {
        fprintf(stderr, "%zu lines failed, the last with %s\n", failed, pulsar_result_str(last_failure));
    }
    return failed > 0;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: %s SERVICE_URL TOPIC < FILE\n", argv[0]);
        return 2;
    }
    line_room = 10 * 1000 * 1000;
    lines = calloc(line_room, sizeof(*lines));
    if (lines == NULL || !end_input_on_signals()) {
        perror(argv[0]);
        return 1;
    }

    pulsar_client_configuration_t *client_conf = pulsar_client_configuration_create();
    pulsar_client_t *client = pulsar_client_create(argv[1], client_conf);
    pulsar_client_configuration_free(client_conf);

    pulsar_producer_configuration_t *conf = pulsar_producer_configuration_create();
    pulsar_producer_configuration_set_batching_max_publish_delay_ms(conf, 1);
    /* Wait when too many lines are under way, instead of failing. */
    pulsar_producer_configuration_set_block_if_queue_full(conf, 1);
    pulsar_producer_t *producer = NULL;
    pulsar_result result = pulsar_client_create_producer(client, argv[2], conf, &producer);
    pulsar_producer_configuration_free(conf);
    if (result != pulsar_result_Ok) {
        fprintf(stderr, "cannot create a producer: %s\n", pulsar_result_str(result));
        pulsar_client_free(client);
        free(lines);
        return 1;
    }

    uint64_t start = nanoseconds();
    send_lines(producer);
    /* When it returns, every callback has run. */
    pulsar_producer_flush(producer);
    int status = report(nanoseconds() - start);

    pulsar_producer_close(producer);
    pulsar_producer_free(producer);
    pulsar_client_close(client);
    pulsar_client_free(client);
    free(lines);
    return status;
}
