/* Producers and clients as they are configured: compression, schemas, access modes, properties, limits. */
#include <pulsar/c/client_configuration.h>

#include "observe.h"

#define AREA "producers"

static pulsar_result try_create(pulsar_client_t *client, const char *topic, pulsar_producer_configuration_t *conf,
                                pulsar_producer_t **producer) {
    pulsar_result result = pulsar_client_create_producer(client, topic, conf, producer);
    pulsar_producer_configuration_free(conf);
    return result;
}

static void compression(const char *url) {
    static const char *const names[] = {"compression none", "compression LZ4", "compression ZLIB", "compression ZSTD",
                                        "compression SNAPPY"};
    pulsar_client_t *client = open_client(url);
    for (int codec = 0; codec < 5; codec++) {
        char topic[TOPIC_SIZE], text[200];
        unique_topic(topic, "compression");
        pulsar_consumer_t *consumer = open_consumer(client, topic, "s", (struct consumer_options){0});
        for (int batching = 0; batching < 2; batching++) {
            pulsar_producer_configuration_t *conf =
                producer_configuration((struct producer_options){.batching = batching, .batch_delay_ms = 20000});
            pulsar_producer_configuration_set_compression_type(conf, (pulsar_compression_type)codec);
            pulsar_producer_t *producer = NULL;
            must(try_create(client, topic, conf, &producer), "create a producer on", topic);
            send_numbered(producer, 3);
            end_producer(producer);
        }
        drain_into(text, sizeof(text), consumer, 6, true);
        observe(AREA, names[codec], "single and batched: %s", text);
        end_consumer(consumer);
    }
    end_client(client);
}

static pulsar_result with_schema(pulsar_client_t *client, const char *topic, pulsar_schema_type type,
                                 const char *definition, pulsar_producer_t **producer) {
    pulsar_producer_configuration_t *conf = producer_configuration((struct producer_options){0});
    pulsar_string_map_t *properties = pulsar_string_map_create();
    pulsar_string_map_put(properties, "owner", "us");
    pulsar_producer_configuration_set_schema_info(conf, type, "R", definition, properties);
    pulsar_string_map_free(properties);
    return try_create(client, topic, conf, producer);
}

/* "has 1, 8 bytes, the last is 0": the broker counts versions in eight bytes. */
static const char *version_of(pulsar_consumer_t *consumer) {
    static char text[60];
    pulsar_message_t *message = next_message(consumer, ANSWER_MS);
    int has = message ? pulsar_message_has_schema_version(message) : -1;
    const char *version = has == 1 ? pulsar_message_get_schemaVersion(message) : "";
    snprintf(text, sizeof(text), "has_schema_version %d, text \"%s\", last byte %d", has, version,
             has == 1 && version[0] == 0 ? version[7] : -1);
    pulsar_message_free(message);
    return text;
}

#define RECORD(type)                                                                                         \
    "{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"n\",\"fields\":[{\"name\":\"a\",\"type\":" type "}]}"

static void schemas(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    unique_topic(topic, "schema");
    pulsar_producer_t *producer = NULL, *other = NULL;
    pulsar_consumer_t *consumer = open_consumer(client, topic, "s", (struct consumer_options){0});
    observe_result(AREA, "schema JSON: create_producer",
                   with_schema(client, topic, pulsar_Json, RECORD("\"int\""), &producer));
    send_text(producer, "{\"a\":1}");
    observe(AREA, "schema JSON: a message's version", "%s", version_of(consumer));
    observe_result(AREA, "schema JSON: a second producer with the same",
                   with_schema(client, topic, pulsar_Json, RECORD("\"int\""), &other));
    end_producer(other);
    other = NULL;
    observe_result(AREA, "schema JSON: a producer with a String schema",
                   with_schema(client, topic, pulsar_String, "", &other));
    observe_result(AREA, "schema JSON: a producer with an incompatible record",
                   with_schema(client, topic, pulsar_Json, RECORD("\"string\""), &other));
    observe_result(AREA, "schema JSON: a producer with a definition that is no JSON",
                   with_schema(client, topic, pulsar_Json, "{", &other));
    observe_result(AREA, "schema JSON: a producer without a schema",
                   try_producer(client, topic, (struct producer_options){0}, &other));
    send_text(other, "x");
    observe(AREA, "schema JSON: version of a message of the producer without", "%s", version_of(consumer));
    end_producer(other);
    end_producer(producer);
    end_consumer(consumer);
    end_client(client);
}

static void plain_schemas(const char *url) {
    static const struct {
        pulsar_schema_type type;
        const char *name;
    } schemas[] = {{pulsar_None, "schema None: a message's version"},
                   {pulsar_String, "schema String: a message's version"},
                   {pulsar_Bytes, "schema Bytes: a message's version"},
                   {pulsar_Boolean, "schema Boolean: a message's version"},
                   {pulsar_Int64, "schema Int64: a message's version"},
                   {pulsar_Float64, "schema Float64: a message's version"}};
    pulsar_client_t *client = open_client(url);
    for (size_t i = 0; i < sizeof(schemas) / sizeof(*schemas); i++) {
        char topic[TOPIC_SIZE];
        unique_topic(topic, "schema");
        pulsar_producer_t *producer = NULL;
        pulsar_result result = with_schema(client, topic, schemas[i].type, "", &producer);
        if (result != pulsar_result_Ok) {
            observe(AREA, schemas[i].name, "create_producer %s", named(result));
            continue;
        }
        pulsar_consumer_t *consumer = open_consumer(client, topic, "s", (struct consumer_options){0});
        send_text(producer, "12345678");
        observe(AREA, schemas[i].name, "create_producer %s; %s", named(result), version_of(consumer));
        end_consumer(consumer);
        end_producer(producer);
    }
    end_client(client);
}

static void explicit_version(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    unique_topic(topic, "version");
    pulsar_consumer_t *consumer = open_consumer(client, topic, "s", (struct consumer_options){0});
    for (int batching = 0; batching < 2; batching++) {
        pulsar_producer_t *producer = open_producer(client, topic, (struct producer_options){.batching = batching});
        pulsar_message_t *message = text_message("x");
        pulsar_message_set_schema_version(message, "seven");
        pulsar_result result = pulsar_producer_send(producer, message);
        pulsar_message_free(message);
        observe(AREA, batching ? "message_set_schema_version, batching producer" : "message_set_schema_version",
                "%s; %s", named(result), version_of(consumer));
        end_producer(producer);
    }
    end_consumer(consumer);
    end_client(client);
}

static pulsar_result with_access(pulsar_client_t *client, const char *topic, pulsar_producer_access_mode mode,
                                 pulsar_producer_t **producer) {
    pulsar_producer_configuration_t *conf = producer_configuration((struct producer_options){.send_timeout_ms = 2000});
    pulsar_producer_configuration_set_access_mode(conf, mode);
    return try_create(client, topic, conf, producer);
}

struct creation {
    struct latch done;
    pulsar_result result;
    pulsar_producer_t *producer;
};

static void on_created(pulsar_result result, pulsar_producer_t *producer, void *context) {
    struct creation *creation = context;
    creation->result = result;
    creation->producer = producer;
    latch_raise(&creation->done);
}

static void access_modes(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    unique_topic(topic, "access");
    pulsar_producer_t *first = NULL, *second = NULL;
    observe_result(AREA, "access Exclusive: the first",
                   with_access(client, topic, pulsar_ProducerAccessModeExclusive, &first));
    observe_result(AREA, "access Exclusive: a second",
                   with_access(client, topic, pulsar_ProducerAccessModeExclusive, &second));
    observe_result(AREA, "access Exclusive: a Shared one beside it",
                   with_access(client, topic, pulsar_ProducerAccessModeShared, &second));
    observe_result(AREA, "access Exclusive: the first sends", send_text(first, "x"));
    struct creation waiting = {.done = LATCH_INIT};
    pulsar_producer_configuration_t *conf = producer_configuration((struct producer_options){.send_timeout_ms = 2000});
    pulsar_producer_configuration_set_access_mode(conf, pulsar_ProducerAccessModeWaitForExclusive);
    pulsar_client_create_producer_async(client, topic, conf, on_created, &waiting);
    pulsar_producer_configuration_free(conf);
    bool early = latch_wait(&waiting.done, 1, SILENCE_MS);
    end_producer(first);
    bool came = latch_wait(&waiting.done, 1, ANSWER_MS);
    observe(AREA, "access WaitForExclusive beside an Exclusive one", "%s while that is open, %s once it is closed",
            early ? "created" : "waits", came ? named(waiting.result) : "waits");
    if (!waiting.producer) {
        return;
    }
    observe_result(AREA, "access WaitForExclusive: send then", send_text(waiting.producer, "x"));
    end_producer(waiting.producer);
    end_client(client);
}

/* On two connections: the broker closes that of a producer which sends though it was fenced. */
static void fencing(const char *url) {
    pulsar_client_t *client = open_client(url), *other = open_client(url);
    char topic[TOPIC_SIZE];
    unique_topic(topic, "fencing");
    pulsar_producer_t *first = NULL, *second = NULL;
    must(with_access(client, topic, pulsar_ProducerAccessModeExclusive, &first), "create a producer on", topic);
    observe_result(AREA, "access ExclusiveWithFencing beside an Exclusive one",
                   with_access(other, topic, pulsar_ProducerAccessModeExclusiveWithFencing, &second));
    observe_result(AREA, "access ExclusiveWithFencing: it sends", send_text(second, "x"));
    observe_result(AREA, "access ExclusiveWithFencing: the one that was fenced sends", send_text(first, "x"));
    end_producer(second);
    end_producer(first);
    end_client(other);
    end_client(client);
}

static void exclusive_beside_shared(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    unique_topic(topic, "access");
    pulsar_producer_t *first = NULL, *second = NULL;
    observe_result(AREA, "access Shared: the first",
                   with_access(client, topic, pulsar_ProducerAccessModeShared, &first));
    observe_result(AREA, "access Shared: an Exclusive one beside it",
                   with_access(client, topic, pulsar_ProducerAccessModeExclusive, &second));
    end_producer(first);
    observe_result(AREA, "access Shared: an Exclusive one once it is closed",
                   with_access(client, topic, pulsar_ProducerAccessModeExclusive, &second));
    end_producer(second);
    end_client(client);
}

static void names(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    unique_topic(topic, "names");
    pulsar_producer_t *first = open_producer(client, topic, (struct producer_options){.name = "one"}), *second = NULL;
    observe_result(AREA, "two producers with one name",
                   try_producer(client, topic, (struct producer_options){.name = "one"}, &second));
    end_producer(first);
    pulsar_producer_configuration_t *conf = producer_configuration((struct producer_options){.name = "one"});
    pulsar_producer_configuration_set_property(conf, "key", "value");
    pulsar_result result = try_create(client, topic, conf, &second);
    char text[80];
    snprintf(text, sizeof(text), "%s", named(result));
    observe(AREA, "a producer with properties and a name that is free again", "%s, send %s", text,
            named(send_text(second, "x")));
    end_producer(second);
    end_client(client);
}

static pulsar_client_t *configured(const char *url, pulsar_client_configuration_t *conf) {
    pulsar_client_configuration_set_logger(conf, no_log, NULL);
    pulsar_client_t *client = pulsar_client_create(url, conf);
    pulsar_client_configuration_free(conf);
    return client;
}

static void memory_limit(const char *url) {
    pulsar_client_configuration_t *client_conf = pulsar_client_configuration_create();
    pulsar_client_configuration_set_memory_limit(client_conf, 100000);
    pulsar_client_t *client = configured(url, client_conf);
    char topic[TOPIC_SIZE];
    struct producer_options options = {.batching = true, .batch_delay_ms = 20000};
    pulsar_producer_t *producer = open_producer(client, unique_topic(topic, "memory"), options);
    struct outcomes outcomes = OUTCOMES;
    static char bytes[60000];
    for (int i = 0; i < 4; i++) {
        pulsar_message_t *message = pulsar_message_create();
        pulsar_message_set_content(message, bytes, sizeof(bytes));
        pulsar_producer_send_async(producer, message, count_outcome, &outcomes);
        pulsar_message_free(message);
    }
    observe(AREA, "memory limit 100,000 bytes, four send_async of 60,000", "by return failed with %s: %s",
            named((pulsar_result)outcomes.last_failure), outcomes.failed > 0 ? "some" : "none");
    pulsar_producer_flush(producer);
    observe_result(AREA, "memory limit: send once there is room", send_text(producer, "x"));
    end_producer(producer);
    end_client(client);
}

static void lookups(const char *url) {
    pulsar_client_configuration_t *conf = pulsar_client_configuration_create();
    pulsar_client_configuration_set_concurrent_lookup_request(conf, 1);
    pulsar_client_configuration_set_partitions_update_interval(conf, 1);
    pulsar_client_t *client = configured(url, conf);
    enum { COUNT = 10 };
    static struct creation creations[COUNT];
    int created = 0, refused = 0;
    pulsar_producer_configuration_t *defaults = pulsar_producer_configuration_create();
    for (int i = 0; i < COUNT; i++) {
        char topic[TOPIC_SIZE];
        creations[i] = (struct creation){.done = LATCH_INIT};
        pulsar_client_create_producer_async(client, unique_topic(topic, "lookups"), defaults, on_created,
                                            &creations[i]);
    }
    for (int i = 0; i < COUNT; i++) {
        latch_wait(&creations[i].done, 1, ANSWER_MS);
        created += creations[i].result == pulsar_result_Ok;
        refused += creations[i].result == pulsar_result_TooManyLookupRequestException;
        if (creations[i].producer) {
            end_producer(creations[i].producer);
        }
    }
    pulsar_producer_configuration_free(defaults);
    observe(AREA, "concurrent lookups 1, ten create_producer_async", "%s",
            created == COUNT             ? "all are created"
            : created + refused == COUNT ? "some are created, the others 20(TooManyLookupRequestException)"
                                         : "other results");
    end_client(client);
}

OBSERVE_MAIN(GROUP(AREA, compression), GROUP(AREA, schemas), GROUP(AREA, plain_schemas),
             GROUP(AREA, explicit_version), GROUP(AREA, access_modes), GROUP(AREA, fencing),
             GROUP(AREA, exclusive_beside_shared), GROUP(AREA, names), GROUP(AREA, memory_limit),
             CASE(AREA, "concurrent lookups 1, ten create_producer_async", lookups))
