/* pulsar_rs/schema.h: the schemas of topics and of messages. */
#include <pulsar/c/string_map.h>
#include <pulsar_rs/schema.h>

#include "../check.h"
#include "../latch.h"
#include "../session.h"

static const char record[] = "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"}]}";

static void send_with_schema(pulsar_client_t *client, const char *topic) {
    pulsar_producer_configuration_t *conf = pulsar_producer_configuration_create();
    pulsar_string_map_t *properties = pulsar_string_map_create();
    pulsar_string_map_put(properties, "origin", "test");
    pulsar_producer_configuration_set_schema_info(conf, pulsar_Avro, "record", record, properties);
    pulsar_string_map_free(properties);
    pulsar_producer_t *producer = NULL;
    REQUIRE_OK(pulsar_client_create_producer(client, topic, conf, &producer));
    pulsar_producer_configuration_free(conf);
    CHECK_OK(send_text(producer, "x"));
    end_producer(producer);
}

static void check_record(pulsar_rs_schema_t *schema) {
    size_t len = 0;
    REQUIRE(schema != NULL);
    CHECK_INT(pulsar_rs_schema_type(schema), pulsar_Avro);
    CHECK(strstr(pulsar_rs_schema_name(schema), "public/default/") != NULL);
    const void *definition = pulsar_rs_schema_definition(schema, &len);
    CHECK(len == strlen(record) && memcmp(definition, record, len) == 0);
    CHECK(pulsar_rs_schema_definition(schema, NULL) == definition);
    CHECK(pulsar_rs_schema_version(schema, &len) != NULL);
    CHECK_INT(len, 8);
    pulsar_string_map_t *properties = pulsar_rs_schema_properties(schema);
    CHECK_TEXT(pulsar_string_map_get(properties, "origin"), "test");
    pulsar_string_map_free(properties);
    pulsar_rs_schema_free(schema);
}

struct outcome {
    struct latch called;
    pulsar_result result;
    pulsar_rs_schema_t *schema;
};

static void on_schema(pulsar_result result, pulsar_rs_schema_t *schema, void *context) {
    struct outcome *outcome = context;
    outcome->result = result;
    outcome->schema = schema;
    latch_raise(&outcome->called);
}

static pulsar_result ask_async(pulsar_consumer_t *consumer, const void *version, size_t len,
                               pulsar_rs_schema_t **schema) {
    struct outcome outcome = {.called = LATCH_INIT};
    pulsar_rs_consumer_get_schema_async(consumer, version, len, on_schema, &outcome);
    REQUIRE(latch_wait(&outcome.called, 1, ANSWER_MS));
    *schema = outcome.schema;
    return outcome.result;
}

static void test_schemas_of_topics_and_messages(void) {
    char topic[TOPIC_SIZE];
    pulsar_client_t *client = open_client(check_url);
    pulsar_consumer_t *consumer = open_consumer(client, unique_topic(topic, "rs-schema"), "s",
                                                (struct consumer_options){0});
    pulsar_rs_schema_t *schema = NULL;
    CHECK_RESULT(pulsar_rs_consumer_get_schema(consumer, NULL, 0, &schema), pulsar_result_TopicNotFound);
    CHECK_RESULT(ask_async(consumer, NULL, 0, &schema), pulsar_result_TopicNotFound);
    CHECK(schema == NULL);
    pulsar_producer_t *producer = open_producer(client, topic, (struct producer_options){0});
    CHECK_OK(send_text(producer, "plain"));
    end_producer(producer);
    send_with_schema(client, topic);
    CHECK_OK(pulsar_rs_consumer_get_schema(consumer, NULL, 0, &schema));
    check_record(schema);
    CHECK_OK(ask_async(consumer, NULL, 0, &schema));
    check_record(schema);

    pulsar_message_t *message = next_message(consumer, ANSWER_MS);
    schema = (pulsar_rs_schema_t *)message;
    CHECK_OK(pulsar_rs_consumer_get_message_schema(consumer, message, &schema));
    CHECK(schema == NULL);
    pulsar_message_free(message);
    message = next_message(consumer, ANSWER_MS);
    CHECK_OK(pulsar_rs_consumer_get_message_schema(consumer, message, &schema));
    check_record(schema);
    CHECK_INT(pulsar_message_has_schema_version(message), 1);
    CHECK_OK(pulsar_rs_consumer_get_schema(consumer, pulsar_message_get_schemaVersion(message), 8, &schema));
    check_record(schema);
    pulsar_message_free(message);

    pulsar_consumer_close(consumer);
    schema = NULL;
    CHECK_RESULT(pulsar_rs_consumer_get_schema(consumer, NULL, 0, &schema), pulsar_result_AlreadyClosed);
    CHECK_RESULT(ask_async(consumer, NULL, 0, &schema), pulsar_result_AlreadyClosed);
    CHECK(schema == NULL);
    pulsar_consumer_free(consumer);
    end_client(client);
}

static void test_null_and_foreign(void) {
    size_t len = 9;
    char topic[TOPIC_SIZE];
    pulsar_message_t *made = text_message("made");
    pulsar_rs_schema_t *schema = NULL, *wrong[] = {NULL, (pulsar_rs_schema_t *)made};
    for (int i = 0; i < 2; i++) {
        CHECK_INT(pulsar_rs_schema_type(wrong[i]), 0);
        CHECK_TEXT(pulsar_rs_schema_name(wrong[i]), "");
        CHECK(pulsar_rs_schema_definition(wrong[i], &len) == NULL);
        CHECK_INT(len, 0);
        CHECK(pulsar_rs_schema_version(wrong[i], NULL) == NULL);
        CHECK(pulsar_rs_schema_properties(wrong[i]) == NULL);
        pulsar_rs_schema_free(wrong[i]);
    }
    CHECK_RESULT(pulsar_rs_consumer_get_schema(NULL, NULL, 0, &schema), pulsar_result_ConsumerNotInitialized);
    CHECK_RESULT(ask_async(NULL, NULL, 0, &schema), pulsar_result_ConsumerNotInitialized);
    pulsar_rs_consumer_get_schema_async(NULL, NULL, 0, NULL, NULL);
    pulsar_client_t *client = open_client(check_url);
    pulsar_consumer_t *consumer = open_consumer(client, unique_topic(topic, "rs-schema-null"), "s",
                                                (struct consumer_options){0});
    CHECK_RESULT(pulsar_rs_consumer_get_schema(consumer, NULL, 0, NULL), pulsar_result_InvalidConfiguration);
    CHECK_RESULT(pulsar_rs_consumer_get_message_schema(consumer, NULL, &schema), pulsar_result_InvalidMessage);
    CHECK_RESULT(pulsar_rs_consumer_get_message_schema(consumer, made, &schema), pulsar_result_InvalidMessage);
    CHECK(schema == NULL);
    pulsar_message_free(made);
    end_consumer(consumer);
    end_client(client);
}

CHECK_MAIN(TEST(test_schemas_of_topics_and_messages), TEST(test_null_and_foreign))
