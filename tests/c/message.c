/* pulsar/c/message.h: messages that a program makes. tests/conformance/messages.c sends and receives them. */
#include <pulsar/c/message.h>
#include <pulsar/c/message_id.h>

#include "check.h"

static void check_id(pulsar_message_t *message, const char *expected) {
    pulsar_message_id_t *id = pulsar_message_get_message_id(message);
    char *text = id ? pulsar_message_id_str(id) : NULL;
    CHECK_TEXT(text, expected);
    free(text);
    pulsar_message_id_free(id);
}

/* What a message is that has nothing. */
static void check_empty(pulsar_message_t *message) {
    CHECK_INT(pulsar_message_get_length(message), 0);
    CHECK(pulsar_message_get_data(message) == NULL);
    CHECK_INT(pulsar_message_has_property(message, "p"), 0);
    CHECK_TEXT(pulsar_message_get_property(message, "p"), "");
    CHECK_INT(pulsar_message_has_partition_key(message), 0);
    CHECK_TEXT(pulsar_message_get_partitionKey(message), "");
    CHECK_INT(pulsar_message_has_ordering_key(message), 0);
    CHECK_TEXT(pulsar_message_get_orderingKey(message), "");
    CHECK_INT(pulsar_message_get_publish_timestamp(message), 0);
    CHECK_INT(pulsar_message_get_event_timestamp(message), 0);
    CHECK_TEXT(pulsar_message_get_topic_name(message), "");
    CHECK_INT(pulsar_message_get_redelivery_count(message), 0);
    CHECK_INT(pulsar_message_has_schema_version(message), 0);
    CHECK_TEXT(pulsar_message_get_schemaVersion(message), "");
    CHECK_TEXT(pulsar_message_get_producer_name(message), "");
    CHECK_TEXT(pulsar_message_get_replicated_from(message), NULL);
    CHECK_INT(pulsar_message_has_null_value(message), 0);
}

static void test_a_new_message_is_empty(void) {
    pulsar_message_t *message = pulsar_message_create();
    check_empty(message);
    check_id(message, "(-1,-1,-1,-1)");
    pulsar_string_map_t *properties = pulsar_message_get_properties(message);
    CHECK_INT(pulsar_string_map_size(properties), 0);
    pulsar_string_map_free(properties);
    pulsar_message_free(message);
}

static void test_content(void) {
    pulsar_message_t *message = pulsar_message_create();
    char bytes[] = "ab\0cd";
    pulsar_message_set_content(message, bytes, 5);
    memset(bytes, 'x', 5);
    CHECK_INT(pulsar_message_get_length(message), 5);
    CHECK(memcmp(pulsar_message_get_data(message), "ab\0cd", 5) == 0);
    CHECK(pulsar_message_get_data(message) == pulsar_message_get_data(message));
    pulsar_message_set_content(message, "again", 5);
    CHECK(memcmp(pulsar_message_get_data(message), "again", 5) == 0);
    pulsar_message_set_content(message, NULL, 5);
    CHECK_INT(pulsar_message_get_length(message), 0);
    pulsar_message_set_content(message, "x", 0);
    CHECK_INT(pulsar_message_get_length(message), 0);

    size_t size = 16 * 1024 * 1024;
    char *big = calloc(1, size);
    pulsar_message_set_content(message, big, size);
    free(big);
    CHECK_INT(pulsar_message_get_length(message), size);
    pulsar_message_free(message);
}

static void test_allocated_content_is_not_copied(void) {
    pulsar_message_t *message = pulsar_message_create(), *copy = pulsar_message_create();
    char *bytes = strdup("allocated");
    pulsar_message_set_allocated_content(message, bytes, 9);
    CHECK(pulsar_message_get_data(message) == bytes);
    CHECK_INT(pulsar_message_get_length(message), 9);
    pulsar_message_copy(message, copy);
    pulsar_message_free(message);
    CHECK(memcmp(pulsar_message_get_data(copy), "allocated", 9) == 0);
    pulsar_message_set_allocated_content(copy, NULL, 9);
    CHECK_INT(pulsar_message_get_length(copy), 0);
    pulsar_message_free(copy);
    free(bytes);
}

static void test_properties(void) {
    pulsar_message_t *message = pulsar_message_create();
    char value[] = "1";
    pulsar_message_set_property(message, "z", value);
    value[0] = 'x';
    pulsar_message_set_property(message, "a", "");
    pulsar_message_set_property(message, "z", "2");
    CHECK_INT(pulsar_message_has_property(message, "z"), 1);
    CHECK_TEXT(pulsar_message_get_property(message, "z"), "2");
    CHECK_INT(pulsar_message_has_property(message, "a"), 1);
    CHECK_TEXT(pulsar_message_get_property(message, "a"), "");
    CHECK_INT(pulsar_message_has_property(message, "b"), 0);
    pulsar_string_map_t *properties = pulsar_message_get_properties(message);
    pulsar_message_free(message);
    CHECK_INT(pulsar_string_map_size(properties), 2);
    CHECK_TEXT(pulsar_string_map_get_key(properties, 0), "a");
    CHECK_TEXT(pulsar_string_map_get(properties, "z"), "2");
    pulsar_string_map_free(properties);
}

/* A property asked for before is still there after another one was asked for. */
static void test_returned_strings_stay(void) {
    pulsar_message_t *message = pulsar_message_create();
    pulsar_message_set_property(message, "one", "first");
    pulsar_message_set_property(message, "two", "second");
    const char *first = pulsar_message_get_property(message, "one");
    const char *second = pulsar_message_get_property(message, "two");
    CHECK_TEXT(first, "first");
    CHECK_TEXT(second, "second");
    pulsar_message_free(message);
}

static void test_keys_and_times(void) {
    pulsar_message_t *message = pulsar_message_create();
    pulsar_message_set_partition_key(message, "");
    CHECK_INT(pulsar_message_has_partition_key(message), 1);
    pulsar_message_set_partition_key(message, "key");
    CHECK_TEXT(pulsar_message_get_partitionKey(message), "key");
    pulsar_message_set_ordering_key(message, "order");
    CHECK_INT(pulsar_message_has_ordering_key(message), 1);
    CHECK_TEXT(pulsar_message_get_orderingKey(message), "order");
    pulsar_message_set_event_timestamp(message, 1234567890123);
    CHECK_INT(pulsar_message_get_event_timestamp(message), 1234567890123);
    pulsar_message_set_null_value(message);
    CHECK_INT(pulsar_message_has_null_value(message), 1);
    pulsar_message_set_sequence_id(message, 5);
    pulsar_message_set_sequence_id(message, -5);
    pulsar_message_set_deliver_after(message, 10);
    pulsar_message_set_deliver_at(message, 0);
    pulsar_message_disable_replication(message, 1);
    pulsar_message_disable_replication(message, 0);
    pulsar_message_free(message);
}

static void test_replication_clusters(void) {
    pulsar_message_t *message = pulsar_message_create();
    const char *clusters[] = {"a", NULL, "b"};
    pulsar_message_set_replication_clusters(message, clusters, 3);
    pulsar_message_set_replication_clusters(message, clusters, 0);
    pulsar_message_set_replication_clusters(message, NULL, 0);
    pulsar_message_set_replication_clusters(message, NULL, 3);
    pulsar_message_free(message);
}

static void test_copies(void) {
    pulsar_message_t *from = pulsar_message_create(), *to = pulsar_message_create();
    pulsar_message_set_content(from, "content", 7);
    pulsar_message_set_property(from, "p", "v");
    pulsar_message_set_partition_key(from, "key");
    pulsar_message_set_property(to, "gone", "1");
    pulsar_message_copy(from, to);
    pulsar_message_set_property(from, "p", "changed");
    pulsar_message_free(from);
    CHECK_INT(pulsar_message_get_length(to), 7);
    CHECK_TEXT(pulsar_message_get_property(to, "p"), "v");
    CHECK_INT(pulsar_message_has_property(to, "gone"), 0);
    CHECK_TEXT(pulsar_message_get_partitionKey(to), "key");
    pulsar_message_copy(to, to);
    CHECK_TEXT(pulsar_message_get_property(to, "p"), "v");
    pulsar_message_copy(NULL, to);
    pulsar_message_copy(to, NULL);
    pulsar_message_copy(NULL, NULL);
    CHECK_INT(pulsar_message_get_length(to), 7);
    pulsar_message_free(to);
}

static void use_everything(pulsar_message_t *message) {
    pulsar_message_set_content(message, "x", 1);
    pulsar_message_set_allocated_content(message, "x", 1);
    pulsar_message_set_property(message, "p", "v");
    pulsar_message_set_partition_key(message, "k");
    pulsar_message_set_ordering_key(message, "k");
    pulsar_message_set_event_timestamp(message, 1);
    pulsar_message_set_sequence_id(message, 1);
    pulsar_message_set_deliver_after(message, 1);
    pulsar_message_set_deliver_at(message, 1);
    pulsar_message_set_replication_clusters(message, NULL, 0);
    pulsar_message_disable_replication(message, 1);
    pulsar_message_set_null_value(message);
    check_empty(message);
    CHECK(pulsar_message_get_message_id(message) == NULL);
    CHECK(pulsar_message_get_properties(message) == NULL);
    pulsar_message_free(message);
}

static void test_null_and_foreign_messages(void) {
    pulsar_string_map_t *map = pulsar_string_map_create();
    use_everything(NULL);
    use_everything((pulsar_message_t *)map);
    CHECK_INT(pulsar_string_map_size(map), 0);
    pulsar_string_map_free(map);
}

static void test_null_arguments(void) {
    pulsar_message_t *message = pulsar_message_create();
    pulsar_message_set_property(message, NULL, "v");
    pulsar_message_set_property(message, "p", NULL);
    CHECK_INT(pulsar_message_has_property(message, NULL), 0);
    CHECK_TEXT(pulsar_message_get_property(message, NULL), "");
    pulsar_message_set_partition_key(message, NULL);
    pulsar_message_set_ordering_key(message, NULL);
    pulsar_message_set_content(message, NULL, 0);
    pulsar_message_set_allocated_content(message, NULL, 0);
    check_empty(message);
    pulsar_message_free(message);
}

/* Bytes that are no UTF-8 are bytes all the same. */
static void test_any_bytes_in_strings(void) {
    pulsar_message_t *message = pulsar_message_create();
    pulsar_message_set_property(message, "\xff", "\xfe\x01");
    pulsar_message_set_partition_key(message, "\xc3");
    CHECK_INT(pulsar_message_has_property(message, "\xff"), 1);
    CHECK_TEXT(pulsar_message_get_property(message, "\xff"), "\xfe\x01");
    CHECK_TEXT(pulsar_message_get_partitionKey(message), "\xc3");
    pulsar_message_free(message);
}

CHECK_MAIN(TEST(test_a_new_message_is_empty), TEST(test_content), TEST(test_allocated_content_is_not_copied),
           TEST(test_properties), TEST(test_returned_strings_stay), TEST(test_keys_and_times),
           TEST(test_replication_clusters), TEST(test_copies), TEST(test_null_and_foreign_messages),
           TEST(test_null_arguments), TEST(test_any_bytes_in_strings))
