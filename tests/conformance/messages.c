/* Messages: what is set comes out again, copies, and what is not batched. */
#include "observe.h"

#define AREA "messages"

struct place {
    pulsar_client_t *client;
    pulsar_producer_t *producer;
    pulsar_consumer_t *consumer;
    char topic[TOPIC_SIZE];
};

static struct place open_place(const char *url, const char *word, struct producer_options options,
                               pulsar_consumer_type type) {
    struct place place = {.client = open_client(url)};
    unique_topic(place.topic, word);
    place.producer = open_producer(place.client, place.topic, options);
    place.consumer = open_consumer(place.client, place.topic, "s", (struct consumer_options){.type = type});
    return place;
}

static void end_place(struct place *place) {
    end_consumer(place->consumer);
    end_producer(place->producer);
    end_client(place->client);
}

/* Sends and frees the message, and returns it as received. */
static pulsar_message_t *round_trip(struct place *place, pulsar_message_t *message, pulsar_result *result) {
    pulsar_result sent = pulsar_producer_send(place->producer, message);
    pulsar_message_free(message);
    if (result) {
        *result = sent;
    }
    return next_message(place->consumer, ANSWER_MS);
}

static void observe_properties(pulsar_message_t *message) {
    char text[200] = "";
    pulsar_string_map_t *map = pulsar_message_get_properties(message);
    for (int i = 0; i < pulsar_string_map_size(map); i++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof(text) - used, "%s=%s ", pulsar_string_map_get_key(map, i),
                 pulsar_string_map_get_value(map, i));
    }
    observe(AREA, "properties set as zeta, alpha, mid, mid again, empty: by index", "%s", text);
    observe(AREA, "properties: map get of a missing key", "%s", pulsar_string_map_get(map, "no") ? "text" : "NULL");
    pulsar_message_free(message);
    observe(AREA, "properties map after the message is freed", "size %d", pulsar_string_map_size(map));
    pulsar_string_map_free(map);
}

static void properties(const char *url) {
    struct place place = open_place(url, "properties", (struct producer_options){0}, pulsar_ConsumerExclusive);
    pulsar_message_t *message = text_message("hello");
    pulsar_message_set_property(message, "zeta", "1");
    pulsar_message_set_property(message, "alpha", "2");
    pulsar_message_set_property(message, "mid", "0");
    pulsar_message_set_property(message, "mid", "3");
    pulsar_message_set_property(message, "empty", "");
    pulsar_message_set_partition_key(message, "pk");
    message = round_trip(&place, message, NULL);
    observe(AREA, "has_property / get_property of a missing name", "%d / \"%s\"",
            pulsar_message_has_property(message, "no"), pulsar_message_get_property(message, "no"));
    observe(AREA, "has_property / get_property of an empty value", "%d / \"%s\"",
            pulsar_message_has_property(message, "empty"), pulsar_message_get_property(message, "empty"));
    observe(AREA, "partition key set, ordering key not", "%d \"%s\", %d \"%s\"",
            pulsar_message_has_partition_key(message), pulsar_message_get_partitionKey(message),
            pulsar_message_has_ordering_key(message), pulsar_message_get_orderingKey(message));

    pulsar_message_t *copy = pulsar_message_create();
    char id[80];
    snprintf(id, sizeof(id), "%s", message_id_text(message));
    pulsar_message_copy(message, copy);
    observe_properties(message);
    char text[64];
    observe(AREA, "copy, then the original freed", "content %s, alpha %s, id %s", content(copy, text, sizeof(text)),
            pulsar_message_get_property(copy, "alpha"), strcmp(message_id_text(copy), id) == 0 ? "the same" : "another");
    pulsar_message_free(copy);
    end_place(&place);
}

static void headers(const char *url) {
    struct place place = open_place(url, "headers", (struct producer_options){0}, pulsar_ConsumerExclusive);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t sent_at = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    pulsar_message_t *message = round_trip(&place, text_message("hello"), NULL);
    int64_t offset = (int64_t)pulsar_message_get_publish_timestamp(message) - sent_at;
    observe(AREA, "publish timestamp on receipt", "%s",
            -1000 < offset && offset < 5000 ? "the sender's clock in ms" : "another time");
    observe(AREA, "event timestamp never set", "%" PRIu64, pulsar_message_get_event_timestamp(message));
    observe(AREA, "redelivery count, first delivery", "%d", pulsar_message_get_redelivery_count(message));
    observe(AREA, "replicated_from, not replicated", "%s", pulsar_message_get_replicated_from(message) ? "text" : "NULL");
    observe(AREA, "has_null_value of a normal message", "%d", pulsar_message_has_null_value(message));
    observe(AREA, "has_schema_version / get_schemaVersion, no schema", "%d / \"%s\"",
            pulsar_message_has_schema_version(message), pulsar_message_get_schemaVersion(message));
    observe(AREA, "topic name and producer name on receipt", "%s, %s",
            strcmp(pulsar_message_get_topic_name(message), place.topic) == 0 ? "the full topic name" : "another",
            strcmp(pulsar_message_get_producer_name(message),
                   pulsar_producer_get_producer_name(place.producer)) == 0
                ? "the producer's"
                : "another");
    bool stable = pulsar_message_get_topic_name(message) == pulsar_message_get_topic_name(message) &&
                  pulsar_message_get_data(message) == pulsar_message_get_data(message);
    observe(AREA, "topic name and data asked for twice", stable ? "same pointers" : "different pointers");
    pulsar_message_free(message);
    end_place(&place);
}

static void contents(const char *url) {
    struct place place = open_place(url, "contents", (struct producer_options){0}, pulsar_ConsumerExclusive);
    pulsar_result result;
    pulsar_message_t *message = pulsar_message_create();
    pulsar_message_set_content(message, "ab\0cd", 5);
    message = round_trip(&place, message, NULL);
    observe(AREA, "content with an embedded zero byte", "length %u, %s", pulsar_message_get_length(message),
            memcmp(pulsar_message_get_data(message), "ab\0cd", 5) == 0 ? "same bytes" : "other bytes");
    pulsar_message_free(message);

    message = round_trip(&place, pulsar_message_create(), &result);
    observe(AREA, "no content", "%s; length %u, data %s, has_null_value %d", named(result),
            pulsar_message_get_length(message), pulsar_message_get_data(message) ? "non-NULL" : "NULL",
            pulsar_message_has_null_value(message));
    pulsar_message_free(message);

    message = pulsar_message_create();
    pulsar_message_set_null_value(message);
    message = round_trip(&place, message, &result);
    observe(AREA, "null value", "%s; length %u, data %s, has_null_value %d", named(result),
            pulsar_message_get_length(message), pulsar_message_get_data(message) ? "non-NULL" : "NULL",
            pulsar_message_has_null_value(message));
    pulsar_message_free(message);
    end_place(&place);
}

static void routing(const char *url) {
    static const char *clusters[] = {"standalone", "other"};
    struct place place = open_place(url, "routing", (struct producer_options){0}, pulsar_ConsumerExclusive);
    pulsar_result result;
    pulsar_message_t *message = text_message("x");
    pulsar_message_set_ordering_key(message, "ork");
    pulsar_message_set_event_timestamp(message, 12345);
    pulsar_message_set_replication_clusters(message, clusters, 2);
    message = round_trip(&place, message, &result);
    observe(AREA, "ordering key, event timestamp, replication clusters",
            "%s; has_partition_key %d, has_ordering_key %d \"%s\", event timestamp %" PRIu64, named(result),
            pulsar_message_has_partition_key(message), pulsar_message_has_ordering_key(message),
            pulsar_message_get_orderingKey(message), pulsar_message_get_event_timestamp(message));
    pulsar_message_free(message);
    message = text_message("x");
    pulsar_message_disable_replication(message, 1);
    message = round_trip(&place, message, &result);
    observe(AREA, "disable_replication", "%s; %s", named(result), message ? "received" : "not received");
    pulsar_message_free(message);
    end_place(&place);
}

/* Sent, delayed and received: how long it took since its delay was set. */
static void delayed(struct place *place, const char *name, pulsar_message_t *message, long long start,
                    long long expected_ms) {
    message = round_trip(place, message, NULL);
    /* A broker looks at its delayed messages once a second. */
    long long took = now_ms() - start;
    bool in_time = took >= expected_ms - 100 && took <= expected_ms + 2500;
    observe(AREA, name, "%s", !message ? "not received" : took < expected_ms / 2 ? "received at once"
                              : in_time                                ? "received after the delay"
                                                                       : "received at another time");
    if (message) {
        pulsar_consumer_acknowledge(place->consumer, message);
    }
    pulsar_message_free(message);
}

static void delays(const char *url) {
    struct place shared = open_place(url, "delays", (struct producer_options){0}, pulsar_ConsumerShared);
    pulsar_message_t *message = text_message("after");
    long long start = now_ms();
    pulsar_message_set_deliver_after(message, 1200);
    delayed(&shared, "deliver_after 1200 ms, Shared", message, start, 1200);
    struct timespec now;
    start = now_ms();
    clock_gettime(CLOCK_REALTIME, &now);
    message = text_message("at");
    pulsar_message_set_deliver_at(message, (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000 + 1200);
    delayed(&shared, "deliver_at in 1200 ms, Shared", message, start, 1200);
    end_place(&shared);
    struct place exclusive = open_place(url, "delays", (struct producer_options){0}, pulsar_ConsumerExclusive);
    message = text_message("after");
    start = now_ms();
    pulsar_message_set_deliver_after(message, 6000);
    delayed(&exclusive, "deliver_after 6 s, Exclusive", message, start, 6000);
    end_place(&exclusive);
}

static void batching(const char *url) {
    static const char *clusters[] = {"standalone"};
    struct producer_options batches = {.batching = true, .batch_delay_ms = 100};
    struct place place = open_place(url, "unbatched", batches, pulsar_ConsumerExclusive);
    pulsar_message_t *message = text_message("x");
    pulsar_message_set_deliver_after(message, 1);
    message = round_trip(&place, message, NULL);
    observe(AREA, "delayed message through a batching producer", "id %s", id_form(message_id_text(message)));
    pulsar_message_free(message);
    message = text_message("x");
    pulsar_message_set_replication_clusters(message, clusters, 1);
    message = round_trip(&place, message, NULL);
    observe(AREA, "message with replication clusters through a batching producer", "id %s",
            id_form(message_id_text(message)));
    pulsar_message_free(message);
    message = text_message("hello");
    pulsar_message_set_property(message, "p", "v");
    pulsar_message_set_partition_key(message, "pk");
    pulsar_message_set_ordering_key(message, "ok");
    pulsar_message_set_event_timestamp(message, 77);
    message = round_trip(&place, message, NULL);
    observe(AREA, "in a batch: property, keys, event timestamp", "%s, %s, %s, %" PRIu64,
            pulsar_message_get_property(message, "p"), pulsar_message_get_partitionKey(message),
            pulsar_message_get_orderingKey(message), pulsar_message_get_event_timestamp(message));
    pulsar_message_free(message);
    end_place(&place);
}

/* Getters of a message that was made and never received. */
static void unsent_content(const char *url) {
    (void)url;
    pulsar_message_t *message = text_message("abc");
    pulsar_message_set_property(message, "p", "v");
    observe(AREA, "before sending: length and property", "%u, %s", pulsar_message_get_length(message),
            pulsar_message_get_property(message, "p"));
    pulsar_message_free(message);
}

static void unsent_headers(const char *url) {
    (void)url;
    pulsar_message_t *message = text_message("abc");
    pulsar_message_set_partition_key(message, "pk");
    pulsar_message_set_event_timestamp(message, 5);
    observe(AREA, "before sending: partition key and event timestamp", "%d \"%s\", %" PRIu64,
            pulsar_message_has_partition_key(message), pulsar_message_get_partitionKey(message),
            pulsar_message_get_event_timestamp(message));
    observe(AREA, "before sending: publish timestamp, topic, producer", "%" PRIu64 ", \"%s\", \"%s\"",
            pulsar_message_get_publish_timestamp(message), pulsar_message_get_topic_name(message),
            pulsar_message_get_producer_name(message));
    pulsar_message_free(message);
}

static void after_sending(const char *url) {
    struct place place = open_place(url, "sent", (struct producer_options){0}, pulsar_ConsumerExclusive);
    pulsar_message_t *message = text_message("abc");
    pulsar_message_set_property(message, "p", "v");
    pulsar_message_set_partition_key(message, "pk");
    pulsar_producer_send(place.producer, message);
    observe(AREA, "after sending: publish timestamp, topic, producer, length",
            "%s, \"%s\", %s, %u", pulsar_message_get_publish_timestamp(message) > 0 ? "set" : "0",
            pulsar_message_get_topic_name(message),
            strcmp(pulsar_message_get_producer_name(message),
                   pulsar_producer_get_producer_name(place.producer)) == 0
                ? "the producer's name"
                : "another name",
            pulsar_message_get_length(message));
    observe(AREA, "after sending: property and partition key", "%s, %s", pulsar_message_get_property(message, "p"),
            pulsar_message_get_partitionKey(message));
    pulsar_message_free(message);
    end_place(&place);
}

OBSERVE_MAIN(GROUP(AREA, properties), GROUP(AREA, headers), GROUP(AREA, contents), GROUP(AREA, routing),
             GROUP(AREA, delays), GROUP(AREA, batching),
             CASE(AREA, "before sending: length and property", unsent_content), GROUP(AREA, unsent_headers),
             GROUP(AREA, after_sending))
