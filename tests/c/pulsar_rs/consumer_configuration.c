/* pulsar_rs/consumer_configuration.h: what the established API cannot set. */
#include <pulsar_rs/consumer_configuration.h>

#include "../check.h"
#include "../latch.h"
#include "../session.h"

static pulsar_consumer_configuration_t *configuration(pulsar_consumer_type type) {
    return consumer_configuration((struct consumer_options){.type = type});
}

static pulsar_result try_with(pulsar_client_t *client, const char *topic, pulsar_consumer_configuration_t *conf,
                              pulsar_consumer_t **consumer) {
    pulsar_result result = pulsar_client_subscribe(client, topic, "s", conf, consumer);
    pulsar_consumer_configuration_free(conf);
    return result;
}

static pulsar_consumer_t *open_with(pulsar_client_t *client, const char *topic, pulsar_consumer_configuration_t *conf) {
    pulsar_consumer_t *consumer = NULL;
    must(try_with(client, topic, conf, &consumer), "subscribe to", topic);
    return consumer;
}

static void test_defaults_and_what_is_set(void) {
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();
    CHECK_INT(pulsar_rs_consumer_configuration_get_replicate_subscription_state(conf), 0);
    CHECK_INT(pulsar_rs_consumer_configuration_get_allow_out_of_order_delivery(conf), 0);
    CHECK_INT(pulsar_rs_consumer_configuration_get_auto_scaled_receiver_queue(conf), 0);
    CHECK_INT(pulsar_rs_consumer_configuration_get_pattern_discovery_interval_ms(conf), 60000);
    CHECK_INT(pulsar_rs_consumer_configuration_get_chunk_expiry_ms(conf), 60000);
    pulsar_rs_consumer_configuration_set_replicate_subscription_state(conf, -1);
    pulsar_rs_consumer_configuration_set_allow_out_of_order_delivery(conf, 2);
    pulsar_rs_consumer_configuration_set_auto_scaled_receiver_queue(conf, 3);
    pulsar_rs_consumer_configuration_set_pattern_discovery_interval_ms(conf, 17);
    pulsar_rs_consumer_configuration_set_chunk_expiry_ms(conf, 0);
    CHECK_INT(pulsar_rs_consumer_configuration_get_replicate_subscription_state(conf), 1);
    CHECK_INT(pulsar_rs_consumer_configuration_get_allow_out_of_order_delivery(conf), 1);
    CHECK_INT(pulsar_rs_consumer_configuration_get_auto_scaled_receiver_queue(conf), 1);
    CHECK_INT(pulsar_rs_consumer_configuration_get_pattern_discovery_interval_ms(conf), 17);
    CHECK_INT(pulsar_rs_consumer_configuration_get_chunk_expiry_ms(conf), 0);
    pulsar_consumer_configuration_free(conf);
}

static void ignore_event(const char *topic, int partition, int is_active, void *context) {
    (void)topic, (void)partition, (void)is_active, (void)context;
}

static void test_null_and_foreign(void) {
    static const int bounds[] = {0, 1};
    pulsar_message_t *message = pulsar_message_create();
    pulsar_consumer_configuration_t *wrong[] = {NULL, (pulsar_consumer_configuration_t *)message};
    for (int i = 0; i < 2; i++) {
        pulsar_rs_consumer_configuration_set_subscription_property(wrong[i], "a", "b");
        pulsar_rs_consumer_configuration_set_replicate_subscription_state(wrong[i], 1);
        pulsar_rs_consumer_configuration_set_sticky_hash_ranges(wrong[i], bounds, 1);
        pulsar_rs_consumer_configuration_set_allow_out_of_order_delivery(wrong[i], 1);
        pulsar_rs_consumer_configuration_set_auto_scaled_receiver_queue(wrong[i], 1);
        pulsar_rs_consumer_configuration_set_pattern_discovery_interval_ms(wrong[i], 1);
        pulsar_rs_consumer_configuration_set_chunk_expiry_ms(wrong[i], 1);
        pulsar_rs_consumer_configuration_set_event_listener(wrong[i], ignore_event, NULL);
        CHECK_INT(pulsar_rs_consumer_configuration_get_replicate_subscription_state(wrong[i]), 0);
        CHECK_INT(pulsar_rs_consumer_configuration_get_allow_out_of_order_delivery(wrong[i]), 0);
        CHECK_INT(pulsar_rs_consumer_configuration_get_auto_scaled_receiver_queue(wrong[i]), 0);
        CHECK_INT(pulsar_rs_consumer_configuration_get_pattern_discovery_interval_ms(wrong[i]), 60000);
        CHECK_INT(pulsar_rs_consumer_configuration_get_chunk_expiry_ms(wrong[i]), 60000);
    }
    CHECK_INT(pulsar_message_get_length(message), 0);
    pulsar_message_free(message);
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();
    pulsar_rs_consumer_configuration_set_subscription_property(conf, NULL, "b");
    pulsar_rs_consumer_configuration_set_subscription_property(conf, "a", NULL);
    pulsar_rs_consumer_configuration_set_event_listener(conf, NULL, NULL);
    pulsar_rs_consumer_configuration_set_sticky_hash_ranges(conf, NULL, 9);
    pulsar_client_t *client = open_client(check_url);
    char topic[TOPIC_SIZE];
    end_consumer(open_with(client, unique_topic(topic, "rs-conf-null"), conf));
    end_client(client);
}

static void test_values_that_make_no_sense(void) {
    static const int ranges[][4] = {{-1, 5, 6, 7}, {0, 65536, 1, 2}, {7, 6, 8, 9}, {0, 10, 10, 20}};
    char topic[TOPIC_SIZE];
    unique_topic(topic, "rs-conf-wrong");
    pulsar_client_t *client = open_client(check_url);
    pulsar_consumer_t *consumer = NULL;
    for (int i = 0; i < 4; i++) {
        pulsar_consumer_configuration_t *conf = configuration(pulsar_ConsumerKeyShared);
        pulsar_rs_consumer_configuration_set_sticky_hash_ranges(conf, ranges[i], 2);
        CHECK_RESULT(try_with(client, topic, conf, &consumer), pulsar_result_InvalidConfiguration);
    }
    pulsar_consumer_configuration_t *conf = configuration(pulsar_ConsumerShared);
    pulsar_rs_consumer_configuration_set_allow_out_of_order_delivery(conf, 1);
    CHECK_RESULT(try_with(client, topic, conf, &consumer), pulsar_result_InvalidConfiguration);
    conf = configuration(pulsar_ConsumerExclusive);
    pulsar_rs_consumer_configuration_set_subscription_property(conf, "a", "\xff");
    CHECK_RESULT(try_with(client, topic, conf, &consumer), pulsar_result_InvalidConfiguration);
    conf = configuration(pulsar_ConsumerExclusive);
    pulsar_consumer_configuration_set_receiver_queue_size(conf, 0);
    pulsar_rs_consumer_configuration_set_auto_scaled_receiver_queue(conf, 1);
    CHECK_RESULT(try_with(client, topic, conf, &consumer), pulsar_result_InvalidConfiguration);
    CHECK(consumer == NULL);
    end_client(client);
}

static void send_keys(pulsar_client_t *client, const char *topic, int count) {
    pulsar_producer_t *producer = open_producer(client, topic, (struct producer_options){0});
    for (int i = 0; i < count; i++) {
        char key[16];
        snprintf(key, sizeof(key), "key-%d", i);
        pulsar_message_t *message = text_message(key);
        pulsar_message_set_partition_key(message, key);
        CHECK_OK(pulsar_producer_send(producer, message));
        pulsar_message_free(message);
    }
    end_producer(producer);
}

/* How many messages come until none does for a while. */
static int count_messages(pulsar_consumer_t *consumer) {
    int count = 0;
    pulsar_message_t *message;
    while ((message = next_message(consumer, SILENCE_MS))) {
        pulsar_consumer_acknowledge(consumer, message);
        pulsar_message_free(message);
        count++;
    }
    return count;
}

static void test_sticky_hash_ranges(void) {
    static const int low[] = {0, 9999, 20000, 32767}, high[] = {10000, 19999, 32768, 65535}, taken[] = {5000, 5000};
    char topic[TOPIC_SIZE];
    unique_topic(topic, "rs-conf-sticky");
    pulsar_client_t *client = open_client(check_url);
    pulsar_consumer_configuration_t *conf = configuration(pulsar_ConsumerKeyShared);
    pulsar_rs_consumer_configuration_set_sticky_hash_ranges(conf, low, 2);
    pulsar_consumer_t *first = open_with(client, topic, conf), *third = NULL;
    conf = configuration(pulsar_ConsumerKeyShared);
    pulsar_rs_consumer_configuration_set_sticky_hash_ranges(conf, high, 2);
    pulsar_consumer_t *second = open_with(client, topic, conf);
    conf = configuration(pulsar_ConsumerKeyShared);
    pulsar_rs_consumer_configuration_set_sticky_hash_ranges(conf, taken, 1);
    CHECK_RESULT(try_with(client, topic, conf, &third), pulsar_result_ConsumerAssignError);
    send_keys(client, topic, 20);
    int counts[] = {count_messages(first), count_messages(second)};
    CHECK_INT(counts[0] + counts[1], 20);
    CHECK(counts[0] > 0 && counts[1] > 0);
    end_consumer(first);
    end_consumer(second);
    end_client(client);
}

static void test_a_queue_that_adapts(void) {
    char topic[TOPIC_SIZE];
    unique_topic(topic, "rs-conf-scaled");
    pulsar_client_t *client = open_client(check_url);
    send_keys(client, topic, 50);
    pulsar_consumer_configuration_t *conf = configuration(pulsar_ConsumerShared);
    pulsar_rs_consumer_configuration_set_auto_scaled_receiver_queue(conf, 1);
    pulsar_consumer_t *idle = open_with(client, topic, conf);
    pulsar_consumer_t *busy = open_consumer(client, topic, "s", (struct consumer_options){.type = pulsar_ConsumerShared});
    /* One that takes nothing has fetched one message ahead. */
    CHECK_INT(count_messages(busy), 49);
    CHECK_INT(count_messages(idle), 1);
    end_consumer(idle);
    end_consumer(busy);
    end_client(client);
}

struct served {
    pthread_mutex_t lock;
    const char *topic;
    int is_active; /* as told last; -1: not told */
    int wrong;
    pulsar_consumer_t *consumer;
};

static void hear(const char *topic, int partition, int is_active, void *context) {
    struct served *served = context;
    pthread_mutex_lock(&served->lock);
    served->wrong += strcmp(topic, served->topic) != 0 || partition != -1;
    served->is_active = is_active;
    pulsar_consumer_t *consumer = served->consumer;
    pthread_mutex_unlock(&served->lock);
    /* It may call anything. */
    if (consumer) {
        pulsar_consumer_is_connected(consumer);
    }
}

static int told(struct served *served) {
    pthread_mutex_lock(&served->lock);
    int is_active = served->is_active;
    pthread_mutex_unlock(&served->lock);
    return is_active;
}

static bool is_served(void *served) {
    return told(served) == 1;
}

static bool one_is_served(void *pair) {
    struct served *served = pair;
    int first = told(&served[0]), second = told(&served[1]);
    return first >= 0 && second >= 0 && first != second;
}

static void test_event_listener(void) {
    char topic[TOPIC_SIZE];
    unique_topic(topic, "rs-conf-events");
    pulsar_client_t *client = open_client(check_url);
    struct served served[2];
    for (int i = 0; i < 2; i++) {
        served[i] = (struct served){.lock = PTHREAD_MUTEX_INITIALIZER, .topic = topic, .is_active = -1};
        pulsar_consumer_configuration_t *conf = configuration(pulsar_ConsumerFailover);
        pulsar_rs_consumer_configuration_set_event_listener(conf, hear, &served[i]);
        pulsar_consumer_t *consumer = open_with(client, topic, conf);
        pthread_mutex_lock(&served[i].lock);
        served[i].consumer = consumer;
        pthread_mutex_unlock(&served[i].lock);
    }
    CHECK(wait_until(one_is_served, served, ANSWER_MS));
    int active = told(&served[0]) == 1 ? 0 : 1;
    CHECK_OK(pulsar_consumer_close(served[active].consumer));
    CHECK(wait_until(is_served, &served[1 - active], ANSWER_MS));
    /* The closed one hears no more. */
    CHECK_INT(told(&served[active]), 1);
    CHECK_OK(pulsar_consumer_close(served[1 - active].consumer));
    end_client(client);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(served[i].wrong, 0);
        pulsar_consumer_free(served[i].consumer);
    }
}

static void test_acks_and_letters(void) {
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();
    for (int value = 0; value < 3; value++) {
        CHECK_INT(pulsar_rs_consumer_configuration_is_ack_receipt_enabled(conf), value != 0);
        CHECK_INT(pulsar_rs_consumer_configuration_is_retry_enabled(conf), value != 0);
        pulsar_rs_consumer_configuration_set_ack_receipt_enabled(conf, value + 1);
        pulsar_rs_consumer_configuration_set_retry_enabled(conf, value + 1);
    }
    pulsar_consumer_configuration_free(conf);
}

static pulsar_result subscribe(pulsar_client_t *client, pulsar_consumer_configuration_t *conf) {
    char topic[TOPIC_SIZE];
    pulsar_consumer_t *consumer = NULL;
    pulsar_result result = pulsar_client_subscribe(client, unique_topic(topic, "conf"), "s", conf, &consumer);
    pulsar_consumer_free(consumer);
    pulsar_consumer_configuration_free(conf);
    return result;
}

static void test_backoffs_that_make_no_sense(void) {
    pulsar_client_t *client = open_client(check_url);
    static const struct {
        uint64_t min_ms, max_ms;
        double multiplier;
        pulsar_result result;
    } backoffs[] = {
        {1000, 60000, 2, pulsar_result_Ok},
        {UINT64_MAX, UINT64_MAX, 1e300, pulsar_result_Ok},
        {1000, 999, 2, pulsar_result_InvalidConfiguration},
        {1000, 60000, 0.9, pulsar_result_InvalidConfiguration},
        {1000, 60000, -__builtin_nan(""), pulsar_result_InvalidConfiguration},
        {1000, 60000, __builtin_inf(), pulsar_result_InvalidConfiguration},
    };
    for (size_t i = 0; i < sizeof(backoffs) / sizeof(backoffs[0]); i++) {
        pulsar_consumer_configuration_t *conf = configuration(pulsar_ConsumerShared);
        pulsar_rs_consumer_configuration_set_negative_ack_backoff(conf, backoffs[i].min_ms, backoffs[i].max_ms,
                                                                  backoffs[i].multiplier);
        CHECK_RESULT(subscribe(client, conf), backoffs[i].result);
        conf = configuration(pulsar_ConsumerShared);
        pulsar_rs_consumer_configuration_set_ack_timeout_backoff(conf, backoffs[i].min_ms, backoffs[i].max_ms,
                                                                 backoffs[i].multiplier);
        CHECK_RESULT(subscribe(client, conf), backoffs[i].result);
    }
    pulsar_consumer_configuration_t *conf = configuration(pulsar_ConsumerShared);
    pulsar_rs_consumer_configuration_set_retry_enabled(conf, 1);
    pulsar_rs_consumer_configuration_set_retry_letter_topic(conf, "no://such/name");
    CHECK_RESULT(subscribe(client, conf), pulsar_result_InvalidTopicName);
    conf = configuration(pulsar_ConsumerShared);
    pulsar_rs_consumer_configuration_set_retry_enabled(conf, 1);
    pulsar_rs_consumer_configuration_set_retry_letter_topic(conf, "\xff");
    CHECK_RESULT(subscribe(client, conf), pulsar_result_InvalidConfiguration);
    end_client(client);
}

static void use_everything(pulsar_consumer_configuration_t *conf) {
    pulsar_rs_consumer_configuration_set_ack_receipt_enabled(conf, 1);
    CHECK_INT(pulsar_rs_consumer_configuration_is_ack_receipt_enabled(conf), 0);
    pulsar_rs_consumer_configuration_set_negative_ack_backoff(conf, 1, 2, 3);
    pulsar_rs_consumer_configuration_set_ack_timeout_backoff(conf, 1, 2, 3);
    pulsar_rs_consumer_configuration_set_retry_enabled(conf, 1);
    CHECK_INT(pulsar_rs_consumer_configuration_is_retry_enabled(conf), 0);
    pulsar_rs_consumer_configuration_set_retry_letter_topic(conf, "t");
}

static void test_acks_and_letters_of_no_configuration(void) {
    pulsar_message_t *message = pulsar_message_create();
    use_everything(NULL);
    use_everything((pulsar_consumer_configuration_t *)message);
    pulsar_message_free(message);
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();
    pulsar_rs_consumer_configuration_set_retry_letter_topic(conf, NULL);
    pulsar_consumer_configuration_free(conf);
}

CHECK_MAIN(TEST(test_defaults_and_what_is_set), TEST(test_null_and_foreign), TEST(test_values_that_make_no_sense),
           TEST(test_sticky_hash_ranges), TEST(test_a_queue_that_adapts), TEST(test_event_listener), TEST(test_acks_and_letters),
           TEST(test_backoffs_that_make_no_sense), TEST(test_acks_and_letters_of_no_configuration))
