/*
 * Prints each message of a subscription as one line.
 *
 *     consume pulsar://localhost:6650 my-topic my-subscription [COUNT]
 *
 * Messages come to a listener, one after the other; each is acknowledged when it is printed. It ends after
 * COUNT messages, or with SIGTERM or SIGINT.
 */
#define _GNU_SOURCE

#include <inttypes.h>
#include <pthread.h>
#include <pulsar/c/client.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct progress {
    size_t wanted; /* 0: no end */
    size_t received;
    uint64_t first_at;
    uint64_t last_at;
    bool ending;
    pthread_mutex_t lock;
    pthread_cond_t done;
};

static uint64_t nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void on_acknowledged(pulsar_result result, void *context) {
    (void)context;
    if (result != pulsar_result_Ok) {
        fprintf(stderr, "cannot acknowledge: %s\n", pulsar_result_str(result));
    }
}

/* Called on the listener thread of the client. The message is ours; the consumer is lent for the call. */
static void on_message(pulsar_consumer_t *consumer, pulsar_message_t *message, void *context) {
    struct progress *progress = context;

    pthread_mutex_lock(&progress->lock);
    /* What comes later is not acknowledged any more, and so not printed: it will come again. */
    if (!progress->ending) {
        fwrite(pulsar_message_get_data(message), 1, pulsar_message_get_length(message), stdout);
        putchar('\n');
        pulsar_consumer_acknowledge_async(consumer, message, on_acknowledged, NULL);

        progress->last_at = nanoseconds();
        if (progress->received++ == 0) {
            progress->first_at = progress->last_at;
        }
        if (progress->received % 20000 == 0) {
            fprintf(stderr, "  received %zu lines\n", progress->received);
        }
        if (progress->received == progress->wanted) {
            progress->ending = true;
            pthread_cond_signal(&progress->done);
        }
    }
    pthread_mutex_unlock(&progress->lock);
    pulsar_message_free(message);
}

static sigset_t ending_signals(void) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    return signals;
}

/* Waits until all messages are there, or for a signal. */
static void wait_for(struct progress *progress) {
    if (progress->wanted == 0) {
        sigset_t signals = ending_signals();
        int signal;
        sigwait(&signals, &signal);
        pthread_mutex_lock(&progress->lock);
        progress->ending = true;
        pthread_mutex_unlock(&progress->lock);
        return;
    }
    pthread_mutex_lock(&progress->lock);
    while (!progress->ending) {
        pthread_cond_wait(&progress->done, &progress->lock);
    }
    pthread_mutex_unlock(&progress->lock);
}

int main(int argc, char **argv) {
    if (argc < 4 || argc > 5) {
        fprintf(stderr, "usage: %s SERVICE_URL TOPIC SUBSCRIPTION [COUNT]\n", argv[0]);
        return 2;
    }
    struct progress progress = {.lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER};
    progress.wanted = argc == 5 ? strtoul(argv[4], NULL, 10) : 0;

    /* Before the client's threads exist, so that they inherit it: only `wait_for` takes the signals. With COUNT nothing
     * waits for them, and they end the program at once. */
    if (progress.wanted == 0) {
        sigset_t signals = ending_signals();
        pthread_sigmask(SIG_BLOCK, &signals, NULL);
        /* Nothing is acknowledged before it is printed, even if the program is killed. */
        setvbuf(stdout, NULL, _IOLBF, 0);
    }

    pulsar_client_configuration_t *client_conf = pulsar_client_configuration_create();
    pulsar_client_t *client = pulsar_client_create(argv[1], client_conf);
    pulsar_client_configuration_free(client_conf);

    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();
    pulsar_consumer_set_subscription_initial_position(conf, initial_position_earliest);
    pulsar_consumer_configuration_set_message_listener(conf, on_message, &progress);
    pulsar_consumer_t *consumer = NULL;
    pulsar_result result = pulsar_client_subscribe(client, argv[2], argv[3], conf, &consumer);
    pulsar_consumer_configuration_free(conf);
    if (result != pulsar_result_Ok) {
        fprintf(stderr, "cannot subscribe: %s\n", pulsar_result_str(result));
        pulsar_client_free(client);
        return 1;
    }

    wait_for(&progress);
    /* Sends the acknowledgements that wait. */
    pulsar_consumer_close(consumer);
    pulsar_consumer_free(consumer);
    pulsar_client_close(client);
    pulsar_client_free(client);

    double seconds = (double)(progress.last_at - progress.first_at) / 1e9;
    fprintf(stderr, "consumed %zu lines in %.2f s: %.0f lines/s\n", progress.received, seconds,
            seconds > 0 ? (double)progress.received / seconds : 0.0);
    return fflush(stdout) == 0 ? 0 : 1;
}
