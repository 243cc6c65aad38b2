/* pulsar_rs/completion.h: readers, seeks and table views without callbacks. */
#include <pulsar_rs/completion.h>
#include <pulsar_rs/reader.h>

#include "../check.h"
#include "../latch.h"
#include "../session.h"

struct session {
    pulsar_client_t *client;
    pulsar_producer_t *producer;
    pulsar_rs_completion_queue_t *queue;
    char topic[TOPIC_SIZE];
};

static struct session begin(const char *word) {
    struct session session = {.client = open_client(check_url), .queue = pulsar_rs_completion_queue_create(100)};
    unique_topic(session.topic, word);
    session.producer = open_producer(session.client, session.topic, (struct producer_options){0});
    REQUIRE_OK(send_numbered(session.producer, 3));
    return session;
}

static void end(struct session *session) {
    end_producer(session->producer);
    end_client(session->client);
    pulsar_rs_completion_queue_free(session->queue);
}

/* The object of the next outcome, which has to be this one. */
static void *next_object(struct session *session, uint64_t token, pulsar_result result) {
    pulsar_rs_completion_t done;
    REQUIRE(pulsar_rs_completion_queue_wait(session->queue, &done, 1, ANSWER_MS) == 1);
    CHECK_INT(done.token, token);
    CHECK_RESULT(done.result, result);
    return done.object;
}

static void check_nothing_made(struct session *session, uint64_t token, pulsar_result result) {
    CHECK(next_object(session, token, result) == NULL);
}

static void check_message(struct session *session, uint64_t token, const char *expected) {
    char text[64];
    pulsar_message_t *message = next_object(session, token, pulsar_result_Ok);
    CHECK_TEXT(message ? content(message, text, sizeof(text)) : NULL, expected);
    pulsar_message_free(message);
}

static void test_readers(void) {
    struct session session = begin("queued-reader");
    CHECK_OK(pulsar_rs_client_create_reader_queued(session.client, session.topic, pulsar_message_id_earliest(), NULL,
                                                   session.queue, 1));
    pulsar_reader_t *reader = next_object(&session, 1, pulsar_result_Ok);
    REQUIRE(reader != NULL);
    CHECK_RESULT(pulsar_rs_reader_set_completion_queue(reader, session.queue), pulsar_result_InvalidConfiguration);
    for (uint64_t token = 10; token < 14; token++) {
        CHECK_OK(pulsar_rs_reader_read_next_queued(reader, token));
    }
    check_message(&session, 10, "m0");
    check_message(&session, 11, "m1");
    check_message(&session, 12, "m2");
    /* One waits; a seek brings its message. */
    CHECK_OK(pulsar_rs_reader_seek_queued(reader, (pulsar_message_id_t *)pulsar_message_id_earliest(), 20));
    pulsar_rs_completion_t done[2];
    size_t count = 0;
    while (count < 2) {
        size_t more = pulsar_rs_completion_queue_wait(session.queue, done + count, 2 - count, ANSWER_MS);
        REQUIRE(more > 0);
        count += more;
    }
    for (size_t i = 0; i < count; i++) {
        CHECK_OK(done[i].result);
        CHECK(done[i].token == 13 || done[i].token == 20);
        pulsar_message_free(done[i].object);
    }
    CHECK_OK(pulsar_rs_reader_seek_by_timestamp_queued(reader, 0, 21));
    check_nothing_made(&session, 21, pulsar_result_Ok);
    CHECK_OK(pulsar_rs_reader_read_next_queued(reader, 22));
    check_message(&session, 22, "m0");
    CHECK_OK(pulsar_rs_reader_seek_queued(reader, NULL, 23));
    check_nothing_made(&session, 23, pulsar_result_InvalidMessage);
    CHECK_OK(pulsar_rs_reader_close_queued(reader, 24));
    check_nothing_made(&session, 24, pulsar_result_Ok);
    CHECK_OK(pulsar_rs_reader_read_next_queued(reader, 25));
    check_nothing_made(&session, 25, pulsar_result_AlreadyClosed);
    pulsar_reader_free(reader);
    CHECK_OK(pulsar_rs_client_create_reader_queued(session.client, "a/b", pulsar_message_id_latest(), NULL,
                                                   session.queue, 30));
    check_nothing_made(&session, 30, pulsar_result_InvalidTopicName);
    end(&session);
}

static void test_reads_that_wait_end_with_the_reader(void) {
    struct session session = begin("queued-close");
    pulsar_reader_t *reader = NULL;
    REQUIRE_OK(pulsar_client_create_reader(session.client, session.topic, pulsar_message_id_latest(), NULL, &reader));
    CHECK_RESULT(pulsar_rs_reader_read_next_queued(reader, 1), pulsar_result_InvalidConfiguration);
    CHECK_OK(pulsar_rs_reader_set_completion_queue(reader, session.queue));
    CHECK_OK(pulsar_rs_reader_read_next_queued(reader, 2));
    CHECK_OK(pulsar_rs_reader_read_next_queued(reader, 3));
    CHECK_OK(pulsar_reader_close(reader));
    check_nothing_made(&session, 2, pulsar_result_AlreadyClosed);
    check_nothing_made(&session, 3, pulsar_result_AlreadyClosed);
    CHECK_RESULT(pulsar_rs_reader_read_next_queued(NULL, 4), pulsar_result_ConsumerNotInitialized);
    pulsar_reader_free(reader);
    end(&session);
}

static void test_seeks_of_consumers(void) {
    struct session session = begin("queued-seek");
    pulsar_consumer_t *consumer = open_consumer(session.client, session.topic, "s", (struct consumer_options){0});
    CHECK_OK(pulsar_rs_consumer_set_completion_queue(consumer, session.queue));
    CHECK_OK(pulsar_rs_consumer_seek_queued(consumer, (pulsar_message_id_t *)pulsar_message_id_latest(), 1));
    check_nothing_made(&session, 1, pulsar_result_Ok);
    CHECK_OK(pulsar_rs_consumer_seek_by_timestamp_queued(consumer, 0, 2));
    check_nothing_made(&session, 2, pulsar_result_Ok);
    CHECK_OK(pulsar_rs_consumer_receive_queued(consumer, 3));
    check_message(&session, 3, "m0");
    end_consumer(consumer);
    end(&session);
}

static void test_table_views(void) {
    struct session session = begin("queued-view");
    pulsar_message_t *message = text_message("value");
    pulsar_message_set_partition_key(message, "key");
    CHECK_OK(pulsar_producer_send(session.producer, message));
    pulsar_message_free(message);
    CHECK_OK(pulsar_rs_client_create_table_view_queued(session.client, session.topic, NULL, session.queue, 1));
    pulsar_table_view_t *view = next_object(&session, 1, pulsar_result_Ok);
    REQUIRE(view != NULL);
    CHECK(pulsar_table_view_contain_key(view, "key"));
    CHECK_OK(pulsar_rs_table_view_close_queued(view, session.queue, 2));
    check_nothing_made(&session, 2, pulsar_result_Ok);
    CHECK_OK(pulsar_rs_table_view_close_queued(view, session.queue, 3));
    check_nothing_made(&session, 3, pulsar_result_ConsumerNotInitialized);
    CHECK_RESULT(pulsar_rs_table_view_close_queued(view, NULL, 4), pulsar_result_InvalidConfiguration);
    pulsar_table_view_free(view);
    /* What nobody fetches is taken back. */
    CHECK_OK(pulsar_rs_client_create_table_view_queued(session.client, session.topic, NULL, session.queue, 5));
    CHECK_OK(pulsar_rs_client_create_reader_queued(session.client, session.topic, pulsar_message_id_latest(), NULL,
                                                   session.queue, 6));
    end(&session);
}

CHECK_MAIN(TEST(test_readers), TEST(test_reads_that_wait_end_with_the_reader), TEST(test_seeks_of_consumers),
           TEST(test_table_views))
