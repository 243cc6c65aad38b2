/* pulsar_rs/reconnect.h: programs that say how long to wait before each attempt to come back. */
#include <pulsar_rs/reconnect.h>
#include <pulsar_rs/test_broker.h>

#include "../check.h"
#include "../session.h"

#define FULL_TOPIC "persistent://public/default/t"

struct policy {
    atomic_uint asked, wrong;
    uint32_t attempts; /* after so many it gives up */
};

static int64_t on_reconnect(const char *topic, uint32_t attempt, void *context) {
    struct policy *policy = context;
    policy->asked++;
    policy->wrong += strcmp(topic, FULL_TOPIC) != 0;
    return attempt < policy->attempts ? 1 : -1;
}

static pulsar_producer_t *producer_with(pulsar_client_t *client, struct policy *policy) {
    pulsar_producer_t *producer = NULL;
    pulsar_producer_configuration_t *conf = pulsar_producer_configuration_create();
    pulsar_rs_producer_configuration_set_reconnect_delay(conf, on_reconnect, policy);
    CHECK_OK(pulsar_client_create_producer(client, "t", conf, &producer));
    pulsar_producer_configuration_free(conf);
    return producer;
}

static void test_policies_are_asked_for_each_loss(void) {
    pulsar_rs_test_broker_t *broker = pulsar_rs_test_broker_start(0);
    REQUIRE(broker != NULL);
    pulsar_client_t *client = open_client_for(pulsar_rs_test_broker_url(broker), 5);
    struct policy policies[3] = {{.attempts = 100}, {.attempts = 100}, {.attempts = 100}};
    pulsar_producer_t *producer = producer_with(client, &policies[0]);

    pulsar_consumer_configuration_t *consumer_conf = pulsar_consumer_configuration_create();
    pulsar_rs_consumer_configuration_set_reconnect_delay(consumer_conf, on_reconnect, &policies[1]);
    pulsar_consumer_t *consumer = NULL;
    CHECK_OK(pulsar_client_subscribe(client, "t", "s", consumer_conf, &consumer));
    pulsar_consumer_configuration_free(consumer_conf);

    pulsar_reader_configuration_t *reader_conf = pulsar_reader_configuration_create();
    pulsar_rs_reader_configuration_set_reconnect_delay(reader_conf, on_reconnect, &policies[2]);
    pulsar_reader_t *reader = NULL;
    CHECK_OK(pulsar_client_create_reader(client, "t", pulsar_message_id_earliest(), reader_conf, &reader));
    pulsar_reader_configuration_free(reader_conf);

    for (unsigned loss = 1; loss <= 2; loss++) {
        CHECK_INT(pulsar_rs_test_broker_drop_connections(broker), 1);
        CHECK_OK(send_text(producer, "x"));
        pulsar_message_t *message = next_message(consumer, ANSWER_MS);
        REQUIRE(message != NULL);
        pulsar_message_free(message);
        CHECK_OK(pulsar_reader_read_next_with_timeout(reader, &message, ANSWER_MS));
        pulsar_message_free(message);
        for (int i = 0; i < 3; i++) {
            CHECK(policies[i].asked >= loss);
            CHECK_INT(policies[i].wrong, 0);
        }
    }
    pulsar_reader_close(reader);
    pulsar_reader_free(reader);
    end_consumer(consumer);
    end_producer(producer);
    end_client(client);
    pulsar_rs_test_broker_stop(broker);
}

static void test_a_producer_gives_up(void) {
    pulsar_rs_test_broker_t *broker = pulsar_rs_test_broker_start(0);
    REQUIRE(broker != NULL);
    pulsar_client_t *client = open_client_for(pulsar_rs_test_broker_url(broker), 5);
    struct policy never = {.attempts = 0};
    pulsar_producer_t *producer = producer_with(client, &never);
    CHECK_OK(send_text(producer, "stored"));
    CHECK_INT(pulsar_rs_test_broker_drop_connections(broker), 1);
    CHECK_RESULT(send_text(producer, "lost"), pulsar_result_NotConnected);
    CHECK_INT(never.asked, 1);
    end_producer(producer);
    end_client(client);
    pulsar_rs_test_broker_stop(broker);
}

static void test_nothing_to_ask(void) {
    pulsar_rs_producer_configuration_set_reconnect_delay(NULL, on_reconnect, NULL);
    pulsar_rs_consumer_configuration_set_reconnect_delay(NULL, on_reconnect, NULL);
    pulsar_rs_reader_configuration_set_reconnect_delay(NULL, NULL, NULL);
    pulsar_rs_test_broker_t *broker = pulsar_rs_test_broker_start(0);
    REQUIRE(broker != NULL);
    pulsar_client_t *client = open_client_for(pulsar_rs_test_broker_url(broker), 5);
    struct policy policy = {.attempts = 0};
    pulsar_producer_configuration_t *conf = pulsar_producer_configuration_create();
    pulsar_rs_producer_configuration_set_reconnect_delay(conf, on_reconnect, &policy);
    pulsar_rs_producer_configuration_set_reconnect_delay(conf, NULL, NULL);
    pulsar_producer_t *producer = NULL;
    CHECK_OK(pulsar_client_create_producer(client, "t", conf, &producer));
    pulsar_producer_configuration_free(conf);
    CHECK_INT(pulsar_rs_test_broker_drop_connections(broker), 1);
    CHECK_OK(send_text(producer, "x"));
    CHECK_INT(policy.asked, 0);
    end_producer(producer);
    end_client(client);
    pulsar_rs_test_broker_stop(broker);
}

CHECK_MAIN(TEST(test_policies_are_asked_for_each_loss), TEST(test_a_producer_gives_up), TEST(test_nothing_to_ask))
