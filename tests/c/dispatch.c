/* The threads that call back: what may wait for them, how much, and how they start and end. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pulsar/c/client.h>
#include <pulsar_rs/client.h>

#include "check.h"
#include "latch.h"
#include "session.h"

/* Threads cannot be had while this is set: the program's own pthread_create comes before that of the C library. */
static atomic_bool no_threads;

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument) {
    static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (no_threads) {
        return EAGAIN;
    }
    if (!real) {
        real = (int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))dlsym(RTLD_NEXT,
                                                                                              "pthread_create");
    }
    return real(thread, attributes, start, argument);
}

/* A callback that holds its thread until it is let go. */
struct hold {
    struct latch entered;
    struct latch let_go;
};

#define HOLD_INIT {.entered = LATCH_INIT, .let_go = LATCH_INIT}

static void hold_thread(struct hold *hold) {
    latch_raise(&hold->entered);
    CHECK(latch_wait(&hold->let_go, 1, 4 * ANSWER_MS));
}

static void on_sent_hold(pulsar_result result, pulsar_message_id_t *id, void *context) {
    (void)result;
    pulsar_message_id_free(id);
    hold_thread(context);
}

/* Counts outcomes. */
struct outcomes {
    atomic_int sent;
    atomic_int begun;
    atomic_int full;
    atomic_int failed;
    atomic_int most_due;
};

static void on_sent_count(pulsar_result result, pulsar_message_id_t *id, void *context) {
    struct outcomes *outcomes = context;
    pulsar_message_id_free(id);
    outcomes->begun++;
    outcomes->full += result == pulsar_result_ProducerQueueIsFull;
    outcomes->failed += result != pulsar_result_Ok && result != pulsar_result_ProducerQueueIsFull;
}

static void on_sent_slowly(pulsar_result result, pulsar_message_id_t *id, void *context) {
    struct outcomes *outcomes = context;
    int due = outcomes->sent - outcomes->begun;
    if (due > outcomes->most_due) {
        outcomes->most_due = due;
    }
    on_sent_count(result, id, context);
    struct timespec time = {.tv_nsec = 100000};
    nanosleep(&time, NULL);
}

#define LIMIT 100

/* As many as the limit may be pending, and as many again wait for their callbacks; beside them are those of the entry
 * whose callbacks run, the one that runs and the one that is being sent. */
static void test_callbacks_due_are_bounded(void) {
    for (int batching = 0; batching < 2; batching++) {
        pulsar_client_t *client = open_client(check_url);
        char topic[TOPIC_SIZE];
        struct producer_options options = {
            .batching = batching, .batch_delay_ms = 1, .max_pending = LIMIT, .block_if_full = true};
        pulsar_producer_t *producer = open_producer(client, unique_topic(topic, "bounded"), options);
        struct outcomes outcomes = {0};
        int count = check_patience() > 1 ? 1000 : 5000;
        for (int i = 0; i < count; i++) {
            outcomes.sent++;
            send_text_async(producer, "x", on_sent_slowly, &outcomes);
        }
        CHECK_OK(pulsar_producer_flush(producer));
        CHECK_INT(outcomes.begun, count);
        CHECK_INT(outcomes.failed + outcomes.full, 0);
        CHECK_BETWEEN(outcomes.most_due, 1, (batching ? 3 : 2) * LIMIT + 2);
        end_producer(producer);
        end_client(client);
    }
}

/* With the callback thread held and without blocking, sends are refused in the end. */
static void test_a_full_queue_of_callbacks_refuses(void) {
    pulsar_client_t *client = open_client(check_url);
    char topic[TOPIC_SIZE];
    struct hold hold = HOLD_INIT;
    struct outcomes outcomes = {0};
    pulsar_producer_t *producer =
        open_producer(client, unique_topic(topic, "refused"), (struct producer_options){.max_pending = LIMIT});
    send_text_async(producer, "x", on_sent_hold, &hold);
    REQUIRE(latch_wait(&hold.entered, 1, ANSWER_MS));
    long long start = now_ms();
    int sent = 0;
    /* Also while that many are pending; but then there is room again, soon. */
    for (; outcomes.full < 10 * LIMIT && now_ms() - start < ANSWER_MS; sent++) {
        send_text_async(producer, "x", on_sent_count, &outcomes);
        if (outcomes.full > 0) {
            pause_ms(1);
        }
    }
    CHECK_BETWEEN(sent - outcomes.full, LIMIT, 2 * LIMIT);
    /* What calls nobody back does not wait for callbacks. */
    CHECK_OK(send_text(producer, "x"));
    latch_raise(&hold.let_go);
    CHECK_OK(pulsar_producer_flush(producer));
    CHECK_INT(outcomes.begun, sent);
    CHECK_INT(outcomes.failed, 0);
    send_text_async(producer, "x", on_sent_count, &outcomes);
    CHECK_OK(pulsar_producer_flush(producer));
    CHECK_INT(outcomes.begun, sent + 1);
    CHECK_INT(sent - outcomes.full >= LIMIT, true);
    end_producer(producer);
    end_client(client);
}

/* A send that blocks, inside a callback, while another thread keeps the queue full. */
struct crowd {
    struct latch done;
    pulsar_producer_t *producer;
    struct outcomes outcomes;
    atomic_int inside;
    atomic_bool over;
};

static void on_sent_send(pulsar_result result, pulsar_message_id_t *id, void *context) {
    struct crowd *crowd = context;
    pulsar_message_id_free(id);
    CHECK_OK(result);
    send_text_async(crowd->producer, "y", on_sent_count, &crowd->outcomes);
    CHECK_OK(send_text(crowd->producer, "z"));
    crowd->inside++;
}

static void *crowd_out(void *context) {
    struct crowd *crowd = context;
    while (!crowd->over) {
        crowd->outcomes.sent++;
        send_text_async(crowd->producer, "x", on_sent_count, &crowd->outcomes);
    }
    return NULL;
}

static void test_blocking_sends_inside_callbacks(void) {
    pulsar_client_t *client = open_client(check_url);
    char topic[TOPIC_SIZE];
    struct crowd crowd = {.done = LATCH_INIT};
    struct producer_options options = {.max_pending = 2, .block_if_full = true};
    crowd.producer = open_producer(client, unique_topic(topic, "crowd"), options);
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, crowd_out, &crowd) == 0);
    int wanted = check_patience() > 1 ? 20 : 200;
    long long start = now_ms();
    for (int i = 0; i < wanted; i++) {
        send_text_async(crowd.producer, "x", on_sent_send, &crowd);
    }
    while (crowd.inside < wanted && now_ms() - start < ANSWER_MS * check_patience()) {
        pause_ms(5);
    }
    CHECK_INT(crowd.inside, wanted);
    crowd.over = true;
    pthread_join(thread, NULL);
    CHECK_OK(pulsar_producer_flush(crowd.producer));
    CHECK_INT(crowd.outcomes.failed + crowd.outcomes.full, 0);
    end_producer(crowd.producer);
    end_client(client);
}

/* Messages that are received one after the other, each armed in the callback of the one before. */
struct loop {
    pulsar_consumer_t *consumer;
    atomic_int received;
    struct latch ended;
};

static void on_received_again(pulsar_result result, pulsar_message_t *message, void *context) {
    struct loop *loop = context;
    pulsar_message_free(message);
    if (result != pulsar_result_Ok) {
        latch_raise(&loop->ended);
        return;
    }
    loop->received++;
    pause_ms(1);
    pulsar_consumer_receive_async(loop->consumer, on_received_again, loop);
}

static void test_a_receive_loop_lets_others_through(void) {
    pulsar_client_t *client = open_client(check_url);
    char topic[TOPIC_SIZE], other[TOPIC_SIZE];
    int count = 2000;
    struct loop loop = {.ended = LATCH_INIT};
    struct producer_options batched = {.batching = true, .max_pending = 2 * count};
    pulsar_producer_t *source = open_producer(client, unique_topic(topic, "loop"), batched);
    pulsar_producer_t *producer = open_producer(client, unique_topic(other, "through"), (struct producer_options){0});
    loop.consumer = open_consumer(client, topic, "s", (struct consumer_options){.queue_size = 2 * count});
    CHECK_OK(send_numbered(source, count));
    /* From this thread: the call returns before all of them are received, too. */
    pulsar_consumer_receive_async(loop.consumer, on_received_again, &loop);
    CHECK_BETWEEN(loop.received, 0, count / 2);
    struct outcomes outcomes = {0};
    send_text_async(producer, "x", on_sent_count, &outcomes);
    CHECK_OK(pulsar_producer_flush(producer));
    CHECK_INT(outcomes.begun, 1);
    CHECK_OK(pulsar_producer_close(producer));
    CHECK_BETWEEN(loop.received, 0, count - 1);
    pulsar_producer_free(producer);
    end_producer(source);
    pulsar_consumer_close(loop.consumer);
    CHECK(latch_wait(&loop.ended, 1, ANSWER_MS));
    pulsar_consumer_free(loop.consumer);
    end_client(client);
}

/* A client that is freed inside a callback, while a listener waits for callbacks. */
struct farewell {
    pulsar_client_t *client;
    pulsar_producer_t *producer;
    struct hold callback;
    struct latch listening;
    struct latch let_listener_go;
    struct latch flushed;
    struct latch freed;
};

static void on_message_flush(pulsar_consumer_t *consumer, pulsar_message_t *message, void *context) {
    struct farewell *farewell = context;
    (void)consumer;
    pulsar_message_free(message);
    latch_raise(&farewell->listening);
    latch_wait(&farewell->let_listener_go, 1, ANSWER_MS);
    pulsar_producer_flush(farewell->producer);
    latch_raise(&farewell->flushed);
}

static void on_sent_free_client(pulsar_result result, pulsar_message_id_t *id, void *context) {
    struct farewell *farewell = context;
    (void)result;
    pulsar_message_id_free(id);
    hold_thread(&farewell->callback);
    pulsar_client_free(farewell->client);
    latch_raise(&farewell->freed);
}

static void test_free_inside_a_callback_while_a_listener_flushes(void) {
    char topic[TOPIC_SIZE];
    struct farewell farewell = {.client = open_client(check_url),
                                .callback = HOLD_INIT,
                                .listening = LATCH_INIT,
                                .let_listener_go = LATCH_INIT,
                                .flushed = LATCH_INIT,
                                .freed = LATCH_INIT};
    farewell.producer = open_producer(farewell.client, unique_topic(topic, "farewell"), (struct producer_options){0});
    struct consumer_options options = {.listener = on_message_flush, .context = &farewell};
    pulsar_consumer_t *consumer = open_consumer(farewell.client, topic, "s", options);
    send_text_async(farewell.producer, "x", on_sent_free_client, &farewell);
    REQUIRE(latch_wait(&farewell.callback.entered, 1, ANSWER_MS));
    REQUIRE(latch_wait(&farewell.listening, 1, ANSWER_MS));
    latch_raise(&farewell.let_listener_go);
    /* Nothing is pending, so it waits for callbacks only, which the held thread does not run. */
    CHECK(!latch_wait(&farewell.flushed, 1, 100));
    latch_raise(&farewell.callback.let_go);
    if (!CHECK(latch_wait(&farewell.freed, 1, ANSWER_MS))) {
        exit(1);
    }
    CHECK_INT(latch_count(&farewell.flushed), 1);
    pulsar_consumer_free(consumer);
    pulsar_producer_free(farewell.producer);
}

/* Freed inside the first of many callbacks: the others come after it, each once. */
struct last {
    pulsar_client_t *client;
    struct latch all_sent;
    struct latch freed;
    atomic_bool inside;
    atomic_int called;
    atomic_int called_inside;
};

static void on_sent_free_first(pulsar_result result, pulsar_message_id_t *id, void *context) {
    struct last *last = context;
    (void)result;
    pulsar_message_id_free(id);
    last->called_inside += last->inside;
    if (last->called++ == 0) {
        /* What is sent to a freed client has its callback at once, on the thread that sends. */
        CHECK(latch_wait(&last->all_sent, 1, ANSWER_MS));
        last->inside = true;
        pulsar_client_free(last->client);
        last->inside = false;
        latch_raise(&last->freed);
    }
}

static bool all_called(void *context) {
    return ((struct last *)context)->called == 500;
}

static void test_callbacks_after_free_inside_one(void) {
    char topic[TOPIC_SIZE];
    struct last last = {.client = open_client(check_url), .all_sent = LATCH_INIT, .freed = LATCH_INIT};
    pulsar_producer_t *producer = open_producer(last.client, unique_topic(topic, "last"), (struct producer_options){0});
    for (int i = 0; i < 500; i++) {
        send_text_async(producer, "x", on_sent_free_first, &last);
    }
    latch_raise(&last.all_sent);
    CHECK(latch_wait(&last.freed, 1, ANSWER_MS));
    CHECK(wait_until(all_called, &last, ANSWER_MS));
    CHECK_INT(last.called_inside, 0);
    pulsar_producer_free(producer);
}

/* Without a thread for callbacks, there is no producer; what else wants one fails at once. */
static void on_created(pulsar_result result, pulsar_producer_t *producer, void *context) {
    CHECK(producer == NULL);
    *(int *)context = (int)result;
}

static void test_no_thread_for_callbacks(void) {
    /* A logger would have the thread started already. */
    pulsar_client_t *client = pulsar_client_create(check_url, NULL);
    char topic[TOPIC_SIZE];
    unique_topic(topic, "no-thread");
    pulsar_consumer_t *consumer = open_consumer(client, topic, "s", (struct consumer_options){0});
    pulsar_producer_t *producer = NULL;
    int result = -1;
    no_threads = true;
    CHECK_RESULT(try_producer(client, topic, (struct producer_options){0}, &producer), pulsar_result_UnknownError);
    pulsar_client_create_producer_async(client, topic, NULL, on_created, &result);
    CHECK_RESULT(result, pulsar_result_UnknownError);
    struct loop loop = {.consumer = consumer, .ended = LATCH_INIT};
    pulsar_consumer_receive_async(consumer, on_received_again, &loop);
    CHECK_INT(latch_count(&loop.ended), 1);
    pulsar_consumer_t *listening = NULL;
    struct consumer_options options = {.listener = on_message_flush};
    CHECK_RESULT(try_subscribe(client, topic, "listening", options, &listening), pulsar_result_UnknownError);
    no_threads = false;
    CHECK(producer == NULL && listening == NULL);
    char *text = pulsar_rs_client_last_error(client);
    CHECK(text && strstr(text, "thread"));
    free(text);
    producer = open_producer(client, topic, (struct producer_options){0});
    struct outcomes outcomes = {0};
    send_text_async(producer, "x", on_sent_count, &outcomes);
    CHECK_OK(pulsar_producer_flush(producer));
    CHECK_INT(outcomes.begun, 1);
    end_producer(producer);
    end_consumer(consumer);
    end_client(client);
}

CHECK_MAIN(TEST(test_callbacks_due_are_bounded), TEST(test_a_full_queue_of_callbacks_refuses),
           TEST(test_blocking_sends_inside_callbacks), TEST(test_a_receive_loop_lets_others_through),
           TEST(test_free_inside_a_callback_while_a_listener_flushes), TEST(test_callbacks_after_free_inside_one),
           TEST(test_no_thread_for_callbacks))
