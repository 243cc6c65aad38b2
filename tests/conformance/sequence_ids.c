/* Sequence ids: counted, set by the user, and what is left of them after failures and restarts. */
#include "observe.h"

#define AREA "sequence ids"

static int64_t last_id(pulsar_producer_t *producer) {
    return pulsar_producer_get_last_sequence_id(producer);
}

static pulsar_result send_with_id(pulsar_producer_t *producer, int64_t id) {
    pulsar_message_t *message = text_message("x");
    pulsar_message_set_sequence_id(message, id);
    pulsar_result result = pulsar_producer_send(producer, message);
    pulsar_message_free(message);
    return result;
}

static void counted(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    struct producer_options options = {.name = "counting"};
    unique_topic(topic, "counted");
    pulsar_producer_t *producer = open_producer(client, topic, options);
    observe(AREA, "last id before any send", "%" PRId64, last_id(producer));
    send_text(producer, "a");
    int64_t first = last_id(producer);
    send_text(producer, "b");
    observe(AREA, "last id after the first and the second send", "%" PRId64 ", %" PRId64, first, last_id(producer));
    pulsar_result result = send_with_id(producer, 100);
    int64_t explicit = last_id(producer);
    send_text(producer, "c");
    observe(AREA, "id 100 set, then a message without one", "%s; last ids %" PRId64 ", %" PRId64, named(result),
            explicit, last_id(producer));
    result = send_with_id(producer, 1);
    observe(AREA, "id set lower than before", "%s; last id %" PRId64, named(result), last_id(producer));
    end_producer(producer);

    producer = open_producer(client, topic, options);
    observe(AREA, "last id of a new producer with the same name, no deduplication", "%" PRId64, last_id(producer));
    end_producer(producer);

    options.has_initial_sequence_id = true;
    options.initial_sequence_id = 50;
    producer = open_producer(client, topic, options);
    int64_t before = last_id(producer);
    send_text(producer, "d");
    observe(AREA, "initial_sequence_id 50: last id before and after a send", "%" PRId64 ", %" PRId64, before,
            last_id(producer));
    end_producer(producer);
    end_client(client);
}

static void around_failures(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    pulsar_producer_t *producer = open_producer(client, unique_topic(topic, "fails"), (struct producer_options){0});
    send_text(producer, "a");
    size_t size = 6 * 1024 * 1024;
    char *bytes = calloc(1, size);
    pulsar_message_t *message = pulsar_message_create();
    pulsar_message_set_content(message, bytes, size);
    pulsar_result result = pulsar_producer_send(producer, message);
    int64_t failed = last_id(producer);
    send_text(producer, "b");
    observe(AREA, "send, too big, send", "%s; last ids after failure %" PRId64 ", after the next %" PRId64,
            named(result), failed, last_id(producer));
    pulsar_message_free(message);
    free(bytes);
    end_producer(producer);
    end_client(client);
}

static void batched(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    struct producer_options batching = {.batching = true, .batch_delay_ms = 5000};
    pulsar_producer_t *producer = open_producer(client, unique_topic(topic, "batched"), batching);
    send_numbered(producer, 3);
    observe(AREA, "last id after a batch of 3", "%" PRId64, last_id(producer));
    send_numbered(producer, 2);
    observe(AREA, "last id after 2 more in a batch", "%" PRId64, last_id(producer));
    end_producer(producer);
    end_client(client);
}

struct duplicate {
    struct latch done;
    pulsar_result result;
    char id[80];
};

static void on_duplicate(pulsar_result result, pulsar_message_id_t *id, void *context) {
    struct duplicate *duplicate = context;
    duplicate->result = result;
    snprintf(duplicate->id, sizeof(duplicate->id), "%s", id_form(id_text(id)));
    latch_raise(&duplicate->done);
}

/* In a namespace with deduplication, where there is one: the list says which brokers have it. */
static void deduplicated(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE], full[TOPIC_SIZE + 20];
    snprintf(full, sizeof(full), "persistent://public/dedup/%s", strrchr(unique_topic(topic, "dedup"), '/') + 1);
    struct producer_options options = {.name = "dedup-p"};
    pulsar_consumer_t *consumer = NULL;
    if (try_subscribe(client, full, "s", (struct consumer_options){0}, &consumer) == pulsar_result_TopicNotFound) {
        end_client(client);
        return;
    }
    pulsar_producer_t *producer = open_producer(client, full, options);
    for (int i = 0; i < 5; i++) {
        send_text(producer, "a");
    }
    end_producer(producer);

    producer = open_producer(client, full, options);
    observe(AREA, "deduplication: last id of a new producer with the same name", "%" PRId64, last_id(producer));
    observe_result(AREA, "deduplication: send its next", send_text(producer, "b"));
    observe(AREA, "deduplication: last id then", "%" PRId64, last_id(producer));
    struct duplicate duplicate = {.done = LATCH_INIT};
    pulsar_message_t *message = text_message("dup");
    pulsar_message_set_sequence_id(message, 2);
    pulsar_producer_send_async(producer, message, on_duplicate, &duplicate);
    pulsar_message_free(message);
    latch_wait(&duplicate.done, 1, ANSWER_MS);
    observe(AREA, "deduplication: an id that was stored before", "%s, id %s", named(duplicate.result), duplicate.id);
    observe(AREA, "deduplication: last id after the duplicate", "%" PRId64, last_id(producer));
    observe_result(AREA, "deduplication: send after the duplicate", send_text(producer, "c"));
    char text[100];
    drain_into(text, sizeof(text), consumer, UNTIL_SILENCE, true);
    observe(AREA, "deduplication: what a consumer gets", "%s", text);
    end_producer(producer);
    end_consumer(consumer);
    end_client(client);
}

OBSERVE_MAIN(GROUP(AREA, counted), GROUP(AREA, around_failures), GROUP(AREA, batched),
             GROUP(AREA, deduplicated))
