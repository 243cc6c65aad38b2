/* Table views: the newest value of each key, and who hears of new ones. */
#include "observe.h"

#define AREA "table view"

static void send_pair(pulsar_producer_t *producer, const char *key, const char *value) {
    pulsar_message_t *message = text_message(value);
    if (key) {
        pulsar_message_set_partition_key(message, key);
    }
    pulsar_producer_send(producer, message);
    pulsar_message_free(message);
}

static pulsar_table_view_t *open_view(pulsar_client_t *client, const char *topic) {
    pulsar_table_view_configuration_t *conf = pulsar_table_view_configuration_create();
    pulsar_table_view_t *view = NULL;
    must(pulsar_client_create_table_view(client, topic, conf, &view), "view", topic);
    pulsar_table_view_configuration_free(conf);
    return view;
}

/* "1, 3" or "0, untouched" */
static const char *value_of(pulsar_table_view_t *view, const char *key, bool retrieve) {
    static _Thread_local char texts[4][80];
    static _Thread_local int turn;
    char *text = texts[turn++ % 4];
    void *value = NULL;
    size_t size = 0;
    bool found = retrieve ? pulsar_table_view_retrieve_value(view, key, &value, &size)
                          : pulsar_table_view_get_value(view, key, &value, &size);
    snprintf(text, sizeof(texts[0]), "%d, %.*s", found, value ? (int)size : 9, value ? (char *)value : "untouched");
    free(value);
    return text;
}

struct expectation {
    pulsar_table_view_t *view;
    const char *key;
    bool contained;
};

static bool is_so(void *context) {
    struct expectation *expected = context;
    return pulsar_table_view_contain_key(expected->view, expected->key) == expected->contained;
}

/* Whether a key is there, once the view had time to hear of it. */
static int contains(pulsar_table_view_t *view, const char *key, bool expected) {
    struct expectation expectation = {view, key, expected};
    wait_until(is_so, &expectation, ANSWER_MS);
    return pulsar_table_view_contain_key(view, key);
}

static void values(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    unique_topic(topic, "view");
    pulsar_producer_t *producer = open_producer(client, topic, (struct producer_options){0});
    send_pair(producer, "a", "1");
    send_pair(producer, "b", "2");
    send_pair(producer, "a", "3");
    send_pair(producer, NULL, "no key");
    pulsar_table_view_t *view = open_view(client, topic);
    observe(AREA, "a=1 b=2 a=3 and one without a key: size", "%d", pulsar_table_view_size(view));
    observe(AREA, "get_value of a", "%s; size %d", value_of(view, "a", false), pulsar_table_view_size(view));
    observe(AREA, "get_value of a missing key", "%s", value_of(view, "x", false));
    const char *retrieved = value_of(view, "b", true);
    observe(AREA, "retrieve_value of b", "%s; then contain_key %d, size %d", retrieved,
            pulsar_table_view_contain_key(view, "b"), pulsar_table_view_size(view));
    observe(AREA, "retrieve_value of a missing key", "%s", value_of(view, "b", true));
    send_pair(producer, "c", "4");
    observe(AREA, "value sent later", "contain_key %d", contains(view, "c", true));
    send_pair(producer, "a", "");
    observe(AREA, "empty value sent", "contain_key %d", contains(view, "a", false));
    observe_result(AREA, "close", pulsar_table_view_close(view));
    observe(AREA, "size after close", "%d", pulsar_table_view_size(view));
    observe_result(AREA, "second close", pulsar_table_view_close(view));
    pulsar_table_view_free(view);
    end_producer(producer);
    end_client(client);
}

struct heard {
    struct latch called;
    pthread_t caller;
    bool same_thread;
    char text[200];
};

static void hear(const char *key, const void *value, size_t size, void *context) {
    struct heard *heard = context;
    size_t used = strlen(heard->text);
    snprintf(heard->text + used, sizeof(heard->text) - used, "%s%s=%.*s", used > 0 ? " " : "", key, (int)size,
             (const char *)value);
    heard->same_thread = pthread_equal(heard->caller, pthread_self());
    latch_raise(&heard->called);
}

static void listening(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    unique_topic(topic, "listen");
    pulsar_producer_t *producer = open_producer(client, topic, (struct producer_options){0});
    send_pair(producer, "a", "1");
    pulsar_table_view_t *view = open_view(client, topic);
    struct heard once = {.called = LATCH_INIT, .caller = pthread_self()};
    pulsar_table_view_for_each(view, hear, &once);
    observe(AREA, "for_each", "%s, by return, %s thread", once.text, once.same_thread ? "the caller's" : "another");
    struct heard heard = {.called = LATCH_INIT, .caller = pthread_self()};
    pulsar_table_view_for_each_add_listen(view, hear, &heard);
    observe(AREA, "for_each_add_listen, what is there", "%s, by return, %s thread", heard.text,
            heard.same_thread ? "the caller's" : "another");
    send_pair(producer, "b", "2");
    latch_wait(&heard.called, 2, ANSWER_MS);
    observe(AREA, "for_each_add_listen, what comes", "%s, %s thread", heard.text,
            heard.same_thread ? "the caller's" : "another");
    send_pair(producer, "a", "");
    send_pair(producer, "b", "3");
    latch_wait(&heard.called, 4, ANSWER_MS);
    observe(AREA, "for_each_add_listen, a deletion and a new value", "%s", heard.text);
    pulsar_table_view_for_each(view, hear, &once);
    observe(AREA, "for_each after that", "%s", once.text);
    pulsar_table_view_close(view);
    pulsar_table_view_free(view);
    end_producer(producer);
    end_client(client);
}

struct outcome {
    struct latch called;
    pulsar_result result;
    pulsar_table_view_t *view;
    pthread_t thread;
};

static void note(struct outcome *outcome, pulsar_result result) {
    outcome->result = result;
    outcome->thread = pthread_self();
    latch_raise(&outcome->called);
}

static void on_view(pulsar_result result, pulsar_table_view_t *view, void *context) {
    struct outcome *outcome = context;
    outcome->view = view;
    note(outcome, result);
}

static void on_result(pulsar_result result, void *context) {
    note(context, result);
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
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    unique_topic(topic, "callbacks");
    pulsar_table_view_configuration_t *conf = pulsar_table_view_configuration_create();
    struct outcome created = {.called = LATCH_INIT}, closed = {.called = LATCH_INIT};
    pulsar_client_create_table_view_async(client, topic, conf, on_view, &created);
    const char *outcome = called(&created);
    observe(AREA, "create_table_view_async callback, empty topic", "%s, size %d", outcome,
            pulsar_table_view_size(created.view));
    pulsar_table_view_close_async(created.view, on_result, &closed);
    observe(AREA, "close_async callback", "%s", called(&closed));
    pulsar_table_view_free(created.view);
    pulsar_table_view_configuration_free(conf);
    end_client(client);
}

static void refuse(const char *url, const char *name, const char *prefix, const char *topic) {
    pulsar_client_t *client = open_client(url);
    char full[TOPIC_SIZE + 8];
    snprintf(full, sizeof(full), "%s%s", prefix, topic);
    pulsar_table_view_configuration_t *conf = pulsar_table_view_configuration_create();
    pulsar_table_view_t *view = NULL;
    observe_result(AREA, name, pulsar_client_create_table_view(client, full, conf, &view));
    pulsar_table_view_configuration_free(conf);
    end_client(client);
}

static void wrong_topic(const char *url) {
    refuse(url, "create_table_view topic \"a/b\"", "", "a/b");
}

static void topic_not_stored(const char *url) {
    char topic[TOPIC_SIZE];
    refuse(url, "create_table_view of a topic that is not stored", "non-", unique_topic(topic, "not-stored"));
}

static void null_configuration(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    pulsar_table_view_t *view = NULL;
    observe_result(AREA, "create_table_view without a configuration",
                   pulsar_client_create_table_view(client, unique_topic(topic, "null"), NULL, &view));
    end_client(client);
}

OBSERVE_MAIN(GROUP(AREA, values), GROUP(AREA, listening), GROUP(AREA, callbacks),
             CASE(AREA, "create_table_view topic \"a/b\"", wrong_topic),
             CASE(AREA, "create_table_view of a topic that is not stored", topic_not_stored),
             CASE(AREA, "create_table_view without a configuration", null_configuration))
