/* Acknowledgements: alone, cumulative, within batches; seen by what comes again after subscribing again. */
#include "observe.h"

#define AREA "acks"

struct place {
    pulsar_client_t *client;
    pulsar_producer_t *producer;
    pulsar_consumer_t *consumer;
    struct consumer_options options;
    char topic[TOPIC_SIZE];
    pulsar_message_t *messages[10];
};

/* Ten messages m0 ... m9 on a topic, all received: one batch, or ten entries. */
static struct place open_place(const char *url, const char *word, bool batch, struct consumer_options options) {
    struct place place = {.client = open_client(url), .options = options};
    struct producer_options producing = {.batching = batch, .batch_delay_ms = 5000};
    unique_topic(place.topic, word);
    place.producer = open_producer(place.client, place.topic, producing);
    place.consumer = open_consumer(place.client, place.topic, "s", options);
    send_numbered(place.producer, 10);
    for (int i = 0; i < 10; i++) {
        if ((place.messages[i] = next_message(place.consumer, ANSWER_MS)) == NULL) {
            fprintf(stderr, "message %d does not come\n", i);
            exit(1);
        }
    }
    return place;
}

static void end_place(struct place *place) {
    for (int i = 0; i < 10; i++) {
        pulsar_message_free(place->messages[i]);
    }
    end_producer(place->producer);
    end_client(place->client);
}

/* Closes the consumer, subscribes again, and says what comes. */
static void observe_return(struct place *place, const char *name, pulsar_result result) {
    end_consumer(place->consumer);
    place->consumer = open_consumer(place->client, place->topic, "s", place->options);
    observe(AREA, name, "%s; again: %s", named(result), leftover(place->consumer, place->producer));
    end_consumer(place->consumer);
    end_place(place);
}

/* The id as another process would have it. */
static pulsar_message_id_t *travelled_id(pulsar_message_t *message) {
    int length = 0;
    pulsar_message_id_t *id = pulsar_message_get_message_id(message);
    void *bytes = pulsar_message_id_serialize(id, &length);
    pulsar_message_id_free(id);
    id = pulsar_message_id_deserialize(bytes, (uint32_t)length);
    free(bytes);
    return id;
}

static const struct consumer_options plain = {0}, indexed = {.batch_index_acks = true},
                                     shared = {.type = pulsar_ConsumerShared};

static void single(const char *url) {
    struct place place = open_place(url, "single", false, plain);
    pulsar_result result = pulsar_consumer_acknowledge(place.consumer, place.messages[4]);
    pulsar_result again = pulsar_consumer_acknowledge(place.consumer, place.messages[4]);
    observe_result(AREA, "the same message acknowledged again", again);
    observe_return(&place, "acknowledge m4 of ten", result);

    place = open_place(url, "by-id", false, plain);
    pulsar_message_id_t *id = pulsar_message_get_message_id(place.messages[3]);
    result = pulsar_consumer_acknowledge_id(place.consumer, id);
    pulsar_message_id_free(id);
    observe_return(&place, "acknowledge_id m3 of ten", result);

    place = open_place(url, "travelled", false, plain);
    id = travelled_id(place.messages[3]);
    result = pulsar_consumer_acknowledge_id(place.consumer, id);
    pulsar_message_id_free(id);
    observe_return(&place, "acknowledge_id m3 of ten, id from bytes", result);
}

static void cumulative(const char *url) {
    struct place place = open_place(url, "cumulative", false, plain);
    pulsar_result result = pulsar_consumer_acknowledge_cumulative(place.consumer, place.messages[6]);
    observe_return(&place, "acknowledge_cumulative m6 of ten", result);

    place = open_place(url, "cumulative-id", false, plain);
    pulsar_message_id_t *id = travelled_id(place.messages[6]);
    result = pulsar_consumer_acknowledge_cumulative_id(place.consumer, id);
    pulsar_message_id_free(id);
    observe_return(&place, "acknowledge_cumulative_id m6 of ten", result);

    place = open_place(url, "not-shared", false, shared);
    id = travelled_id(place.messages[6]);
    observe_result(AREA, "acknowledge_cumulative_id on Shared",
                   pulsar_consumer_acknowledge_cumulative_id(place.consumer, id));
    pulsar_message_id_free(id);
    result = pulsar_consumer_acknowledge_cumulative(place.consumer, place.messages[6]);
    observe_result(AREA, "acknowledge_cumulative on Shared", result);
    end_consumer(place.consumer);
    place.options.type = pulsar_ConsumerKeyShared;
    place.consumer = open_consumer(place.client, place.topic, "ks", place.options);
    pulsar_message_t *message = next_message(place.consumer, ANSWER_MS);
    observe_result(AREA, "acknowledge_cumulative on KeyShared",
                   pulsar_consumer_acknowledge_cumulative(place.consumer, message));
    pulsar_message_free(message);
    end_consumer(place.consumer);
    end_place(&place);
}

static void one_of_a_batch(const char *url) {
    struct place place = open_place(url, "batch", true, plain);
    pulsar_result result = pulsar_consumer_acknowledge(place.consumer, place.messages[4]);
    observe_return(&place, "batch: acknowledge m4 of ten, no batch-index acks", result);
    place = open_place(url, "batch-indexed", true, indexed);
    result = pulsar_consumer_acknowledge(place.consumer, place.messages[4]);
    observe_return(&place, "batch: acknowledge m4 of ten, batch-index acks", result);

    place = open_place(url, "batch-id", true, indexed);
    pulsar_message_id_t *id = pulsar_message_get_message_id(place.messages[4]);
    result = pulsar_consumer_acknowledge_id(place.consumer, id);
    pulsar_message_id_free(id);
    observe_return(&place, "batch: acknowledge_id m4 of ten, batch-index acks", result);
}

static void all_of_a_batch(const char *url) {
    struct place place = open_place(url, "batch-all", true, plain);
    pulsar_result result = pulsar_result_Ok;
    for (int i = 0; i < 10; i++) {
        result = pulsar_consumer_acknowledge(place.consumer, place.messages[9 - i]);
    }
    observe_return(&place, "batch: each of ten acknowledged, last first", result);
    place = open_place(url, "batch-nine", true, plain);
    for (int i = 0; i < 9; i++) {
        result = pulsar_consumer_acknowledge(place.consumer, place.messages[i]);
    }
    observe_return(&place, "batch: nine of ten acknowledged, no batch-index acks", result);
    place = open_place(url, "batch-nine-i", true, indexed);
    for (int i = 0; i < 9; i++) {
        result = pulsar_consumer_acknowledge(place.consumer, place.messages[i]);
    }
    observe_return(&place, "batch: nine of ten acknowledged, batch-index acks", result);
}

static void cumulative_in_a_batch(const char *url) {
    struct place place = open_place(url, "batch-cum", true, plain);
    pulsar_result result = pulsar_consumer_acknowledge_cumulative(place.consumer, place.messages[6]);
    observe_return(&place, "batch: acknowledge_cumulative m6 of ten, no batch-index acks", result);
    place = open_place(url, "batch-cum-i", true, indexed);
    result = pulsar_consumer_acknowledge_cumulative(place.consumer, place.messages[6]);
    observe_return(&place, "batch: acknowledge_cumulative m6 of ten, batch-index acks", result);
    place = open_place(url, "batch-cum-last", true, plain);
    result = pulsar_consumer_acknowledge_cumulative(place.consumer, place.messages[9]);
    observe_return(&place, "batch: acknowledge_cumulative m9 of ten", result);
}

/* Ids that another process had, and the message handles of this one are gone: what an application stores. */
static void travelled_in_a_batch(const char *url) {
    static const struct {
        const struct consumer_options *options;
        const char *name;
    } runs[] = {{&plain, "batch: acknowledge_id m4 of ten, id from bytes, no batch-index acks"},
                {&indexed, "batch: acknowledge_id m4 of ten, id from bytes, batch-index acks"}};
    for (int i = 0; i < 2; i++) {
        struct place place = open_place(url, "batch-travelled", true, *runs[i].options);
        pulsar_message_id_t *id = travelled_id(place.messages[4]);
        pulsar_result result = pulsar_consumer_acknowledge_id(place.consumer, id);
        pulsar_message_id_free(id);
        observe_return(&place, runs[i].name, result);
    }
    struct place place = open_place(url, "batch-all-travelled", true, plain);
    pulsar_result result = pulsar_result_Ok;
    for (int i = 0; i < 10; i++) {
        pulsar_message_id_t *id = travelled_id(place.messages[i]);
        result = pulsar_consumer_acknowledge_id(place.consumer, id);
        pulsar_message_id_free(id);
    }
    observe_return(&place, "batch: each of ten acknowledged by ids from bytes", result);
}

/* A consumer that comes after one that acknowledged part of a batch. */
static void across_consumers(const char *url) {
    struct place place = open_place(url, "batch-two", true, indexed);
    for (int i = 0; i < 5; i++) {
        pulsar_consumer_acknowledge(place.consumer, place.messages[2 * i]);
    }
    end_consumer(place.consumer);
    place.consumer = open_consumer(place.client, place.topic, "s", place.options);
    char text[200];
    drain_into(text, sizeof(text), place.consumer, 5, true);
    end_consumer(place.consumer);
    place.consumer = open_consumer(place.client, place.topic, "s", place.options);
    observe(AREA, "batch: even ones acknowledged, the others by the next consumer, batch-index acks",
            "second consumer gets %s; third %s", text, leftover(place.consumer, place.producer));
    end_consumer(place.consumer);
    end_place(&place);
}

static void odd_ids(const char *url) {
    struct place place = open_place(url, "odd", false, plain);
    pulsar_message_id_t *earliest = (pulsar_message_id_t *)pulsar_message_id_earliest();
    pulsar_message_t *never_sent = text_message("x");
    observe_result(AREA, "acknowledge a message never sent or received",
                   pulsar_consumer_acknowledge(place.consumer, never_sent));
    pulsar_message_free(never_sent);
    observe_return(&place, "acknowledge_id earliest", pulsar_consumer_acknowledge_id(place.consumer, earliest));
}

static void timing(const char *url) {
    struct place place = open_place(url, "at-once", false, (struct consumer_options){.acks_at_once = true});
    pulsar_result result = pulsar_consumer_acknowledge(place.consumer, place.messages[0]);
    observe_return(&place, "acknowledge m0 of ten, ack grouping 0", result);
}

struct outcome {
    pthread_t thread;
    pulsar_result result;
    int calls;
};

static void on_acknowledged(pulsar_result result, void *context) {
    struct outcome *outcome = context;
    outcome->thread = pthread_self();
    outcome->result = result;
    outcome->calls++;
}

static void observe_call(const char *name, const struct outcome *outcome) {
    observe(AREA, name, "%s, called by return: %d, %s", named(outcome->result), outcome->calls,
            pthread_equal(outcome->thread, pthread_self()) ? "the caller's thread" : "another thread");
}

static void asynchronous(const char *url) {
    struct place place = open_place(url, "async", false, plain);
    struct outcome outcomes[5] = {{0}};
    pulsar_message_id_t *id = pulsar_message_get_message_id(place.messages[1]);
    pulsar_consumer_acknowledge_async(place.consumer, place.messages[0], on_acknowledged, &outcomes[0]);
    pulsar_consumer_acknowledge_async_id(place.consumer, id, on_acknowledged, &outcomes[1]);
    pulsar_consumer_acknowledge_cumulative_async(place.consumer, place.messages[2], on_acknowledged, &outcomes[2]);
    pulsar_message_id_free(id);
    id = travelled_id(place.messages[3]);
    pulsar_consumer_acknowledge_cumulative_async_id(place.consumer, id, on_acknowledged, &outcomes[3]);
    pulsar_message_id_free(id);
    observe_call("acknowledge_async callback", &outcomes[0]);
    observe_call("acknowledge_async_id callback", &outcomes[1]);
    observe_call("acknowledge_cumulative_async callback", &outcomes[2]);
    observe_call("acknowledge_cumulative_async_id callback", &outcomes[3]);
    pulsar_consumer_acknowledge_async(place.consumer, place.messages[5], NULL, NULL);
    observe_return(&place, "the asynchronous forms for m0 ... m3 and m5: what is left", pulsar_result_Ok);

    place = open_place(url, "async-closed", false, plain);
    pulsar_consumer_close(place.consumer);
    pulsar_consumer_acknowledge_async(place.consumer, place.messages[0], on_acknowledged, &outcomes[4]);
    observe_call("acknowledge_async on a closed consumer", &outcomes[4]);
    pulsar_consumer_free(place.consumer);
    end_place(&place);

    place = open_place(url, "async-shared", false, shared);
    id = travelled_id(place.messages[3]);
    memset(outcomes, 0, sizeof(outcomes));
    pulsar_consumer_acknowledge_cumulative_async_id(place.consumer, id, on_acknowledged, &outcomes[0]);
    pulsar_consumer_acknowledge_cumulative_async(place.consumer, place.messages[3], on_acknowledged, &outcomes[1]);
    pulsar_message_id_free(id);
    observe_call("acknowledge_cumulative_async_id on Shared", &outcomes[0]);
    observe_call("acknowledge_cumulative_async on Shared", &outcomes[1]);
    end_consumer(place.consumer);
    end_place(&place);
}

OBSERVE_MAIN(GROUP(AREA, single), GROUP(AREA, cumulative), GROUP(AREA, one_of_a_batch),
             GROUP(AREA, all_of_a_batch), GROUP(AREA, cumulative_in_a_batch),
             GROUP(AREA, travelled_in_a_batch), GROUP(AREA, across_consumers), GROUP(AREA, odd_ids),
             GROUP(AREA, timing), GROUP(AREA, asynchronous))
