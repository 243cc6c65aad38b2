/* Receiving: timeouts, callbacks, batches of messages, queue sizes. */
#include "observe.h"

#define AREA "receive"

struct place {
    pulsar_client_t *client;
    pulsar_producer_t *producer;
    pulsar_consumer_t *consumer;
};

static struct place open_place(const char *url, const char *word, struct consumer_options options) {
    struct place place = {.client = open_client(url)};
    struct producer_options batches = {.batching = true, .batch_delay_ms = 2000, .max_pending = 200000};
    char topic[TOPIC_SIZE];
    unique_topic(topic, word);
    place.producer = open_producer(place.client, topic, batches);
    place.consumer = open_consumer(place.client, topic, "s", options);
    return place;
}

static void end_place(struct place *place) {
    end_consumer(place->consumer);
    end_producer(place->producer);
    end_client(place->client);
}

static void timeouts(const char *url) {
    struct place place = open_place(url, "timeouts", (struct consumer_options){0});
    static const int times[] = {700, 0, -5};
    for (int i = 0; i < 3; i++) {
        char name[60];
        pulsar_message_t *untouched = (pulsar_message_t *)&untouched, *message = untouched;
        long long start = now_ms();
        pulsar_result result = pulsar_consumer_receive_with_timeout(place.consumer, &message, times[i]);
        long long took = now_ms() - start;
        snprintf(name, sizeof(name), "receive_with_timeout %d ms, nothing there", times[i]);
        observe(AREA, name, "%s %s, output %s", named(result), after(took, times[i]),
                message == untouched ? "untouched" : "set");
    }
    send_text(place.producer, "x");
    pulsar_message_t *message = NULL;
    pulsar_result result = pulsar_consumer_receive(place.consumer, &message);
    char text[10];
    observe(AREA, "receive", "%s %s", named(result), content(message, text, sizeof(text)));
    pulsar_message_free(message);
    end_place(&place);
}

struct received {
    struct latch done;
    pulsar_result result;
    bool has_message;
    uint32_t length;
    pthread_t thread;
};

static void on_message(pulsar_result result, pulsar_message_t *message, void *context) {
    struct received *received = context;
    received->result = result;
    received->has_message = message != NULL;
    received->thread = pthread_self();
    if (result == pulsar_result_Ok) {
        received->length = pulsar_message_get_length(message);
    }
    pulsar_message_free(message);
    latch_raise(&received->done);
}

static const char *thread_of(const struct received *received) {
    return pthread_equal(received->thread, pthread_self()) ? "the caller's thread" : "another thread";
}

static void asynchronous(const char *url) {
    struct place place = open_place(url, "async", (struct consumer_options){0});
    struct received later = {.done = LATCH_INIT}, queued = {.done = LATCH_INIT}, closed = {.done = LATCH_INIT};
    pulsar_consumer_receive_async(place.consumer, on_message, &later);
    send_text(place.producer, "x");
    latch_wait(&later.done, 1, ANSWER_MS);
    observe(AREA, "receive_async, the message arrives later", "%s, %s", thread_of(&later), named(later.result));

    send_numbered(place.producer, 2);
    pulsar_message_t *message = next_message(place.consumer, ANSWER_MS);
    pulsar_message_free(message);
    pause_ms(300); /* for the other one of the batch: nothing tells when it is queued */
    pulsar_consumer_receive_async(place.consumer, on_message, &queued);
    observe(AREA, "receive_async, a message is queued", "%s, %s; called by return: %d", thread_of(&queued),
            named(queued.result), latch_count(&queued.done));

    pulsar_consumer_receive_async(place.consumer, on_message, &closed);
    pulsar_consumer_close(place.consumer);
    latch_wait(&closed.done, 1, ANSWER_MS);
    observe(AREA, "receive_async that waits while the consumer is closed", "%s, message %s", named(closed.result),
            closed.has_message ? "non-NULL" : "NULL");
    struct received after_close = {.done = LATCH_INIT};
    pulsar_consumer_receive_async(place.consumer, on_message, &after_close);
    observe(AREA, "receive_async on a closed consumer", "%s, %s, message %s; called by return: %d",
            thread_of(&after_close), named(after_close.result), after_close.has_message ? "non-NULL" : "NULL",
            latch_count(&after_close.done));
    end_place(&place);
}

/* Gets the message that a failed receive hands over, and looks at it. */
static void on_failed(pulsar_result result, pulsar_message_t *message, void *context) {
    struct received *received = context;
    received->result = result;
    received->length = pulsar_message_get_length(message) + (pulsar_message_get_data(message) != NULL);
    pulsar_message_free(message);
    latch_raise(&received->done);
}

static void failed_message(const char *url) {
    struct place place = open_place(url, "failed", (struct consumer_options){0});
    struct received received = {.done = LATCH_INIT};
    pulsar_consumer_close(place.consumer);
    pulsar_consumer_receive_async(place.consumer, on_failed, &received);
    latch_wait(&received.done, 1, ANSWER_MS);
    observe(AREA, "content of the message that a failed receive_async gives", "length %u", received.length);
    end_place(&place);
}

struct rearming {
    struct latch done;
    pulsar_consumer_t *consumer;
    int received;
    int wanted;
};

static void on_rearmed(pulsar_result result, pulsar_message_t *message, void *context) {
    struct rearming *rearming = context;
    pulsar_message_free(message);
    if (result == pulsar_result_Ok && ++rearming->received < rearming->wanted) {
        pulsar_consumer_receive_async(rearming->consumer, on_rearmed, rearming);
    } else {
        latch_raise(&rearming->done);
    }
}

static void rearmed(const char *url) {
    enum { COUNT = 100000 };
    struct place place = open_place(url, "rearmed", (struct consumer_options){.queue_size = COUNT});
    struct rearming rearming = {.done = LATCH_INIT, .consumer = place.consumer, .wanted = COUNT};
    send_numbered(place.producer, COUNT);
    pause_ms(500); /* for as many as can be queued: with none it would prove less, but not fail */
    pulsar_consumer_receive_async(place.consumer, on_rearmed, &rearming);
    latch_wait(&rearming.done, 1, 60000);
    observe(AREA, "receive_async armed again in its callback 100,000 times", "%d received", rearming.received);
    end_place(&place);
}

/* So many messages are queued then: they come in one batch, behind one that is received here. */
static void queue_messages(struct place *place, int count, const char *text) {
    for (int i = 0; i < count + 1; i++) {
        send_text_async(place->producer, text, forget_id, NULL);
    }
    pulsar_producer_flush(place->producer);
    pulsar_message_t *first = next_message(place->consumer, ANSWER_MS);
    pulsar_consumer_acknowledge(place->consumer, first);
    pulsar_message_free(first);
}

static void batches(const char *url) {
    static const pulsar_consumer_batch_receive_policy_t four = {4, -1, 700}, bytes = {-1, 25, 700};
    struct place place = open_place(url, "batches", (struct consumer_options){.policy = &four});
    queue_messages(&place, 10, "x");
    char text[200] = "";
    for (int i = 0; i < 4; i++) {
        pulsar_messages_t *messages = NULL;
        long long start = now_ms();
        pulsar_result result = pulsar_consumer_batch_receive(place.consumer, &messages);
        long long took = now_ms() - start;
        size_t used = strlen(text);
        snprintf(text + used, sizeof(text) - used, "%s%zu %s", i ? "; " : "", pulsar_messages_size(messages),
                 result == pulsar_result_Ok ? after(took, 700) : named(result));
        for (size_t k = 0; k < pulsar_messages_size(messages); k++) {
            pulsar_consumer_acknowledge(place.consumer, pulsar_messages_get(messages, k));
        }
        pulsar_messages_free(messages);
    }
    observe(AREA, "batch_receive, 10 queued, at most 4, 0.7 s: four calls", "%s", text);
    end_place(&place);

    place = open_place(url, "bytes", (struct consumer_options){.policy = &bytes});
    queue_messages(&place, 5, "ten bytes!");
    pulsar_messages_t *messages = NULL;
    pulsar_consumer_batch_receive(place.consumer, &messages);
    observe(AREA, "batch_receive, at most 25 bytes, messages of 10", "size %zu", pulsar_messages_size(messages));
    pulsar_message_t *first = pulsar_messages_get(messages, 0);
    observe(AREA, "messages_get called twice", "%s",
            first == pulsar_messages_get(messages, 0) ? "same pointer" : "different pointers");
    pulsar_messages_free(messages);
    end_place(&place);
}

struct gathered {
    struct latch done;
    pulsar_result result;
    bool has_list;
    size_t size;
    pthread_t thread;
};

static void on_messages(pulsar_result result, pulsar_messages_t *messages, void *context) {
    struct gathered *gathered = context;
    gathered->result = result;
    gathered->has_list = messages != NULL;
    gathered->size = pulsar_messages_size(messages);
    gathered->thread = pthread_self();
    pulsar_messages_free(messages);
    latch_raise(&gathered->done);
}

static void batches_async(const char *url) {
    static const pulsar_consumer_batch_receive_policy_t policy = {5, -1, 600};
    struct place place = open_place(url, "batch-async", (struct consumer_options){.policy = &policy});
    struct gathered full = {.done = LATCH_INIT}, empty = {.done = LATCH_INIT};
    queue_messages(&place, 5, "x");
    pulsar_consumer_batch_receive_async(place.consumer, on_messages, &full);
    latch_wait(&full.done, 1, ANSWER_MS);
    observe(AREA, "batch_receive_async, messages queued", "%s, size %zu", named(full.result), full.size);
    long long start = now_ms();
    pulsar_consumer_batch_receive_async(place.consumer, on_messages, &empty);
    latch_wait(&empty.done, 1, ANSWER_MS);
    observe(AREA, "batch_receive_async, nothing queued", "%s, %s %s, size %zu",
            pthread_equal(empty.thread, pthread_self()) ? "the caller's thread" : "another thread",
            named(empty.result), after(now_ms() - start, 600), empty.size);
    end_place(&place);
}

static void small_queue(const char *url) {
    struct place place = open_place(url, "queue", (struct consumer_options){.queue_size = 1});
    send_numbered(place.producer, 100);
    char text[1000];
    observe(AREA, "receiver_queue_size 1, a batch of 100: received", "%d",
            drain_into(text, sizeof(text), place.consumer, 100, true));
    end_place(&place);
}

static void no_queue(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    pulsar_consumer_configuration_t *conf = consumer_configuration((struct consumer_options){0});
    pulsar_consumer_configuration_set_receiver_queue_size(conf, 0);
    pulsar_consumer_t *consumer = NULL;
    pulsar_result result = pulsar_client_subscribe(client, unique_topic(topic, "zero"), "s", conf, &consumer);
    pulsar_consumer_configuration_free(conf);
    observe_result(AREA, "receiver_queue_size 0, subscribe", result);
    if (consumer) {
        end_consumer(consumer);
    }
    end_client(client);
}

OBSERVE_MAIN(GROUP(AREA, timeouts), GROUP(AREA, asynchronous),
             CASE(AREA, "content of the message that a failed receive_async gives", failed_message),
             LONG_CASE(AREA, "receive_async armed again in its callback 100,000 times", rearmed, 90),
             GROUP(AREA, batches), GROUP(AREA, batches_async), GROUP(AREA, small_queue),
             GROUP(AREA, no_queue))
