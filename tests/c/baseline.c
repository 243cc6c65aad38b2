/*
 * Nothing stays behind: clients, producers and consumers come and go in all orders, and the process has the memory,
 * the threads and the file descriptors that it had before.
 */
#include <dirent.h>
#include <pulsar/c/client.h>

#include "check.h"
#include "latch.h"
#include "session.h"

#define ROUNDS 200
/* By then what is made once is there: the allocator's arenas, tables that grow with first use. */
#define SETTLED 50
#define GROWTH_KB 256
/* Under valgrind, which finds leaks itself and whose own memory is all that would be measured: each order twice. */
#define VALGRIND_ORDERS 2

struct usage {
    long long resident_kb;
    long long threads;
    long long descriptors;
};

/* The number behind a name in /proc/self/status. */
static long long status_number(const char *name) {
    char line[256];
    long long number = -1;
    FILE *status = fopen("/proc/self/status", "r");
    REQUIRE(status != NULL);
    while (number < 0 && fgets(line, sizeof(line), status)) {
        if (strncmp(line, name, strlen(name)) == 0) {
            number = atoll(line + strlen(name));
        }
    }
    fclose(status);
    REQUIRE(number >= 0);
    return number;
}

static long long count_descriptors(void) {
    long long count = 0;
    DIR *folder = opendir("/proc/self/fd");
    REQUIRE(folder != NULL);
    while (readdir(folder)) {
        count++;
    }
    closedir(folder);
    return count;
}

static struct usage usage(void) {
    return (struct usage){status_number("VmRSS:"), status_number("Threads:"), count_descriptors()};
}

/* What one round has open. */
struct round {
    char topic[TOPIC_SIZE];
    pulsar_client_t *client;
    pulsar_producer_t *producer;
    pulsar_consumer_t *consumer;
    struct latch called;
    struct latch heard;
    atomic_bool ending; /* the client is freed while the listener may run */
};

static void receive_one(struct round *round) {
    pulsar_message_t *message = next_message(round->consumer, ANSWER_MS);
    CHECK(message != NULL);
    CHECK_OK(pulsar_consumer_acknowledge(round->consumer, message));
    pulsar_message_free(message);
}

static void open_all(struct round *round) {
    round->consumer = open_consumer(round->client, round->topic, "s", (struct consumer_options){0});
    round->producer = open_producer(round->client, round->topic, (struct producer_options){.batching = true});
}

static void open_and_use(struct round *round) {
    open_all(round);
    CHECK_OK(send_text(round->producer, "x"));
    receive_one(round);
}

static void close_all(struct round *round) {
    CHECK_OK(pulsar_consumer_close(round->consumer));
    CHECK_OK(pulsar_producer_close(round->producer));
    CHECK_OK(pulsar_client_close(round->client));
}

static void free_all(struct round *round) {
    pulsar_consumer_free(round->consumer);
    pulsar_producer_free(round->producer);
    pulsar_client_free(round->client);
}

static void in_order(struct round *round) {
    open_and_use(round);
    end_consumer(round->consumer);
    end_producer(round->producer);
    end_client(round->client);
}

static void freed_without_close(struct round *round) {
    open_and_use(round);
    free_all(round);
}

static void client_freed_first(struct round *round) {
    open_and_use(round);
    pulsar_client_free(round->client);
    CHECK_RESULT(send_text(round->producer, "late"), pulsar_result_AlreadyClosed);
    pulsar_producer_free(round->producer);
    pulsar_consumer_free(round->consumer);
}

static void only_the_client_closed(struct round *round) {
    open_and_use(round);
    CHECK_OK(pulsar_client_close(round->client));
    pulsar_client_free(round->client);
    pulsar_consumer_free(round->consumer);
    pulsar_producer_free(round->producer);
}

static void closed_twice(struct round *round) {
    open_and_use(round);
    close_all(round);
    CHECK_OK(pulsar_consumer_close(round->consumer));
    CHECK_RESULT(pulsar_producer_close(round->producer), pulsar_result_AlreadyClosed);
    CHECK_RESULT(pulsar_client_close(round->client), pulsar_result_AlreadyClosed);
    free_all(round);
}

static void on_heard(pulsar_consumer_t *consumer, pulsar_message_t *message, void *context) {
    struct round *round = context;
    pulsar_result result = pulsar_consumer_acknowledge(consumer, message);
    CHECK(result == pulsar_result_Ok || (round->ending && result == pulsar_result_AlreadyClosed));
    pulsar_message_free(message);
    latch_raise(&round->heard);
}

static void open_with_listener(struct round *round) {
    struct consumer_options options = {.listener = on_heard, .context = round};
    round->consumer = open_consumer(round->client, round->topic, "s", options);
    round->producer = open_producer(round->client, round->topic, (struct producer_options){.batching = true});
}

static void with_a_listener(struct round *round) {
    open_with_listener(round);
    CHECK_OK(send_text(round->producer, "x"));
    CHECK(latch_wait(&round->heard, 1, ANSWER_MS));
    close_all(round);
    free_all(round);
}

/* A listener that is paused, with a message or without one, ends with its consumer however that ends. */
static void paused_listener(struct round *round) {
    for (int way = 0; way < 6; way++) {
        struct consumer_options options = {.listener = on_heard, .context = round, .start_paused = true};
        pulsar_client_t *client = open_client(check_url);
        pulsar_consumer_t *consumer = open_consumer(client, round->topic, "s", options);
        if (way == 0) {
            CHECK_OK(pulsar_consumer_close(consumer));
        } else if (way == 1) {
            CHECK_OK(pulsar_consumer_unsubscribe(consumer));
        } else if (way == 2) {
            CHECK_OK(pulsar_client_close(client));
        } else if (way == 3) {
            pulsar_consumer_close_async(consumer, NULL, NULL);
        } else if (way == 4) {
            pulsar_client_free(client);
            client = NULL;
        }
        pulsar_consumer_free(consumer);
        pulsar_client_free(client);
    }
    CHECK_INT(latch_count(&round->heard), 0);
    pulsar_client_free(round->client);
}

/* While messages come: the listener may run for the last time, but not behind the client's end. */
static void freed_while_listening(struct round *round) {
    open_with_listener(round);
    CHECK_OK(send_numbered(round->producer, 50));
    CHECK(latch_wait(&round->heard, 1, ANSWER_MS));
    round->ending = true;
    pulsar_client_free(round->client);
    int heard = latch_count(&round->heard);
    pulsar_consumer_free(round->consumer);
    pulsar_producer_free(round->producer);
    CHECK_INT(latch_count(&round->heard), heard);
}

static void on_producer(pulsar_result result, pulsar_producer_t *producer, void *context) {
    struct round *round = context;
    CHECK_OK(result);
    round->producer = producer;
    latch_raise(&round->called);
}

static void on_consumer(pulsar_result result, pulsar_consumer_t *consumer, void *context) {
    struct round *round = context;
    CHECK_OK(result);
    round->consumer = consumer;
    latch_raise(&round->called);
}

static void on_sent(pulsar_result result, pulsar_message_id_t *id, void *context) {
    struct round *round = context;
    CHECK((result == pulsar_result_Ok) == (id != NULL));
    pulsar_message_id_free(id);
    latch_raise(&round->called);
}

static void on_message(pulsar_result result, pulsar_message_t *message, void *context) {
    struct round *round = context;
    CHECK(result == pulsar_result_Ok || result == pulsar_result_AlreadyClosed);
    CHECK(message != NULL); /* an empty one, when there is none */
    pulsar_message_free(message);
    latch_raise(&round->called);
}

static void on_result(pulsar_result result, void *context) {
    struct round *round = context;
    CHECK_OK(result);
    latch_raise(&round->called);
}

static void all_async(struct round *round) {
    pulsar_client_subscribe_async(round->client, round->topic, "s", NULL, on_consumer, round);
    REQUIRE(latch_wait(&round->called, 1, ANSWER_MS));
    pulsar_client_create_producer_async(round->client, round->topic, NULL, on_producer, round);
    REQUIRE(latch_wait(&round->called, 2, ANSWER_MS));
    pulsar_consumer_receive_async(round->consumer, on_message, round);
    send_text_async(round->producer, "x", on_sent, round);
    CHECK(latch_wait(&round->called, 4, ANSWER_MS));
    pulsar_consumer_close_async(round->consumer, on_result, round);
    pulsar_producer_close_async(round->producer, on_result, round);
    CHECK(latch_wait(&round->called, 6, ANSWER_MS));
    pulsar_client_close_async(round->client, on_result, round);
    CHECK(latch_wait(&round->called, 7, ANSWER_MS));
    free_all(round);
}

/* Sends and receives without an outcome yet: all of them get one by the client's end. */
static void freed_with_pending_calls(struct round *round) {
    open_all(round);
    for (int i = 0; i < 20; i++) {
        send_text_async(round->producer, "x", on_sent, round);
    }
    for (int i = 0; i < 30; i++) {
        pulsar_consumer_receive_async(round->consumer, on_message, round);
    }
    free_all(round);
    CHECK_INT(latch_count(&round->called), 50);
}

/* Nobody takes what is created: it is closed again. */
static void created_for_nobody(struct round *round) {
    pulsar_client_create_producer_async(round->client, round->topic, NULL, NULL, NULL);
    pulsar_client_subscribe_async(round->client, round->topic, "s", NULL, NULL, NULL);
    pulsar_client_free(round->client);
}

/* What cannot be created leaves nothing, and the messages that were received outlive everything. */
static void with_failures(struct round *round) {
    pulsar_consumer_t *second = NULL;
    open_all(round);
    CHECK_RESULT(try_subscribe(round->client, round->topic, "s", (struct consumer_options){0}, &second),
                 pulsar_result_ConsumerBusy);
    CHECK_RESULT(pulsar_client_subscribe(round->client, "a/b", "s", NULL, &second), pulsar_result_InvalidTopicName);
    CHECK(second == NULL);
    CHECK_OK(send_text(round->producer, "x"));
    pulsar_message_t *message = next_message(round->consumer, ANSWER_MS);
    CHECK(message != NULL);
    free_all(round);
    CHECK_INT(pulsar_message_get_length(message), 1);
    pulsar_message_free(message);
}

static void on_sent_free_all(pulsar_result result, pulsar_message_id_t *id, void *context) {
    struct round *round = context;
    CHECK_OK(result);
    pulsar_message_id_free(id);
    free_all(round);
    latch_raise(&round->called);
}

/* The thread that frees the client is one of those that end with it. */
static void freed_in_a_callback(struct round *round) {
    open_all(round);
    send_text_async(round->producer, "x", on_sent_free_all, round);
    REQUIRE(latch_wait(&round->called, 1, ANSWER_MS));
}

static void (*const orders[])(struct round *) = {
    in_order,           freed_without_close, client_freed_first,       only_the_client_closed,
    closed_twice,       with_a_listener,     freed_while_listening,    all_async,
    created_for_nobody, with_failures,       freed_with_pending_calls, freed_in_a_callback,
    paused_listener,
};
#define ORDERS (int)(sizeof(orders) / sizeof(*orders))

/* This one, and that of main, which waits for it. */
static bool has_no_other_thread(void *context) {
    (void)context;
    return status_number("Threads:") == 2;
}

static void run_round(int number) {
    struct round round = {.called = LATCH_INIT, .heard = LATCH_INIT, .client = open_client(check_url)};
    unique_topic(round.topic, "baseline");
    orders[number % ORDERS](&round);
    /* A thread that ended is listed for a moment more, and one that freed its own client ends by itself. */
    bool alone = wait_until(has_no_other_thread, NULL, ANSWER_MS);
    check_that(alone, __FILE__, __LINE__, "round %d leaves threads behind", number);
}

static void test_nothing_stays_behind(void) {
    bool valgrind = check_patience() > 1;
    int rounds = valgrind ? VALGRIND_ORDERS * ORDERS : ROUNDS;
    int settled = valgrind ? ORDERS : SETTLED;
    struct usage first = {0};
    for (int i = 0; i < rounds; i++) {
        run_round(i);
        if (i + 1 == settled) {
            first = usage();
        }
        if (getenv("CHECK_VERBOSE")) {
            struct usage now = usage();
            fprintf(stderr, "%d: %lld KB, %lld descriptors\n", i, now.resident_kb, now.descriptors);
        }
    }
    struct usage last = usage();
    CHECK_INT(last.threads, first.threads);
    CHECK_INT(last.descriptors, first.descriptors);
    if (!valgrind) {
        CHECK_BETWEEN(last.resident_kb - first.resident_kb, -1000000, GROWTH_KB);
    }
}

#define IDS 1000
#define ID_ROUNDS 100

/* Ids that one thread makes and the other frees. */
struct handover {
    pulsar_message_id_t *ids[IDS];
    struct latch made;
    struct latch freed;
};

static void *free_ids(void *context) {
    struct handover *handover = context;
    for (int round = 1; round <= ID_ROUNDS; round++) {
        REQUIRE(latch_wait(&handover->made, round, ANSWER_MS));
        for (int i = 0; i < IDS; i++) {
            pulsar_message_id_free(handover->ids[i]);
        }
        latch_raise(&handover->freed);
    }
    return NULL;
}

/* Each thread keeps some of what it frees, for what it makes. One that only frees keeps no more than that. */
static void test_ids_freed_on_another_thread(void) {
    struct handover handover = {.made = LATCH_INIT, .freed = LATCH_INIT};
    struct usage first = {0};
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, free_ids, &handover) == 0);
    for (int round = 1; round <= ID_ROUNDS; round++) {
        for (int i = 0; i < IDS; i++) {
            handover.ids[i] = pulsar_message_id_deserialize("\x08\x01\x10\x02", 4);
        }
        latch_raise(&handover.made);
        REQUIRE(latch_wait(&handover.freed, round, ANSWER_MS));
        if (round == ID_ROUNDS / 10) {
            first = usage();
        }
    }
    struct usage last = usage();
    pthread_join(thread, NULL);
    if (check_patience() == 1) {
        CHECK_BETWEEN(last.resident_kb - first.resident_kb, -1000000, GROWTH_KB);
    }
}

CHECK_MAIN(TEST(test_nothing_stays_behind), TEST(test_ids_freed_on_another_thread))
