/* Redelivery: negative acknowledgements, asking for everything again, the unacknowledged timeout, and its counts. */
#include "observe.h"

#define AREA "redelivery"

struct place {
    pulsar_client_t *client;
    pulsar_producer_t *producer;
    pulsar_consumer_t *consumer;
    char topic[TOPIC_SIZE];
};

static struct place open_place(const char *url, const char *word, bool batch, struct consumer_options options) {
    struct place place = {.client = open_client(url)};
    struct producer_options producing = {.batching = batch, .batch_delay_ms = 5000};
    unique_topic(place.topic, word);
    place.producer = open_producer(place.client, place.topic, producing);
    place.consumer = open_consumer(place.client, place.topic, "s", options);
    return place;
}

static void end_place(struct place *place) {
    end_consumer(place->consumer);
    end_producer(place->producer);
    end_client(place->client);
}

/* The next message: its redelivery count and how long it took. */
static const char *again(struct place *place, long long since, long long expected_ms) {
    static char texts[4][80];
    static int turn;
    char *text = texts[turn++ % 4];
    pulsar_message_t *message = next_message(place->consumer, (int)expected_ms + 10000);
    if (message == NULL) {
        return "not again";
    }
    snprintf(text, sizeof(texts[0]), "again %s, redelivery count %d", after(now_ms() - since, expected_ms),
             pulsar_message_get_redelivery_count(message));
    pulsar_message_free(message);
    return text;
}

static void negative_acks(const char *url) {
    struct consumer_options options = {.type = pulsar_ConsumerShared, .nack_delay_ms = 1000};
    struct place place = open_place(url, "nack", false, options);
    send_text(place.producer, "x");
    pulsar_message_t *message = next_message(place.consumer, ANSWER_MS);
    pulsar_message_id_t *id = pulsar_message_get_message_id(message);
    long long start = now_ms();
    pulsar_consumer_negative_acknowledge(place.consumer, message);
    observe(AREA, "negative_acknowledge, delay 1000 ms, Shared", "%s", again(&place, start, 1000));
    start = now_ms();
    pulsar_consumer_negative_acknowledge_id(place.consumer, id);
    observe(AREA, "negative_acknowledge_id of the same", "%s", again(&place, start, 1000));
    pulsar_message_id_free(id);
    pulsar_message_free(message);

    start = now_ms();
    pulsar_consumer_redeliver_unacknowledged_messages(place.consumer);
    observe(AREA, "redeliver_unacknowledged_messages, Shared", "%s", again(&place, start, 5000));
    end_place(&place);
}

static void exclusive(const char *url) {
    struct consumer_options options = {.nack_delay_ms = 1000};
    struct place place = open_place(url, "exclusive", false, options);
    char text[200];
    send_numbered(place.producer, 5);
    drain_into(text, sizeof(text), place.consumer, 3, false);
    pulsar_consumer_redeliver_unacknowledged_messages(place.consumer);
    observe(AREA, "redeliver_unacknowledged_messages, Exclusive, 3 of 5 received: what comes", "%s",
            leftover(place.consumer, place.producer));

    pulsar_consumer_redeliver_unacknowledged_messages(place.consumer);
    pulsar_message_t *message = next_message(place.consumer, ANSWER_MS);
    observe(AREA, "redelivery count on Exclusive", "%d", pulsar_message_get_redelivery_count(message));
    pulsar_message_free(message);
    drain_into(text, sizeof(text), place.consumer, UNTIL_SILENCE, true);

    send_text(place.producer, "n");
    message = next_message(place.consumer, ANSWER_MS);
    long long start = now_ms();
    pulsar_consumer_negative_acknowledge(place.consumer, message);
    pulsar_message_free(message);
    observe(AREA, "negative_acknowledge, delay 1000 ms, Exclusive", "%s", again(&place, start, 1000));
    end_place(&place);
}

static void acknowledged_meanwhile(const char *url) {
    struct consumer_options options = {.type = pulsar_ConsumerShared, .nack_delay_ms = 1000, .acks_at_once = true};
    struct place place = open_place(url, "meanwhile", false, options);
    send_text(place.producer, "x");
    pulsar_message_t *message = next_message(place.consumer, ANSWER_MS);
    pulsar_consumer_negative_acknowledge(place.consumer, message);
    pulsar_consumer_acknowledge(place.consumer, message);
    pulsar_message_free(message);
    message = next_message(place.consumer, 3000);
    observe(AREA, "negative_acknowledge, then acknowledge at once", message ? "comes again" : "does not come again");
    pulsar_message_free(message);
    end_place(&place);
}

/* Ten of one batch: m4 is negatively acknowledged, the even others are acknowledged. What comes to the same
 * consumer, and, after it acknowledged that, to the next one. */
static void of_a_batch(const char *url, const char *name, struct consumer_options options, bool acknowledge_rest) {
    struct place place = open_place(url, "batch", true, options);
    send_numbered(place.producer, 10);
    char text[400];
    for (int i = 0; i < 10; i++) {
        pulsar_message_t *message = next_message(place.consumer, ANSWER_MS);
        if (i == 4) {
            pulsar_consumer_negative_acknowledge(place.consumer, message);
        } else if (acknowledge_rest) {
            pulsar_consumer_acknowledge(place.consumer, message);
        }
        pulsar_message_free(message);
    }
    drain_into(text, sizeof(text), place.consumer, UNTIL_SILENCE, true);
    end_consumer(place.consumer);
    place.consumer = open_consumer(place.client, place.topic, "s", options);
    observe(AREA, name, "again: %s; for the next consumer: %s", text[0] ? text : "none",
            leftover(place.consumer, place.producer));
    end_place(&place);
}

static void batch_shared(const char *url) {
    struct consumer_options options = {.type = pulsar_ConsumerShared, .nack_delay_ms = 500};
    of_a_batch(url, "batch of ten, m4 nacked, the others acked, Shared", options, true);
    of_a_batch(url, "batch of ten, m4 nacked, the others neither, Shared", options, false);
}

static void batch_shared_indexed(const char *url) {
    struct consumer_options options = {
        .type = pulsar_ConsumerShared, .nack_delay_ms = 500, .batch_index_acks = true};
    of_a_batch(url, "batch of ten, m4 nacked, the others acked, Shared, batch-index acks", options, true);
    of_a_batch(url, "batch of ten, m4 nacked, the others neither, Shared, batch-index acks", options, false);
}

static void batch_exclusive(const char *url) {
    struct consumer_options options = {.nack_delay_ms = 500};
    of_a_batch(url, "batch of ten, m4 nacked, the others acked, Exclusive", options, true);
}

/* The same message, negatively acknowledged each time: its counts. */
static void counts(const char *url) {
    struct consumer_options options = {.type = pulsar_ConsumerShared, .nack_delay_ms = 100};
    struct place place = open_place(url, "counts", false, options);
    char text[100] = "";
    send_text(place.producer, "x");
    for (int i = 0; i < 4; i++) {
        pulsar_message_t *message = next_message(place.consumer, ANSWER_MS);
        size_t used = strlen(text);
        snprintf(text + used, sizeof(text) - used, "%d ", pulsar_message_get_redelivery_count(message));
        pulsar_consumer_negative_acknowledge(place.consumer, message);
        pulsar_message_free(message);
    }
    observe(AREA, "redelivery counts, negatively acknowledged each time, Shared", "%s", text);
    end_place(&place);
}

/* A consumer that ends without acknowledging: the message goes to the other one. */
static void taken_over(const char *url) {
    struct consumer_options options = {.type = pulsar_ConsumerShared};
    struct place place = open_place(url, "taken-over", false, options);
    send_text(place.producer, "x");
    pulsar_message_t *message = next_message(place.consumer, ANSWER_MS);
    pulsar_message_free(message);
    pulsar_consumer_t *other = open_consumer(place.client, place.topic, "s", options);
    end_consumer(place.consumer);
    place.consumer = other;
    message = next_message(other, ANSWER_MS);
    observe(AREA, "unacknowledged when its consumer closes, Shared", "%s",
            message ? "goes to the other consumer" : "is not delivered");
    pulsar_message_free(message);
    end_place(&place);
}

static void timeout(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    unique_topic(topic, "timeout");
    pulsar_producer_t *producer = open_producer(client, topic, (struct producer_options){0});
    pulsar_consumer_configuration_t *conf =
        consumer_configuration((struct consumer_options){.type = pulsar_ConsumerShared});
    pulsar_consumer_set_unacked_messages_timeout_ms(conf, 10000);
    pulsar_consumer_t *consumer = NULL;
    must(pulsar_client_subscribe(client, topic, "s", conf, &consumer), "subscribe to", topic);
    pulsar_consumer_configuration_free(conf);
    send_text(producer, "x");
    pulsar_message_t *message = next_message(consumer, ANSWER_MS);
    pulsar_message_free(message);
    long long start = now_ms();
    message = next_message(consumer, 20000);
    long long took = now_ms() - start;
    observe(AREA, "unacked_messages_timeout 10 s", "%s", !message                       ? "not again"
                                                         : took >= 9500 && took <= 14000 ? "again after the timeout"
                                                                                         : "again at another time");
    pulsar_message_free(message);
    end_consumer(consumer);
    end_producer(producer);
    end_client(client);
}

OBSERVE_MAIN(GROUP(AREA, negative_acks), GROUP(AREA, exclusive), GROUP(AREA, acknowledged_meanwhile),
             GROUP(AREA, batch_shared), GROUP(AREA, batch_shared_indexed), GROUP(AREA, batch_exclusive),
             GROUP(AREA, counts), GROUP(AREA, taken_over), GROUP(AREA, timeout))
