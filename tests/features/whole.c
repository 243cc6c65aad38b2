/* The whole library beside one without features: `whole send URL` sends a message with LZ4, which the other cannot read;
 * `whole take URL` receives it from the same subscription afterwards. */
#include <pulsar_rs.h>

#include "../c/check.h"

static const char topic[] = "left-out-lz4";
static pulsar_client_t *client;
static pulsar_consumer_t *consumer;

static void subscribe(void) {
    client = pulsar_client_create(check_url, NULL);
    REQUIRE_OK(pulsar_client_subscribe(client, topic, "left-out", NULL, &consumer));
}

static void end(void) {
    pulsar_consumer_free(consumer);
    CHECK_OK(pulsar_client_close(client));
    pulsar_client_free(client);
}

static void test_send(void) {
    subscribe();
    pulsar_producer_configuration_t *configuration = pulsar_producer_configuration_create();
    pulsar_producer_configuration_set_compression_type(configuration, pulsar_CompressionLZ4);
    pulsar_producer_t *producer = NULL;
    REQUIRE_OK(pulsar_client_create_producer(client, topic, configuration, &producer));
    pulsar_message_t *message = pulsar_message_create();
    pulsar_message_set_content(message, "hello", 5);
    CHECK_OK(pulsar_producer_send(producer, message));
    pulsar_message_free(message);
    pulsar_producer_free(producer);
    pulsar_producer_configuration_free(configuration);
    end();
}

static void test_take(void) {
    subscribe();
    pulsar_message_t *message = NULL;
    REQUIRE_OK(pulsar_consumer_receive_with_timeout(consumer, &message, 10000));
    CHECK_INT(pulsar_message_get_length(message), 5);
    CHECK_OK(pulsar_consumer_acknowledge(consumer, message));
    pulsar_message_free(message);
    end();
}

CHECK_MAIN(TEST(test_send), TEST(test_take))
