/* Synchronous calls inside a callback. */
#include "observe.h"

#define AREA "threads"

struct inside {
    struct latch done;
    pulsar_client_t *client;
    pulsar_producer_t *producer;
    pulsar_consumer_t *consumer;
    const char *topic;
    pulsar_result result;
};

static void observe_inside(const char *url, const char *name, pulsar_send_callback act) {
    char topic[TOPIC_SIZE];
    struct inside inside = {.done = LATCH_INIT, .client = open_client(url), .topic = unique_topic(topic, "inside")};
    inside.producer = open_producer(inside.client, topic, (struct producer_options){0});
    inside.consumer = open_consumer(inside.client, topic, "s", (struct consumer_options){0});
    send_text_async(inside.producer, "x", act, &inside);
    bool done = latch_wait(&inside.done, 1, ANSWER_MS);
    observe(AREA, name, "%s", done ? named(inside.result) : "not called");
    end_consumer(inside.consumer);
    end_producer(inside.producer);
    end_client(inside.client);
}

static void finish(struct inside *inside, pulsar_message_id_t *id, pulsar_result result) {
    pulsar_message_id_free(id);
    inside->result = result;
    latch_raise(&inside->done);
}

static void sends(pulsar_result result, pulsar_message_id_t *id, void *context) {
    struct inside *inside = context;
    (void)result;
    finish(inside, id, send_text(inside->producer, "from the callback"));
}

static void creates(pulsar_result result, pulsar_message_id_t *id, void *context) {
    struct inside *inside = context;
    pulsar_producer_t *producer = NULL;
    result = try_producer(inside->client, inside->topic, (struct producer_options){0}, &producer);
    if (producer) {
        end_producer(producer);
    }
    finish(inside, id, result);
}

static void flushes(pulsar_result result, pulsar_message_id_t *id, void *context) {
    struct inside *inside = context;
    (void)result;
    finish(inside, id, pulsar_producer_flush(inside->producer));
}

static void closes(pulsar_result result, pulsar_message_id_t *id, void *context) {
    struct inside *inside = context;
    (void)result;
    finish(inside, id, pulsar_producer_close(inside->producer));
}

static void receives(pulsar_result result, pulsar_message_id_t *id, void *context) {
    struct inside *inside = context;
    pulsar_message_t *message = NULL;
    result = pulsar_consumer_receive_with_timeout(inside->consumer, &message, 5000);
    pulsar_message_free(message);
    finish(inside, id, result);
}

static void closes_consumer(pulsar_result result, pulsar_message_id_t *id, void *context) {
    struct inside *inside = context;
    (void)result;
    finish(inside, id, pulsar_consumer_close(inside->consumer));
}

static void send_inside(const char *url) {
    observe_inside(url, "send inside a send callback", sends);
}

static void create_inside(const char *url) {
    observe_inside(url, "create_producer inside a send callback", creates);
}

static void flush_inside(const char *url) {
    observe_inside(url, "flush inside a send callback", flushes);
}

static void close_inside(const char *url) {
    observe_inside(url, "producer close inside a send callback", closes);
}

static void receive_inside(const char *url) {
    observe_inside(url, "receive inside a send callback", receives);
}

static void close_consumer_inside(const char *url) {
    observe_inside(url, "consumer close inside a send callback", closes_consumer);
}

OBSERVE_MAIN(CASE(AREA, "send inside a send callback", send_inside),
             CASE(AREA, "create_producer inside a send callback", create_inside),
             CASE(AREA, "flush inside a send callback", flush_inside),
             CASE(AREA, "producer close inside a send callback", close_inside),
             CASE(AREA, "receive inside a send callback", receive_inside),
             CASE(AREA, "consumer close inside a send callback", close_consumer_inside))
