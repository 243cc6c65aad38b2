/* Seeks of consumers: to messages, in batches, to times, to the ends. */
#include "observe.h"

#define AREA "seek"

struct place {
    pulsar_client_t *client;
    pulsar_producer_t *producer;
    pulsar_consumer_t *consumer;
    char topic[TOPIC_SIZE];
    pulsar_message_t *messages[8];
};

/* m0, m1 ... on a topic, all received: one batch, or an entry each, published at different times. */
static struct place open_place(const char *url, const char *word, int count, bool batch, bool inclusive) {
    struct place place = {.client = open_client(url)};
    struct producer_options options = {.batching = batch, .batch_delay_ms = 5000};
    unique_topic(place.topic, word);
    place.producer = open_producer(place.client, place.topic, options);
    pulsar_consumer_configuration_t *conf = consumer_configuration((struct consumer_options){0});
    pulsar_consumer_configuration_set_start_message_id_inclusive(conf, inclusive);
    must(pulsar_client_subscribe(place.client, place.topic, "s", conf, &place.consumer), "subscribe to", place.topic);
    pulsar_consumer_configuration_free(conf);
    if (batch) {
        send_numbered(place.producer, count);
    }
    for (int i = 0; i < count; i++) {
        if (!batch) {
            char text[16];
            snprintf(text, sizeof(text), "m%d", i);
            send_text(place.producer, text);
            pause_ms(3);
        }
        if ((place.messages[i] = next_message(place.consumer, ANSWER_MS)) == NULL) {
            fprintf(stderr, "message %d does not come\n", i);
            exit(1);
        }
    }
    return place;
}

static void end_place(struct place *place) {
    for (int i = 0; i < 8; i++) {
        pulsar_message_free(place->messages[i]);
    }
    end_consumer(place->consumer);
    end_producer(place->producer);
    end_client(place->client);
}

static pulsar_result seek_to(struct place *place, int number) {
    pulsar_message_id_t *id = pulsar_message_get_message_id(place->messages[number]);
    pulsar_result result = pulsar_consumer_seek(place->consumer, id);
    pulsar_message_id_free(id);
    return result;
}

/* What comes after a seek. */
static void observe_rest(struct place *place, const char *name, pulsar_result result) {
    char text[400];
    int count = drain_into(text, sizeof(text), place->consumer, UNTIL_SILENCE, false);
    observe(AREA, name, "%s, then %s", named(result), count > 0 ? text : "none");
}

static void ids(const char *url) {
    struct place place = open_place(url, "ids", 5, false, false);
    observe_rest(&place, "to m2 of five", seek_to(&place, 2));
    observe_rest(&place, "to m4 of five", seek_to(&place, 4));
    observe_rest(&place, "to earliest",
                 pulsar_consumer_seek(place.consumer, (pulsar_message_id_t *)pulsar_message_id_earliest()));
    pulsar_result result =
        pulsar_consumer_seek(place.consumer, (pulsar_message_id_t *)pulsar_message_id_latest());
    observe_rest(&place, "to latest", result);
    uint64_t time = pulsar_message_get_publish_timestamp(place.messages[1]);
    observe_rest(&place, "by timestamp to that of m1", pulsar_consumer_seek_by_timestamp(place.consumer, time));
    observe_rest(&place, "by timestamp to the future",
                 pulsar_consumer_seek_by_timestamp(place.consumer, time + 600000));
    observe_rest(&place, "by timestamp 0", pulsar_consumer_seek_by_timestamp(place.consumer, 0));
    pulsar_consumer_close(place.consumer);
    observe_result(AREA, "after close", seek_to(&place, 1));
    observe_result(AREA, "by timestamp after close", pulsar_consumer_seek_by_timestamp(place.consumer, time));
    end_place(&place);
}

static void inclusive(const char *url) {
    struct place place = open_place(url, "inclusive", 5, false, true);
    observe_rest(&place, "to m2 of five, inclusive", seek_to(&place, 2));
    end_place(&place);
    place = open_place(url, "inclusive-batch", 4, true, true);
    observe_rest(&place, "to m1 in a batch of four, inclusive", seek_to(&place, 1));
    end_place(&place);
}

static void batches(const char *url) {
    struct place place = open_place(url, "batches", 4, true, false);
    observe_rest(&place, "to m1 in a batch of four", seek_to(&place, 1));
    observe_rest(&place, "to m3 in a batch of four", seek_to(&place, 3));
    for (int i = 0; i < 4; i++) {
        pulsar_consumer_acknowledge(place.consumer, place.messages[i]);
    }
    observe_rest(&place, "to earliest, all acknowledged before",
                 pulsar_consumer_seek(place.consumer, (pulsar_message_id_t *)pulsar_message_id_earliest()));
    end_place(&place);
}

struct outcome {
    struct latch called;
    pulsar_result result;
    pthread_t thread;
};

static void on_result(pulsar_result result, void *context) {
    struct outcome *outcome = context;
    outcome->result = result;
    outcome->thread = pthread_self();
    latch_raise(&outcome->called);
}

static const char *called(struct outcome *outcome) {
    static char text[120];
    if (!latch_wait(&outcome->called, 1, ANSWER_MS)) {
        return "not called";
    }
    bool same = pthread_equal(outcome->thread, pthread_self());
    snprintf(text, sizeof(text), "%s thread, %s", same ? "the caller's" : "another", named(outcome->result));
    return text;
}

static void callbacks(const char *url) {
    struct place place = open_place(url, "callbacks", 3, false, false);
    struct outcome sought = {.called = LATCH_INIT}, timed = {.called = LATCH_INIT};
    pulsar_message_id_t *id = pulsar_message_get_message_id(place.messages[0]);
    pulsar_consumer_seek_async(place.consumer, id, on_result, &sought);
    pulsar_message_id_free(id);
    observe(AREA, "seek_async callback", "%s", called(&sought));
    pulsar_consumer_seek_by_timestamp_async(place.consumer, 0, on_result, &timed);
    observe(AREA, "seek_by_timestamp_async callback", "%s", called(&timed));
    pulsar_consumer_seek_async(place.consumer, (pulsar_message_id_t *)pulsar_message_id_earliest(), NULL, NULL);
    char text[100];
    drain_into(text, sizeof(text), place.consumer, 3, false);
    observe(AREA, "seek_async without a callback", "then %s", text);
    end_place(&place);
}

/* Partitions: an end is that of all. */
static void partitions(const char *url) {
    pulsar_client_t *client = open_client(url);
    const char *topic = "persistent://public/default/conformance-parts";
    pulsar_consumer_t *consumer =
        open_consumer(client, topic, "seek", (struct consumer_options){.from_latest = true});
    observe_result(AREA, "partitioned: to latest",
                   pulsar_consumer_seek(consumer, (pulsar_message_id_t *)pulsar_message_id_latest()));
    observe_result(AREA, "partitioned: by timestamp", pulsar_consumer_seek_by_timestamp(consumer, (uint64_t)1 << 42));
    pulsar_producer_t *producer = open_producer(client, topic, (struct producer_options){0});
    char word[64] = "none";
    send_text(producer, "p0");
    pulsar_message_t *message = next_message(consumer, ANSWER_MS);
    send_text(producer, "p1");
    pulsar_message_t *other = next_message(consumer, ANSWER_MS);
    pulsar_message_id_t *id = message ? pulsar_message_get_message_id(message) : NULL;
    pulsar_result result = pulsar_consumer_seek(consumer, id);
    observe(AREA, "partitioned: to a message", "%s", named(result));
    pulsar_message_id_free(id);
    pulsar_message_free(message);
    pulsar_message_free(other);
    result = pulsar_consumer_seek(consumer, (pulsar_message_id_t *)pulsar_message_id_latest());
    send_text(producer, "p2");
    message = next_message(consumer, ANSWER_MS);
    observe(AREA, "partitioned: to latest, one is sent", "%s, then %s", named(result),
            message ? content(message, word, sizeof(word)) : "none");
    pulsar_message_free(message);
    end_consumer(consumer);
    end_producer(producer);
    end_client(client);
}

static void null_id(const char *url) {
    struct place place = open_place(url, "null", 1, false, false);
    observe_result(AREA, "without an id", pulsar_consumer_seek(place.consumer, NULL));
    end_place(&place);
}

OBSERVE_MAIN(GROUP(AREA, ids), GROUP(AREA, inclusive), GROUP(AREA, batches), GROUP(AREA, callbacks),
             GROUP(AREA, partitions), CASE(AREA, "without an id", null_id))
