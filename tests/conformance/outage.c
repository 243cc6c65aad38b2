/* Outages: a broker that falls silent, and connections that are cut. */
#include "../c/proxy.h"
#include "observe.h"

#define AREA "outage"

static void silence(const char *url) {
    struct proxy *proxy = proxy_start(url);
    pulsar_client_t *client = open_client_for(proxy->url, 2);
    char topic[TOPIC_SIZE];
    struct producer_options options = {.send_timeout_ms = 1500};
    unique_topic(topic, "silence");
    pulsar_producer_t *producer = open_producer(client, topic, options);
    pulsar_consumer_t *consumer = open_consumer(client, topic, "s", (struct consumer_options){0});
    proxy->silent = true;
    long long start = now_ms();
    pulsar_result result = send_text(producer, "lost");
    observe(AREA, "send while the broker is silent, send timeout 1.5 s", "%s %s", named(result),
            after(now_ms() - start, 1500));
    pulsar_producer_t *second = NULL;
    start = now_ms();
    result = try_producer(client, topic, options, &second);
    observe(AREA, "create_producer while the broker is silent, operation timeout 2 s", "%s %s", named(result),
            after(now_ms() - start, 2000));
    start = now_ms();
    pulsar_message_id_t *id = pulsar_message_id_deserialize("\x08\x01\x10\x01", 4);
    result = pulsar_consumer_get_last_message_id(consumer, id);
    observe(AREA, "get_last_message_id while the broker is silent, operation timeout 2 s", "%s %s", named(result),
            after(now_ms() - start, 2000));
    pulsar_message_id_free(id);
    proxy->silent = false;
    observe_result(AREA, "send when the broker speaks again", send_text(producer, "after"));
    end_consumer(consumer);
    end_producer(producer);
    end_client(client);
    proxy_stop(proxy);
}

static bool is_connected(void *producer) {
    return pulsar_producer_is_connected(producer);
}

static bool is_disconnected(void *producer) {
    return !pulsar_producer_is_connected(producer);
}

static void cut(const char *url) {
    struct proxy *proxy = proxy_start(url);
    pulsar_client_t *client = open_client(proxy->url);
    char topic[TOPIC_SIZE], text[400];
    struct outcomes outcomes = OUTCOMES;
    unique_topic(topic, "cut");
    pulsar_producer_t *producer = open_producer(client, topic, (struct producer_options){0});
    pulsar_consumer_t *consumer = open_consumer(client, topic, "s", (struct consumer_options){0});
    send_text(producer, "m0");
    proxy->refusing = true;
    proxy_cut(proxy);
    observe(AREA, "is_connected once the connection is cut", "%s",
            wait_until(is_disconnected, producer, 5000) ? "0" : "1");
    for (int i = 1; i < 6; i++) {
        snprintf(text, sizeof(text), "m%d", i);
        send_text_async(producer, text, count_outcome, &outcomes);
    }
    observe(AREA, "send_async without a connection: failed by return", "%d", outcomes.failed);
    proxy->refusing = false;
    latch_wait(&outcomes.done, 5, ANSWER_MS);
    observe(AREA, "send_async without a connection: once it is back", "ok %d, failed %d", outcomes.ok,
            outcomes.failed);
    observe(AREA, "is_connected once it is back", "%s", wait_until(is_connected, producer, 10000) ? "1" : "0");
    drain_into(text, sizeof(text), consumer, 6, true);
    observe(AREA, "a consumer across the cut gets", "%s", text);
    end_consumer(consumer);
    end_producer(producer);
    end_client(client);
    proxy_stop(proxy);
}

/* What was received and not acknowledged comes again on the new connection. */
static void unacknowledged(const char *url, const char *name, struct consumer_options options) {
    struct proxy *proxy = proxy_start(url);
    pulsar_client_t *client = open_client(proxy->url), *direct = open_client(url);
    char topic[TOPIC_SIZE], text[400];
    unique_topic(topic, "unacknowledged");
    options.acks_at_once = true;
    pulsar_producer_t *producer = open_producer(direct, topic, (struct producer_options){0});
    pulsar_consumer_t *consumer = open_consumer(client, topic, "s", options);
    send_numbered(producer, 5);
    for (int i = 0; i < 5; i++) {
        pulsar_message_t *message = next_message(consumer, ANSWER_MS);
        if (i < 2) {
            pulsar_consumer_acknowledge(consumer, message);
        }
        pulsar_message_free(message);
    }
    /* For the acknowledgements to arrive: the broker answers what was asked after them. */
    pulsar_message_id_t *id = pulsar_message_id_deserialize("\x08\x01\x10\x01", 4);
    pulsar_consumer_get_last_message_id(consumer, id);
    pulsar_message_id_free(id);
    proxy_cut(proxy);
    drain_into(text, sizeof(text), consumer, 3, false);
    observe(AREA, name, "%s", text);
    end_consumer(consumer);
    end_producer(producer);
    end_client(client);
    end_client(direct);
    proxy_stop(proxy);
}

static void unacknowledged_ones(const char *url) {
    unacknowledged(url, "cut after 2 of 5 were acknowledged: an Exclusive consumer gets again",
                   (struct consumer_options){0});
    unacknowledged(url, "cut after 2 of 5 were acknowledged: a Shared consumer gets again",
                   (struct consumer_options){.type = pulsar_ConsumerShared});
}

/* Cut while many are under way. Without deduplication some may be stored twice, but each callback comes once, nothing
 * acknowledged is missing, and first appearances are in order. */
static void many(const char *url) {
    enum { COUNT = 3000 };
    struct proxy *proxy = proxy_start(url);
    pulsar_client_t *client = open_client(proxy->url), *direct = open_client(url);
    char topic[TOPIC_SIZE], text[64];
    struct outcomes outcomes = OUTCOMES;
    struct producer_options options = {.batching = true, .batch_messages = 20, .max_pending = COUNT};
    unique_topic(topic, "many");
    pulsar_consumer_t *consumer = open_consumer(direct, topic, "s", (struct consumer_options){0});
    pulsar_producer_t *producer = open_producer(client, topic, options);
    for (int i = 0; i < COUNT; i++) {
        snprintf(text, sizeof(text), "%d", i);
        send_text_async(producer, text, count_outcome, &outcomes);
        if (i % 1000 == 500) {
            proxy_cut(proxy);
        }
    }
    pulsar_producer_flush(producer);
    latch_wait(&outcomes.done, COUNT, ANSWER_MS);
    int next = 0;
    bool in_order = true;
    for (pulsar_message_t *message; next < COUNT && (message = next_message(consumer, ANSWER_MS)) != NULL;) {
        int number = atoi(content(message, text, sizeof(text)));
        in_order = in_order && number <= next;
        next = number == next ? next + 1 : next;
        pulsar_message_free(message);
    }
    observe(AREA, "3000 send_async, cut three times", "callbacks %d, ok %d; received %d, %s",
            latch_count(&outcomes.done), outcomes.ok, next, in_order ? "in order" : "mixed");
    end_consumer(consumer);
    end_producer(producer);
    end_client(client);
    end_client(direct);
    proxy_stop(proxy);
}

/* Writes to a connection that is just being cut are rare, so it takes many cuts to meet one. Some systems end a
 * program that makes them. */
static void flood(const char *url) {
    struct proxy *proxy = proxy_start(url);
    pulsar_client_t *client = open_client(proxy->url);
    char topic[TOPIC_SIZE];
    struct outcomes outcomes = OUTCOMES;
    struct producer_options options = {.max_pending = 2000, .block_if_full = true};
    pulsar_producer_t *producer = open_producer(client, unique_topic(topic, "flood"), options);
    int sent = 0;
    for (long long end = now_ms() + 8000, cut = 0; now_ms() < end; sent++) {
        send_text_async(producer, "x", count_outcome, &outcomes);
        if (now_ms() > cut + 20 && pulsar_producer_is_connected(producer)) {
            proxy_cut(proxy);
            cut = now_ms();
        }
    }
    pulsar_producer_flush(producer);
    latch_wait(&outcomes.done, sent, ANSWER_MS);
    observe(AREA, "cut again and again for 8 s while sending", "each send has one outcome: %s; failed %d",
            latch_count(&outcomes.done) == sent ? "yes" : "no", outcomes.failed);
    end_producer(producer);
    end_client(client);
    proxy_stop(proxy);
}

OBSERVE_MAIN(GROUP(AREA, silence), GROUP(AREA, cut), GROUP(AREA, unacknowledged_ones), GROUP(AREA, many),
             LONG_CASE(AREA, "cut again and again for 8 s while sending", flood, 60))
