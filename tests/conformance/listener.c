/* Listeners: who calls them, when they are held back, and what they may do. */
#include "observe.h"

#define AREA "listener"

struct heard {
    struct latch calls;
    atomic_bool in_order;
    atomic_bool one_thread;
    atomic_int action_result;
    pthread_t thread;
    pulsar_consumer_t *given;
    pulsar_consumer_t *consumer;
    pulsar_producer_t *producer;
    int next;
};

#define HEARD {.calls = LATCH_INIT, .in_order = true, .one_thread = true}

static void on_message(pulsar_consumer_t *consumer, pulsar_message_t *message, void *context) {
    struct heard *heard = context;
    char text[40], expected[40];
    snprintf(expected, sizeof(expected), "m%d", heard->next);
    if (strcmp(content(message, text, sizeof(text)), expected) != 0) {
        heard->in_order = false;
    }
    if (heard->next++ == 0) {
        heard->thread = pthread_self();
    }
    heard->one_thread = heard->one_thread && pthread_equal(heard->thread, pthread_self());
    heard->given = consumer;
    pulsar_consumer_acknowledge(consumer, message);
    pulsar_message_free(message);
    latch_raise(&heard->calls);
}

static void calls(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    struct heard heard = HEARD;
    struct producer_options batches = {.batching = true, .batch_messages = 100};
    struct consumer_options options = {.listener = on_message, .context = &heard};
    unique_topic(topic, "calls");
    pulsar_producer_t *producer = open_producer(client, topic, batches);
    pulsar_consumer_t *consumer = open_consumer(client, topic, "s", options);
    send_numbered(producer, 500);
    latch_wait(&heard.calls, 500, ANSWER_MS);
    observe(AREA, "500 messages", "%d calls, %s, %s, %s", latch_count(&heard.calls),
            heard.in_order ? "publish order" : "mixed", heard.one_thread ? "one thread" : "several threads",
            pthread_equal(heard.thread, pthread_self()) ? "the caller's" : "not the caller's");
    observe(AREA, "consumer that the listener gets", "%s",
            heard.given == consumer ? "the one from subscribe" : "another handle");
    pulsar_message_t *none = NULL;
    pulsar_messages_t *nothing = NULL;
    observe_result(AREA, "receive on a consumer with a listener", pulsar_consumer_receive(consumer, &none));
    observe_result(AREA, "receive_with_timeout on a consumer with a listener",
                   pulsar_consumer_receive_with_timeout(consumer, &none, 100));
    observe_result(AREA, "batch_receive on a consumer with a listener",
                   pulsar_consumer_batch_receive(consumer, &nothing));
    end_consumer(consumer);
    consumer = open_consumer(client, topic, "s", (struct consumer_options){0});
    observe(AREA, "acknowledged in the listener: what comes again", "%s", leftover(consumer, producer));
    observe_result(AREA, "pause_message_listener without a listener",
                   pulsar_consumer_pause_message_listener(consumer));
    observe_result(AREA, "resume_message_listener without a listener", resume_message_listener(consumer));
    end_consumer(consumer);
    end_producer(producer);
    end_client(client);
}

static void pausing(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    struct heard heard = HEARD;
    struct consumer_options options = {.listener = on_message, .context = &heard, .start_paused = true};
    unique_topic(topic, "pausing");
    pulsar_producer_t *producer = open_producer(client, topic, (struct producer_options){0});
    pulsar_consumer_t *consumer = open_consumer(client, topic, "s", options);
    send_numbered(producer, 5);
    pause_ms(SILENCE_MS);
    observe(AREA, "start_paused: calls before resume", "%d", latch_count(&heard.calls));
    pulsar_result result = resume_message_listener(consumer);
    latch_wait(&heard.calls, 5, ANSWER_MS);
    observe(AREA, "start_paused: resume", "%s, %d calls then, %s", named(result), latch_count(&heard.calls),
            heard.in_order ? "publish order" : "mixed");
    result = pulsar_consumer_pause_message_listener(consumer);
    heard.next = 0;
    send_numbered(producer, 5);
    pause_ms(SILENCE_MS);
    observe(AREA, "pause: calls for 5 messages meanwhile", "%s, %d", named(result), latch_count(&heard.calls) - 5);
    observe_result(AREA, "pause twice", pulsar_consumer_pause_message_listener(consumer));
    result = resume_message_listener(consumer);
    latch_wait(&heard.calls, 10, ANSWER_MS);
    observe(AREA, "resume after a pause", "%s, %d calls then, %s", named(result), latch_count(&heard.calls) - 5,
            heard.in_order ? "publish order" : "mixed");
    observe_result(AREA, "resume twice", resume_message_listener(consumer));
    end_consumer(consumer);
    end_producer(producer);
    end_client(client);
}

/* Runs a listener that does one thing at its first message, and observes that. */
static void observe_action(const char *url, const char *name, pulsar_message_listener listener, bool owns_consumer) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    struct heard heard = HEARD;
    struct consumer_options options = {.listener = listener, .context = &heard, .start_paused = true};
    unique_topic(topic, "action");
    heard.producer = open_producer(client, topic, (struct producer_options){0});
    heard.consumer = open_consumer(client, topic, "s", options);
    send_text(heard.producer, "m0");
    resume_message_listener(heard.consumer);
    latch_wait(&heard.calls, 1, 5000);
    observe_result(AREA, name, (pulsar_result)heard.action_result);
    if (owns_consumer) {
        end_consumer(heard.consumer);
    }
    end_producer(heard.producer);
    end_client(client);
}

static void done(struct heard *heard, pulsar_message_t *message, pulsar_result result) {
    pulsar_message_free(message);
    heard->action_result = (int)result;
    latch_raise(&heard->calls);
}

static void sends(pulsar_consumer_t *consumer, pulsar_message_t *message, void *context) {
    struct heard *heard = context;
    (void)consumer;
    if (heard->next++ > 0) {
        pulsar_message_free(message);
        return;
    }
    done(heard, message, send_text(heard->producer, "from the listener"));
}

static void acknowledges(pulsar_consumer_t *consumer, pulsar_message_t *message, void *context) {
    done(context, message, pulsar_consumer_acknowledge(consumer, message));
}

static void pauses(pulsar_consumer_t *consumer, pulsar_message_t *message, void *context) {
    done(context, message, pulsar_consumer_pause_message_listener(consumer));
}

static void closes(pulsar_consumer_t *consumer, pulsar_message_t *message, void *context) {
    done(context, message, pulsar_consumer_close(consumer));
}

static void unsubscribes(pulsar_consumer_t *consumer, pulsar_message_t *message, void *context) {
    done(context, message, pulsar_consumer_unsubscribe(consumer));
}

static void asks(pulsar_consumer_t *consumer, pulsar_message_t *message, void *context) {
    pulsar_message_id_t *id = pulsar_message_get_message_id(message);
    pulsar_result result = pulsar_consumer_get_last_message_id(consumer, id);
    pulsar_message_id_free(id);
    done(context, message, result);
}

static void closes_and_frees(pulsar_consumer_t *consumer, pulsar_message_t *message, void *context) {
    struct heard *heard = context;
    (void)consumer;
    pulsar_result result = pulsar_consumer_close(heard->consumer);
    pulsar_consumer_free(heard->consumer);
    done(heard, message, result);
}

static void sends_in_listener(const char *url) {
    observe_action(url, "send inside the listener", sends, true);
}

static void acknowledges_in_listener(const char *url) {
    observe_action(url, "acknowledge inside the listener", acknowledges, true);
}

static void pauses_in_listener(const char *url) {
    observe_action(url, "pause_message_listener inside the listener", pauses, true);
}

static void closes_in_listener(const char *url) {
    observe_action(url, "close of its consumer inside the listener", closes, true);
}

static void unsubscribes_in_listener(const char *url) {
    observe_action(url, "unsubscribe inside the listener", unsubscribes, true);
}

static void asks_in_listener(const char *url) {
    observe_action(url, "get_last_message_id inside the listener", asks, true);
}

static void frees_in_listener(const char *url) {
    observe_action(url, "close and free of its consumer inside the listener", closes_and_frees, false);
}

OBSERVE_MAIN(GROUP(AREA, calls), GROUP(AREA, pausing),
             CASE(AREA, "send inside the listener", sends_in_listener),
             CASE(AREA, "acknowledge inside the listener", acknowledges_in_listener),
             CASE(AREA, "pause_message_listener inside the listener", pauses_in_listener),
             CASE(AREA, "close of its consumer inside the listener", closes_in_listener),
             CASE(AREA, "unsubscribe inside the listener", unsubscribes_in_listener),
             CASE(AREA, "get_last_message_id inside the listener", asks_in_listener),
             CASE(AREA, "close and free of its consumer inside the listener", frees_in_listener))
