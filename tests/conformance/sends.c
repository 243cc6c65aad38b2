/* Sending: sizes, limits of what may be pending, flushing, and the order of callbacks. */
#include "observe.h"

#define AREA "sends"
#define MEBIBYTE (1024 * 1024)

static pulsar_result send_bytes(pulsar_producer_t *producer, size_t size) {
    char *bytes = malloc(size);
    unsigned seed = 1;
    for (size_t i = 0; i < size; i++) {
        seed = seed * 1103515245u + 12345u;
        bytes[i] = (char)(seed >> 16);
    }
    pulsar_message_t *message = pulsar_message_create();
    pulsar_message_set_content(message, bytes, size);
    pulsar_result result = pulsar_producer_send(producer, message);
    pulsar_message_free(message);
    free(bytes);
    return result;
}

static void sizes(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    struct producer_options batching = {.batching = true};
    unique_topic(topic, "sizes");
    pulsar_consumer_t *consumer = open_consumer(client, topic, "s", (struct consumer_options){0});
    pulsar_producer_t *producer = open_producer(client, topic, (struct producer_options){0});
    observe_result(AREA, "send 6 MiB, broker limit 5 MiB, no batching", send_bytes(producer, 6 * MEBIBYTE));
    observe_result(AREA, "send exactly 5 MiB", send_bytes(producer, 5 * MEBIBYTE));
    observe_result(AREA, "send 1 byte more than 5 MiB", send_bytes(producer, 5 * MEBIBYTE + 1));
    observe_result(AREA, "send after a too-big failure", send_text(producer, "x"));
    observe_result(AREA, "send 4 MiB", send_bytes(producer, 4 * MEBIBYTE));
    end_producer(producer);

    producer = open_producer(client, topic, batching);
    observe(AREA, "send 6 MiB with batching", "%s; last sequence id %" PRId64, named(send_bytes(producer, 6 * MEBIBYTE)),
            pulsar_producer_get_last_sequence_id(producer));
    observe_result(AREA, "send 4 MiB with batching", send_bytes(producer, 4 * MEBIBYTE));
    end_producer(producer);

    pulsar_message_t *message;
    char lengths[200] = "";
    while ((message = next_message(consumer, 2000)) != NULL) {
        size_t used = strlen(lengths);
        snprintf(lengths + used, sizeof(lengths) - used, " %u", pulsar_message_get_length(message));
        pulsar_message_free(message);
    }
    observe(AREA, "lengths received of those", "%s", lengths + 1);
    end_consumer(consumer);
    end_client(client);
}

static void no_content(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    pulsar_producer_t *producer = open_producer(client, unique_topic(topic, "empty"), (struct producer_options){0});
    pulsar_message_t *message = pulsar_message_create();
    observe_result(AREA, "send a message with no content set", pulsar_producer_send(producer, message));
    pulsar_message_free(message);
    message = text_message("x");
    pulsar_result first = pulsar_producer_send(producer, message);
    observe(AREA, "the same message object sent twice", "%s, then %s", named(first),
            named(pulsar_producer_send(producer, message)));
    pulsar_message_free(message);
    end_producer(producer);
    end_client(client);
}

static void full_queue(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    struct outcomes failing = OUTCOMES, blocking = OUTCOMES;
    struct producer_options options = {.batching = true, .batch_delay_ms = 1500, .max_pending = 2};
    unique_topic(topic, "full");

    pulsar_producer_t *producer = open_producer(client, topic, options);
    for (int i = 0; i < 3; i++) {
        send_text_async(producer, "x", count_outcome, &failing);
    }
    observe(AREA, "max_pending 2, third send_async", "by return failed %d with %s", failing.failed,
            named((pulsar_result)failing.last_failure));
    latch_wait(&failing.done, 3, ANSWER_MS);
    observe(AREA, "max_pending 2, the other two", "ok %d", failing.ok);
    send_text_async(producer, "x", count_outcome, &failing);
    observe_result(AREA, "max_pending 2, flush once there is room again", pulsar_producer_flush(producer));
    end_producer(producer);

    options.block_if_full = true;
    producer = open_producer(client, topic, options);
    long long start = now_ms();
    for (int i = 0; i < 3; i++) {
        send_text_async(producer, "x", count_outcome, &blocking);
    }
    bool waited = now_ms() - start > 1400;
    latch_wait(&blocking.done, 3, ANSWER_MS);
    observe(AREA, "max_pending 2, third send_async, block_if_queue_full",
            "third call waits for the batch's delay: %s; ok %d, failed %d", waited ? "yes" : "no", blocking.ok, blocking.failed);
    end_producer(producer);
    end_client(client);
}

static void flushing(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    struct outcomes outcomes = OUTCOMES;
    struct producer_options slow = {.batching = true, .batch_delay_ms = 20000};
    pulsar_producer_t *producer = open_producer(client, unique_topic(topic, "flush"), slow);
    observe_result(AREA, "flush with nothing pending", pulsar_producer_flush(producer));
    for (int i = 0; i < 5; i++) {
        send_text_async(producer, "x", count_outcome, &outcomes);
    }
    long long start = now_ms();
    pulsar_result result = pulsar_producer_flush(producer);
    long long took = now_ms() - start;
    observe(AREA, "flush with 5 pending, batch delay 20 s", "%s %s, callbacks by return: ok %d, failed %d",
            named(result), after(took, 20000), outcomes.ok, outcomes.failed);
    end_producer(producer);
    end_client(client);
}

/* The order in which numbered sends were called back. */
struct order {
    struct latch done;
    int next;
    bool in_order;
    bool one_thread;
    pthread_t thread;
};

struct numbered {
    struct order *order;
    int number;
};

static void on_numbered(pulsar_result result, pulsar_message_id_t *id, void *context) {
    struct numbered *numbered = context;
    struct order *order = numbered->order;
    (void)result;
    pulsar_message_id_free(id);
    if (order->next == 0) {
        order->thread = pthread_self();
    }
    order->in_order = order->in_order && numbered->number == order->next;
    order->one_thread = order->one_thread && pthread_equal(order->thread, pthread_self());
    order->next++;
    latch_raise(&order->done);
}

static void callback_order(const char *url, const char *name, struct producer_options options) {
    enum { COUNT = 5000 };
    static struct numbered numbers[COUNT];
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    struct order order = {.done = LATCH_INIT, .in_order = true, .one_thread = true};
    options.max_pending = COUNT;
    pulsar_producer_t *producer = open_producer(client, unique_topic(topic, "order"), options);
    for (int i = 0; i < COUNT; i++) {
        numbers[i] = (struct numbered){&order, i};
        send_text_async(producer, "x", on_numbered, &numbers[i]);
    }
    pulsar_producer_flush(producer);
    int fired = latch_count(&order.done);
    observe(AREA, name, "%s, %s; called when flush returned: %d", order.in_order ? "order of sending" : "mixed",
            order.one_thread ? "one thread" : "several threads", fired);
    end_producer(producer);
    end_client(client);
}

static void order(const char *url) {
    struct producer_options batching = {.batching = true, .batch_messages = 100}, single = {0};
    callback_order(url, "callbacks of 5000 send_async, batches of 100", batching);
    callback_order(url, "callbacks of 5000 send_async, no batching", single);
}

static void delivery(const char *url) {
    enum { COUNT = 3000 };
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE], expected[32], text[64];
    struct producer_options options = {.batching = true, .batch_messages = 50, .max_pending = COUNT};
    pulsar_producer_t *producer = open_producer(client, unique_topic(topic, "delivery"), options);
    pulsar_consumer_t *consumer = open_consumer(client, topic, "s", (struct consumer_options){0});
    send_numbered(producer, COUNT);
    int received = 0;
    bool in_order = true;
    for (pulsar_message_t *message; received < COUNT; received++) {
        if ((message = next_message(consumer, ANSWER_MS)) == NULL) {
            break;
        }
        snprintf(expected, sizeof(expected), "m%d", received);
        in_order = in_order && strcmp(content(message, text, sizeof(text)), expected) == 0;
        pulsar_message_free(message);
    }
    observe(AREA, "3000 send_async, each message freed at once: delivery", "%d, %s", received,
            in_order ? "in order" : "mixed");
    end_consumer(consumer);
    end_producer(producer);
    end_client(client);
}

OBSERVE_MAIN(GROUP(AREA, sizes), GROUP(AREA, no_content), GROUP(AREA, full_queue), GROUP(AREA, flushing),
             GROUP(AREA, order), GROUP(AREA, delivery))
