/* pulsar/c/producer.h: arguments, outcomes, and that each of them comes once. tests/conformance has the rest. */
#include <pulsar/c/producer.h>

#include "check.h"
#include "latch.h"
#include "proxy.h"
#include "session.h"

struct outcomes {
    struct latch called;
    atomic_int results[64]; /* how often each result came */
    atomic_int ids;
};

#define OUTCOMES {.called = LATCH_INIT}

static void count(struct outcomes *outcomes, pulsar_result result) {
    if (CHECK_BETWEEN(result, 0, 63)) {
        outcomes->results[result]++;
    }
    latch_raise(&outcomes->called);
}

static void on_sent(pulsar_result result, pulsar_message_id_t *id, void *context) {
    struct outcomes *outcomes = context;
    outcomes->ids += id != NULL;
    pulsar_message_id_free(id);
    count(outcomes, result);
}

static void on_result(pulsar_result result, void *context) {
    count(context, result);
}

static pulsar_producer_t *producer_on(pulsar_client_t *client, const char *word, struct producer_options options) {
    char topic[TOPIC_SIZE];
    return open_producer(client, unique_topic(topic, word), options);
}

static void test_getters(void) {
    pulsar_client_t *client = open_client(check_url);
    char topic[TOPIC_SIZE];
    struct producer_options named = {.name = "a name"};
    pulsar_producer_t *producer = open_producer(client, unique_topic(topic, "getters"), named);
    CHECK_TEXT(pulsar_producer_get_topic(producer), topic);
    CHECK_TEXT(pulsar_producer_get_producer_name(producer), "a name");
    CHECK_INT(pulsar_producer_get_last_sequence_id(producer), -1);
    CHECK_INT(pulsar_producer_is_connected(producer), 1);
    const char *kept = pulsar_producer_get_topic(producer);
    CHECK_OK(pulsar_producer_close(producer));
    CHECK_INT(pulsar_producer_is_connected(producer), 0);
    CHECK_TEXT(kept, topic);
    CHECK_TEXT(pulsar_producer_get_topic(producer), topic);
    CHECK_TEXT(pulsar_producer_get_producer_name(producer), "a name");
    pulsar_producer_free(producer);
    end_client(client);
}

static void use_unusable(pulsar_producer_t *producer) {
    struct outcomes outcomes = OUTCOMES;
    pulsar_message_t *message = text_message("x");
    pulsar_result wrong = pulsar_result_ProducerNotInitialized;
    CHECK_TEXT(pulsar_producer_get_topic(producer), "");
    CHECK_TEXT(pulsar_producer_get_producer_name(producer), "");
    CHECK_INT(pulsar_producer_get_last_sequence_id(producer), -1);
    CHECK_INT(pulsar_producer_is_connected(producer), 0);
    CHECK_RESULT(pulsar_producer_send(producer, message), wrong);
    CHECK_RESULT(pulsar_producer_send(producer, NULL), wrong);
    CHECK_RESULT(pulsar_producer_flush(producer), wrong);
    CHECK_RESULT(pulsar_producer_close(producer), wrong);
    pulsar_producer_send_async(producer, message, on_sent, &outcomes);
    pulsar_producer_flush_async(producer, on_result, &outcomes);
    pulsar_producer_close_async(producer, on_result, &outcomes);
    CHECK_INT(outcomes.results[wrong], 3);
    CHECK_INT(outcomes.ids, 0);
    pulsar_producer_send_async(producer, message, NULL, NULL);
    pulsar_producer_flush_async(producer, NULL, NULL);
    pulsar_producer_close_async(producer, NULL, NULL);
    pulsar_producer_free(producer);
    pulsar_message_free(message);
}

static void test_null_and_foreign_producers(void) {
    pulsar_string_map_t *map = pulsar_string_map_create();
    use_unusable(NULL);
    use_unusable((pulsar_producer_t *)map);
    pulsar_string_map_free(map);
}

static void test_null_and_foreign_messages(void) {
    pulsar_client_t *client = open_client(check_url);
    pulsar_producer_t *producer = producer_on(client, "wrong", (struct producer_options){0});
    struct outcomes outcomes = OUTCOMES;
    pulsar_string_map_t *map = pulsar_string_map_create();
    pulsar_message_t *wrong[] = {NULL, (pulsar_message_t *)map};
    for (int i = 0; i < 2; i++) {
        CHECK_RESULT(pulsar_producer_send(producer, wrong[i]), pulsar_result_InvalidMessage);
        pulsar_producer_send_async(producer, wrong[i], on_sent, &outcomes);
        pulsar_producer_send_async(producer, wrong[i], NULL, NULL);
    }
    CHECK_INT(outcomes.results[pulsar_result_InvalidMessage], 2);
    CHECK_INT(outcomes.ids, 0);
    CHECK_OK(send_text(producer, "still good"));
    pulsar_string_map_free(map);
    end_producer(producer);
    end_client(client);
}

static void test_null_callbacks(void) {
    pulsar_client_t *client = open_client(check_url);
    char topic[TOPIC_SIZE], text[20];
    pulsar_producer_t *producer =
        open_producer(client, unique_topic(topic, "nobody"), (struct producer_options){.batching = true});
    pulsar_consumer_t *consumer = open_consumer(client, topic, "s", (struct consumer_options){0});
    send_text_async(producer, "x", NULL, NULL);
    pulsar_producer_flush_async(producer, NULL, NULL);
    pulsar_message_t *message = next_message(consumer, ANSWER_MS);
    REQUIRE(message != NULL);
    CHECK_TEXT(content(message, text, sizeof(text)), "x");
    pulsar_message_free(message);
    pulsar_producer_close_async(producer, NULL, NULL);
    pulsar_producer_free(producer);
    end_consumer(consumer);
    end_client(client);
}

static void test_a_message_is_sent_once(void) {
    pulsar_client_t *client = open_client(check_url);
    pulsar_producer_t *producer = producer_on(client, "once", (struct producer_options){0});
    struct outcomes outcomes = OUTCOMES;
    pulsar_message_t *message = text_message("x");
    pulsar_producer_send_async(producer, message, on_sent, &outcomes);
    CHECK_RESULT(pulsar_producer_send(producer, message), pulsar_result_InvalidMessage);
    CHECK_OK(pulsar_producer_flush(producer));
    CHECK_RESULT(pulsar_producer_send(producer, message), pulsar_result_InvalidMessage);
    CHECK_INT(outcomes.results[pulsar_result_Ok], 1);
    CHECK_INT(outcomes.ids, 1);
    pulsar_message_free(message);
    end_producer(producer);
    end_client(client);
}

static void test_oversize_messages(void) {
    pulsar_client_t *client = open_client(check_url);
    size_t sizes[] = {5 * 1024 * 1024, 5 * 1024 * 1024 + 1, 64 * 1024 * 1024};
    char *bytes = calloc(1, sizes[2]);
    for (int batching = 0; batching < 2; batching++) {
        pulsar_producer_t *producer = producer_on(client, "big", (struct producer_options){.batching = batching});
        struct outcomes outcomes = OUTCOMES;
        for (int i = 0; i < 3; i++) {
            pulsar_message_t *message = pulsar_message_create();
            pulsar_message_set_allocated_content(message, bytes, sizes[i]);
            CHECK_RESULT(pulsar_producer_send(producer, message), pulsar_result_MessageTooBig);
            pulsar_producer_send_async(producer, message, on_sent, &outcomes);
            pulsar_message_free(message);
        }
        CHECK_INT(outcomes.results[pulsar_result_MessageTooBig], 3);
        CHECK_OK(send_text(producer, "small"));
        end_producer(producer);
    }
    free(bytes);
    end_client(client);
}

/* Messages whose headers are what is too big. */
static void test_oversize_headers(void) {
    pulsar_client_t *client = open_client(check_url);
    size_t size = 6 * 1024 * 1024;
    char *text = malloc(size);
    memset(text, 'p', size - 1);
    text[size - 1] = 0;
    for (int batching = 0; batching < 2; batching++) {
        pulsar_producer_t *producer = producer_on(client, "headers", (struct producer_options){.batching = batching});
        pulsar_message_t *message = text_message("x");
        pulsar_message_set_property(message, "p", text);
        CHECK_RESULT(pulsar_producer_send(producer, message), pulsar_result_MessageTooBig);
        pulsar_message_free(message);
        CHECK_OK(send_text(producer, "small"));
        end_producer(producer);
    }
    free(text);
    end_client(client);
}

static void *send_one(void *context) {
    send_text_async(context, "third", forget_id, NULL);
    return NULL;
}

/* A broker that says nothing: the third message has no room, and its sender waits until the others time out. */
static void test_a_full_queue_blocks(void) {
    struct proxy *proxy = proxy_start(check_url);
    pulsar_client_t *client = open_client_for(proxy->url, 5);
    struct producer_options options = {.max_pending = 2, .block_if_full = true, .send_timeout_ms = 1000};
    pulsar_producer_t *producer = producer_on(client, "full", options);
    struct outcomes outcomes = OUTCOMES;
    proxy->silent = true;
    long long start = now_ms();
    for (int i = 0; i < 2; i++) {
        send_text_async(producer, "x", on_sent, &outcomes);
    }
    CHECK_BETWEEN(now_ms() - start, 0, 500);
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, send_one, producer) == 0);
    pthread_join(thread, NULL);
    CHECK_BETWEEN(now_ms() - start, 900, 2500 * check_patience());
    CHECK(latch_wait(&outcomes.called, 2, ANSWER_MS));
    CHECK_INT(outcomes.results[pulsar_result_Timeout], 2);
    proxy->silent = false;
    end_producer(producer);
    end_client(client);
    proxy_stop(proxy);
}

/* Whoever waits for room gets an answer when the producer is closed. */
static void test_closing_wakes_a_blocked_sender(void) {
    struct proxy *proxy = proxy_start(check_url);
    pulsar_client_t *client = open_client_for(proxy->url, 2);
    struct producer_options options = {.max_pending = 1, .block_if_full = true};
    pulsar_producer_t *producer = producer_on(client, "blocked", options);
    struct outcomes outcomes = OUTCOMES;
    proxy->silent = true;
    send_text_async(producer, "x", on_sent, &outcomes);
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, send_one, producer) == 0);
    pause_ms(100); /* so that it most likely waits by now; it is right either way */
    long long start = now_ms();
    pulsar_result result = pulsar_producer_close(producer);
    CHECK(result == pulsar_result_Ok || result == pulsar_result_Timeout);
    pthread_join(thread, NULL);
    CHECK_BETWEEN(now_ms() - start, 0, 4000);
    CHECK_INT(outcomes.results[pulsar_result_AlreadyClosed], 1);
    pulsar_producer_free(producer);
    proxy->silent = false;
    end_client(client);
    proxy_stop(proxy);
}

/* Pending when the broker falls silent: each fails once, in time; then the producer works again. */
static void test_send_timeout(void) {
    struct proxy *proxy = proxy_start(check_url);
    pulsar_client_t *client = open_client_for(proxy->url, 2);
    struct outcomes outcomes = OUTCOMES;
    struct producer_options options = {.batching = true, .batch_messages = 10, .send_timeout_ms = 1000};
    pulsar_producer_t *producer = producer_on(client, "timeout", options);
    proxy->silent = true;
    long long start = now_ms();
    for (int i = 0; i < 95; i++) {
        send_text_async(producer, "x", on_sent, &outcomes);
    }
    pulsar_result flushed = pulsar_producer_flush(producer);
    CHECK_RESULT(flushed, pulsar_result_Timeout);
    CHECK_BETWEEN(now_ms() - start, 900, 3000 * check_patience());
    CHECK_INT(outcomes.results[pulsar_result_Timeout], 95);
    proxy->silent = false;
    CHECK_OK(send_text(producer, "again"));
    CHECK_INT(latch_count(&outcomes.called), 95);
    end_producer(producer);
    end_client(client);
    proxy_stop(proxy);
}

struct sender {
    pthread_t thread;
    pulsar_producer_t *producer;
    struct outcomes outcomes;
};

static void *send_many(void *context) {
    struct sender *sender = context;
    for (int i = 0; i < 2000; i++) {
        send_text_async(sender->producer, "x", on_sent, &sender->outcomes);
    }
    return NULL;
}

/* Eight threads send while another closes: each send has one outcome. */
static void test_closing_under_load(void) {
    pulsar_client_t *client = open_client(check_url);
    struct producer_options options = {.batching = true, .block_if_full = true, .max_pending = 500};
    static struct sender senders[8];
    pulsar_producer_t *producer = producer_on(client, "load", options);
    for (int i = 0; i < 8; i++) {
        senders[i] = (struct sender){.producer = producer, .outcomes = OUTCOMES};
        REQUIRE(pthread_create(&senders[i].thread, NULL, send_many, &senders[i]) == 0);
    }
    latch_wait(&senders[0].outcomes.called, 200, ANSWER_MS);
    CHECK_OK(pulsar_producer_close(producer));
    for (int i = 0; i < 8; i++) {
        pthread_join(senders[i].thread, NULL);
        struct outcomes *outcomes = &senders[i].outcomes;
        CHECK(latch_wait(&outcomes->called, 2000, ANSWER_MS));
        CHECK_INT(outcomes->results[pulsar_result_Ok] + outcomes->results[pulsar_result_AlreadyClosed], 2000);
        CHECK_INT(outcomes->ids, outcomes->results[pulsar_result_Ok]);
    }
    CHECK_RESULT(pulsar_producer_close(producer), pulsar_result_AlreadyClosed);
    pulsar_producer_free(producer);
    end_client(client);
}

/* Freed and not closed: what was accepted is sent, and called back. */
static void test_free_sends_what_is_pending(void) {
    pulsar_client_t *client = open_client(check_url);
    struct outcomes outcomes = OUTCOMES;
    struct producer_options slow = {.batching = true, .batch_delay_ms = 60000};
    pulsar_producer_t *producer = producer_on(client, "freed", slow);
    for (int i = 0; i < 20; i++) {
        send_text_async(producer, "x", on_sent, &outcomes);
    }
    pulsar_producer_free(producer);
    CHECK(latch_wait(&outcomes.called, 20, ANSWER_MS));
    CHECK_INT(outcomes.results[pulsar_result_Ok], 20);
    end_client(client);
    CHECK_INT(latch_count(&outcomes.called), 20);
}

static void test_flush_and_close_async(void) {
    pulsar_client_t *client = open_client(check_url);
    struct producer_options slow = {.batching = true, .batch_delay_ms = 60000};
    pulsar_producer_t *producer = producer_on(client, "async", slow);
    struct outcomes sent = OUTCOMES, flushed = OUTCOMES, closed = OUTCOMES;
    for (int i = 0; i < 20; i++) {
        send_text_async(producer, "x", on_sent, &sent);
    }
    pulsar_producer_flush_async(producer, on_result, &flushed);
    CHECK(latch_wait(&flushed.called, 1, ANSWER_MS));
    CHECK_INT(flushed.results[pulsar_result_Ok], 1);
    CHECK_INT(sent.results[pulsar_result_Ok], 20);
    for (int i = 0; i < 20; i++) {
        send_text_async(producer, "x", on_sent, &sent);
    }
    pulsar_producer_close_async(producer, on_result, &closed);
    CHECK(latch_wait(&closed.called, 1, ANSWER_MS));
    CHECK_INT(closed.results[pulsar_result_Ok], 1);
    CHECK_INT(sent.results[pulsar_result_AlreadyClosed], 20);
    pulsar_producer_free(producer);
    end_client(client);
}

CHECK_MAIN(TEST(test_getters), TEST(test_null_and_foreign_producers), TEST(test_null_and_foreign_messages),
           TEST(test_null_callbacks), TEST(test_a_message_is_sent_once), TEST(test_oversize_messages),
           TEST(test_oversize_headers), TEST(test_a_full_queue_blocks), TEST(test_closing_wakes_a_blocked_sender),
           TEST(test_send_timeout), TEST(test_closing_under_load), TEST(test_free_sends_what_is_pending),
           TEST(test_flush_and_close_async))
