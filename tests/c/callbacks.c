/* What callbacks may do: everything. Each kind of callback does each of the blocking things, and frees things. */
#include <pulsar/c/client.h>

#include "check.h"
#include "latch.h"
#include "session.h"

/* What one callback has at hand. */
struct stage {
    struct latch done;
    const struct action *action;
    pulsar_client_t *client;
    pulsar_producer_t *producer;
    pulsar_consumer_t *consumer; /* the one that the callback belongs to, if any */
    pulsar_message_t *message;   /* one that was received */
    char topic[TOPIC_SIZE];
    pulsar_result result;
};

struct action {
    const char *name;
    pulsar_result (*run)(struct stage *stage);
};

static pulsar_result do_send(struct stage *stage) {
    return send_text(stage->producer, "from a callback");
}

static pulsar_result do_flush(struct stage *stage) {
    send_text_async(stage->producer, "x", forget_id, NULL);
    return pulsar_producer_flush(stage->producer);
}

static pulsar_result do_acknowledge(struct stage *stage) {
    return pulsar_consumer_acknowledge(stage->consumer, stage->message);
}

static pulsar_result do_receive(struct stage *stage) {
    pulsar_message_t *message = NULL;
    pulsar_result result = pulsar_consumer_receive_with_timeout(stage->consumer, &message, ANSWER_MS);
    pulsar_message_free(message);
    return result;
}

static pulsar_result do_create_producer(struct stage *stage) {
    pulsar_producer_t *producer = NULL;
    pulsar_result result = try_producer(stage->client, stage->topic, (struct producer_options){0}, &producer);
    if (result == pulsar_result_Ok) {
        result = pulsar_producer_close(producer);
        pulsar_producer_free(producer);
    }
    return result;
}

static pulsar_result do_subscribe(struct stage *stage) {
    pulsar_consumer_t *consumer = NULL;
    pulsar_result result =
        try_subscribe(stage->client, stage->topic, "another", (struct consumer_options){0}, &consumer);
    if (result == pulsar_result_Ok) {
        result = pulsar_consumer_close(consumer);
        pulsar_consumer_free(consumer);
    }
    return result;
}

static pulsar_result do_get_partitions(struct stage *stage) {
    pulsar_string_list_t *partitions = NULL;
    pulsar_result result = pulsar_client_get_topic_partitions(stage->client, stage->topic, &partitions);
    pulsar_string_list_free(partitions);
    return result;
}

static pulsar_result do_get_last_id(struct stage *stage) {
    pulsar_message_id_t *id = pulsar_message_get_message_id(stage->message);
    pulsar_result result = pulsar_consumer_get_last_message_id(stage->consumer, id);
    pulsar_message_id_free(id);
    return result;
}

static pulsar_result do_close_producer(struct stage *stage) {
    return pulsar_producer_close(stage->producer);
}

static pulsar_result do_close_consumer(struct stage *stage) {
    return pulsar_consumer_close(stage->consumer);
}

static pulsar_result do_unsubscribe(struct stage *stage) {
    return pulsar_consumer_unsubscribe(stage->consumer);
}

static pulsar_result do_close_client(struct stage *stage) {
    return pulsar_client_close(stage->client);
}

static pulsar_result do_free_producer(struct stage *stage) {
    pulsar_producer_free(stage->producer);
    stage->producer = NULL;
    return pulsar_result_Ok;
}

static pulsar_result do_free_consumer(struct stage *stage) {
    pulsar_consumer_free(stage->consumer);
    stage->consumer = NULL;
    return pulsar_result_Ok;
}

static pulsar_result do_free_client(struct stage *stage) {
    pulsar_client_free(stage->client);
    stage->client = NULL;
    return pulsar_result_Ok;
}

static pulsar_result do_free_everything(struct stage *stage) {
    do_free_client(stage);
    do_free_consumer(stage);
    return do_free_producer(stage);
}

static const struct action actions[] = {{"send", do_send},
                                        {"flush", do_flush},
                                        {"acknowledge", do_acknowledge},
                                        {"receive", do_receive},
                                        {"create_producer", do_create_producer},
                                        {"subscribe", do_subscribe},
                                        {"get_topic_partitions", do_get_partitions},
                                        {"get_last_message_id", do_get_last_id},
                                        {"close producer", do_close_producer},
                                        {"close consumer", do_close_consumer},
                                        {"unsubscribe", do_unsubscribe},
                                        {"close client", do_close_client},
                                        {"free producer", do_free_producer},
                                        {"free consumer", do_free_consumer},
                                        {"free client", do_free_client},
                                        {"free everything", do_free_everything}};

static void act(struct stage *stage) {
    stage->result = stage->action->run(stage);
    latch_raise(&stage->done);
}

static void in_send(pulsar_result result, pulsar_message_id_t *id, void *context) {
    (void)result;
    pulsar_message_id_free(id);
    act(context);
}

static void in_result(pulsar_result result, void *context) {
    (void)result;
    act(context);
}

static void in_receive(pulsar_result result, pulsar_message_t *message, void *context) {
    (void)result;
    pulsar_message_free(message);
    act(context);
}

static void in_batch_receive(pulsar_result result, pulsar_messages_t *messages, void *context) {
    (void)result;
    pulsar_messages_free(messages);
    act(context);
}

static void in_create(pulsar_result result, pulsar_producer_t *producer, void *context) {
    (void)result;
    pulsar_producer_free(producer);
    act(context);
}

static void in_subscribe(pulsar_result result, pulsar_consumer_t *consumer, void *context) {
    (void)result;
    pulsar_consumer_free(consumer);
    act(context);
}

static void in_partitions(pulsar_result result, pulsar_string_list_t *partitions, void *context) {
    (void)result;
    pulsar_string_list_free(partitions);
    act(context);
}

static void in_listener(pulsar_consumer_t *consumer, pulsar_message_t *message, void *context) {
    struct stage *stage = context;
    (void)consumer;
    pulsar_message_free(message);
    /* Later messages come only when the listener is not closed by the first. */
    if (latch_count(&stage->done) == 0) {
        act(stage);
    }
}

static void from_send(struct stage *stage) {
    send_text_async(stage->producer, "x", in_send, stage);
}

static void from_flush(struct stage *stage) {
    send_text_async(stage->producer, "x", forget_id, NULL);
    pulsar_producer_flush_async(stage->producer, in_result, stage);
}

static void from_producer_close(struct stage *stage) {
    pulsar_producer_close_async(stage->producer, in_result, stage);
}

static void from_consumer_close(struct stage *stage) {
    pulsar_consumer_close_async(stage->consumer, in_result, stage);
}

static void from_receive(struct stage *stage) {
    pulsar_consumer_receive_async(stage->consumer, in_receive, stage);
}

static void from_batch_receive(struct stage *stage) {
    pulsar_consumer_batch_receive_async(stage->consumer, in_batch_receive, stage);
}

static void from_acknowledge(struct stage *stage) {
    pulsar_consumer_acknowledge_async(stage->consumer, stage->message, in_result, stage);
}

static void from_create(struct stage *stage) {
    pulsar_client_create_producer_async(stage->client, stage->topic, NULL, in_create, stage);
}

static void from_subscribe(struct stage *stage) {
    pulsar_client_subscribe_async(stage->client, stage->topic, "third", NULL, in_subscribe, stage);
}

static void from_partitions(struct stage *stage) {
    pulsar_client_get_topic_partitions_async(stage->client, stage->topic, in_partitions, stage);
}

static void from_listener(struct stage *stage) {
    pulsar_consumer_free(stage->consumer);
    struct consumer_options options = {.listener = in_listener, .context = stage, .start_paused = true};
    stage->consumer = open_consumer(stage->client, stage->topic, "listening", options);
    CHECK_OK(resume_message_listener(stage->consumer));
}

/* What becomes of the action is another in some callbacks: those of a close, and the listener's. */
static pulsar_result expected(void (*start)(struct stage *), const struct action *action) {
    if (start == from_producer_close &&
        (action->run == do_send || action->run == do_flush || action->run == do_close_producer)) {
        return pulsar_result_AlreadyClosed;
    }
    if (start == from_consumer_close && action->run == do_get_last_id) {
        return pulsar_result_NotConnected;
    }
    if (start == from_consumer_close &&
        (action->run == do_acknowledge || action->run == do_receive || action->run == do_unsubscribe)) {
        return pulsar_result_AlreadyClosed;
    }
    if (start == from_listener && action->run == do_receive) {
        return pulsar_result_InvalidConfiguration;
    }
    return pulsar_result_Ok;
}

static void check_action(const char *name, void (*start)(struct stage *), const struct action *action) {
    struct stage stage = {.done = LATCH_INIT, .action = action, .client = open_client(check_url)};
    int failed = check_failures;
    unique_topic(stage.topic, "callbacks");
    stage.producer = open_producer(stage.client, stage.topic, (struct producer_options){0});
    /* One message for each batch receive, so that others are left to receive. */
    static const pulsar_consumer_batch_receive_policy_t one = {1, -1, -1};
    stage.consumer = open_consumer(stage.client, stage.topic, "s", (struct consumer_options){.policy = &one});
    for (int i = 0; i < 3; i++) {
        CHECK_OK(send_text(stage.producer, "x"));
    }
    stage.message = next_message(stage.consumer, ANSWER_MS);
    REQUIRE(stage.message != NULL);

    start(&stage);
    if (CHECK(latch_wait(&stage.done, 1, ANSWER_MS))) {
        CHECK_RESULT(stage.result, expected(start, action));
    } else {
        fprintf(stderr, "%s hangs inside the callback of %s\n", action->name, name);
        exit(1);
    }
    pulsar_message_free(stage.message);
    pulsar_consumer_free(stage.consumer);
    pulsar_producer_free(stage.producer);
    pulsar_client_free(stage.client);
    CHECK_INT(latch_count(&stage.done), 1);
    if (check_failures != failed) {
        fprintf(stderr, "  with %s inside the callback of %s\n", action->name, name);
    }
}

static void check_actions(const char *name, void (*start)(struct stage *)) {
    for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++) {
        check_action(name, start, &actions[i]);
    }
}

static void test_inside_producer_callbacks(void) {
    check_actions("send_async", from_send);
    check_actions("flush_async", from_flush);
    check_actions("producer close_async", from_producer_close);
}

static void test_inside_consumer_callbacks(void) {
    check_actions("receive_async", from_receive);
    check_actions("batch_receive_async", from_batch_receive);
    check_actions("acknowledge_async", from_acknowledge);
    check_actions("consumer close_async", from_consumer_close);
}

static void test_inside_client_callbacks(void) {
    check_actions("create_producer_async", from_create);
    check_actions("subscribe_async", from_subscribe);
    check_actions("get_topic_partitions_async", from_partitions);
}

static void test_inside_a_listener(void) {
    check_actions("the listener", from_listener);
}

/* A send callback that sends the next, and so on: no stack grows, no thread waits for itself. */
struct chain {
    struct latch done;
    pulsar_producer_t *producer;
    int left;
};

static void send_next(pulsar_result result, pulsar_message_id_t *id, void *context) {
    struct chain *chain = context;
    pulsar_message_id_free(id);
    CHECK_OK(result);
    if (--chain->left > 0) {
        send_text_async(chain->producer, "x", send_next, chain);
    } else {
        latch_raise(&chain->done);
    }
}

static void test_a_chain_of_sends(void) {
    pulsar_client_t *client = open_client(check_url);
    char topic[TOPIC_SIZE];
    struct producer_options options = {.batching = true, .batch_delay_ms = 1};
    struct chain chain = {.done = LATCH_INIT, .left = 300};
    chain.producer = open_producer(client, unique_topic(topic, "chain"), options);
    send_text_async(chain.producer, "x", send_next, &chain);
    CHECK(latch_wait(&chain.done, 1, ANSWER_MS * check_patience()));
    end_producer(chain.producer);
    end_client(client);
}

/* When a client is freed, each callback has come once and none comes afterwards. */
static atomic_int late_calls;
static atomic_bool freed;

static void count_late(pulsar_result result, pulsar_message_id_t *id, void *context) {
    (void)result;
    pulsar_message_id_free(id);
    if (freed) {
        late_calls++;
    }
    (*(atomic_int *)context)++;
}

static void test_no_callback_after_free(void) {
    for (int round = 0; round < 10; round++) {
        pulsar_client_t *client = open_client(check_url);
        char topic[TOPIC_SIZE];
        atomic_int called = 0;
        freed = false;
        struct producer_options options = {.batching = round % 2, .max_pending = 2000};
        pulsar_producer_t *producer = open_producer(client, unique_topic(topic, "late"), options);
        for (int i = 0; i < 500; i++) {
            send_text_async(producer, "x", count_late, &called);
        }
        if (round % 3 == 0) {
            pulsar_producer_free(producer);
            producer = NULL;
        }
        pulsar_client_free(client);
        freed = true;
        CHECK_INT(called, 500);
        pulsar_producer_free(producer);
    }
    CHECK_INT(late_calls, 0);
}

CHECK_MAIN(TEST(test_inside_producer_callbacks), TEST(test_inside_consumer_callbacks),
           TEST(test_inside_client_callbacks), TEST(test_inside_a_listener), TEST(test_a_chain_of_sends),
           TEST(test_no_callback_after_free))
