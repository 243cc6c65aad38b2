/* pulsar/c/client.h, and pulsar_rs/client.h for the texts of failures. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pulsar/c/client.h>
#include <pulsar_rs/client.h>
#include <sys/socket.h>

#include "check.h"
#include "latch.h"
#include "session.h"

struct answer {
    struct latch called;
    pulsar_result result;
    void *object;
};

static void on_producer(pulsar_result result, pulsar_producer_t *producer, void *context) {
    struct answer *answer = context;
    answer->result = result;
    answer->object = producer;
    latch_raise(&answer->called);
}

static void on_consumer(pulsar_result result, pulsar_consumer_t *consumer, void *context) {
    struct answer *answer = context;
    answer->result = result;
    answer->object = consumer;
    latch_raise(&answer->called);
}

static void on_partitions(pulsar_result result, pulsar_string_list_t *partitions, void *context) {
    struct answer *answer = context;
    answer->result = result;
    answer->object = partitions;
    latch_raise(&answer->called);
}

static void on_result(pulsar_result result, void *context) {
    struct answer *answer = context;
    answer->result = result;
    latch_raise(&answer->called);
}

/* The callback comes once, with this result, and without an object. */
static void check_failure(struct answer *answer, pulsar_result expected, int line) {
    check_that(latch_wait(&answer->called, 1, ANSWER_MS), __FILE__, line, "the callback does not come");
    check_result(answer->result, expected, "the callback", __FILE__, line);
    check_that(answer->object == NULL, __FILE__, line, "the callback gets an object");
    check_int(latch_count(&answer->called), 1, "calls", __FILE__, line);
    *answer = (struct answer){.called = LATCH_INIT};
}

static void check_error_text(pulsar_client_t *client, int line) {
    char *text = pulsar_rs_client_last_error(client);
    check_that(text && strlen(text) > 5, __FILE__, line, "no text of the failure");
    free(text);
}

/* A blocking call on a thread of its own, so that waiting for several timeouts takes that time once. */
struct call {
    pthread_t thread;
    pulsar_client_t *client;
    void *output;
    pulsar_result result;
};

static void *call_subscribe(void *context) {
    struct call *call = context;
    call->result = pulsar_client_subscribe(call->client, "t", "s", NULL, (pulsar_consumer_t **)&call->output);
    return NULL;
}

static void *call_get_partitions(void *context) {
    struct call *call = context;
    call->result =
        pulsar_client_get_topic_partitions(call->client, "t", (pulsar_string_list_t **)&call->output);
    return NULL;
}

static void *call_create_producer(void *context) {
    struct call *call = context;
    call->result = pulsar_client_create_producer(call->client, "t", NULL, (pulsar_producer_t **)&call->output);
    return NULL;
}

/* Every use of the client fails like this, at the latest after `milliseconds`, with a text; outputs stay as they are. */
static void check_unusable(pulsar_client_t *client, pulsar_result expected, int milliseconds) {
    static void *(*const functions[])(void *) = {call_subscribe, call_get_partitions, call_create_producer};
    char untouched;
    struct call calls[3];
    struct answer answers[3] = {{.called = LATCH_INIT}, {.called = LATCH_INIT}, {.called = LATCH_INIT}};
    long long start = now_ms();
    for (int i = 0; i < 3; i++) {
        calls[i] = (struct call){.client = client, .output = &untouched};
        REQUIRE(pthread_create(&calls[i].thread, NULL, functions[i], &calls[i]) == 0);
    }
    pulsar_client_create_producer_async(client, "t", NULL, on_producer, &answers[0]);
    pulsar_client_subscribe_async(client, "t", "s", NULL, on_consumer, &answers[1]);
    pulsar_client_get_topic_partitions_async(client, "t", on_partitions, &answers[2]);
    for (int i = 0; i < 3; i++) {
        check_failure(&answers[i], expected, __LINE__);
        pthread_join(calls[i].thread, NULL);
        CHECK_RESULT(calls[i].result, expected);
        CHECK(calls[i].output == &untouched);
    }
    CHECK_BETWEEN(now_ms() - start, 0, milliseconds + 1500);
    check_error_text(client, __LINE__);
}

static void check_wrong_url(const char *url, pulsar_result expected) {
    pulsar_client_t *client = pulsar_client_create(url, NULL);
    struct answer answer = {.called = LATCH_INIT};
    REQUIRE(client != NULL);
    int failed = check_failures;
    check_error_text(client, __LINE__);
    check_unusable(client, expected, 0);
    CHECK_RESULT(pulsar_client_close(client), expected);
    pulsar_client_close_async(client, on_result, &answer);
    check_failure(&answer, expected, __LINE__);
    pulsar_client_free(client);
    if (check_failures != failed) {
        fprintf(stderr, "  with the URL \"%s\"\n", url ? url : "(NULL)");
    }
}

static void test_wrong_urls(void) {
    static const char *const invalid[] = {
        NULL,
        "",
        "127.0.0.1:6650",
        "foo://127.0.0.1:6650",
        "pulsar://",
        "pulsar:///",
        "pulsar://:6650",
        "pulsar://127.0.0.1:notaport",
        "pulsar://127.0.0.1:99999",
        "pulsar://127.0.0.1:-1",
        "pulsar://127.0.0.1:6650,",
        "pulsar://a:1,,b:2",
        "pulsar://127.0.0.1:6650/topic",
        "://",
        "pulsar",
        "pulsar://[::1",
        "http://",
        "http://127.0.0.1:8080/lookup",
        "\xff\xfe://x",
    };
    for (size_t i = 0; i < sizeof(invalid) / sizeof(*invalid); i++) {
        check_wrong_url(invalid[i], pulsar_result_InvalidUrl);
    }
}

static void test_refused_connection(void) {
    pulsar_client_t *client = open_client_for("pulsar://127.0.0.1:1", 2);
    check_unusable(client, pulsar_result_Timeout, 2000);
    CHECK_OK(pulsar_client_close(client));
    pulsar_client_free(client);
}

/* A server that takes connections and says nothing. */
static void test_silent_server(void) {
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(own);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    REQUIRE(bind(listener, (struct sockaddr *)&own, size) == 0 && listen(listener, 16) == 0);
    getsockname(listener, (struct sockaddr *)&own, &size);
    char url[64];
    snprintf(url, sizeof(url), "pulsar://127.0.0.1:%u", ntohs(own.sin_port));
    pulsar_client_t *client = open_client_for(url, 2);
    check_unusable(client, pulsar_result_Timeout, 2000);
    long long start = now_ms();
    CHECK_OK(pulsar_client_close(client));
    pulsar_client_free(client);
    CHECK_BETWEEN(now_ms() - start, 0, 3500);
    close(listener);
}

/* Freeing while something is under way: its callback has come by then, or never comes. */
static void test_freed_while_connecting(void) {
    struct answer answer = {.called = LATCH_INIT};
    pulsar_client_t *client = open_client_for("pulsar://127.0.0.1:1", 30);
    pulsar_client_create_producer_async(client, "t", NULL, on_producer, &answer);
    long long start = now_ms();
    pulsar_client_free(client);
    CHECK_BETWEEN(now_ms() - start, 0, 3000);
    CHECK_INT(latch_count(&answer.called), 1);
    CHECK_RESULT(answer.result, pulsar_result_AlreadyClosed);
}

static void test_unknown_namespace(void) {
    pulsar_client_t *client = open_client_for(check_url, 2);
    pulsar_producer_t *producer = NULL;
    pulsar_consumer_t *consumer = NULL;
    const char *topic = "persistent://public/nowhere/t";
    CHECK(pulsar_rs_client_last_error(client) == NULL);
    CHECK_RESULT(pulsar_client_create_producer(client, topic, NULL, &producer), pulsar_result_TopicNotFound);
    check_error_text(client, __LINE__);
    CHECK_RESULT(pulsar_client_subscribe(client, topic, "s", NULL, &consumer), pulsar_result_TopicNotFound);
    CHECK(producer == NULL && consumer == NULL);
    end_client(client);
}

static void test_names_that_are_none(void) {
    pulsar_client_t *client = open_client(check_url);
    pulsar_producer_t *producer = NULL;
    pulsar_consumer_t *consumer = NULL;
    pulsar_string_list_t *partitions = NULL;
    char topic[TOPIC_SIZE];
    static const char *const topics[] = {NULL, "", "a/b", "foo://public/default/t", "persistent://public",
                                         "bad \xff UTF-8"};
    for (size_t i = 0; i < sizeof(topics) / sizeof(*topics); i++) {
        CHECK_RESULT(pulsar_client_create_producer(client, topics[i], NULL, &producer),
                     pulsar_result_InvalidTopicName);
        CHECK_RESULT(pulsar_client_subscribe(client, topics[i], "s", NULL, &consumer),
                     pulsar_result_InvalidTopicName);
        CHECK_RESULT(pulsar_client_get_topic_partitions(client, topics[i], &partitions),
                     pulsar_result_InvalidTopicName);
    }
    unique_topic(topic, "names");
    CHECK_RESULT(pulsar_client_subscribe(client, topic, NULL, NULL, &consumer), pulsar_result_InvalidConfiguration);
    CHECK_RESULT(pulsar_client_subscribe(client, topic, "", NULL, &consumer), pulsar_result_InvalidConfiguration);
    CHECK_RESULT(pulsar_client_subscribe(client, topic, "\xff", NULL, &consumer), pulsar_result_InvalidConfiguration);
    CHECK(producer == NULL && consumer == NULL && partitions == NULL);
    end_client(client);
}

static void use_unusable(pulsar_client_t *client) {
    struct answer answer = {.called = LATCH_INIT};
    pulsar_producer_t *producer = NULL;
    pulsar_consumer_t *consumer = NULL;
    pulsar_string_list_t *partitions = NULL;
    pulsar_result wrong = pulsar_result_InvalidConfiguration;
    CHECK_RESULT(pulsar_client_create_producer(client, "t", NULL, &producer), wrong);
    CHECK_RESULT(pulsar_client_subscribe(client, "t", "s", NULL, &consumer), wrong);
    CHECK_RESULT(pulsar_client_get_topic_partitions(client, "t", &partitions), wrong);
    CHECK_RESULT(pulsar_client_close(client), wrong);
    pulsar_client_create_producer_async(client, "t", NULL, on_producer, &answer);
    check_failure(&answer, wrong, __LINE__);
    pulsar_client_subscribe_async(client, "t", "s", NULL, on_consumer, &answer);
    check_failure(&answer, wrong, __LINE__);
    pulsar_client_get_topic_partitions_async(client, "t", on_partitions, &answer);
    check_failure(&answer, wrong, __LINE__);
    pulsar_client_close_async(client, on_result, &answer);
    check_failure(&answer, wrong, __LINE__);
    pulsar_client_create_producer_async(client, "t", NULL, NULL, NULL);
    pulsar_client_subscribe_async(client, "t", "s", NULL, NULL, NULL);
    pulsar_client_get_topic_partitions_async(client, "t", NULL, NULL);
    pulsar_client_close_async(client, NULL, NULL);
    pulsar_client_free(client);
}

static void test_null_and_foreign_clients(void) {
    pulsar_message_t *message = pulsar_message_create();
    use_unusable(NULL);
    use_unusable((pulsar_client_t *)message);
    CHECK_INT(pulsar_message_get_length(message), 0);
    pulsar_message_free(message);
}

static void test_null_outputs_and_configurations(void) {
    pulsar_client_t *client = open_client(check_url);
    char topic[TOPIC_SIZE];
    pulsar_message_t *foreign = pulsar_message_create();
    unique_topic(topic, "outputs");
    CHECK_RESULT(pulsar_client_create_producer(client, topic, NULL, NULL), pulsar_result_InvalidConfiguration);
    CHECK_RESULT(pulsar_client_subscribe(client, topic, "s", NULL, NULL), pulsar_result_InvalidConfiguration);
    CHECK_RESULT(pulsar_client_get_topic_partitions(client, topic, NULL), pulsar_result_InvalidConfiguration);
    /* What was created for nobody is gone: an exclusive consumer finds its place free. */
    pulsar_consumer_t *consumer = NULL;
    CHECK_OK(pulsar_client_subscribe(client, topic, "s", NULL, &consumer));
    end_consumer(consumer);
    pulsar_producer_t *producer = NULL;
    CHECK_OK(pulsar_client_create_producer(client, topic, (pulsar_producer_configuration_t *)foreign, &producer));
    end_producer(producer);
    CHECK_OK(pulsar_client_subscribe(client, topic, "s", (pulsar_consumer_configuration_t *)foreign, &consumer));
    end_consumer(consumer);
    end_client(client);
    client = pulsar_client_create(check_url, (pulsar_client_configuration_t *)foreign);
    CHECK_OK(pulsar_client_create_producer(client, topic, NULL, &producer));
    end_producer(producer);
    end_client(client);
    pulsar_message_free(foreign);
}

struct wanted {
    pulsar_client_t *client;
    const char *topic;
    pulsar_producer_t *producer;
    pulsar_consumer_t *consumer;
};

static bool gets_producer(void *context) {
    struct wanted *wanted = context;
    return try_producer(wanted->client, wanted->topic, (struct producer_options){.name = "alone"},
                        &wanted->producer) == pulsar_result_Ok;
}

static bool gets_consumer(void *context) {
    struct wanted *wanted = context;
    return try_subscribe(wanted->client, wanted->topic, "s", (struct consumer_options){0}, &wanted->consumer) ==
           pulsar_result_Ok;
}

/* What is created without a callback is closed again, so that its name and place are free. */
static void test_null_callbacks(void) {
    pulsar_client_t *client = open_client(check_url);
    char topic[TOPIC_SIZE];
    struct wanted wanted = {.client = client, .topic = unique_topic(topic, "nobody")};
    pulsar_producer_configuration_t *conf = producer_configuration((struct producer_options){.name = "alone"});
    pulsar_client_create_producer_async(client, topic, conf, NULL, NULL);
    pulsar_producer_configuration_free(conf);
    pulsar_client_subscribe_async(client, topic, "s", NULL, NULL, NULL);
    pulsar_client_get_topic_partitions_async(client, topic, NULL, NULL);
    CHECK(wait_until(gets_producer, &wanted, ANSWER_MS));
    CHECK(wait_until(gets_consumer, &wanted, ANSWER_MS));
    end_producer(wanted.producer);
    end_consumer(wanted.consumer);
    pulsar_client_close_async(client, NULL, NULL);
    pulsar_client_free(client);
}

static void on_unowned(pulsar_consumer_t *consumer, pulsar_message_t *message, void *context) {
    (void)consumer;
    pulsar_message_free(message);
    (*(atomic_int *)context)++;
}

/* A consumer with a listener that nobody owns does not listen on, nor keep its place. */
static void test_listeners_that_nobody_owns(void) {
    pulsar_client_t *client = open_client(check_url);
    char topic[TOPIC_SIZE];
    atomic_int heard = 0;
    struct wanted wanted = {.client = client, .topic = unique_topic(topic, "unowned")};
    struct consumer_options options = {.listener = on_unowned, .context = &heard};
    CHECK_RESULT(try_subscribe(client, topic, "s", options, NULL), pulsar_result_InvalidConfiguration);
    /* Not even for a moment. */
    CHECK(gets_consumer(&wanted));
    end_consumer(wanted.consumer);
    pulsar_consumer_configuration_t *conf = consumer_configuration(options);
    pulsar_client_subscribe_async(client, topic, "s", conf, NULL, NULL);
    pulsar_consumer_configuration_free(conf);
    CHECK(wait_until(gets_consumer, &wanted, ANSWER_MS));
    pulsar_producer_t *producer = open_producer(client, topic, (struct producer_options){.name = "alone"});
    CHECK_OK(send_text(producer, "x"));
    pulsar_message_t *message = next_message(wanted.consumer, ANSWER_MS);
    CHECK(message != NULL);
    CHECK_INT(heard, 0);
    pulsar_message_free(message);
    end_producer(producer);
    CHECK_RESULT(try_producer(client, topic, (struct producer_options){.name = "alone"}, NULL),
                 pulsar_result_InvalidConfiguration);
    CHECK(gets_producer(&wanted));
    end_producer(wanted.producer);
    end_consumer(wanted.consumer);
    end_client(client);
}

static void test_partitions(void) {
    pulsar_client_t *client = open_client(check_url);
    struct answer answer = {.called = LATCH_INIT};
    pulsar_string_list_t *partitions = NULL;
    CHECK_OK(pulsar_client_get_topic_partitions(client, "c-unpartitioned", &partitions));
    CHECK_INT(pulsar_string_list_size(partitions), 1);
    CHECK_TEXT(pulsar_string_list_get(partitions, 0), "persistent://public/default/c-unpartitioned");
    pulsar_string_list_free(partitions);
    pulsar_client_get_topic_partitions_async(client, "c-unpartitioned", on_partitions, &answer);
    CHECK(latch_wait(&answer.called, 1, ANSWER_MS));
    CHECK_OK(answer.result);
    CHECK_INT(pulsar_string_list_size(answer.object), 1);
    pulsar_string_list_free(answer.object);
    end_client(client);
}

/* Handles may be freed in any order. */
static void test_frees_in_odd_orders(void) {
    for (int order = 0; order < 4; order++) {
        char topic[TOPIC_SIZE];
        pulsar_client_t *client = open_client(check_url);
        pulsar_producer_t *producer =
            open_producer(client, unique_topic(topic, "orders"), (struct producer_options){0});
        pulsar_consumer_t *consumer = open_consumer(client, topic, "s", (struct consumer_options){0});
        CHECK_OK(send_text(producer, "x"));
        if (order & 1) {
            pulsar_client_free(client);
            CHECK_RESULT(send_text(producer, "y"), pulsar_result_AlreadyClosed);
        }
        if (order & 2) {
            pulsar_producer_free(producer);
            pulsar_consumer_free(consumer);
        } else {
            pulsar_consumer_free(consumer);
            pulsar_producer_free(producer);
        }
        if (!(order & 1)) {
            pulsar_client_free(client);
        }
    }
}

static void *create_and_send(void *context) {
    pulsar_client_t *client = context;
    char topic[TOPIC_SIZE];
    for (int i = 0; i < 5; i++) {
        pulsar_producer_t *producer = NULL;
        CHECK_OK(try_producer(client, unique_topic(topic, "threads"), (struct producer_options){0}, &producer));
        CHECK_OK(send_text(producer, "x"));
        end_producer(producer);
    }
    return NULL;
}

static void test_many_threads_share_a_client(void) {
    pulsar_client_t *client = open_client(check_url);
    pthread_t threads[8];
    for (int i = 0; i < 8; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, create_and_send, client) == 0);
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
    }
    CHECK_OK(pulsar_client_close(client));
    CHECK_RESULT(pulsar_client_close(client), pulsar_result_AlreadyClosed);
    check_error_text(client, __LINE__);
    pulsar_client_free(client);
}

CHECK_MAIN(TEST(test_wrong_urls), TEST(test_refused_connection), TEST(test_silent_server),
           TEST(test_freed_while_connecting), TEST(test_unknown_namespace), TEST(test_names_that_are_none),
           TEST(test_null_and_foreign_clients), TEST(test_null_outputs_and_configurations),
           TEST(test_null_callbacks), TEST(test_listeners_that_nobody_owns), TEST(test_partitions), TEST(test_frees_in_odd_orders),
           TEST(test_many_threads_share_a_client))
