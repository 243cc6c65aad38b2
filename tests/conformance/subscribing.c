/* What a consumer's configuration comes to: receiving without a queue, priorities, schemas. */
#include "observe.h"

#define AREA "subscribing"

struct pair {
    pulsar_client_t *client;
    pulsar_producer_t *producer;
    pulsar_consumer_t *consumers[2];
    char topic[TOPIC_SIZE];
};

static pulsar_consumer_t *subscribe(pulsar_client_t *client, const char *topic, struct consumer_options options,
                                    int queue_size, int priority) {
    pulsar_consumer_configuration_t *conf = consumer_configuration(options);
    pulsar_consumer_configuration_set_receiver_queue_size(conf, queue_size);
    pulsar_consumer_configuration_set_priority_level(conf, priority);
    pulsar_consumer_t *consumer = NULL;
    must(pulsar_client_subscribe(client, topic, "s", conf, &consumer), "subscribe to", topic);
    pulsar_consumer_configuration_free(conf);
    return consumer;
}

/* Two consumers of a shared subscription without queues, and a producer. */
static struct pair open_pair(const char *url, const char *word, bool batching) {
    struct pair pair = {.client = open_client(url)};
    unique_topic(pair.topic, word);
    struct producer_options options = {.batching = batching, .batch_messages = 5, .batch_delay_ms = 10000};
    pair.producer = open_producer(pair.client, pair.topic, options);
    for (int i = 0; i < 2; i++) {
        struct consumer_options shared = {.type = pulsar_ConsumerShared, .acks_at_once = true};
        pair.consumers[i] = subscribe(pair.client, pair.topic, shared, 0, 0);
    }
    return pair;
}

static void end_pair(struct pair *pair) {
    end_consumer(pair->consumers[0]);
    end_consumer(pair->consumers[1]);
    end_producer(pair->producer);
    end_client(pair->client);
}

static void receive_into(char *text, size_t size, pulsar_consumer_t *consumer, int count) {
    text[0] = 0;
    for (int i = 0; i < count; i++) {
        pulsar_message_t *message = NULL;
        if (pulsar_consumer_receive(consumer, &message) != pulsar_result_Ok) {
            return;
        }
        char word[64];
        size_t used = strlen(text);
        snprintf(text + used, size - used, "%s%s", i > 0 ? " " : "", content(message, word, sizeof(word)));
        pulsar_consumer_acknowledge(consumer, message);
        pulsar_message_free(message);
    }
}

static void no_queue(const char *url) {
    struct pair pair = open_pair(url, "no-queue", false);
    char first[200], second[200];
    send_numbered(pair.producer, 10);
    receive_into(first, sizeof(first), pair.consumers[0], 3);
    receive_into(second, sizeof(second), pair.consumers[1], 7);
    observe(AREA, "receiver_queue_size 0, Shared: one consumer receives three, the other the rest of ten", "%s; %s",
            first, second);
    end_pair(&pair);
}

static void no_queue_with_timeout(const char *url) {
    struct pair pair = open_pair(url, "no-queue-timeout", false);
    pulsar_message_t *message = NULL;
    pulsar_result none = pulsar_consumer_receive_with_timeout(pair.consumers[0], &message, 50);
    send_numbered(pair.producer, 1);
    pulsar_result one = pulsar_consumer_receive_with_timeout(pair.consumers[0], &message, 5000);
    observe(AREA, "receiver_queue_size 0: receive_with_timeout with nothing there, with a message", "%s, %s",
            named(none), named(one));
    end_pair(&pair);
}

static void no_queue_and_batches(const char *url) {
    struct pair pair = open_pair(url, "no-queue-batches", true);
    char text[200];
    send_numbered(pair.producer, 10);
    receive_into(text, sizeof(text), pair.consumers[0], 10);
    observe(AREA, "receiver_queue_size 0, two batches of five", "%s", text);
    end_pair(&pair);
}

static void no_queue_of_partitions(const char *url) {
    pulsar_client_t *client = open_client(url);
    pulsar_consumer_configuration_t *conf = consumer_configuration((struct consumer_options){0});
    pulsar_consumer_configuration_set_receiver_queue_size(conf, 0);
    pulsar_consumer_t *consumer = NULL;
    observe_result(AREA, "receiver_queue_size 0, a partitioned topic",
                   pulsar_client_subscribe(client, "conformance-parts", "no-queue", conf, &consumer));
    pulsar_consumer_configuration_free(conf);
    end_client(client);
}

struct heard {
    struct latch called;
    char text[200];
};

static void hear(pulsar_consumer_t *consumer, pulsar_message_t *message, void *context) {
    struct heard *heard = context;
    char word[64];
    size_t used = strlen(heard->text);
    snprintf(heard->text + used, sizeof(heard->text) - used, "%s%s", used > 0 ? " " : "",
             content(message, word, sizeof(word)));
    pulsar_consumer_acknowledge(consumer, message);
    pulsar_message_free(message);
    latch_raise(&heard->called);
}

static void no_queue_and_a_listener(const char *url) {
    static struct heard heard = {.called = LATCH_INIT};
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    pulsar_producer_t *producer = open_producer(client, unique_topic(topic, "no-queue-listener"),
                                                (struct producer_options){0});
    struct consumer_options listens = {.listener = hear, .context = &heard};
    pulsar_consumer_t *consumer = subscribe(client, topic, listens, 0, 0);
    send_numbered(producer, 5);
    latch_wait(&heard.called, 5, ANSWER_MS);
    observe(AREA, "receiver_queue_size 0, a listener", "%s", heard.text);
    end_consumer(consumer);
    end_producer(producer);
    end_client(client);
}

static void priorities(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE], first[300], second[300];
    struct consumer_options shared = {.type = pulsar_ConsumerShared, .acks_at_once = true};
    pulsar_producer_t *producer = open_producer(client, unique_topic(topic, "priority"), (struct producer_options){0});
    pulsar_consumer_t *later = subscribe(client, topic, shared, 10, 1);
    pulsar_consumer_t *sooner = subscribe(client, topic, shared, 10, 0);
    send_numbered(producer, 15);
    drain_into(second, sizeof(second), later, 5, false);
    drain_into(first, sizeof(first), sooner, 10, false);
    observe(AREA, "priority_level 0 and 1, Shared, queues of ten, fifteen messages", "%s; %s", first, second);
    end_consumer(later);
    end_consumer(sooner);
    end_producer(producer);
    end_client(client);
}

static const char record[] = "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"}]}";

static pulsar_result subscribe_with_schema(pulsar_client_t *client, const char *topic, const char *subscription,
                                           pulsar_schema_type type, const char *schema, pulsar_consumer_t **consumer) {
    pulsar_string_map_t *properties = pulsar_string_map_create();
    pulsar_consumer_configuration_t *conf = consumer_configuration((struct consumer_options){0});
    pulsar_consumer_configuration_set_schema_info(conf, type, "record", schema, properties);
    pulsar_result result = pulsar_client_subscribe(client, topic, subscription, conf, consumer);
    pulsar_consumer_configuration_free(conf);
    pulsar_string_map_free(properties);
    return result;
}

static void schemas(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    unique_topic(topic, "schemas");
    pulsar_consumer_t *consumers[3] = {NULL};
    pulsar_result avro = subscribe_with_schema(client, topic, "avro", pulsar_Avro, record, &consumers[0]);
    pulsar_result other = subscribe_with_schema(client, topic, "string", pulsar_String, "", &consumers[1]);
    pulsar_result any = subscribe_with_schema(client, topic, "bytes", pulsar_Bytes, "", &consumers[2]);
    observe(AREA, "set_schema_info Avro, then String, then Bytes", "%s, %s, %s", named(avro), named(other), named(any));

    pulsar_producer_configuration_t *conf = pulsar_producer_configuration_create();
    pulsar_string_map_t *properties = pulsar_string_map_create();
    pulsar_producer_configuration_set_schema_info(conf, pulsar_Avro, "record", record, properties);
    pulsar_string_map_free(properties);
    pulsar_producer_t *producer = NULL;
    must(pulsar_client_create_producer(client, topic, conf, &producer), "produce to", topic);
    pulsar_producer_configuration_free(conf);
    send_text(producer, "x");
    pulsar_message_t *message = next_message(consumers[0], ANSWER_MS);
    const unsigned char *version = (const unsigned char *)pulsar_message_get_schemaVersion(message);
    observe(AREA, "schema version of a received message", "%d, %02x%02x%02x%02x%02x%02x%02x%02x",
            pulsar_message_has_schema_version(message), version[0], version[1], version[2], version[3], version[4],
            version[5], version[6], version[7]);
    pulsar_message_free(message);
    end_producer(producer);
    end_client(client);
}

OBSERVE_MAIN(CASE(AREA, "receiver_queue_size 0, Shared: one consumer receives three, the other the rest of ten",
                  no_queue),
             CASE(AREA, "receiver_queue_size 0: receive_with_timeout with nothing there, with a message",
                  no_queue_with_timeout),
             CASE(AREA, "receiver_queue_size 0, two batches of five", no_queue_and_batches),
             CASE(AREA, "receiver_queue_size 0, a partitioned topic", no_queue_of_partitions),
             CASE(AREA, "receiver_queue_size 0, a listener", no_queue_and_a_listener), GROUP(AREA, priorities),
             GROUP(AREA, schemas))
