/* pulsar/c/client.h: consumers of several topics, and of those that match a pattern. */
#include <pulsar/c/client.h>
#include <pulsar_rs/client.h>

#include "check.h"
#include "latch.h"
#include "session.h"

struct answer {
    struct latch called;
    pulsar_result result;
    pulsar_consumer_t *consumer;
    bool on_caller;
    pthread_t caller;
};

static void on_consumer(pulsar_result result, pulsar_consumer_t *consumer, void *context) {
    struct answer *answer = context;
    answer->result = result;
    answer->consumer = consumer;
    answer->on_caller = pthread_equal(answer->caller, pthread_self());
    latch_raise(&answer->called);
}

#define ANSWER {.called = LATCH_INIT, .caller = pthread_self()}

/* Two topics that begin with the pattern's text, and what sends to them. */
struct place {
    pulsar_client_t *client;
    char pattern[TOPIC_SIZE + 4];
    char names[2][TOPIC_SIZE + 4];
    const char *topics[2];
    pulsar_producer_t *producers[2];
};

static void open_place(struct place *place, const char *word) {
    char prefix[TOPIC_SIZE];
    place->client = open_client(check_url);
    unique_topic(prefix, word);
    snprintf(place->pattern, sizeof(place->pattern), "%s-.*", prefix);
    for (int i = 0; i < 2; i++) {
        snprintf(place->names[i], sizeof(place->names[i]), "%s-%d", prefix, i);
        place->topics[i] = place->names[i];
        place->producers[i] = open_producer(place->client, place->topics[i], (struct producer_options){0});
    }
}

static void end_place(struct place *place) {
    end_producer(place->producers[0]);
    end_producer(place->producers[1]);
    end_client(place->client);
}

/* One message of each topic comes, and is acknowledged. */
static void check_messages(struct place *place, pulsar_consumer_t *consumer) {
    int from[2] = {0, 0};
    REQUIRE(consumer != NULL);
    for (int i = 0; i < 2; i++) {
        CHECK_OK(send_text(place->producers[i], "x"));
    }
    for (int i = 0; i < 2; i++) {
        pulsar_message_t *message = next_message(consumer, ANSWER_MS);
        REQUIRE(message != NULL);
        for (int topic = 0; topic < 2; topic++) {
            from[topic] += strcmp(pulsar_message_get_topic_name(message), place->topics[topic]) == 0;
        }
        CHECK_OK(pulsar_consumer_acknowledge(consumer, message));
        pulsar_message_free(message);
    }
    CHECK(from[0] == 1 && from[1] == 1);
}

static void check_error_text(pulsar_client_t *client, int line) {
    char *text = pulsar_rs_client_last_error(client);
    check_that(text && strlen(text) > 5, __FILE__, line, "no text of the failure");
    free(text);
}

/* The callback came on this thread, before the call returned, and got no consumer. */
static void check_refused(struct answer *answer, pulsar_result expected, int line) {
    check_int(latch_count(&answer->called), 1, "calls", __FILE__, line);
    check_that(answer->on_caller, __FILE__, line, "the callback is on another thread");
    check_result(answer->result, expected, "the callback", __FILE__, line);
    check_that(answer->consumer == NULL, __FILE__, line, "the callback gets a consumer");
    *answer = (struct answer)ANSWER;
}

static void test_subscribing_to_several_topics(void) {
    struct place place;
    open_place(&place, "several");
    pulsar_consumer_t *consumer = NULL;
    CHECK_OK(pulsar_client_subscribe_multi_topics(place.client, place.topics, 2, "s", NULL, &consumer));
    check_messages(&place, consumer);
    end_consumer(consumer);
    struct answer answer = ANSWER;
    pulsar_client_subscribe_multi_topics_async(place.client, place.topics, 2, "s", NULL, on_consumer, &answer);
    REQUIRE(latch_wait(&answer.called, 1, ANSWER_MS));
    CHECK_OK(answer.result);
    CHECK(!answer.on_caller);
    check_messages(&place, answer.consumer);
    end_consumer(answer.consumer);
    end_place(&place);
}

static void test_subscribing_to_a_pattern(void) {
    struct place place;
    open_place(&place, "matching");
    pulsar_consumer_t *consumer = NULL;
    CHECK_OK(pulsar_client_subscribe_pattern(place.client, place.pattern, "s", NULL, &consumer));
    CHECK_TEXT(pulsar_consumer_get_topic(consumer), place.pattern);
    check_messages(&place, consumer);
    end_consumer(consumer);
    struct answer answer = ANSWER;
    pulsar_client_subscribe_pattern_async(place.client, place.pattern, "s", NULL, on_consumer, &answer);
    REQUIRE(latch_wait(&answer.called, 1, ANSWER_MS));
    CHECK_OK(answer.result);
    CHECK(!answer.on_caller);
    check_messages(&place, answer.consumer);
    end_consumer(answer.consumer);
    end_place(&place);
}

/* No list, a number that is none, and names that are none; by either function. */
static void check_topics(pulsar_client_t *client, const char **topics, int count, const char *subscription,
                         pulsar_result expected, int line) {
    pulsar_consumer_t *consumer = NULL;
    struct answer answer = ANSWER;
    pulsar_result result = pulsar_client_subscribe_multi_topics(client, topics, count, subscription, NULL, &consumer);
    check_result(result, expected, "subscribe_multi_topics", __FILE__, line);
    check_that(consumer == NULL, __FILE__, line, "the output is written");
    check_error_text(client, line);
    pulsar_client_subscribe_multi_topics_async(client, topics, count, subscription, NULL, on_consumer, &answer);
    check_refused(&answer, expected, line);
    pulsar_client_subscribe_multi_topics_async(client, topics, count, subscription, NULL, NULL, NULL);
}

static void test_wrong_topics(void) {
    pulsar_client_t *client = open_client(check_url);
    char topic[TOPIC_SIZE];
    static const char *const wrong[] = {NULL, "", "a/b", "foo://public/default/t", "bad \xff UTF-8"};
    const char *topics[] = {unique_topic(topic, "wrong"), NULL};
    check_topics(client, NULL, 2, "s", pulsar_result_InvalidConfiguration, __LINE__);
    check_topics(client, NULL, -1, "s", pulsar_result_InvalidConfiguration, __LINE__);
    check_topics(client, topics, -1, "s", pulsar_result_InvalidConfiguration, __LINE__);
    check_topics(client, topics, INT32_MIN, "s", pulsar_result_InvalidConfiguration, __LINE__);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        topics[1] = wrong[i];
        check_topics(client, topics, 2, "s", pulsar_result_InvalidTopicName, __LINE__);
    }
    check_topics(client, topics, 1, NULL, pulsar_result_InvalidConfiguration, __LINE__);
    check_topics(client, topics, 1, "\xff", pulsar_result_InvalidConfiguration, __LINE__);
    CHECK_RESULT(pulsar_client_subscribe_multi_topics(client, topics, 1, "s", NULL, NULL),
                 pulsar_result_InvalidConfiguration);
    /* No topics are fine: nothing ever comes. */
    for (int i = 0; i < 2; i++) {
        pulsar_consumer_t *consumer = NULL;
        CHECK_OK(pulsar_client_subscribe_multi_topics(client, i ? topics : NULL, 0, "s", NULL, &consumer));
        CHECK(next_message(consumer, 20) == NULL);
        end_consumer(consumer);
    }
    end_client(client);
}

static void check_pattern(pulsar_client_t *client, const char *pattern, const char *subscription,
                          pulsar_result expected, int line) {
    pulsar_consumer_t *consumer = NULL;
    struct answer answer = ANSWER;
    pulsar_result result = pulsar_client_subscribe_pattern(client, pattern, subscription, NULL, &consumer);
    check_result(result, expected, "subscribe_pattern", __FILE__, line);
    check_that(consumer == NULL, __FILE__, line, "the output is written");
    check_error_text(client, line);
    pulsar_client_subscribe_pattern_async(client, pattern, subscription, NULL, on_consumer, &answer);
    check_that(latch_wait(&answer.called, 1, ANSWER_MS), __FILE__, line, "the callback does not come");
    check_result(answer.result, expected, "the callback", __FILE__, line);
    check_that(answer.consumer == NULL, __FILE__, line, "the callback gets a consumer");
    pulsar_client_subscribe_pattern_async(client, pattern, subscription, NULL, NULL, NULL);
}

static void test_wrong_patterns(void) {
    pulsar_client_t *client = open_client(check_url);
    static const char *const names[] = {NULL, "", "a/b", "foo://public/default/t.*", "bad \xff UTF-8"};
    static const char *const expressions[] = {"persistent://public/default/a[b", "persistent://public/default/(?=a)",
                                              "persistent://public/default/a{2,1}"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        check_pattern(client, names[i], "s", pulsar_result_InvalidTopicName, __LINE__);
    }
    for (size_t i = 0; i < sizeof(expressions) / sizeof(*expressions); i++) {
        check_pattern(client, expressions[i], "s", pulsar_result_InvalidConfiguration, __LINE__);
    }
    check_pattern(client, "c-none-.*", NULL, pulsar_result_InvalidConfiguration, __LINE__);
    CHECK_RESULT(pulsar_client_subscribe_pattern(client, "c-none-.*", "s", NULL, NULL),
                 pulsar_result_InvalidConfiguration);
    end_client(client);
}

static void test_null_and_foreign_clients(void) {
    pulsar_message_t *message = text_message("x");
    const char *topics[] = {"t"};
    for (int i = 0; i < 2; i++) {
        pulsar_client_t *client = i ? (pulsar_client_t *)message : NULL;
        pulsar_consumer_t *consumer = NULL;
        struct answer answer = ANSWER;
        pulsar_result wrong = pulsar_result_InvalidConfiguration;
        CHECK_RESULT(pulsar_client_subscribe_multi_topics(client, topics, 1, "s", NULL, &consumer), wrong);
        CHECK_RESULT(pulsar_client_subscribe_pattern(client, "t.*", "s", NULL, &consumer), wrong);
        CHECK(consumer == NULL);
        pulsar_client_subscribe_multi_topics_async(client, topics, 1, "s", NULL, on_consumer, &answer);
        check_refused(&answer, wrong, __LINE__);
        pulsar_client_subscribe_pattern_async(client, "t.*", "s", NULL, on_consumer, &answer);
        check_refused(&answer, wrong, __LINE__);
        pulsar_client_subscribe_multi_topics_async(client, topics, 1, "s", NULL, NULL, NULL);
        pulsar_client_subscribe_pattern_async(client, "t.*", "s", NULL, NULL, NULL);
    }
    pulsar_message_free(message);
}

struct wanted {
    struct place *place;
    pulsar_consumer_t *consumer;
};

static bool gets_consumer(void *context) {
    struct wanted *wanted = context;
    return pulsar_client_subscribe_multi_topics(wanted->place->client, wanted->place->topics, 2, "s", NULL,
                                                &wanted->consumer) == pulsar_result_Ok;
}

/* What subscribes for nobody is closed again: an exclusive consumer finds its place free, in all topics. */
static void test_null_callbacks(void) {
    struct place place;
    open_place(&place, "nobody");
    struct wanted wanted = {.place = &place};
    pulsar_client_subscribe_multi_topics_async(place.client, place.topics, 2, "s", NULL, NULL, NULL);
    pulsar_client_subscribe_pattern_async(place.client, place.pattern, "s", NULL, NULL, NULL);
    CHECK(wait_until(gets_consumer, &wanted, ANSWER_MS));
    end_consumer(wanted.consumer);
    end_place(&place);
}

struct heard {
    struct latch called;
    struct place *place;
    atomic_int from[2];
    atomic_int running;
    atomic_int overlaps;
};

static void hear(pulsar_consumer_t *consumer, pulsar_message_t *message, void *context) {
    struct heard *heard = context;
    heard->overlaps += heard->running++;
    for (int i = 0; i < 2; i++) {
        heard->from[i] += strcmp(pulsar_message_get_topic_name(message), heard->place->topics[i]) == 0;
    }
    CHECK_OK(pulsar_consumer_acknowledge(consumer, message));
    pulsar_message_free(message);
    heard->running--;
    latch_raise(&heard->called);
}

/* One call after the other, also when the messages are of several topics. */
static void test_a_listener_of_several_topics(void) {
    for (int pattern = 0; pattern < 2; pattern++) {
        struct place place;
        struct heard heard = {.called = LATCH_INIT, .place = &place};
        open_place(&place, "listener");
        pulsar_consumer_configuration_t *conf =
            consumer_configuration((struct consumer_options){.listener = hear, .context = &heard});
        pulsar_consumer_t *consumer = NULL;
        REQUIRE_OK(
            pattern ? pulsar_client_subscribe_pattern(place.client, place.pattern, "s", conf, &consumer)
                    : pulsar_client_subscribe_multi_topics(place.client, place.topics, 2, "s", conf, &consumer));
        pulsar_consumer_configuration_free(conf);
        CHECK_OK(send_numbered(place.producers[0], 50));
        CHECK_OK(send_numbered(place.producers[1], 50));
        CHECK(latch_wait(&heard.called, 100, ANSWER_MS));
        CHECK(heard.from[0] == 50 && heard.from[1] == 50);
        CHECK_INT(heard.overlaps, 0);
        end_consumer(consumer);
        end_place(&place);
        CHECK_INT(latch_count(&heard.called), 100);
    }
}

CHECK_MAIN(TEST(test_subscribing_to_several_topics), TEST(test_subscribing_to_a_pattern), TEST(test_wrong_topics),
           TEST(test_wrong_patterns), TEST(test_null_and_foreign_clients), TEST(test_null_callbacks),
           TEST(test_a_listener_of_several_topics))
