/* Threads: which one runs a callback, and how many there are. */
#include "../c/proxy.h"
#include "observe.h"

#include <dirent.h>

#define AREA "threads"

struct outcome {
    struct latch called;
    pulsar_result result;
    pthread_t thread;
    pulsar_producer_t *producer;
    pulsar_consumer_t *consumer;
    int partitions;
    bool has_id;
};

#define OUTCOME {.called = LATCH_INIT}

/* Between client and broker. Answers are held back until the call has returned: else it is a matter of luck who
 * calls back, as one that came meanwhile may be found by the caller. */
static struct proxy *between;

static pulsar_client_t *open_client_behind(const char *url) {
    between = proxy_start(url);
    return open_client(between->url);
}

static void end_client_behind(pulsar_client_t *client) {
    end_client(client);
    proxy_stop(between);
}

static void hold_answers(void) {
    between->silent = true;
}

/* Right after the call returned: was the callback called by then? Then waits for it. */
static void observe_call(const char *name, struct outcome *outcome) {
    bool by_return = latch_count(&outcome->called) > 0;
    between->silent = false;
    bool called = latch_wait(&outcome->called, 1, ANSWER_MS);
    bool same = called && pthread_equal(outcome->thread, pthread_self());
    observe(AREA, name, "%s%s", !called ? "not called" : same && by_return ? "the caller's thread, before return, "
                                                       : same              ? "the caller's thread, later, "
                                                                           : "another thread, ",
            called ? named(outcome->result) : "");
}

static void note(struct outcome *outcome, pulsar_result result) {
    outcome->thread = pthread_self();
    outcome->result = result;
    latch_raise(&outcome->called);
}

static void on_result(pulsar_result result, void *context) {
    note(context, result);
}

static void on_producer(pulsar_result result, pulsar_producer_t *producer, void *context) {
    ((struct outcome *)context)->producer = producer;
    note(context, result);
}

static void on_consumer(pulsar_result result, pulsar_consumer_t *consumer, void *context) {
    ((struct outcome *)context)->consumer = consumer;
    note(context, result);
}

static void on_partitions(pulsar_result result, pulsar_string_list_t *partitions, void *context) {
    ((struct outcome *)context)->partitions = partitions ? pulsar_string_list_size(partitions) : -1;
    pulsar_string_list_free(partitions);
    note(context, result);
}

static void on_sent(pulsar_result result, pulsar_message_id_t *id, void *context) {
    ((struct outcome *)context)->has_id = id != NULL;
    pulsar_message_id_free(id);
    note(context, result);
}

static void creating(const char *url) {
    pulsar_client_t *client = open_client_behind(url);
    char topic[TOPIC_SIZE];
    unique_topic(topic, "creating");
    pulsar_producer_configuration_t *producing = producer_configuration((struct producer_options){0});
    pulsar_consumer_configuration_t *consuming = consumer_configuration((struct consumer_options){0});
    struct outcome created = OUTCOME, wrong = OUTCOME, subscribed = OUTCOME, refused = OUTCOME, listed = OUTCOME,
                   unlisted = OUTCOME;
    hold_answers();
    pulsar_client_create_producer_async(client, topic, producing, on_producer, &created);
    observe_call("create_producer_async callback", &created);
    pulsar_client_create_producer_async(client, "a/b", producing, on_producer, &wrong);
    observe_call("create_producer_async callback, invalid topic", &wrong);
    observe(AREA, "create_producer_async, invalid topic: producer", wrong.producer ? "non-NULL" : "NULL");
    hold_answers();
    pulsar_client_subscribe_async(client, topic, "s", consuming, on_consumer, &subscribed);
    observe_call("subscribe_async callback", &subscribed);
    pulsar_client_subscribe_async(client, "a/b", "s", consuming, on_consumer, &refused);
    observe_call("subscribe_async callback, invalid topic", &refused);
    observe(AREA, "subscribe_async, invalid topic: consumer", refused.consumer ? "non-NULL" : "NULL");
    hold_answers();
    pulsar_client_get_topic_partitions_async(client, topic, on_partitions, &listed);
    observe_call("get_topic_partitions_async callback", &listed);
    observe(AREA, "get_topic_partitions_async, list size", "%d", listed.partitions);
    pulsar_client_get_topic_partitions_async(client, "a/b", on_partitions, &unlisted);
    observe_call("get_topic_partitions_async callback, invalid topic", &unlisted);
    pulsar_producer_configuration_free(producing);
    pulsar_consumer_configuration_free(consuming);
    end_producer(created.producer);
    end_consumer(subscribed.consumer);
    end_client_behind(client);
}

static void sending(const char *url) {
    pulsar_client_t *client = open_client_behind(url);
    char topic[TOPIC_SIZE];
    unique_topic(topic, "sending");
    struct producer_options batches = {.batching = true, .batch_delay_ms = 300};
    struct outcome single = OUTCOME, nothing = OUTCOME, pending = OUTCOME, batched = OUTCOME, closed = OUTCOME,
                   again = OUTCOME, flushed = OUTCOME, late = OUTCOME, big = OUTCOME;
    pulsar_producer_t *producer = open_producer(client, topic, (struct producer_options){0});
    hold_answers();
    send_text_async(producer, "x", on_sent, &single);
    observe_call("send_async callback, unbatched", &single);
    end_producer(producer);

    producer = open_producer(client, topic, batches);
    pulsar_producer_flush_async(producer, on_result, &nothing);
    observe_call("flush_async callback, nothing pending", &nothing);
    hold_answers();
    send_text_async(producer, "x", on_sent, &batched);
    pulsar_producer_flush_async(producer, on_result, &pending);
    observe_call("flush_async callback, one message pending", &pending);
    observe_call("send_async callback, batched", &batched);
    observe(AREA, "send_async callback, id", batched.has_id ? "non-NULL" : "NULL");
    size_t size = 6 * 1024 * 1024;
    pulsar_message_t *message = pulsar_message_create();
    char *bytes = calloc(1, size);
    pulsar_message_set_content(message, bytes, size);
    pulsar_producer_send_async(producer, message, on_sent, &big);
    observe_call("send_async callback, too big", &big);
    pulsar_message_free(message);
    free(bytes);
    hold_answers();
    pulsar_producer_close_async(producer, on_result, &closed);
    observe_call("producer close_async callback", &closed);
    pulsar_producer_close_async(producer, on_result, &again);
    observe_call("producer close_async callback, closed already", &again);
    pulsar_producer_flush_async(producer, on_result, &flushed);
    observe_call("flush_async callback, closed producer", &flushed);
    send_text_async(producer, "x", on_sent, &late);
    observe_call("send_async callback, closed producer", &late);
    observe(AREA, "send_async callback, closed producer: id", late.has_id ? "non-NULL" : "NULL");
    pulsar_producer_free(producer);
    end_client_behind(client);
}

static void ending(const char *url) {
    pulsar_client_t *client = open_client_behind(url);
    char topic[TOPIC_SIZE];
    unique_topic(topic, "ending");
    struct outcome unsubscribed = OUTCOME, after = OUTCOME, closed = OUTCOME, again = OUTCOME, client_closed = OUTCOME;
    pulsar_consumer_t *consumer = open_consumer(client, topic, "s", (struct consumer_options){0});
    hold_answers();
    pulsar_consumer_unsubscribe_async(consumer, on_result, &unsubscribed);
    observe_call("unsubscribe_async callback", &unsubscribed);
    pulsar_consumer_close_async(consumer, on_result, &after);
    observe_call("consumer close_async callback, after unsubscribe", &after);
    pulsar_consumer_free(consumer);
    consumer = open_consumer(client, topic, "s", (struct consumer_options){0});
    hold_answers();
    pulsar_consumer_close_async(consumer, on_result, &closed);
    observe_call("consumer close_async callback", &closed);
    pulsar_consumer_close_async(consumer, on_result, &again);
    observe_call("consumer close_async callback, closed already", &again);
    pulsar_consumer_free(consumer);
    hold_answers();
    pulsar_client_close_async(client, on_result, &client_closed);
    observe_call("client close_async callback", &client_closed);
    pulsar_client_free(client);
    proxy_stop(between);
}

static int thread_count(void) {
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *entry; (entry = readdir(tasks)) != NULL;) {
        count += entry->d_name[0] != '.';
    }
    closedir(tasks);
    return count;
}

static bool is_alone(void *context) {
    (void)context;
    return thread_count() == 1;
}

static void forget(pulsar_consumer_t *consumer, pulsar_message_t *message, void *context) {
    (void)consumer, (void)context;
    pulsar_message_free(message);
}

static void counts(const char *url) {
    char text[200] = "", topic[TOPIC_SIZE];
    struct consumer_options listening = {.listener = forget};
    for (int round = 0; round < 3; round++) {
        pulsar_client_t *client = open_client(url);
        int created = thread_count();
        unique_topic(topic, "counts");
        pulsar_producer_t *producer = open_producer(client, topic, (struct producer_options){0});
        pulsar_consumer_t *consumer = open_consumer(client, topic, "s", listening);
        send_text(producer, "x");
        int in_use = thread_count();
        end_consumer(consumer);
        end_producer(producer);
        end_client(client);
        wait_until(is_alone, NULL, 3000);
        snprintf(text, sizeof(text), "with a client alone %d, with producer and listener %s, after all is freed %d",
                 created, in_use <= 4 ? "at most 4" : "more than 4", thread_count());
    }
    observe(AREA, "threads of the process, third round", "%s", text);
}

OBSERVE_MAIN(GROUP(AREA, creating), GROUP(AREA, sending), GROUP(AREA, ending), GROUP(AREA, counts))
