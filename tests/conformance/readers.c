/* Readers: where they begin, what is left to read, seeks, the end. */
#include "reading.h"

#define AREA "reader"

struct place {
    pulsar_client_t *client;
    pulsar_producer_t *producer;
    char topic[TOPIC_SIZE];
    pulsar_message_id_t *ids[16];
    uint64_t times[16];
};

/* m0, m1 ... with their ids and publish times, which differ. One batch each, or one for all. */
static struct place open_place(const char *url, const char *word, int count, bool batch) {
    struct place place = {.client = open_client(url)};
    struct producer_options options = {.batching = batch, .batch_delay_ms = 5000};
    unique_topic(place.topic, word);
    place.producer = open_producer(place.client, place.topic, options);
    pulsar_reader_t *reader = open_reader(place.client, place.topic, pulsar_message_id_earliest());
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
        pulsar_message_t *message = NULL;
        must(pulsar_reader_read_next_with_timeout(reader, &message, ANSWER_MS), "read", place.topic);
        place.ids[i] = pulsar_message_get_message_id(message);
        place.times[i] = pulsar_message_get_publish_timestamp(message);
        pulsar_message_free(message);
    }
    end_reader(reader);
    return place;
}

static void end_place(struct place *place) {
    for (int i = 0; i < 16; i++) {
        pulsar_message_id_free(place->ids[i]);
    }
    end_producer(place->producer);
    end_client(place->client);
}

/* Whether something is left after an operation, and what: one after the other. */
static void observe_next(pulsar_reader_t *reader, const char *name, pulsar_result result) {
    const char *found = available(reader);
    observe(AREA, name, "%s; has_message_available %s; then %s", named(result), found, read_rest(reader));
}

static void beginning(const char *url) {
    struct place place = open_place(url, "begin", 5, false);
    pulsar_reader_t *reader = open_reader(place.client, place.topic, pulsar_message_id_earliest());
    const char *topic = pulsar_reader_get_topic(reader);
    observe(AREA, "get_topic", "%s", strcmp(topic, place.topic) == 0 ? "the full name" : topic);
    observe(AREA, "is_connected", "%d", pulsar_reader_is_connected(reader));
    observe(AREA, "from earliest with 5 stored, has_message_available before any read", "%s", available(reader));
    observe(AREA, "from earliest with 5 stored", "%s", read_rest(reader));
    observe(AREA, "has_message_available after reading all", "%s", available(reader));
    send_text(place.producer, "m5");
    observe(AREA, "has_message_available after one more was sent", "%s", available(reader));
    observe(AREA, "one more was sent", "%s", read_rest(reader));
    end_reader(reader);
    reader = open_reader(place.client, place.topic, place.ids[2]);
    observe(AREA, "from the id of m2", "%s", read_rest(reader));
    end_reader(reader);
    reader = open_reader(place.client, place.topic, place.ids[4]);
    observe(AREA, "from the id of the last but one", "%s", read_rest(reader));
    end_reader(reader);
    reader = open_reader(place.client, place.topic, pulsar_message_id_latest());
    observe_next(reader, "from latest", pulsar_result_Ok);
    send_text(place.producer, "m6");
    observe_next(reader, "from latest, one is sent", pulsar_result_Ok);
    end_reader(reader);
    end_place(&place);
}

static void empty_topic(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    unique_topic(topic, "empty");
    pulsar_reader_t *reader = open_reader(client, topic, pulsar_message_id_earliest());
    observe(AREA, "has_message_available on an empty topic, from earliest", "%s", available(reader));
    pulsar_result result = pulsar_reader_seek(reader, (pulsar_message_id_t *)pulsar_message_id_earliest());
    observe_next(reader, "empty topic, seek to earliest", result);
    result = pulsar_reader_seek(reader, (pulsar_message_id_t *)pulsar_message_id_latest());
    observe_next(reader, "empty topic, seek to latest", result);
    end_reader(reader);
    end_client(client);
}

static void batches(const char *url) {
    struct place place = open_place(url, "batch", 4, true);
    for (int i = 0; i < 4; i++) {
        char name[60];
        snprintf(name, sizeof(name), "from the id of m%d in a batch of four", i);
        pulsar_reader_t *reader = open_reader(place.client, place.topic, place.ids[i]);
        observe(AREA, name, "%s", read_rest(reader));
        end_reader(reader);
    }
    pulsar_reader_t *reader = open_reader(place.client, place.topic, pulsar_message_id_earliest());
    observe(AREA, "from earliest, a batch of four", "%s", read_rest(reader));
    observe_next(reader, "seek to m1 in a batch of four", pulsar_reader_seek(reader, place.ids[1]));
    end_reader(reader);
    end_place(&place);
}

static void seeks(const char *url) {
    struct place place = open_place(url, "seeks", 5, false);
    pulsar_reader_t *reader = open_reader(place.client, place.topic, pulsar_message_id_earliest());
    pulsar_result result = pulsar_reader_seek_by_timestamp(reader, place.times[3]);
    observe_next(reader, "seek_by_timestamp to the time of m3", result);
    result = pulsar_reader_seek_by_timestamp(reader, place.times[4] + 600000);
    observe_next(reader, "seek_by_timestamp to the future", result);
    result = pulsar_reader_seek(reader, (pulsar_message_id_t *)pulsar_message_id_latest());
    observe_next(reader, "seek to latest", result);
    result = pulsar_reader_seek(reader, (pulsar_message_id_t *)pulsar_message_id_earliest());
    observe_next(reader, "seek to earliest", result);
    result = pulsar_reader_seek(reader, place.ids[2]);
    observe_next(reader, "seek to m2", result);
    result = pulsar_reader_seek(reader, place.ids[4]);
    observe_next(reader, "seek to the last", result);
    end_reader(reader);
    end_place(&place);
}

static void closing(const char *url) {
    struct place place = open_place(url, "closing", 2, false);
    pulsar_reader_t *reader = open_reader(place.client, place.topic, pulsar_message_id_earliest());
    observe_result(AREA, "close", pulsar_reader_close(reader));
    observe_result(AREA, "second close", pulsar_reader_close(reader));
    pulsar_message_t *message = NULL;
    observe(AREA, "read_next after close", "%s, message %s", named(pulsar_reader_read_next(reader, &message)),
            message ? "set" : "not set");
    observe_result(AREA, "read_next_with_timeout after close",
                   pulsar_reader_read_next_with_timeout(reader, &message, 100));
    observe_result(AREA, "seek after close", pulsar_reader_seek(reader, place.ids[0]));
    observe_result(AREA, "seek_by_timestamp after close", pulsar_reader_seek_by_timestamp(reader, place.times[0]));
    observe(AREA, "has_message_available after close", "%s", available(reader));
    observe(AREA, "is_connected after close", "%d", pulsar_reader_is_connected(reader));
    pulsar_reader_free(reader);
    end_place(&place);
}

struct listening {
    struct latch called;
    pulsar_reader_t *created;
    pthread_t thread;
    bool other_pointer;
    bool one_thread;
    char text[200];
};

static void listen_to(pulsar_reader_t *reader, pulsar_message_t *message, void *context) {
    struct listening *listening = context;
    char word[64];
    int count = latch_count(&listening->called);
    listening->one_thread = count == 0 || (listening->one_thread && pthread_equal(listening->thread, pthread_self()));
    listening->thread = pthread_self();
    listening->other_pointer = reader != listening->created;
    size_t used = strlen(listening->text);
    snprintf(listening->text + used, sizeof(listening->text) - used, "%s%s", used > 0 ? " " : "",
             content(message, word, sizeof(word)));
    pulsar_message_free(message);
    latch_raise(&listening->called);
}

static void listener(const char *url) {
    struct place place = open_place(url, "listener", 9, false);
    static struct listening listening = {.called = LATCH_INIT};
    pulsar_reader_configuration_t *conf = pulsar_reader_configuration_create();
    pulsar_reader_configuration_set_reader_listener(conf, listen_to, &listening);
    pulsar_reader_t *reader = NULL;
    pulsar_result result =
        pulsar_client_create_reader(place.client, place.topic, pulsar_message_id_earliest(), conf, &reader);
    listening.created = reader;
    latch_wait(&listening.called, 9, ANSWER_MS);
    observe(AREA, "listener", "%s; %s; on %s", named(result), listening.text,
            listening.one_thread && !pthread_equal(listening.thread, pthread_self()) ? "one other thread" : "?");
    send_text(place.producer, "last");
    latch_wait(&listening.called, 10, ANSWER_MS);
    observe(AREA, "listener: the reader pointer", "%s", listening.other_pointer ? "another one" : "the created one");
    observe(AREA, "read_next_with_timeout on a reader with a listener", "%s", read_one(reader, 100));
    end_reader(reader);
    pulsar_reader_configuration_free(conf);
    end_place(&place);
}

struct outcome {
    struct latch called;
    pulsar_result result;
    pulsar_reader_t *reader;
    bool same_thread;
    pthread_t caller;
};

static void note(struct outcome *outcome, pulsar_result result) {
    outcome->result = result;
    outcome->same_thread = pthread_equal(outcome->caller, pthread_self());
    latch_raise(&outcome->called);
}

static void on_reader(pulsar_result result, pulsar_reader_t *reader, void *context) {
    struct outcome *outcome = context;
    outcome->reader = reader;
    note(outcome, result);
}

static void on_result(pulsar_result result, void *context) {
    note(context, result);
}

static const char *called(struct outcome *outcome) {
    static char text[120];
    bool came = latch_wait(&outcome->called, 1, ANSWER_MS);
    snprintf(text, sizeof(text), "%s, %s", !came ? "not called" : outcome->same_thread ? "the caller's thread" : "another thread",
             came ? named(outcome->result) : "");
    return text;
}

#define OUTCOME {.called = LATCH_INIT, .caller = pthread_self()}

static void callbacks(const char *url) {
    struct place place = open_place(url, "callbacks", 3, false);
    struct outcome created = OUTCOME, sought = OUTCOME, timed = OUTCOME, closed = OUTCOME;
    pulsar_reader_configuration_t *conf = pulsar_reader_configuration_create();
    pulsar_client_create_reader_async(place.client, place.topic, pulsar_message_id_latest(), conf, on_reader, &created);
    observe(AREA, "create_reader_async callback", "%s", called(&created));
    pulsar_reader_seek_async(created.reader, (pulsar_message_id_t *)pulsar_message_id_earliest(), on_result, &sought);
    const char *outcome = called(&sought);
    observe(AREA, "seek_async callback", "%s, then %s", outcome, read_one(created.reader, ANSWER_MS));
    pulsar_reader_seek_by_timestamp_async(created.reader, place.times[2], on_result, &timed);
    outcome = called(&timed);
    observe(AREA, "seek_by_timestamp_async callback", "%s, then %s", outcome, read_one(created.reader, ANSWER_MS));
    pulsar_reader_close_async(created.reader, on_result, &closed);
    observe(AREA, "close_async callback", "%s", called(&closed));
    pulsar_reader_free(created.reader);
    pulsar_reader_t *reader = NULL;
    observe_result(AREA, "create_reader topic \"a/b\"",
                   pulsar_client_create_reader(place.client, "a/b", pulsar_message_id_latest(), conf, &reader));
    pulsar_reader_configuration_free(conf);
    end_place(&place);
}

static void partitions(const char *url) {
    pulsar_client_t *client = open_client(url);
    const char *topic = "persistent://public/default/conformance-parts";
    pulsar_reader_t *reader = open_reader(client, topic, pulsar_message_id_latest());
    pulsar_producer_t *producer = open_producer(client, topic, (struct producer_options){0});
    observe(AREA, "partitioned: from latest", "%s", available(reader));
    send_text(producer, "one");
    observe_next(reader, "partitioned: one was sent", pulsar_result_Ok);
    observe(AREA, "partitioned: all was read", "%s", available(reader));
    const char *name = pulsar_reader_get_topic(reader);
    observe(AREA, "partitioned: get_topic", "%s", strcmp(name, topic) == 0 ? "the topic's name" : "another name");
    pulsar_result result = pulsar_reader_seek(reader, (pulsar_message_id_t *)pulsar_message_id_latest());
    observe_next(reader, "partitioned: seek to latest", result);
    end_reader(reader);
    end_producer(producer);
    end_client(client);
}

static void null_configuration(const char *url) {
    struct place place = open_place(url, "null-conf", 1, false);
    pulsar_reader_t *reader = NULL;
    observe_result(AREA, "create_reader without a configuration",
                   pulsar_client_create_reader(place.client, place.topic, pulsar_message_id_latest(), NULL, &reader));
    end_place(&place);
}

static void null_start(const char *url) {
    struct place place = open_place(url, "null-start", 1, false);
    pulsar_reader_t *reader = NULL;
    pulsar_reader_configuration_t *conf = pulsar_reader_configuration_create();
    observe_result(AREA, "create_reader without a start id",
                   pulsar_client_create_reader(place.client, place.topic, NULL, conf, &reader));
    end_place(&place);
}

OBSERVE_MAIN(GROUP(AREA, beginning), GROUP(AREA, empty_topic), GROUP(AREA, batches), GROUP(AREA, seeks),
             GROUP(AREA, closing), GROUP(AREA, listener), GROUP(AREA, callbacks), GROUP(AREA, partitions),
             CASE(AREA, "create_reader without a configuration", null_configuration),
             CASE(AREA, "create_reader without a start id", null_start))
