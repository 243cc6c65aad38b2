/* pulsar_rs/position.h: operations by position, and what bulks tell of their entries. */
#include <pulsar_rs/completion.h>
#include <pulsar_rs/consumer_configuration.h>
#include <pulsar_rs/position.h>
#include <pulsar_rs/reader_configuration.h>
#include <pulsar_rs/test_broker.h>

#include "../check.h"
#include "../session.h"

#define MESSAGES 10

struct session {
    pulsar_client_t *client;
    pulsar_producer_t *producer;
    pulsar_rs_completion_queue_t *queue;
    char topic[TOPIC_SIZE];
};

static struct session begin_at(const char *url, const char *word, bool batching) {
    struct session session = {.client = open_client(url), .queue = pulsar_rs_completion_queue_create(100)};
    unique_topic(session.topic, word);
    session.producer = open_producer(session.client, session.topic,
                                     (struct producer_options){.name = "source", .batching = batching, .batch_delay_ms = 500});
    REQUIRE_OK(send_numbered(session.producer, MESSAGES));
    return session;
}

static struct session begin(const char *word) {
    return begin_at(check_url, word, false);
}

static void end(struct session *session) {
    end_producer(session->producer);
    end_client(session->client);
    pulsar_rs_completion_queue_free(session->queue);
}

static pulsar_rs_completion_t next(struct session *session, uint64_t token, pulsar_result result) {
    pulsar_rs_completion_t done;
    REQUIRE(pulsar_rs_completion_queue_wait(session->queue, &done, 1, ANSWER_MS) == 1);
    CHECK_INT(done.token, token);
    CHECK_RESULT(done.result, result);
    return done;
}

static pulsar_consumer_t *subscribe(struct session *session, const char *name, int receipts, int durable,
                                    pulsar_consumer_type type) {
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();
    pulsar_consumer_set_subscription_initial_position(conf, initial_position_earliest);
    pulsar_consumer_configuration_set_consumer_type(conf, type);
    pulsar_rs_consumer_configuration_set_ack_receipt_enabled(conf, receipts);
    CHECK_INT(pulsar_rs_consumer_configuration_is_durable(conf), 1);
    pulsar_rs_consumer_configuration_set_durable(conf, durable);
    CHECK_INT(pulsar_rs_consumer_configuration_is_durable(conf), durable);
    /* Only what is sent at once comes in time. */
    pulsar_configure_set_ack_grouping_time_ms(conf, 60000);
    pulsar_consumer_t *consumer = NULL;
    REQUIRE_OK(pulsar_client_subscribe(session->client, session->topic, name, conf, &consumer));
    pulsar_consumer_configuration_free(conf);
    CHECK_OK(pulsar_rs_consumer_set_completion_queue(consumer, session->queue));
    return consumer;
}

/* Receives all messages and writes their positions. */
static void receive_all(pulsar_consumer_t *consumer, pulsar_rs_position_t *positions, char *topic) {
    for (size_t seen = 0; seen < MESSAGES;) {
        pulsar_rs_received_t *received = NULL;
        REQUIRE_OK(pulsar_rs_consumer_receive_bulk(consumer, MESSAGES, SIZE_MAX, ANSWER_MS, &received));
        size_t count = 0;
        const pulsar_rs_view_t *views = pulsar_rs_received_messages(received, &count);
        for (size_t i = 0; i < count; i++) {
            positions[seen++] = views[i].position;
        }
        strcpy(topic, pulsar_rs_received_topic(received, 0));
        pulsar_rs_received_free(received);
    }
}

static void test_acknowledging_by_position(void) {
    struct session session = begin("position-acks");
    pulsar_rs_position_t at[MESSAGES], wrong = {.ledger = 1, .entry = 1, .partition = -1, .batch_index = 9, .batch_size = 2};
    char topic[TOPIC_SIZE];
    pulsar_consumer_t *consumer = subscribe(&session, "s", 1, 1, pulsar_ConsumerExclusive);
    receive_all(consumer, at, topic);
    CHECK_OK(pulsar_rs_consumer_acknowledge_positions_queued(consumer, topic, at, 3, 1));
    next(&session, 1, pulsar_result_Ok);
    CHECK_OK(pulsar_rs_consumer_acknowledge_cumulative_position_queued(consumer, topic, &at[5], 2));
    next(&session, 2, pulsar_result_Ok);
    CHECK_OK(pulsar_rs_consumer_acknowledge_cumulative_position(consumer, NULL, &at[6]));
    CHECK_OK(pulsar_rs_consumer_acknowledge_positions_queued(consumer, topic, &wrong, 1, 3));
    next(&session, 3, pulsar_result_InvalidMessage);
    CHECK_OK(pulsar_rs_consumer_acknowledge_cumulative_position_queued(consumer, topic, NULL, 4));
    next(&session, 4, pulsar_result_InvalidMessage);
    CHECK_RESULT(pulsar_rs_consumer_acknowledge_cumulative_position(consumer, topic, NULL), pulsar_result_InvalidMessage);
    /* What the broker has is not delivered again. */
    end_consumer(consumer);
    consumer = subscribe(&session, "s", 0, 1, pulsar_ConsumerShared);
    char text[64];
    pulsar_message_t *message = next_message(consumer, ANSWER_MS);
    CHECK_TEXT(message ? content(message, text, sizeof(text)) : NULL, "m7");
    pulsar_message_free(message);
    CHECK_OK(pulsar_rs_consumer_acknowledge_cumulative_position_queued(consumer, topic, &at[9], 5));
    next(&session, 5, pulsar_result_CumulativeAcknowledgementNotAllowedError);
    end_consumer(consumer);
    CHECK_RESULT(pulsar_rs_consumer_acknowledge_positions_queued(NULL, topic, at, 3, 1),
                 pulsar_result_ConsumerNotInitialized);
    end(&session);
}

static void check_last(struct session *session, uint64_t token, const pulsar_rs_position_t *at, const char *topic) {
    pulsar_rs_positions_t *last = next(session, token, pulsar_result_Ok).object;
    pulsar_rs_position_t position = {0};
    CHECK_INT(pulsar_rs_positions_count(last), 1);
    CHECK_TEXT(pulsar_rs_positions_topic(last, 0), topic);
    CHECK(pulsar_rs_positions_topic(last, 1) == NULL);
    pulsar_rs_positions_get(last, 0, &position);
    CHECK_INT(position.ledger, at->ledger);
    CHECK_INT(position.entry, at->entry);
    pulsar_rs_positions_free(last);
}

static void test_places_in_topics(void) {
    struct session session = begin("position-seek");
    pulsar_rs_position_t at[MESSAGES];
    char topic[TOPIC_SIZE], text[64];
    uint64_t before = 0, after = 0;
    pulsar_consumer_t *consumer = subscribe(&session, "s", 0, 0, pulsar_ConsumerExclusive);
    receive_all(consumer, at, topic);
    CHECK_OK(pulsar_rs_consumer_get_last_positions_queued(consumer, 1));
    check_last(&session, 1, &at[MESSAGES - 1], topic);
    CHECK_OK(pulsar_rs_consumer_get_reading(consumer, topic, &before));
    CHECK_OK(pulsar_rs_consumer_seek_position_queued(consumer, topic, &at[4], 2));
    next(&session, 2, pulsar_result_Ok);
    CHECK_OK(pulsar_rs_consumer_get_reading(consumer, topic, &after));
    CHECK(before < after);
    CHECK_RESULT(pulsar_rs_consumer_get_reading(consumer, "persistent://public/default/other", &after),
                 pulsar_result_InvalidMessage);
    pulsar_message_t *message = next_message(consumer, ANSWER_MS);
    CHECK_TEXT(message ? content(message, text, sizeof(text)) : NULL, "m5");
    pulsar_message_free(message);
    CHECK_OK(pulsar_rs_consumer_seek_position_queued(consumer, NULL, NULL, 3));
    next(&session, 3, pulsar_result_InvalidMessage);
    end_consumer(consumer);
    /* It was not durable: there is nothing to come back to. */
    consumer = subscribe(&session, "s", 0, 0, pulsar_ConsumerExclusive);
    message = next_message(consumer, ANSWER_MS);
    CHECK_TEXT(message ? content(message, text, sizeof(text)) : NULL, "m0");
    pulsar_message_free(message);
    end_consumer(consumer);
    CHECK_INT(pulsar_rs_positions_count(NULL), 0);
    CHECK(pulsar_rs_positions_topic(NULL, 0) == NULL);
    pulsar_rs_positions_get(NULL, 0, NULL);
    pulsar_rs_positions_free(NULL);
    end(&session);
}

/* On a topic that has nothing yet, which gets the schema. */
static void test_readers_with_a_schema(void) {
    struct session session = begin("position-schema");
    char topic[TOPIC_SIZE];
    unique_topic(topic, "position-schema");
    for (int type = pulsar_String; type <= pulsar_Json; type++) {
        pulsar_reader_configuration_t *conf = pulsar_reader_configuration_create();
        static const char record[] = "{\"type\":\"record\",\"name\":\"r\",\"fields\":[]}";
        const char *definition = type == pulsar_Json ? record : "";
        pulsar_rs_reader_configuration_set_schema_info(conf, (pulsar_schema_type)type, "s", definition, NULL);
        pulsar_reader_t *reader = NULL;
        CHECK_RESULT(
            pulsar_client_create_reader(session.client, topic, pulsar_message_id_earliest(), conf, &reader),
            type == pulsar_String ? pulsar_result_Ok : pulsar_result_IncompatibleSchema);
        pulsar_reader_configuration_free(conf);
        pulsar_reader_close(reader);
        pulsar_reader_free(reader);
    }
    end(&session);
}

static void test_readers(void) {
    struct session session = begin("position-reader");
    pulsar_reader_configuration_t *conf = pulsar_reader_configuration_create();
    pulsar_rs_reader_configuration_set_property(conf, "a", "b");
    pulsar_rs_reader_configuration_set_max_pending_chunked_message(conf, 3, 1);
    pulsar_rs_reader_configuration_set_chunk_expiry_ms(conf, 1000);
    pulsar_reader_t *reader = NULL;
    REQUIRE_OK(pulsar_client_create_reader(session.client, session.topic, pulsar_message_id_earliest(), conf, &reader));
    pulsar_reader_configuration_free(conf);
    CHECK_OK(pulsar_rs_reader_set_completion_queue(reader, session.queue));
    pulsar_rs_position_t at[MESSAGES];
    char topic[TOPIC_SIZE];
    CHECK_OK(pulsar_rs_reader_has_message_available_queued(reader, 1));
    CHECK_INT(next(&session, 1, pulsar_result_Ok).answer, 1);
    for (size_t seen = 0; seen < MESSAGES;) {
        pulsar_rs_received_t *received = NULL;
        if (seen < MESSAGES / 2) {
            CHECK_OK(pulsar_rs_reader_read_bulk_queued(reader, 4, SIZE_MAX, 2));
            received = next(&session, 2, pulsar_result_Ok).object;
        } else {
            REQUIRE_OK(pulsar_rs_reader_read_bulk(reader, 4, SIZE_MAX, ANSWER_MS, &received));
        }
        size_t count = 0;
        const pulsar_rs_view_t *views = pulsar_rs_received_messages(received, &count);
        CHECK_BETWEEN(count, 1, 4);
        for (size_t i = 0; i < count && seen < MESSAGES; i++) {
            char text[16];
            snprintf(text, sizeof(text), "m%zu", seen);
            CHECK(views[i].payload_len == strlen(text) && memcmp(views[i].payload, text, views[i].payload_len) == 0);
            at[seen++] = views[i].position;
        }
        strcpy(topic, pulsar_rs_received_topic(received, 0));
        pulsar_rs_received_free(received);
    }
    CHECK_OK(pulsar_rs_reader_has_message_available_queued(reader, 3));
    CHECK_INT(next(&session, 3, pulsar_result_Ok).answer, 0);
    CHECK_OK(pulsar_rs_reader_get_last_positions_queued(reader, 4));
    check_last(&session, 4, &at[MESSAGES - 1], topic);
    uint64_t before = 0, after = 0;
    CHECK_OK(pulsar_rs_reader_get_reading(reader, topic, &before));
    CHECK_OK(pulsar_rs_reader_seek_position_queued(reader, topic, &at[7], 5));
    next(&session, 5, pulsar_result_Ok);
    CHECK_OK(pulsar_rs_reader_get_reading(reader, topic, &after));
    CHECK(before < after);
    CHECK_OK(pulsar_rs_reader_has_message_available_queued(reader, 6));
    CHECK_INT(next(&session, 6, pulsar_result_Ok).answer, 1);
    CHECK_RESULT(pulsar_rs_reader_read_bulk(reader, 1, 1, 0, NULL), pulsar_result_InvalidConfiguration);
    CHECK_RESULT(pulsar_rs_reader_read_bulk_queued(reader, 0, 1, 7), pulsar_result_InvalidConfiguration);
    CHECK_OK(pulsar_reader_close(reader));
    CHECK_OK(pulsar_rs_reader_has_message_available_queued(reader, 8));
    next(&session, 8, pulsar_result_AlreadyClosed);
    pulsar_reader_free(reader);
    end(&session);
}

static void test_unsubscribing_by_force(void) {
    struct session session = begin("position-force");
    pulsar_consumer_t *one = subscribe(&session, "s", 0, 1, pulsar_ConsumerShared);
    pulsar_consumer_t *other = subscribe(&session, "s", 0, 1, pulsar_ConsumerShared);
    CHECK_OK(pulsar_rs_consumer_unsubscribe_queued(one, 1));
    next(&session, 1, pulsar_result_BrokerMetadataError);
    CHECK_OK(pulsar_rs_consumer_unsubscribe_by_force_queued(one, 2));
    next(&session, 2, pulsar_result_Ok);
    CHECK_RESULT(pulsar_consumer_close(one), pulsar_result_Ok);
    pulsar_consumer_free(one);
    end_consumer(other);
    end(&session);
}

static void test_reconsuming_later_needs_a_received_message(void) {
    struct session session = begin("position-later");
    pulsar_consumer_t *consumer = subscribe(&session, "s", 0, 1, pulsar_ConsumerShared);
    CHECK_OK(pulsar_rs_consumer_reconsume_later_queued(consumer, NULL, 10, NULL, 1));
    next(&session, 1, pulsar_result_InvalidMessage);
    pulsar_message_t *message = next_message(consumer, ANSWER_MS);
    CHECK_OK(pulsar_rs_consumer_reconsume_later_queued(consumer, message, 10, NULL, 2));
    next(&session, 2, pulsar_result_OperationNotSupported);
    pulsar_message_free(message);
    end_consumer(consumer);
    end(&session);
}

/* What all messages of a batch have in common is told once. */
static void test_entries(void) {
    pulsar_rs_test_broker_t *broker = pulsar_rs_test_broker_start(0);
    REQUIRE_OK(pulsar_rs_test_broker_set_entry_metadata(broker, 1));
    for (int batching = 0; batching < 2; batching++) {
        struct session session = begin_at(pulsar_rs_test_broker_url(broker), "position-entries", batching != 0);
        pulsar_consumer_t *consumer = subscribe(&session, "s", 0, 1, pulsar_ConsumerExclusive);
        for (size_t seen = 0; seen < MESSAGES;) {
            pulsar_rs_received_t *received = NULL;
            REQUIRE_OK(pulsar_rs_consumer_receive_bulk(consumer, 4, SIZE_MAX, ANSWER_MS, &received));
            size_t count = 0, entries = 0;
            const pulsar_rs_view_t *views = pulsar_rs_received_messages(received, &count);
            const pulsar_rs_entry_t *all = pulsar_rs_received_entries(received, &entries);
            CHECK_BETWEEN(entries, 1, count);
            for (size_t i = 0; i < count; i++) {
                REQUIRE(views[i].entry < entries);
                const pulsar_rs_entry_t *entry = &all[views[i].entry];
                CHECK(entry->producer_name_len == 6 && memcmp(entry->producer_name, "source", 6) == 0);
                CHECK_INT(entry->flags, PULSAR_RS_ENTRY_HAS_BROKER_PUBLISH_TIME | PULSAR_RS_ENTRY_HAS_INDEX);
                CHECK(entry->broker_publish_time + 10000 > views[i].publish_time);
                int behind = batching ? views[i].position.batch_size - 1 - views[i].position.batch_index : 0;
                CHECK_INT(entry->last_index - (uint64_t)behind, seen + i);
                CHECK(entry->replicated_from == NULL && entry->replicated_from_len == 0);
            }
            seen += count;
            pulsar_rs_received_free(received);
        }
        end_consumer(consumer);
        end(&session);
    }
    pulsar_rs_test_broker_stop(broker);
    size_t entries = 1;
    CHECK(pulsar_rs_received_entries(NULL, &entries) == NULL && entries == 0);
}

CHECK_MAIN(TEST(test_acknowledging_by_position), TEST(test_places_in_topics), TEST(test_readers), TEST(test_readers_with_a_schema),
           TEST(test_unsubscribing_by_force), TEST(test_reconsuming_later_needs_a_received_message), TEST(test_entries))
