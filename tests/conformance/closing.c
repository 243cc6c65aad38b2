/* After the end: what closed clients, producers and consumers answer, and what becomes of what was pending. */
#include "observe.h"

#define AREA "closing"

static void consumer_after_close(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    unique_topic(topic, "closed-consumer");
    pulsar_producer_t *producer = open_producer(client, topic, (struct producer_options){0});
    pulsar_consumer_t *consumer = open_consumer(client, topic, "ex", (struct consumer_options){0});
    send_text(producer, "x");
    pulsar_message_t *message = next_message(consumer, ANSWER_MS), *none = NULL;
    pulsar_messages_t *messages = NULL;
    pulsar_message_id_t *id = pulsar_message_get_message_id(message);

    observe(AREA, "consumer is_connected while open", "%d", pulsar_consumer_is_connected(consumer));
    observe_result(AREA, "consumer close", pulsar_consumer_close(consumer));
    observe_result(AREA, "consumer second close", pulsar_consumer_close(consumer));
    observe(AREA, "consumer is_connected after close", "%d", pulsar_consumer_is_connected(consumer));
    observe_result(AREA, "receive_with_timeout after close",
                   pulsar_consumer_receive_with_timeout(consumer, &none, 300));
    observe_result(AREA, "receive after close", pulsar_consumer_receive(consumer, &none));
    observe_result(AREA, "batch_receive after close", pulsar_consumer_batch_receive(consumer, &messages));
    observe_result(AREA, "acknowledge after close", pulsar_consumer_acknowledge(consumer, message));
    observe_result(AREA, "acknowledge_id after close", pulsar_consumer_acknowledge_id(consumer, id));
    observe_result(AREA, "acknowledge_cumulative after close",
                   pulsar_consumer_acknowledge_cumulative(consumer, message));
    observe_result(AREA, "unsubscribe after close", pulsar_consumer_unsubscribe(consumer));
    observe_result(AREA, "get_last_message_id after close", pulsar_consumer_get_last_message_id(consumer, id));
    observe_result(AREA, "pause_message_listener after close", pulsar_consumer_pause_message_listener(consumer));
    pulsar_consumer_negative_acknowledge(consumer, message);
    pulsar_consumer_negative_acknowledge_id(consumer, id);
    pulsar_consumer_redeliver_unacknowledged_messages(consumer);
    observe(AREA, "negative_acknowledge and redeliver_unacknowledged after close", "nothing happens");
    observe(AREA, "consumer get_topic / get_subscription_name after close", "%s / %s",
            strcmp(pulsar_consumer_get_topic(consumer), topic) == 0 ? "the topic" : "another",
            pulsar_consumer_get_subscription_name(consumer));
    pulsar_message_id_free(id);
    pulsar_message_free(message);
    pulsar_consumer_free(consumer);
    end_producer(producer);
    end_client(client);
}

static void producer_after_close(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE], name[100];
    pulsar_producer_t *producer = open_producer(client, unique_topic(topic, "closed"), (struct producer_options){0});
    snprintf(name, sizeof(name), "%s", pulsar_producer_get_producer_name(producer));
    send_text(producer, "a");
    send_text(producer, "b");

    observe(AREA, "producer is_connected while open", "%d", pulsar_producer_is_connected(producer));
    observe_result(AREA, "producer close", pulsar_producer_close(producer));
    observe_result(AREA, "producer second close", pulsar_producer_close(producer));
    observe_result(AREA, "send after close", send_text(producer, "c"));
    observe_result(AREA, "flush after close", pulsar_producer_flush(producer));
    observe(AREA, "producer is_connected after close", "%d", pulsar_producer_is_connected(producer));
    observe(AREA, "producer get_topic / get_producer_name / get_last_sequence_id after close", "%s / %s / %" PRId64,
            strcmp(pulsar_producer_get_topic(producer), topic) == 0 ? "the topic" : "another",
            strcmp(pulsar_producer_get_producer_name(producer), name) == 0 ? "as before" : "changed",
            pulsar_producer_get_last_sequence_id(producer));
    pulsar_producer_free(producer);
    end_client(client);
}

static void client_after_close(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    unique_topic(topic, "closed-client");
    pulsar_producer_t *producer = open_producer(client, topic, (struct producer_options){0}), *created = NULL;
    pulsar_consumer_t *consumer = open_consumer(client, topic, "s", (struct consumer_options){0}), *subscribed = NULL;
    pulsar_string_list_t *partitions = NULL;
    pulsar_message_t *none = NULL;

    observe_result(AREA, "client close", pulsar_client_close(client));
    observe_result(AREA, "client second close", pulsar_client_close(client));
    observe_result(AREA, "send after client close", send_text(producer, "x"));
    observe_result(AREA, "receive_with_timeout after client close",
                   pulsar_consumer_receive_with_timeout(consumer, &none, 300));
    observe_result(AREA, "producer close after client close", pulsar_producer_close(producer));
    observe_result(AREA, "consumer close after client close", pulsar_consumer_close(consumer));
    observe_result(AREA, "create_producer after client close",
                   try_producer(client, topic, (struct producer_options){0}, &created));
    observe_result(AREA, "subscribe after client close",
                   try_subscribe(client, topic, "s", (struct consumer_options){0}, &subscribed));
    observe_result(AREA, "get_topic_partitions after client close",
                   pulsar_client_get_topic_partitions(client, topic, &partitions));
    pulsar_client_free(client);
    pulsar_producer_free(producer);
    pulsar_consumer_free(consumer);
}

static void client_freed_first(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    unique_topic(topic, "freed-client");
    pulsar_producer_t *producer = open_producer(client, topic, (struct producer_options){0});
    pulsar_consumer_t *consumer = open_consumer(client, topic, "s", (struct consumer_options){0});
    pulsar_message_t *none = NULL;
    pulsar_client_free(client);
    observe_result(AREA, "client freed without close, then send", send_text(producer, "x"));
    observe_result(AREA, "client freed without close, then receive_with_timeout",
                   pulsar_consumer_receive_with_timeout(consumer, &none, 300));
    pulsar_producer_free(producer);
    pulsar_consumer_free(consumer);
}

/* Five messages in a batch that waits for a second. */
static pulsar_producer_t *with_pending(pulsar_client_t *client, const char *topic, struct outcomes *outcomes) {
    struct producer_options slow = {.batching = true, .batch_delay_ms = 1000};
    pulsar_producer_t *producer = open_producer(client, topic, slow);
    for (int i = 0; i < 5; i++) {
        send_text_async(producer, "x", count_outcome, outcomes);
    }
    return producer;
}

static void pending(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    struct outcomes closed = OUTCOMES, freed = OUTCOMES, ended = OUTCOMES;
    unique_topic(topic, "pending");

    pulsar_producer_t *producer = with_pending(client, topic, &closed);
    pulsar_result result = pulsar_producer_close(producer);
    observe(AREA, "producer close with 5 messages pending in a batch", "%s; by return ok %d, failed %d with %s",
            named(result), closed.ok, closed.failed, named((pulsar_result)closed.last_failure));
    pulsar_producer_free(producer);

    producer = with_pending(client, topic, &freed);
    pulsar_producer_free(producer);
    latch_wait(&freed.done, 5, 5000);
    observe(AREA, "producer freed without close, 5 messages pending in a batch", "ok %d, failed %d", freed.ok,
            freed.failed);

    producer = with_pending(client, topic, &ended);
    result = pulsar_client_close(client);
    observe(AREA, "client close with 5 messages pending in a batch", "%s; by return ok %d, failed %d with %s",
            named(result), ended.ok, ended.failed, named((pulsar_result)ended.last_failure));
    pulsar_producer_free(producer);
    pulsar_client_free(client);
}

static void client_freed_pending(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    struct outcomes outcomes = OUTCOMES;
    pulsar_producer_t *producer = with_pending(client, unique_topic(topic, "pending-free"), &outcomes);
    pulsar_client_free(client);
    observe(AREA, "client freed without close, 5 messages pending in a batch", "by return each called back once: %s",
            outcomes.ok + outcomes.failed == 5 ? "yes" : "no");
    pulsar_producer_free(producer);
}

static void on_closed(pulsar_result result, void *context) {
    struct outcomes *outcomes = context;
    outcomes->last_failure = (int)result;
    latch_raise(&outcomes->done);
}

/* A producer that is not flushed loses what it took: how much depends on the broker's speed, so only that each
 * message has one outcome is said. */
static void busy_close(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    struct outcomes outcomes = OUTCOMES, close = OUTCOMES;
    struct producer_options options = {.max_pending = 5000};
    pulsar_producer_t *producer = open_producer(client, unique_topic(topic, "busy"), options);
    for (int i = 0; i < 2000; i++) {
        send_text_async(producer, "x", count_outcome, &outcomes);
    }
    pulsar_producer_close_async(producer, on_closed, &close);
    latch_wait(&close.done, 1, ANSWER_MS);
    observe(AREA, "producer close_async behind 2000 send_async", "%s; outcomes by then: %d",
            named((pulsar_result)close.last_failure), outcomes.ok + outcomes.failed);
    pulsar_producer_free(producer);
    end_client(client);
}

static void acks_before_close(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    unique_topic(topic, "grouped");
    pulsar_producer_t *producer = open_producer(client, topic, (struct producer_options){0});
    pulsar_consumer_t *consumer = open_consumer(client, topic, "s", (struct consumer_options){0});
    send_numbered(producer, 10);
    char text[200];
    drain_into(text, sizeof(text), consumer, 10, true);
    end_consumer(consumer);
    consumer = open_consumer(client, topic, "s", (struct consumer_options){0});
    observe(AREA, "acknowledged right before close (acks are grouped): what comes again", "%s", leftover(consumer, producer));
    end_consumer(consumer);
    end_producer(producer);
    end_client(client);
}

OBSERVE_MAIN(GROUP(AREA, consumer_after_close), GROUP(AREA, producer_after_close),
             GROUP(AREA, client_after_close), GROUP(AREA, client_freed_first), GROUP(AREA, pending),
             CASE(AREA, "client freed without close, 5 messages pending in a batch", client_freed_pending),
             GROUP(AREA, busy_close), GROUP(AREA, acks_before_close))
