/* pulsar/c/table_view.h, pulsar_rs/table_view.h */
#include <pulsar/c/client.h>
#include <pulsar_rs/table_view.h>

#include "check.h"
#include "latch.h"
#include "session.h"

struct place {
    pulsar_client_t *client;
    pulsar_producer_t *producer;
    pulsar_table_view_t *view;
    char topic[TOPIC_SIZE];
};

static void put(struct place *place, const char *key, const char *value) {
    pulsar_message_t *message = text_message(value);
    pulsar_message_set_partition_key(message, key);
    CHECK_OK(pulsar_producer_send(place->producer, message));
    pulsar_message_free(message);
}

/* A view of a topic with a=1 b=2 a=3. */
static struct place open_place(const char *word) {
    struct place place = {.client = open_client(check_url)};
    unique_topic(place.topic, word);
    place.producer = open_producer(place.client, place.topic, (struct producer_options){0});
    put(&place, "a", "1");
    put(&place, "b", "2");
    put(&place, "a", "3");
    REQUIRE_OK(pulsar_client_create_table_view(place.client, place.topic, NULL, &place.view));
    return place;
}

static void end_place(struct place *place) {
    pulsar_table_view_free(place->view);
    end_producer(place->producer);
    end_client(place->client);
}

static void check_value(pulsar_table_view_t *view, const char *key, const char *expected) {
    void *value = NULL;
    size_t size = 0;
    CHECK_INT(pulsar_table_view_get_value(view, key, &value, &size), expected != NULL);
    CHECK_INT(size, expected ? strlen(expected) : 0);
    CHECK(expected ? value && memcmp(value, expected, size) == 0 : value == NULL);
    free(value);
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

static void test_values(void) {
    struct place place = open_place("values");
    CHECK_INT(pulsar_table_view_size(place.view), 2);
    check_value(place.view, "a", "3");
    check_value(place.view, "b", "2");
    check_value(place.view, "c", NULL);
    CHECK(pulsar_table_view_get_value(place.view, "a", NULL, NULL));
    void *value = NULL;
    size_t size = 0;
    CHECK(pulsar_table_view_retrieve_value(place.view, "b", &value, &size));
    CHECK(size == 1 && value && *(char *)value == '2');
    free(value);
    CHECK(!pulsar_table_view_retrieve_value(place.view, "b", NULL, NULL));
    CHECK_INT(pulsar_table_view_size(place.view), 1);
    put(&place, "c", "4");
    CHECK(wait_until(is_so, &(struct expectation){place.view, "c", true}, ANSWER_MS));
    put(&place, "a", "");
    CHECK(wait_until(is_so, &(struct expectation){place.view, "a", false}, ANSWER_MS));
    CHECK_OK(pulsar_table_view_close(place.view));
    CHECK_INT(pulsar_table_view_size(place.view), 1);
    check_value(place.view, "c", "4");
    CHECK_RESULT(pulsar_table_view_close(place.view), pulsar_result_ConsumerNotInitialized);
    char *text = pulsar_rs_table_view_last_error(place.view);
    CHECK(text && strstr(text, "closed"));
    free(text);
    end_place(&place);
}

struct heard {
    struct latch called;
    pthread_mutex_t lock;
    pthread_t thread;
    char text[300];
    pulsar_table_view_t *view;
    bool closes;
};

static void hear(const char *key, const void *value, size_t size, void *context) {
    struct heard *heard = context;
    pthread_mutex_lock(&heard->lock);
    size_t used = strlen(heard->text);
    snprintf(heard->text + used, sizeof(heard->text) - used, "%s=%.*s ", key, (int)size, (const char *)value);
    heard->thread = pthread_self();
    pthread_mutex_unlock(&heard->lock);
    /* Nothing is locked while this runs. */
    CHECK(pulsar_table_view_size(heard->view) > 0);
    if (heard->closes) {
        CHECK_OK(pulsar_table_view_close(heard->view));
    }
    latch_raise(&heard->called);
}

static void test_listening(void) {
    struct place place = open_place("listening");
    struct heard heard = {.called = LATCH_INIT, .lock = PTHREAD_MUTEX_INITIALIZER, .view = place.view};
    pulsar_table_view_for_each(place.view, hear, &heard);
    CHECK_INT(latch_count(&heard.called), 2);
    CHECK(strstr(heard.text, "a=3 ") && strstr(heard.text, "b=2 "));
    heard.text[0] = 0;
    pulsar_table_view_for_each_add_listen(place.view, hear, &heard);
    CHECK_INT(latch_count(&heard.called), 4);
    CHECK(pthread_equal(heard.thread, pthread_self()));
    heard.text[0] = 0;
    put(&place, "c", "4");
    put(&place, "c", "5");
    put(&place, "c", "");
    CHECK(latch_wait(&heard.called, 7, ANSWER_MS));
    CHECK_TEXT(heard.text, "c=4 c=5 c= ");
    CHECK(!pthread_equal(heard.thread, pthread_self()));
    /* After the view is closed nobody is called any more. */
    heard.closes = true;
    put(&place, "d", "6");
    CHECK(latch_wait(&heard.called, 8, ANSWER_MS));
    put(&place, "d", "7");
    end_place(&place);
    CHECK_INT(latch_count(&heard.called), 8);
}

struct outcome {
    struct latch called;
    pulsar_result result;
    pulsar_table_view_t *view;
};

static void on_view(pulsar_result result, pulsar_table_view_t *view, void *context) {
    struct outcome *outcome = context;
    outcome->result = result;
    outcome->view = view;
    latch_raise(&outcome->called);
}

static void on_result(pulsar_result result, void *context) {
    struct outcome *outcome = context;
    outcome->result = result;
    latch_raise(&outcome->called);
}

static void test_callbacks(void) {
    struct place place = open_place("callbacks");
    struct outcome created = {.called = LATCH_INIT}, closed = {.called = LATCH_INIT}, again = {.called = LATCH_INIT};
    pulsar_client_create_table_view_async(place.client, place.topic, NULL, on_view, &created);
    REQUIRE(latch_wait(&created.called, 1, ANSWER_MS));
    REQUIRE_OK(created.result);
    CHECK_INT(pulsar_table_view_size(created.view), 2);
    pulsar_table_view_close_async(created.view, on_result, &closed);
    CHECK(latch_wait(&closed.called, 1, ANSWER_MS));
    CHECK_OK(closed.result);
    pulsar_table_view_close_async(created.view, on_result, &again);
    CHECK_INT(latch_count(&again.called), 1);
    CHECK_RESULT(again.result, pulsar_result_ConsumerNotInitialized);
    pulsar_table_view_free(created.view);
    struct outcome refused = {.called = LATCH_INIT};
    pulsar_client_create_table_view_async(place.client, "a/b", NULL, on_view, &refused);
    CHECK_INT(latch_count(&refused.called), 1);
    CHECK_RESULT(refused.result, pulsar_result_InvalidTopicName);
    pulsar_client_create_table_view_async(place.client, place.topic, NULL, NULL, NULL);
    end_place(&place);
}

static void test_wrong_arguments(void) {
    struct place place = open_place("arguments");
    pulsar_table_view_t *view = NULL;
    CHECK_RESULT(pulsar_client_create_table_view(NULL, place.topic, NULL, &view), pulsar_result_InvalidConfiguration);
    CHECK_RESULT(pulsar_client_create_table_view(place.client, NULL, NULL, &view), pulsar_result_InvalidTopicName);
    CHECK_RESULT(pulsar_client_create_table_view(place.client, place.topic, NULL, NULL),
                 pulsar_result_InvalidConfiguration);
    CHECK(!pulsar_table_view_get_value(NULL, "a", NULL, NULL));
    CHECK(!pulsar_table_view_get_value(place.view, NULL, NULL, NULL));
    CHECK(!pulsar_table_view_retrieve_value(NULL, "a", NULL, NULL));
    CHECK(!pulsar_table_view_contain_key(NULL, "a"));
    CHECK(!pulsar_table_view_contain_key(place.view, NULL));
    CHECK_INT(pulsar_table_view_size(NULL), 0);
    pulsar_table_view_for_each(NULL, hear, NULL);
    pulsar_table_view_for_each(place.view, NULL, NULL);
    pulsar_table_view_for_each_add_listen(NULL, hear, NULL);
    pulsar_table_view_for_each_add_listen(place.view, NULL, NULL);
    CHECK_RESULT(pulsar_table_view_close(NULL), pulsar_result_ConsumerNotInitialized);
    pulsar_table_view_free(NULL);
    end_place(&place);
}

CHECK_MAIN(TEST(test_values), TEST(test_listening), TEST(test_callbacks), TEST(test_wrong_arguments))
