/* pulsar_rs/message.h: what received messages tell beyond the established API. */
#include <pulsar_rs/message.h>
#include <pulsar_rs/test_broker.h>

#include "../check.h"
#include "../session.h"

static unsigned long long clock_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (unsigned long long)now.tv_sec * 1000 + (unsigned long long)now.tv_nsec / 1000000;
}

static void test_what_the_broker_notes(void) {
    pulsar_rs_test_broker_t *broker = pulsar_rs_test_broker_start(0);
    REQUIRE(broker != NULL);
    pulsar_client_t *client = open_client(pulsar_rs_test_broker_url(broker));
    pulsar_consumer_t *consumer = open_consumer(client, "noted", "s", (struct consumer_options){0});
    struct producer_options gathers = {.batching = true, .batch_messages = 3, .batch_delay_ms = 10000};
    pulsar_producer_t *producer = open_producer(client, "noted", gathers);
    CHECK_OK(send_numbered(producer, 1));
    CHECK_OK(pulsar_rs_test_broker_set_entry_metadata(broker, 1));
    unsigned long long before = clock_ms();
    CHECK_OK(send_numbered(producer, 6));
    unsigned long long after = clock_ms();
    uint64_t first = 0;
    for (int i = -1; i < 6; i++) {
        uint64_t index = 99, time = 99;
        pulsar_message_t *message = next_message(consumer, ANSWER_MS);
        REQUIRE(message != NULL);
        CHECK_INT(pulsar_rs_message_get_index(message, &index), i >= 0);
        CHECK_INT(pulsar_rs_message_get_broker_publish_timestamp(message, &time), i >= 0);
        CHECK_INT(pulsar_rs_message_get_index(message, NULL), i >= 0);
        if (i < 0) {
            /* Nothing is written. */
            CHECK_INT(index, 99);
            CHECK_INT(time, 99);
        } else {
            first = i == 0 ? index : first;
            CHECK_INT(index, first + (uint64_t)i);
            CHECK_BETWEEN(time, before, after);
        }
        pulsar_message_free(message);
    }
    end_producer(producer);
    end_consumer(consumer);
    end_client(client);
    pulsar_rs_test_broker_stop(broker);
}

static void test_the_rest_of_the_metadata(void) {
    char topic[TOPIC_SIZE];
    pulsar_client_t *client = open_client(check_url);
    struct consumer_options latest = {.from_latest = true};
    pulsar_consumer_t *consumer = open_consumer(client, unique_topic(topic, "rs-message"), "s", latest);
    pulsar_producer_t *producer = open_producer(client, topic, (struct producer_options){.batching = true});
    pulsar_message_t *sent = text_message("later");
    uint64_t time = 99, sequence_id = 99;
    pulsar_message_set_deliver_at(sent, 1234);
    pulsar_message_set_sequence_id(sent, 77);
    pulsar_message_set_partition_key(sent, "key");
    CHECK_OK(pulsar_producer_send(producer, sent));
    CHECK_INT(pulsar_rs_message_get_deliver_at(sent, &time), 0);
    CHECK_INT(pulsar_rs_message_get_sequence_id(sent, &sequence_id), 0);
    pulsar_message_free(sent);
    CHECK_OK(send_text(producer, "now"));
    pulsar_message_t *message = next_message(consumer, ANSWER_MS);
    CHECK_INT(pulsar_rs_message_get_deliver_at(message, &time), 1);
    CHECK_INT(time, 1234);
    CHECK_INT(pulsar_rs_message_get_sequence_id(message, &sequence_id), 1);
    CHECK_INT(sequence_id, 77);
    CHECK_INT(pulsar_rs_message_is_key_base64(message), 0);
    pulsar_message_free(message);
    message = next_message(consumer, ANSWER_MS);
    CHECK_INT(pulsar_rs_message_get_deliver_at(message, &time), 0);
    pulsar_message_free(message);
    end_producer(producer);
    end_consumer(consumer);
    end_client(client);
}

static void check_nothing(pulsar_message_t *message) {
    uint64_t number = 99;
    CHECK_INT(pulsar_rs_message_get_index(message, &number), 0);
    CHECK_INT(pulsar_rs_message_get_broker_publish_timestamp(message, &number), 0);
    CHECK_INT(pulsar_rs_message_get_deliver_at(message, &number), 0);
    CHECK_INT(pulsar_rs_message_get_sequence_id(message, &number), 0);
    CHECK_INT(pulsar_rs_message_is_key_base64(message), 0);
    CHECK_INT(number, 99);
}

static void test_null_and_foreign(void) {
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();
    pulsar_message_t *made = text_message("made");
    check_nothing(NULL);
    check_nothing((pulsar_message_t *)conf);
    check_nothing(made);
    pulsar_message_free(made);
    pulsar_consumer_configuration_free(conf);
}

CHECK_MAIN(TEST(test_what_the_broker_notes), TEST(test_the_rest_of_the_metadata), TEST(test_null_and_foreign))
