/* pulsar_rs/client_configuration.h: connections to each broker, and other clusters for when one is down. */
#include <pulsar_rs/client.h>
#include <pulsar_rs/client_configuration.h>
#include <pulsar_rs/test_broker.h>

#include "../check.h"
#include "../latch.h"
#include "../session.h"

#define MESSAGES 200

/* A client with a configuration, which is freed. */
static pulsar_client_t *open_with(const char *url, pulsar_client_configuration_t *conf) {
    pulsar_client_t *client = pulsar_client_create(url, conf);
    pulsar_client_configuration_free(conf);
    return client;
}

/* The client has no use: what creating a producer gives. */
static void check_refused(pulsar_client_configuration_t *conf, pulsar_result expected, int line) {
    pulsar_client_t *client = open_with("pulsar://127.0.0.1:1", conf);
    pulsar_producer_t *producer = NULL;
    check_result(pulsar_client_create_producer(client, "t", NULL, &producer), expected, "the client's use", __FILE__,
                 line);
    CHECK(pulsar_rs_client_service_url(client) == NULL);
    pulsar_client_free(client);
}

static void test_connections_per_broker(void) {
    pulsar_rs_test_broker_t *broker = pulsar_rs_test_broker_start(0);
    REQUIRE(broker != NULL);
    pulsar_client_configuration_t *conf = pulsar_client_configuration_create();
    CHECK_INT(pulsar_rs_client_configuration_get_connections_per_broker(conf), 1);
    pulsar_rs_client_configuration_set_connections_per_broker(conf, 4);
    CHECK_INT(pulsar_rs_client_configuration_get_connections_per_broker(conf), 4);
    pulsar_client_t *client = open_with(pulsar_rs_test_broker_url(broker), conf);
    pulsar_producer_t *producers[8];
    for (int i = 0; i < 8; i++) {
        producers[i] = open_producer(client, "t", (struct producer_options){0});
    }
    CHECK_INT(pulsar_rs_test_broker_drop_connections(broker), 4);
    for (int i = 0; i < 8; i++) {
        CHECK_OK(send_text(producers[i], "x"));
        end_producer(producers[i]);
    }
    end_client(client);
    pulsar_rs_test_broker_stop(broker);

    static const int wrong[] = {0, -1, 1001, INT32_MIN, INT32_MAX};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        conf = pulsar_client_configuration_create();
        pulsar_rs_client_configuration_set_connections_per_broker(conf, wrong[i]);
        check_refused(conf, pulsar_result_InvalidConfiguration, __LINE__);
    }
}

struct outcomes {
    struct latch called;
    atomic_int ok;
};

static void on_sent(pulsar_result result, pulsar_message_id_t *id, void *context) {
    struct outcomes *outcomes = context;
    pulsar_message_id_free(id);
    outcomes->ok += result == pulsar_result_Ok;
    latch_raise(&outcomes->called);
}

struct place {
    pulsar_client_t *client;
    char url[100];
};

static bool is_used(void *context) {
    struct place *place = context;
    char *url = pulsar_rs_client_service_url(place->client);
    bool used = url && strcmp(url, place->url) == 0;
    free(url);
    return used;
}

static pulsar_client_configuration_t *failover_to(const char *const *urls, size_t count) {
    pulsar_client_configuration_t *conf = pulsar_client_configuration_create();
    pulsar_rs_client_configuration_set_cluster_failover(conf, urls, count, 200, 200, 50);
    return conf;
}

/* A program that goes on sending while its cluster stops and comes back. */
static void test_cluster_failover(void) {
    pulsar_rs_test_broker_t *primary = pulsar_rs_test_broker_start(0);
    pulsar_rs_test_broker_t *secondary = pulsar_rs_test_broker_start(0);
    REQUIRE(primary != NULL && secondary != NULL);
    char primary_url[100];
    snprintf(primary_url, sizeof(primary_url), "%s", pulsar_rs_test_broker_url(primary));
    const char *const secondaries[] = {"pulsar://127.0.0.1:1", NULL, pulsar_rs_test_broker_url(secondary)};
    struct place place = {.client = open_with(primary_url, failover_to(secondaries, 3))};
    snprintf(place.url, sizeof(place.url), "%s", primary_url);
    CHECK(is_used(&place));
    struct producer_options options = {.max_pending = MESSAGES};
    pulsar_producer_t *producer = open_producer(place.client, "t", options);
    pulsar_consumer_t *consumer = open_consumer(place.client, "t", "s", (struct consumer_options){.acks_at_once = true});
    CHECK_OK(send_text(producer, "at home"));

    CHECK_OK(pulsar_rs_test_broker_withhold_receipts(primary, 1));
    struct outcomes outcomes = {.called = LATCH_INIT};
    for (int i = 0; i < MESSAGES; i++) {
        send_text_async(producer, "pending", on_sent, &outcomes);
    }
    pulsar_rs_test_broker_stop(primary);
    snprintf(place.url, sizeof(place.url), "%s", pulsar_rs_test_broker_url(secondary));
    CHECK(wait_until(is_used, &place, ANSWER_MS));
    CHECK(latch_wait(&outcomes.called, MESSAGES, ANSWER_MS));
    CHECK_INT(outcomes.ok, MESSAGES);
    CHECK_INT(pulsar_rs_test_broker_backlog(secondary, "t", "s") >= 0, 1);

    /* Back, with nothing in memory. */
    unsigned port = 0;
    CHECK_INT(sscanf(primary_url, "pulsar://127.0.0.1:%u", &port), 1);
    primary = pulsar_rs_test_broker_start((uint16_t)port);
    REQUIRE(primary != NULL);
    snprintf(place.url, sizeof(place.url), "%s", primary_url);
    CHECK(wait_until(is_used, &place, ANSWER_MS));
    CHECK_OK(send_text(producer, "back"));
    char text[40];
    for (;;) {
        pulsar_message_t *message = next_message(consumer, ANSWER_MS);
        REQUIRE(message != NULL);
        CHECK_OK(pulsar_consumer_acknowledge(consumer, message));
        bool last = strcmp(content(message, text, sizeof(text)), "back") == 0;
        pulsar_message_free(message);
        if (last) {
            break;
        }
    }
    end_consumer(consumer);
    end_producer(producer);
    end_client(place.client);
    pulsar_rs_test_broker_stop(primary);
    pulsar_rs_test_broker_stop(secondary);
}

/* Nobody is there: creating goes on until its timeout, and freeing does not wait for a look that is under way. */
static void test_all_clusters_down(void) {
    const char *const secondaries[] = {"pulsar://127.0.0.1:1"};
    pulsar_client_configuration_t *conf = failover_to(secondaries, 1);
    pulsar_client_configuration_set_operation_timeout_seconds(conf, 1);
    pulsar_client_t *client = open_with("pulsar://127.0.0.1:2", conf);
    pulsar_producer_t *producer = NULL;
    CHECK_RESULT(pulsar_client_create_producer(client, "t", NULL, &producer), pulsar_result_Timeout);
    long long start = now_ms();
    pulsar_client_free(client);
    CHECK_BETWEEN(now_ms() - start, 0, 1000 * check_patience());
}

static void test_wrong_failovers(void) {
    const char *const none[] = {NULL};
    const char *const malformed[] = {"pulsar://127.0.0.1:1", "nonsense"};
    const char *const not_text[] = {"pulsar://\xff\xfe"};
    const char *const good[] = {"pulsar://127.0.0.1:1"};
    check_refused(failover_to(none, 1), pulsar_result_InvalidConfiguration, __LINE__);
    check_refused(failover_to(malformed, 2), pulsar_result_InvalidUrl, __LINE__);
    check_refused(failover_to(not_text, 1), pulsar_result_InvalidUrl, __LINE__);
    pulsar_client_configuration_t *conf = failover_to(good, 1);
    pulsar_rs_client_configuration_set_cluster_failover(conf, good, 1, 0, 0, 0);
    check_refused(conf, pulsar_result_InvalidConfiguration, __LINE__);
    /* Taken back. */
    const struct {
        const char *const *urls;
        size_t count;
    } nothing[] = {{NULL, 3}, {good, 0}};
    for (size_t i = 0; i < 2; i++) {
        conf = failover_to(malformed, 2);
        pulsar_rs_client_configuration_set_cluster_failover(conf, nothing[i].urls, nothing[i].count, 0, 0, 0);
        pulsar_client_t *client = open_with(check_url, conf);
        struct place place = {.client = client};
        snprintf(place.url, sizeof(place.url), "%s", check_url);
        CHECK(is_used(&place));
        end_client(client);
    }
}

static void test_null_and_foreign(void) {
    const char *const urls[] = {"pulsar://127.0.0.1:1"};
    pulsar_message_t *message = pulsar_message_create();
    pulsar_client_configuration_t *foreign = (pulsar_client_configuration_t *)message;
    pulsar_rs_client_configuration_set_connections_per_broker(NULL, 2);
    pulsar_rs_client_configuration_set_connections_per_broker(foreign, 2);
    CHECK_INT(pulsar_rs_client_configuration_get_connections_per_broker(NULL), 1);
    CHECK_INT(pulsar_rs_client_configuration_get_connections_per_broker(foreign), 1);
    pulsar_rs_client_configuration_set_cluster_failover(NULL, urls, 1, 1, 1, 1);
    pulsar_rs_client_configuration_set_cluster_failover(foreign, urls, 1, 1, 1, 1);
    CHECK(pulsar_rs_client_service_url(NULL) == NULL);
    CHECK(pulsar_rs_client_service_url((pulsar_client_t *)message) == NULL);
    pulsar_message_free(message);
}

CHECK_MAIN(TEST(test_connections_per_broker), TEST(test_cluster_failover), TEST(test_all_clusters_down),
           TEST(test_wrong_failovers), TEST(test_null_and_foreign))
