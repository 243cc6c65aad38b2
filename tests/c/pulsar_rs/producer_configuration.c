/* pulsar_rs/producer_configuration.h: what the established API cannot set.
 *
 * Brokers for these tests have the topic conformance-parts, with three partitions. */
#include <pulsar_rs/producer_configuration.h>

#include "../check.h"
#include "../session.h"

#define KEYS 8

static const char *const keys[KEYS] = {"a", "b", "c", "d", "e", "f", "key-1", "key-2"};

static int partition_of(pulsar_producer_t *producer, const char *key) {
    pulsar_message_t *message = text_message("x");
    pulsar_message_set_partition_key(message, key);
    CHECK_OK(pulsar_producer_send(producer, message));
    pulsar_message_id_t *id = pulsar_message_get_message_id(message);
    char *text = pulsar_message_id_str(id);
    int partition = -2;
    REQUIRE(text && sscanf(text, "(%*d,%*d,%d,", &partition) == 1);
    free(text);
    pulsar_message_id_free(id);
    pulsar_message_free(message);
    return partition;
}

static void check_partitions(pulsar_producer_configuration_t *conf, const int expected[KEYS]) {
    pulsar_client_t *client = open_client(check_url);
    pulsar_producer_t *producer = NULL;
    REQUIRE_OK(pulsar_client_create_producer(client, "conformance-parts", conf, &producer));
    for (int i = 0; i < KEYS; i++) {
        CHECK_INT(partition_of(producer, keys[i]), expected[i]);
    }
    end_producer(producer);
    end_client(client);
}

static void test_the_hash_of_an_older_boost(void) {
    static const int newer[KEYS] = {0, 2, 2, 1, 0, 2, 0, 1};
    static const int older[KEYS] = {0, 2, 2, 2, 2, 1, 0, 0};
    static const int java[KEYS] = {1, 2, 0, 1, 2, 0, 0, 1};
    pulsar_producer_configuration_t *conf = pulsar_producer_configuration_create();
    CHECK_INT(pulsar_rs_producer_configuration_get_old_boost_hash(conf), 0);
    check_partitions(conf, newer);
    pulsar_rs_producer_configuration_set_old_boost_hash(conf, -7);
    CHECK_INT(pulsar_rs_producer_configuration_get_old_boost_hash(conf), 1);
    CHECK_INT(pulsar_producer_configuration_get_hashing_scheme(conf), pulsar_BoostHash);
    check_partitions(conf, older);
    /* Other hashes are what they are. */
    pulsar_producer_configuration_set_hashing_scheme(conf, pulsar_JavaStringHash);
    check_partitions(conf, java);
    pulsar_producer_configuration_set_hashing_scheme(conf, pulsar_BoostHash);
    pulsar_rs_producer_configuration_set_old_boost_hash(conf, 0);
    check_partitions(conf, newer);
    pulsar_producer_configuration_free(conf);
}

/* Entry of each message in turns of the keys "a" and "b", all gathered before they are sent. */
static void entries_of_turns(int by_key, long long entries[4]) {
    pulsar_producer_configuration_t *conf = pulsar_producer_configuration_create();
    pulsar_producer_configuration_set_batching_max_publish_delay_ms(conf, 60000);
    CHECK_INT(pulsar_rs_producer_configuration_get_batching_by_key(conf), 0);
    pulsar_rs_producer_configuration_set_batching_by_key(conf, by_key);
    CHECK_INT(pulsar_rs_producer_configuration_get_batching_by_key(conf), by_key != 0);
    pulsar_client_t *client = open_client(check_url);
    char topic[TOPIC_SIZE];
    pulsar_producer_t *producer = NULL;
    REQUIRE_OK(pulsar_client_create_producer(client, unique_topic(topic, "by-key"), conf, &producer));
    pulsar_consumer_t *consumer = open_consumer(client, topic, "sub", (struct consumer_options){0});
    for (int i = 0; i < 4; i++) {
        pulsar_message_t *message = text_message("x");
        pulsar_message_set_partition_key(message, i % 2 ? "b" : "a");
        pulsar_producer_send_async(producer, message, NULL, NULL);
        pulsar_message_free(message);
    }
    CHECK_OK(pulsar_producer_flush(producer));
    for (int i = 0; i < 4; i++) {
        pulsar_message_t *message = next_message(consumer, ANSWER_MS);
        REQUIRE(message != NULL);
        pulsar_message_id_t *id = pulsar_message_get_message_id(message);
        char *text = pulsar_message_id_str(id);
        REQUIRE(sscanf(text, "(%*d,%lld,", &entries[i]) == 1);
        /* Each batch has one key. */
        CHECK(!by_key || strcmp(pulsar_message_get_partitionKey(message), entries[i] == entries[0] ? "a" : "b") == 0);
        free(text);
        pulsar_message_id_free(id);
        pulsar_message_free(message);
    }
    end_consumer(consumer);
    end_producer(producer);
    end_client(client);
    pulsar_producer_configuration_free(conf);
}

static void test_batches_by_key(void) {
    long long entries[4];
    entries_of_turns(0, entries);
    CHECK(entries[0] == entries[1] && entries[1] == entries[2] && entries[2] == entries[3]);
    entries_of_turns(-3, entries);
    CHECK(entries[0] == entries[1] && entries[2] == entries[3] && entries[1] + 1 == entries[2]);
}

static void test_null(void) {
    pulsar_rs_producer_configuration_set_batching_by_key(NULL, 1);
    CHECK_INT(pulsar_rs_producer_configuration_get_batching_by_key(NULL), 0);
    pulsar_rs_producer_configuration_set_old_boost_hash(NULL, 1);
    CHECK_INT(pulsar_rs_producer_configuration_get_old_boost_hash(NULL), 0);
}

CHECK_MAIN(TEST(test_the_hash_of_an_older_boost), TEST(test_batches_by_key), TEST(test_null))
