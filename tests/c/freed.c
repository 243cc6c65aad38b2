/* Freed handles: using or freeing them again is noticed, and what is made in their place has nothing of theirs. */
#include <pulsar/c/client.h>

#include "check.h"
#include "session.h"

#define LARGE 100000

/* Without pools freed memory is the allocator's, and such mistakes are for valgrind to see. */
static bool no_pool(void) {
    return getenv("PULSAR_RS_NO_POOL") != NULL;
}

/* A message with a content of this size and all that there is to set. */
static pulsar_message_t *full_message(size_t size) {
    static char bytes[LARGE];
    const char *clusters[] = {"here"};
    memset(bytes, 'x', sizeof(bytes));
    pulsar_message_t *message = pulsar_message_create();
    pulsar_message_set_content(message, bytes, size);
    pulsar_message_set_property(message, "p", "v");
    pulsar_message_set_partition_key(message, "key");
    pulsar_message_set_ordering_key(message, "order");
    pulsar_message_set_event_timestamp(message, 1);
    pulsar_message_set_sequence_id(message, 1);
    pulsar_message_set_deliver_at(message, 1);
    pulsar_message_set_replication_clusters(message, clusters, 1);
    pulsar_message_set_schema_version(message, "1");
    CHECK_TEXT(pulsar_message_get_property(message, "p"), "v");
    CHECK_TEXT(pulsar_message_get_partitionKey(message), "key");
    return message;
}

static void check_no_id(pulsar_message_t *message) {
    pulsar_message_id_t *id = pulsar_message_get_message_id(message);
    char *text = pulsar_message_id_str(id);
    CHECK_TEXT(text, "(-1,-1,-1,-1)");
    free(text);
    pulsar_message_id_free(id);
}

static void check_empty(pulsar_message_t *message) {
    CHECK_INT(pulsar_message_get_length(message), 0);
    CHECK(pulsar_message_get_data(message) == NULL);
    CHECK_INT(pulsar_message_has_property(message, "p"), 0);
    CHECK_TEXT(pulsar_message_get_property(message, "p"), "");
    CHECK_INT(pulsar_message_has_partition_key(message), 0);
    CHECK_TEXT(pulsar_message_get_partitionKey(message), "");
    CHECK_INT(pulsar_message_has_ordering_key(message), 0);
    CHECK_TEXT(pulsar_message_get_orderingKey(message), "");
    CHECK_INT(pulsar_message_get_event_timestamp(message), 0);
    CHECK_INT(pulsar_message_get_publish_timestamp(message), 0);
    CHECK_TEXT(pulsar_message_get_producer_name(message), "");
    CHECK_INT(pulsar_message_has_schema_version(message), 0);
    CHECK_INT(pulsar_message_has_null_value(message), 0);
}

static void test_nothing_of_a_freed_message_is_in_a_new_one(void) {
    static const size_t sizes[] = {0, 1, 104, 105, 4096, 4097, LARGE};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        pulsar_message_t *old = full_message(sizes[i]);
        pulsar_message_free(old);
        pulsar_message_t *new = pulsar_message_create();
        CHECK(new == old || no_pool());
        check_empty(new);
        check_no_id(new);
        pulsar_message_set_content(new, "new", 3);
        CHECK_INT(pulsar_message_get_length(new), 3);
        CHECK(memcmp(pulsar_message_get_data(new), "new", 3) == 0);
        pulsar_message_set_null_value(new);
        pulsar_message_free(new);
        new = pulsar_message_create();
        check_empty(new);
        pulsar_message_set_allocated_content(new, "foreign", 7);
        pulsar_message_free(new);
        new = pulsar_message_create();
        check_empty(new);
        pulsar_message_free(new);
    }
}

/* A message that was sent cannot be sent again; one made in its place can. */
static void test_nothing_of_a_sent_message_is_in_a_new_one(void) {
    pulsar_client_t *client = open_client(check_url);
    char topic[TOPIC_SIZE];
    for (int i = 0; i < 2; i++) {
        pulsar_producer_t *producer =
            open_producer(client, unique_topic(topic, "freed"), (struct producer_options){.name = i ? "a" : "b"});
        for (int round = 0; round < 3; round++) {
            pulsar_message_t *message = pulsar_message_create();
            check_empty(message);
            check_no_id(message);
            pulsar_message_set_content(message, "x", 1);
            CHECK_OK(pulsar_producer_send(producer, message));
            CHECK_TEXT(pulsar_message_get_producer_name(message), i ? "a" : "b");
            CHECK(pulsar_message_get_publish_timestamp(message) > 0);
            pulsar_message_free(message);
        }
        end_producer(producer);
    }
    end_client(client);
}

static void test_a_freed_message_is_no_message(void) {
    if (no_pool()) {
        return;
    }
    pulsar_client_t *client = open_client(check_url);
    char topic[TOPIC_SIZE];
    pulsar_producer_t *producer =
        open_producer(client, unique_topic(topic, "freed"), (struct producer_options){.batching = true});
    pulsar_message_t *message = full_message(10);
    pulsar_message_free(message);
    pulsar_message_set_content(message, "late", 4);
    pulsar_message_set_property(message, "p", "late");
    check_empty(message);
    CHECK(pulsar_message_get_message_id(message) == NULL);
    CHECK(pulsar_message_get_properties(message) == NULL);
    CHECK_RESULT(pulsar_producer_send(producer, message), pulsar_result_InvalidMessage);
    pulsar_message_free(message);
    /* It was freed once only: two new ones are two. */
    pulsar_message_t *first = pulsar_message_create(), *second = pulsar_message_create();
    CHECK(first != second);
    pulsar_message_set_content(first, "first", 5);
    CHECK_INT(pulsar_message_get_length(second), 0);
    pulsar_message_free(first);
    pulsar_message_free(second);
    end_producer(producer);
    end_client(client);
}

static void test_a_freed_id_is_no_id(void) {
    if (no_pool()) {
        return;
    }
    pulsar_message_id_t *id = pulsar_message_id_deserialize("\x08\x01\x10\x02", 4);
    pulsar_message_id_free(id);
    int length = 7;
    CHECK(pulsar_message_id_str(id) == NULL);
    CHECK(pulsar_message_id_serialize(id, &length) == NULL);
    CHECK_INT(length, 0);
    pulsar_message_id_free(id);
    pulsar_message_id_t *first = pulsar_message_id_deserialize("\x08\x03\x10\x04", 4);
    pulsar_message_id_t *second = pulsar_message_id_deserialize("\x08\x05\x10\x06", 4);
    CHECK(first != second);
    char *text = pulsar_message_id_str(first);
    CHECK_TEXT(text, "(3,4,-1,-1)");
    free(text);
    pulsar_message_id_free(first);
    pulsar_message_id_free(second);
}

/* More than are kept: the rest is freed. */
static void test_many_at_once(void) {
    pulsar_message_t *messages[1000];
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 1000; i++) {
            messages[i] = pulsar_message_create();
            pulsar_message_set_content(messages[i], &i, sizeof(i));
        }
        for (size_t i = 0; i < 1000; i++) {
            CHECK(memcmp(pulsar_message_get_data(messages[i]), &i, sizeof(i)) == 0);
            pulsar_message_free(messages[i]);
        }
    }
}

CHECK_MAIN(TEST(test_nothing_of_a_freed_message_is_in_a_new_one), TEST(test_nothing_of_a_sent_message_is_in_a_new_one),
           TEST(test_a_freed_message_is_no_message), TEST(test_a_freed_id_is_no_id), TEST(test_many_at_once))
