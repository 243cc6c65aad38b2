/* Topics with partitions: where messages go, and what a producer of all partitions says of itself. */
#include <pthread.h>
#include <pulsar/c/message_router.h>

#include "observe.h"

#define AREA "partitions"
#define TOPIC "conformance-parts"

static pulsar_producer_t *create(pulsar_client_t *client, pulsar_producer_configuration_t *conf) {
    pulsar_producer_t *producer = NULL;
    must(pulsar_client_create_producer(client, TOPIC, conf, &producer), "create a producer on", TOPIC);
    pulsar_producer_configuration_free(conf);
    return producer;
}

static int partition_of_id(pulsar_message_id_t *id) {
    int partition = -2;
    sscanf(id_text(id), "(%*d,%*d,%d,", &partition);
    return partition;
}

/* Sends with these keys, NULL for none; partition of the message's id, or -2. */
static int partition_of(pulsar_producer_t *producer, const char *key, const char *ordering_key) {
    pulsar_message_t *message = text_message("x");
    if (key) {
        pulsar_message_set_partition_key(message, key);
    }
    if (ordering_key) {
        pulsar_message_set_ordering_key(message, ordering_key);
    }
    pulsar_result result = pulsar_producer_send(producer, message);
    int partition = result == pulsar_result_Ok ? partition_of_id(pulsar_message_get_message_id(message)) : -2;
    pulsar_message_free(message);
    return partition;
}

struct asked {
    int answer;
    int calls;
    int partitions;
    char key[20];
    bool same_thread;
    pthread_t thread;
};

static int route(pulsar_message_t *message, pulsar_topic_metadata_t *metadata, void *context) {
    struct asked *asked = context;
    asked->calls++;
    asked->partitions = pulsar_topic_metadata_get_num_partitions(metadata);
    asked->same_thread = pthread_equal(pthread_self(), asked->thread) != 0;
    snprintf(asked->key, sizeof(asked->key), "%s", pulsar_message_get_partitionKey(message));
    return asked->answer;
}

static void router(const char *url) {
    pulsar_client_t *client = open_client(url);
    struct asked asked = {.answer = 2, .thread = pthread_self()};
    pulsar_producer_configuration_t *conf = producer_configuration((struct producer_options){0});
    pulsar_producer_configuration_set_message_router(conf, route, &asked);
    observe(AREA, "set_message_router: routing mode", "%d",
            pulsar_producer_configuration_get_partitions_routing_mode(conf));
    pulsar_producer_t *producer = create(client, conf);
    int chosen = partition_of(producer, "kk", NULL);
    observe(AREA, "a router that answers 2, message with a key",
            "partition %d; calls %d, on %s thread, partitions %d, key %s", chosen, asked.calls,
            asked.same_thread ? "the caller's" : "another", asked.partitions, asked.key);
    asked.answer = 0;
    observe(AREA, "the router answers 0 then", "partition %d", partition_of(producer, NULL, NULL));
    end_producer(producer);
    end_client(client);
}

static void wrong_answer(const char *url, int answer, const char *name) {
    pulsar_client_t *client = open_client(url);
    struct asked asked = {.answer = answer, .thread = pthread_self()};
    pulsar_producer_configuration_t *conf = producer_configuration((struct producer_options){0});
    pulsar_producer_configuration_set_message_router(conf, route, &asked);
    pulsar_producer_t *producer = create(client, conf);
    pulsar_result wrong = send_text(producer, "x");
    asked.answer = 1;
    char text[80];
    snprintf(text, sizeof(text), "%s", named(wrong));
    observe(AREA, name, "%s; send with a good answer then %s", text, named(send_text(producer, "x")));
    end_producer(producer);
    end_client(client);
}

static void answers_3(const char *url) {
    wrong_answer(url, 3, "the router answers 3 of 3 partitions");
}

static void answers_minus_1(const char *url) {
    wrong_answer(url, -1, "the router answers -1");
}

static void no_router(const char *url) {
    pulsar_client_t *client = open_client(url);
    pulsar_producer_configuration_t *conf = producer_configuration((struct producer_options){0});
    pulsar_producer_configuration_set_partitions_routing_mode(conf, pulsar_CustomPartition);
    pulsar_producer_t *producer = NULL;
    pulsar_result result = pulsar_client_create_producer(client, TOPIC, conf, &producer);
    observe(AREA, "pulsar_CustomPartition without a router", "create_producer %s", named(result));
    pulsar_producer_configuration_free(conf);
    end_client(client);
}

static void null_metadata(const char *url) {
    (void)url;
    observe(AREA, "topic_metadata_get_num_partitions of NULL", "%d", pulsar_topic_metadata_get_num_partitions(NULL));
}

static void hashes(const char *url) {
    static const char *const keys[] = {"a", "b", "c", "d", "e", "f", "key-1", "key-2"};
    static const char *const names[] = {"partitions of keys, pulsar_Murmur3_32Hash",
                                        "partitions of keys, pulsar_BoostHash",
                                        "partitions of keys, pulsar_JavaStringHash"};
    pulsar_client_t *client = open_client(url);
    for (int scheme = 0; scheme < 3; scheme++) {
        pulsar_producer_configuration_t *conf = producer_configuration((struct producer_options){0});
        pulsar_producer_configuration_set_hashing_scheme(conf, (pulsar_hashing_scheme)scheme);
        pulsar_producer_t *producer = create(client, conf);
        char text[100] = "";
        for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
            snprintf(text + strlen(text), sizeof(text) - strlen(text), "%d ", partition_of(producer, keys[i], NULL));
        }
        observe(AREA, names[scheme], "%s", text);
        end_producer(producer);
    }
    end_client(client);
}

/* How many messages of so many come to the first, second and third partition, the most first. */
static const char *spread(pulsar_producer_t *producer, int messages, const char *ordering_key) {
    static char text[60];
    int counts[3] = {0};
    for (int i = 0; i < messages; i++) {
        int partition = partition_of(producer, NULL, ordering_key);
        if (partition >= 0 && partition < 3) {
            counts[partition]++;
        }
    }
    for (int i = 0; i < 3; i++) {
        for (int j = i + 1; j < 3; j++) {
            if (counts[j] > counts[i]) {
                int more = counts[j];
                counts[j] = counts[i], counts[i] = more;
            }
        }
    }
    snprintf(text, sizeof(text), "%d %d %d", counts[0], counts[1], counts[2]);
    return text;
}

static void modes(const char *url) {
    pulsar_client_t *client = open_client(url);
    pulsar_producer_configuration_t *conf = producer_configuration((struct producer_options){0});
    pulsar_producer_configuration_set_partitions_routing_mode(conf, pulsar_UseSinglePartition);
    pulsar_producer_t *producer = create(client, conf);
    observe(AREA, "6 messages without a key, pulsar_UseSinglePartition", "%s", spread(producer, 6, NULL));
    end_producer(producer);
    producer = create(client, producer_configuration((struct producer_options){0}));
    observe(AREA, "6 messages without a key, pulsar_RoundRobinDistribution", "%s", spread(producer, 6, NULL));
    observe(AREA, "6 messages with an ordering key only", "%s", spread(producer, 6, "ok"));
    end_producer(producer);
    end_client(client);
}

static void producer_of_all(const char *url) {
    pulsar_client_t *client = open_client(url);
    struct producer_options options = {.batching = true, .batch_delay_ms = 20000};
    char name[40];
    snprintf(name, sizeof(name), "of-all-%d-%lld", (int)getpid(), now_ms());
    options.name = name;
    struct outcomes outcomes = OUTCOMES, closed = OUTCOMES;
    pulsar_producer_t *producer = create(client, producer_configuration(options));
    observe(AREA, "producer: topic, name, last sequence id, is_connected", "%s, %s, %" PRId64 ", %d",
            pulsar_producer_get_topic(producer),
            strcmp(pulsar_producer_get_producer_name(producer), name) == 0 ? "as given" : "another",
            pulsar_producer_get_last_sequence_id(producer), pulsar_producer_is_connected(producer));
    static const char *const keys[] = {"a", "b", "d", "a", "b", "d"};
    for (int i = 0; i < 6; i++) {
        pulsar_message_t *message = text_message("x");
        pulsar_message_set_partition_key(message, keys[i]);
        pulsar_producer_send_async(producer, message, count_outcome, &outcomes);
        pulsar_message_free(message);
    }
    pulsar_result flushed = pulsar_producer_flush(producer);
    observe(AREA, "flush with 2 pending for each partition", "%s, callbacks by return: ok %d, failed %d",
            named(flushed), outcomes.ok, outcomes.failed);
    observe(AREA, "last sequence id after 2 for each partition", "%" PRId64,
            pulsar_producer_get_last_sequence_id(producer));
    for (int i = 0; i < 6; i++) {
        send_text_async(producer, "x", count_outcome, &closed);
    }
    pulsar_result result = pulsar_producer_close(producer);
    latch_wait(&closed.done, 6, ANSWER_MS);
    observe(AREA, "close with 6 pending", "%s; ok %d, failed %d with %s", named(result), closed.ok, closed.failed,
            named((pulsar_result)closed.last_failure));
    observe_result(AREA, "second close", pulsar_producer_close(producer));
    observe_result(AREA, "send after close", send_text(producer, "x"));
    pulsar_producer_free(producer);
    end_client(client);
}

static void initial_sequence_id(const char *url) {
    pulsar_client_t *client = open_client(url);
    struct producer_options options = {.has_initial_sequence_id = true, .initial_sequence_id = 50};
    pulsar_producer_t *producer = create(client, producer_configuration(options));
    int64_t before = pulsar_producer_get_last_sequence_id(producer);
    partition_of(producer, "a", NULL);
    observe(AREA, "initial_sequence_id 50: last id before and after a send", "%" PRId64 ", %" PRId64, before,
            pulsar_producer_get_last_sequence_id(producer));
    end_producer(producer);
    end_client(client);
}

static void lazy_start(const char *url) {
    pulsar_client_t *client = open_client(url);
    pulsar_producer_configuration_t *conf = producer_configuration((struct producer_options){0});
    pulsar_producer_configuration_set_lazy_start_partitioned_producers(conf, 1);
    pulsar_producer_t *producer = create(client, conf);
    observe(AREA, "lazy start: is_connected before any message", "%d", pulsar_producer_is_connected(producer));
    observe(AREA, "lazy start: last sequence id before any message", "%" PRId64,
            pulsar_producer_get_last_sequence_id(producer));
    observe_result(AREA, "lazy start: flush before any message", pulsar_producer_flush(producer));
    observe(AREA, "lazy start: partitions of keys a, b, d", "%d %d %d", partition_of(producer, "a", NULL),
            partition_of(producer, "b", NULL), partition_of(producer, "d", NULL));
    observe(AREA, "lazy start: is_connected then", "%d", pulsar_producer_is_connected(producer));
    observe_result(AREA, "lazy start: close", pulsar_producer_close(producer));
    pulsar_producer_free(producer);
    conf = producer_configuration((struct producer_options){0});
    pulsar_producer_configuration_set_lazy_start_partitioned_producers(conf, 1);
    producer = create(client, conf);
    observe_result(AREA, "lazy start: close before any message", pulsar_producer_close(producer));
    pulsar_producer_free(producer);
    end_client(client);
}

static void limit(const char *url) {
    pulsar_client_t *client = open_client(url);
    struct producer_options options = {.batching = true, .batch_delay_ms = 20000, .max_pending = 100};
    pulsar_producer_configuration_t *conf = producer_configuration(options);
    pulsar_producer_configuration_set_max_pending_messages_across_partitions(conf, 6);
    pulsar_producer_t *producer = create(client, conf);
    struct outcomes outcomes = OUTCOMES;
    for (int i = 0; i < 5; i++) {
        pulsar_message_t *message = text_message("x");
        pulsar_message_set_partition_key(message, "a");
        pulsar_producer_send_async(producer, message, count_outcome, &outcomes);
        pulsar_message_free(message);
    }
    observe(AREA, "max_pending across partitions 6, 5 send_async to one of 3", "by return failed %d with %s",
            outcomes.failed, named((pulsar_result)outcomes.last_failure));
    pulsar_producer_flush(producer);
    observe(AREA, "max_pending across partitions 6, the others", "ok %d", outcomes.ok);
    end_producer(producer);
    end_client(client);
}

OBSERVE_MAIN(GROUP(AREA, router), CASE(AREA, "the router answers 3 of 3 partitions", answers_3),
             CASE(AREA, "the router answers -1", answers_minus_1),
             CASE(AREA, "pulsar_CustomPartition without a router", no_router),
             CASE(AREA, "topic_metadata_get_num_partitions of NULL", null_metadata), GROUP(AREA, hashes),
             GROUP(AREA, modes), GROUP(AREA, producer_of_all), GROUP(AREA, initial_sequence_id),
             GROUP(AREA, lazy_start), GROUP(AREA, limit))
