/* pulsar/c/table_view_configuration.h */
#include <pulsar/c/table_view_configuration.h>

#include "check.h"
#include "session.h"

static void test_defaults_and_what_is_set(void) {
    pulsar_table_view_configuration_t *conf = pulsar_table_view_configuration_create();
    REQUIRE(conf != NULL);
    CHECK_TEXT(pulsar_table_view_configuration_get_subscription_name(conf), "");
    pulsar_table_view_configuration_set_subscription_name(conf, "name");
    CHECK_TEXT(pulsar_table_view_configuration_get_subscription_name(conf), "name");
    pulsar_table_view_configuration_set_subscription_name(conf, NULL);
    CHECK_TEXT(pulsar_table_view_configuration_get_subscription_name(conf), "name");
    pulsar_table_view_configuration_free(conf);
}

static void test_null(void) {
    pulsar_table_view_configuration_set_subscription_name(NULL, "name");
    pulsar_table_view_configuration_set_schema_info(NULL, pulsar_String, "name", "", NULL);
    CHECK_TEXT(pulsar_table_view_configuration_get_subscription_name(NULL), "");
    pulsar_table_view_configuration_free(NULL);
}

/* A view that wants another schema than the topic has. */
static void test_a_schema_that_does_not_fit(void) {
    pulsar_client_t *client = open_client(check_url);
    char topic[TOPIC_SIZE];
    pulsar_producer_configuration_t *producing = pulsar_producer_configuration_create();
    pulsar_producer_configuration_set_schema_info(producing, pulsar_Int64, "number", "", NULL);
    pulsar_producer_t *producer = NULL;
    REQUIRE_OK(pulsar_client_create_producer(client, unique_topic(topic, "schema"), producing, &producer));
    pulsar_table_view_configuration_t *conf = pulsar_table_view_configuration_create();
    pulsar_table_view_t *view = NULL;
    pulsar_table_view_configuration_set_schema_info(conf, pulsar_String, "text", NULL, NULL);
    CHECK_RESULT(pulsar_client_create_table_view(client, topic, conf, &view), pulsar_result_IncompatibleSchema);
    CHECK(view == NULL);
    pulsar_table_view_configuration_set_schema_info(conf, pulsar_Int64, "number", NULL, NULL);
    pulsar_table_view_configuration_set_schema_info(conf, (pulsar_schema_type)12345, "nothing", NULL, NULL);
    CHECK_OK(pulsar_client_create_table_view(client, topic, conf, &view));
    pulsar_table_view_free(view);
    pulsar_table_view_configuration_free(conf);
    pulsar_producer_configuration_free(producing);
    end_producer(producer);
    end_client(client);
}

CHECK_MAIN(TEST(test_defaults_and_what_is_set), TEST(test_null), TEST(test_a_schema_that_does_not_fit))
