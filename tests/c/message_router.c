/* pulsar/c/message_router.h, and the routing of producers of a topic with partitions.
 *
 * Brokers for these tests have the topic conformance-parts, with three partitions. */
#include <pulsar/c/message_router.h>
#include <pthread.h>
#include <pulsar_rs/producer.h>

#include "check.h"
#include "session.h"

#define TOPIC "conformance-parts"

/* Sends with this key, NULL for none, and returns the partition of the message's id; -2 when it fails. */
static int partition_of(pulsar_producer_t *producer, const char *key) {
    pulsar_message_t *message = text_message("hello");
    if (key) {
        pulsar_message_set_partition_key(message, key);
    }
    int partition = -2;
    if (CHECK_OK(pulsar_producer_send(producer, message))) {
        pulsar_message_id_t *id = pulsar_message_get_message_id(message);
        char *text = pulsar_message_id_str(id);
        long long ledger, entry;
        CHECK(sscanf(text, "(%lld,%lld,%d", &ledger, &entry, &partition) == 3);
        free(text);
        pulsar_message_id_free(id);
    }
    pulsar_message_free(message);
    return partition;
}

static pulsar_producer_t *create(pulsar_client_t *client, pulsar_producer_configuration_t *conf) {
    pulsar_producer_t *producer = NULL;
    REQUIRE_OK(pulsar_client_create_producer(client, TOPIC, conf, &producer));
    pulsar_producer_configuration_free(conf);
    return producer;
}

struct asked {
    int answer;
    int calls;
    int partitions;
    bool same_thread;
    pthread_t thread;
    char key[20];
    size_t length;
};

static int route(pulsar_message_t *message, pulsar_topic_metadata_t *metadata, void *context) {
    struct asked *asked = context;
    asked->calls++;
    asked->partitions = pulsar_topic_metadata_get_num_partitions(metadata);
    asked->same_thread = pthread_equal(pthread_self(), asked->thread) != 0;
    asked->length = pulsar_message_get_length(message);
    snprintf(asked->key, sizeof(asked->key), "%s", pulsar_message_get_partitionKey(message));
    return asked->answer;
}

static void test_a_router_is_asked_for_every_message(void) {
    pulsar_client_t *client = open_client(check_url);
    struct asked asked = {.answer = 2, .thread = pthread_self()};
    pulsar_producer_configuration_t *conf = pulsar_producer_configuration_create();
    CHECK_INT(pulsar_producer_configuration_get_partitions_routing_mode(conf), pulsar_RoundRobinDistribution);
    pulsar_producer_configuration_set_message_router(conf, route, &asked);
    CHECK_INT(pulsar_producer_configuration_get_partitions_routing_mode(conf), pulsar_CustomPartition);
    pulsar_producer_t *producer = create(client, conf);
    CHECK_INT(partition_of(producer, "kk"), 2);
    CHECK_INT(asked.calls, 1);
    CHECK_INT(asked.partitions, 3);
    CHECK(asked.same_thread);
    CHECK_INT(asked.length, 5);
    CHECK_TEXT(asked.key, "kk");
    asked.answer = 0;
    CHECK_INT(partition_of(producer, NULL), 0);
    for (int i = 0; i < 3; i++) {
        asked.answer = (int[]){3, -1, 100}[i];
        CHECK_RESULT(send_text(producer, "x"), pulsar_result_UnknownError);
        char *text = pulsar_rs_producer_last_error(producer);
        CHECK(text && strstr(text, "partition"));
        free(text);
    }
    CHECK_INT(asked.calls, 5);
    end_producer(producer);
    end_client(client);
}

static void test_a_router_has_to_be_there(void) {
    pulsar_client_t *client = open_client(check_url);
    pulsar_producer_configuration_t *conf = pulsar_producer_configuration_create();
    pulsar_producer_configuration_set_message_router(conf, NULL, NULL);
    CHECK_INT(pulsar_producer_configuration_get_partitions_routing_mode(conf), pulsar_RoundRobinDistribution);
    pulsar_producer_configuration_set_partitions_routing_mode(conf, pulsar_CustomPartition);
    pulsar_producer_t *producer = NULL;
    CHECK_RESULT(pulsar_client_create_producer(client, TOPIC, conf, &producer), pulsar_result_InvalidConfiguration);
    CHECK(producer == NULL);
    pulsar_producer_configuration_free(conf);
    CHECK_INT(pulsar_topic_metadata_get_num_partitions(NULL), 0);
    end_client(client);
}

static void test_messages_without_a_key(void) {
    pulsar_client_t *client = open_client(check_url);
    pulsar_producer_configuration_t *conf = producer_configuration((struct producer_options){0});
    pulsar_producer_t *producer = create(client, conf);
    CHECK(strstr(pulsar_producer_get_topic(producer), TOPIC) != NULL);
    int first = partition_of(producer, NULL);
    for (int i = 1; i < 6; i++) {
        CHECK_INT(partition_of(producer, NULL), (first + i) % 3);
    }
    CHECK_INT(pulsar_producer_is_connected(producer), 1);
    CHECK_OK(pulsar_producer_flush(producer));
    end_producer(producer);
    conf = pulsar_producer_configuration_create();
    pulsar_producer_configuration_set_partitions_routing_mode(conf, pulsar_UseSinglePartition);
    pulsar_producer_configuration_set_lazy_start_partitioned_producers(conf, 1);
    producer = create(client, conf);
    first = partition_of(producer, NULL);
    for (int i = 1; i < 6; i++) {
        CHECK_INT(partition_of(producer, NULL), first);
    }
    CHECK_OK(pulsar_producer_close(producer));
    CHECK_RESULT(send_text(producer, "x"), pulsar_result_AlreadyClosed);
    pulsar_producer_free(producer);
    end_client(client);
}

/* Where the C++ client 4.2 sends these keys. */
static void test_keys_land_where_they_always_did(void) {
    static const char *keys[] = {"a", "b", "c", "d", "e", "f", "key-1", "key-2"};
    static const struct {
        pulsar_hashing_scheme scheme;
        int partitions[8];
    } expected[] = {
        {pulsar_Murmur3_32Hash, {2, 0, 0, 1, 1, 2, 1, 1}},
        {pulsar_BoostHash, {0, 2, 2, 1, 0, 2, 0, 1}},
        {pulsar_JavaStringHash, {1, 2, 0, 1, 2, 0, 0, 1}},
    };
    pulsar_client_t *client = open_client(check_url);
    for (int i = 0; i < 3; i++) {
        pulsar_producer_configuration_t *conf = pulsar_producer_configuration_create();
        pulsar_producer_configuration_set_hashing_scheme(conf, expected[i].scheme);
        pulsar_producer_t *producer = create(client, conf);
        for (int key = 0; key < 8; key++) {
            CHECK_INT(partition_of(producer, keys[key]), expected[i].partitions[key]);
        }
        end_producer(producer);
    }
    end_client(client);
}

CHECK_MAIN(TEST(test_a_router_is_asked_for_every_message), TEST(test_a_router_has_to_be_there),
           TEST(test_messages_without_a_key), TEST(test_keys_land_where_they_always_did))
