/* A forked child: handles of the parent fail at once, freeing them does nothing, and clients of its own work. What has
 * no threads behind it, such as messages, received lists and schemas, is the child's as well. */
#include <pulsar/c/client.h>
#include <pulsar_rs/bulk.h>
#include <pulsar_rs/client.h>
#include <pulsar_rs/consumer.h>
#include <pulsar_rs/producer.h>
#include <pulsar_rs/reader.h>
#include <pulsar_rs/schema.h>
#include <pulsar_rs/stats.h>
#include <pulsar_rs/table_view.h>
#include <signal.h>
#include <sys/wait.h>

#include "check.h"
#include "latch.h"
#include "session.h"

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_COUNT_ERRORS 0
#endif

/* Ends a child; its status is the number of failures. By exec, because valgrind would look for leaks at its exit:
 * what the parent's threads own is lost in a child, by design. */
static void end_child(int failures) {
    char command[32];
    failures += VALGRIND_COUNT_ERRORS;
    snprintf(command, sizeof(command), "exit %d", failures < 100 ? failures : 100);
    fflush(NULL);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(101);
}

struct place {
    pulsar_client_t *client;
    pulsar_producer_t *producer;
    pulsar_consumer_t *consumer;
    pulsar_reader_t *reader;
    pulsar_table_view_t *view;
    pulsar_rs_received_t *received;
    pulsar_rs_schema_t *schema;
    char topic[TOPIC_SIZE];
};

static void on_sent(pulsar_result result, pulsar_message_id_t *id, void *context) {
    CHECK(id == NULL);
    *(pulsar_result *)context = result;
}

static void on_result(pulsar_result result, void *context) {
    *(pulsar_result *)context = result;
}

static void on_message(pulsar_result result, pulsar_message_t *message, void *context) {
    pulsar_message_free(message);
    *(pulsar_result *)context = result;
}

static void on_messages(pulsar_result result, pulsar_messages_t *messages, void *context) {
    CHECK(messages == NULL);
    *(pulsar_result *)context = result;
}

static void on_producer(pulsar_result result, pulsar_producer_t *producer, void *context) {
    CHECK(producer == NULL);
    *(pulsar_result *)context = result;
}

static void on_consumer(pulsar_result result, pulsar_consumer_t *consumer, void *context) {
    CHECK(consumer == NULL);
    *(pulsar_result *)context = result;
}

static void on_reader(pulsar_result result, pulsar_reader_t *reader, void *context) {
    CHECK(reader == NULL);
    *(pulsar_result *)context = result;
}

static void on_view(pulsar_result result, pulsar_table_view_t *view, void *context) {
    CHECK(view == NULL);
    *(pulsar_result *)context = result;
}

static void on_partitions(pulsar_result result, pulsar_string_list_t *partitions, void *context) {
    CHECK(partitions == NULL);
    *(pulsar_result *)context = result;
}

#define CLOSED(call) CHECK_RESULT(call, pulsar_result_AlreadyClosed)
/* The callback comes before the call returns. */
#define CLOSED_ASYNC(...)                                                                                    \
    do {                                                                                                     \
        pulsar_result outcome = (pulsar_result)-1;                                                           \
        __VA_ARGS__;                                                                                         \
        CLOSED(outcome);                                                                                     \
    } while (0)

/* The text of the failure says what is wrong. */
static void check_fork_is_named(char *text, int line) {
    check_that(text && strstr(text, "fork"), __FILE__, line, "the text is %s", text ? text : "NULL");
    free(text);
}

static void use_client(pulsar_client_t *client) {
    pulsar_producer_t *producer = NULL;
    pulsar_consumer_t *consumer = NULL;
    pulsar_string_list_t *partitions = NULL;
    pulsar_reader_t *reader = NULL;
    pulsar_table_view_t *view = NULL;
    pulsar_rs_stats_t *stats = NULL;
    const char *topics[] = {"t"};
    CLOSED(pulsar_rs_client_stats(client, &stats));
    CLOSED(pulsar_client_create_producer(client, "t", NULL, &producer));
    CLOSED(pulsar_client_subscribe(client, "t", "s", NULL, &consumer));
    CLOSED(pulsar_client_subscribe_multi_topics(client, topics, 1, "s", NULL, &consumer));
    CLOSED(pulsar_client_subscribe_pattern(client, "t.*", "s", NULL, &consumer));
    CLOSED(pulsar_client_create_reader(client, "t", pulsar_message_id_latest(), NULL, &reader));
    CLOSED(pulsar_client_create_table_view(client, "t", NULL, &view));
    CLOSED(pulsar_client_get_topic_partitions(client, "t", &partitions));
    CLOSED(pulsar_client_close(client));
    CLOSED_ASYNC(pulsar_client_create_producer_async(client, "t", NULL, on_producer, &outcome));
    CLOSED_ASYNC(pulsar_client_subscribe_async(client, "t", "s", NULL, on_consumer, &outcome));
    CLOSED_ASYNC(pulsar_client_subscribe_multi_topics_async(client, topics, 1, "s", NULL, on_consumer, &outcome));
    CLOSED_ASYNC(pulsar_client_subscribe_pattern_async(client, "t.*", "s", NULL, on_consumer, &outcome));
    CLOSED_ASYNC(
        pulsar_client_create_reader_async(client, "t", pulsar_message_id_latest(), NULL, on_reader, &outcome));
    CLOSED_ASYNC(pulsar_client_create_table_view_async(client, "t", NULL, on_view, &outcome));
    CLOSED_ASYNC(pulsar_client_get_topic_partitions_async(client, "t", on_partitions, &outcome));
    CLOSED_ASYNC(pulsar_client_close_async(client, on_result, &outcome));
    check_fork_is_named(pulsar_rs_client_last_error(client), __LINE__);
    pulsar_client_free(client);
}

static void use_producer(pulsar_producer_t *producer) {
    pulsar_message_t *message = text_message("x");
    CLOSED(pulsar_producer_send(producer, message));
    CLOSED(pulsar_producer_flush(producer));
    CLOSED(pulsar_producer_close(producer));
    CLOSED_ASYNC(pulsar_producer_send_async(producer, message, on_sent, &outcome));
    CLOSED_ASYNC(pulsar_producer_flush_async(producer, on_result, &outcome));
    CLOSED_ASYNC(pulsar_producer_close_async(producer, on_result, &outcome));
    CHECK_INT(pulsar_producer_is_connected(producer), 0);
    CHECK_INT(pulsar_producer_get_last_sequence_id(producer), -1);
    CHECK_TEXT(pulsar_producer_get_topic(producer), "");
    CHECK_TEXT(pulsar_producer_get_producer_name(producer), "");
    check_fork_is_named(pulsar_rs_producer_last_error(producer), __LINE__);
    pulsar_producer_free(producer);
    pulsar_message_free(message);
}

static void use_consumer(pulsar_consumer_t *consumer, pulsar_message_t *message) {
    pulsar_message_t *received = NULL;
    pulsar_messages_t *list = NULL;
    pulsar_message_id_t *id = pulsar_message_get_message_id(message);
    CLOSED(pulsar_consumer_receive(consumer, &received));
    CLOSED(pulsar_consumer_receive_with_timeout(consumer, &received, 1000));
    CLOSED(pulsar_consumer_batch_receive(consumer, &list));
    CLOSED(pulsar_consumer_acknowledge(consumer, message));
    CLOSED(pulsar_consumer_acknowledge_id(consumer, id));
    CLOSED(pulsar_consumer_acknowledge_cumulative(consumer, message));
    CLOSED(pulsar_consumer_acknowledge_cumulative_id(consumer, id));
    CLOSED(pulsar_consumer_get_last_message_id(consumer, id));
    CLOSED(pulsar_consumer_pause_message_listener(consumer));
    CLOSED(resume_message_listener(consumer));
    CLOSED(pulsar_consumer_unsubscribe(consumer));
    CLOSED(pulsar_consumer_close(consumer));
    CLOSED_ASYNC(pulsar_consumer_receive_async(consumer, on_message, &outcome));
    CLOSED_ASYNC(pulsar_consumer_batch_receive_async(consumer, on_messages, &outcome));
    CLOSED_ASYNC(pulsar_consumer_acknowledge_async(consumer, message, on_result, &outcome));
    CLOSED_ASYNC(pulsar_consumer_acknowledge_async_id(consumer, id, on_result, &outcome));
    CLOSED_ASYNC(pulsar_consumer_acknowledge_cumulative_async(consumer, message, on_result, &outcome));
    CLOSED_ASYNC(pulsar_consumer_acknowledge_cumulative_async_id(consumer, id, on_result, &outcome));
    CLOSED_ASYNC(pulsar_consumer_unsubscribe_async(consumer, on_result, &outcome));
    CLOSED_ASYNC(pulsar_consumer_close_async(consumer, on_result, &outcome));
    pulsar_consumer_negative_acknowledge(consumer, message);
    pulsar_consumer_redeliver_unacknowledged_messages(consumer);
    CHECK_INT(pulsar_consumer_is_connected(consumer), 0);
    CHECK_TEXT(pulsar_consumer_get_topic(consumer), "");
    CHECK_TEXT(pulsar_consumer_get_subscription_name(consumer), "");
    check_fork_is_named(pulsar_rs_consumer_last_error(consumer), __LINE__);
    pulsar_consumer_free(consumer);
    pulsar_message_id_free(id);
}

static void use_reader(pulsar_reader_t *reader, pulsar_message_t *message) {
    pulsar_message_t *read = NULL;
    pulsar_message_id_t *id = pulsar_message_get_message_id(message);
    int available = -1;
    CLOSED(pulsar_reader_read_next(reader, &read));
    CLOSED(pulsar_reader_read_next_with_timeout(reader, &read, 1000));
    CLOSED(pulsar_reader_has_message_available(reader, &available));
    CLOSED(pulsar_reader_seek(reader, id));
    CLOSED(pulsar_reader_seek_by_timestamp(reader, 0));
    CLOSED(pulsar_rs_reader_get_last_message_id(reader, id));
    CLOSED(pulsar_reader_close(reader));
    CLOSED_ASYNC(pulsar_reader_seek_async(reader, id, on_result, &outcome));
    CLOSED_ASYNC(pulsar_reader_seek_by_timestamp_async(reader, 0, on_result, &outcome));
    CLOSED_ASYNC(pulsar_reader_close_async(reader, on_result, &outcome));
    CHECK(read == NULL && available == -1);
    CHECK_INT(pulsar_reader_is_connected(reader), 0);
    CHECK_TEXT(pulsar_reader_get_topic(reader), "");
    check_fork_is_named(pulsar_rs_reader_last_error(reader), __LINE__);
    pulsar_reader_free(reader);
    pulsar_message_id_free(id);
}

static void on_entry(const char *key, const void *value, size_t size, void *context) {
    (void)key, (void)value, (void)size;
    (*(int *)context)++;
}

static void use_view(pulsar_table_view_t *view) {
    int calls = 0;
    CHECK_INT(pulsar_table_view_size(view), 0);
    CHECK(!pulsar_table_view_contain_key(view, "k"));
    CHECK(!pulsar_table_view_get_value(view, "k", NULL, NULL));
    CHECK(!pulsar_table_view_retrieve_value(view, "k", NULL, NULL));
    pulsar_table_view_for_each(view, on_entry, &calls);
    pulsar_table_view_for_each_add_listen(view, on_entry, &calls);
    CHECK_INT(calls, 0);
    CLOSED(pulsar_table_view_close(view));
    CLOSED_ASYNC(pulsar_table_view_close_async(view, on_result, &outcome));
    check_fork_is_named(pulsar_rs_table_view_last_error(view), __LINE__);
    pulsar_table_view_free(view);
}

/* A list, its messages and a schema: all there, freed without a trace in the parent. Nothing can be done with the list
 * on the parent's consumer. */
static void use_received(struct place *place) {
    size_t count = 0, length = 0;
    const pulsar_rs_view_t *views = pulsar_rs_received_messages(place->received, &count);
    CHECK(count == 1 && views[0].payload_len == 3 && memcmp(views[0].payload, "two", 3) == 0);
    CHECK_TEXT(pulsar_rs_received_topic(place->received, 0), place->topic);
    pulsar_message_t *message = pulsar_rs_received_message(place->received, 0);
    CHECK_INT(pulsar_message_get_length(message), 3);
    CLOSED(pulsar_rs_consumer_acknowledge_received(place->consumer, place->received, 0, 1));
    CLOSED(pulsar_rs_consumer_negative_acknowledge_received(place->consumer, place->received, 0, 1));
    CLOSED(pulsar_rs_consumer_acknowledge_positions(place->consumer, NULL, &views[0].position, 1));
    CLOSED(pulsar_rs_consumer_negative_acknowledge_positions(place->consumer, NULL, &views[0].position, 1));
    pulsar_rs_received_t *more = NULL;
    CLOSED(pulsar_rs_consumer_receive_bulk(place->consumer, 10, SIZE_MAX, 1000, &more));
    CHECK(more == NULL);
    pulsar_message_free(message);
    pulsar_rs_received_free(place->received);

    pulsar_rs_schema_t *schema = NULL;
    CLOSED(pulsar_rs_consumer_get_schema(place->consumer, NULL, 0, &schema));
    CHECK(schema == NULL);
    CHECK_INT(pulsar_rs_schema_type(place->schema), pulsar_String);
    CHECK(pulsar_rs_schema_version(place->schema, &length) != NULL && length > 0);
    pulsar_rs_schema_free(place->schema);
}

/* A client of the child's own, on the parent's broker. */
static void live(const char *word) {
    pulsar_client_t *client = open_client(check_url);
    char topic[TOPIC_SIZE];
    pulsar_producer_t *producer = open_producer(client, unique_topic(topic, word), (struct producer_options){0});
    pulsar_consumer_t *consumer = open_consumer(client, topic, "s", (struct consumer_options){0});
    CHECK_OK(send_text(producer, "x"));
    pulsar_message_t *message = next_message(consumer, ANSWER_MS);
    CHECK(message != NULL);
    pulsar_message_free(message);
    end_consumer(consumer);
    end_producer(producer);
    end_client(client);
}

/* Runs in the child. */
static void run_child(struct place *place, pulsar_message_t *message) {
    int failed = check_failures;
    long long start = now_ms();
    use_received(place);
    use_consumer(place->consumer, message);
    use_reader(place->reader, message);
    use_view(place->view);
    use_producer(place->producer);
    use_client(place->client);
    CHECK_BETWEEN(now_ms() - start, 0, 500 * check_patience());
    /* What has no threads is the child's as well. */
    CHECK_INT(pulsar_message_get_length(message), 1);
    live("child");
    end_child(check_failures - failed);
}

/* A topic with a schema, and one of everything that there is of it. */
static struct place open_place(void) {
    struct place place = {.client = open_client(check_url)};
    unique_topic(place.topic, "fork");
    pulsar_producer_configuration_t *conf = producer_configuration((struct producer_options){0});
    pulsar_producer_configuration_set_schema_info(conf, pulsar_String, "text", "", NULL);
    REQUIRE_OK(pulsar_client_create_producer(place.client, place.topic, conf, &place.producer));
    pulsar_producer_configuration_free(conf);
    place.consumer = open_consumer(place.client, place.topic, "s", (struct consumer_options){0});
    REQUIRE_OK(pulsar_client_create_reader(place.client, place.topic, pulsar_message_id_earliest(), NULL,
                                           &place.reader));
    REQUIRE_OK(pulsar_client_create_table_view(place.client, place.topic, NULL, &place.view));
    REQUIRE_OK(pulsar_rs_consumer_get_schema(place.consumer, NULL, 0, &place.schema));
    return place;
}

/* The parent's are as before. */
static void check_parent(struct place *place) {
    size_t count = 0;
    pulsar_message_t *read = NULL;
    char text[20];
    CHECK_INT(pulsar_producer_is_connected(place->producer), 1);
    CHECK_OK(send_text(place->producer, "y"));
    pulsar_message_t *next = next_message(place->consumer, ANSWER_MS);
    CHECK(next != NULL);
    CHECK_OK(pulsar_reader_read_next_with_timeout(place->reader, &read, ANSWER_MS));
    CHECK_TEXT(content(read, text, sizeof(text)), "x");
    CHECK_OK(pulsar_table_view_close(place->view));
    CHECK(pulsar_rs_received_messages(place->received, &count) != NULL);
    CHECK_OK(pulsar_rs_consumer_acknowledge_received(place->consumer, place->received, 0, count));
    CHECK_INT(pulsar_rs_schema_type(place->schema), pulsar_String);
    pulsar_message_free(next);
    pulsar_message_free(read);
}

static void end_place(struct place *place) {
    pulsar_rs_received_free(place->received);
    pulsar_rs_schema_free(place->schema);
    pulsar_table_view_free(place->view);
    pulsar_reader_free(place->reader);
    end_consumer(place->consumer);
    end_producer(place->producer);
    end_client(place->client);
}

static void test_a_forked_child(void) {
    struct place place = open_place();
    CHECK_OK(send_text(place.producer, "x"));
    pulsar_message_t *message = next_message(place.consumer, ANSWER_MS);
    REQUIRE(message != NULL);
    CHECK_OK(send_text(place.producer, "two"));
    REQUIRE_OK(pulsar_rs_consumer_receive_bulk(place.consumer, 10, SIZE_MAX, ANSWER_MS, &place.received));

    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        run_child(&place, message);
    }
    int status = -1;
    for (int waited = 0; waitpid(child, &status, WNOHANG) == 0; waited += 10) {
        if (waited > 30000 * check_patience()) {
            kill(child, SIGKILL);
        }
        pause_ms(10);
    }
    CHECK(WIFEXITED(status));
    CHECK_INT(WEXITSTATUS(status), 0);

    check_parent(&place);
    CHECK_OK(pulsar_consumer_acknowledge(place.consumer, message));
    pulsar_message_free(message);
    end_place(&place);
}

/* A child of a child, and a parent that forks before it ever made a client. */
static void test_forked_twice(void) {
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        live("first");
        pulsar_client_t *client = open_client(check_url);
        pid_t grandchild = fork();
        if (grandchild == 0) {
            use_client(client);
            live("second");
            end_child(check_failures);
        }
        int status = -1;
        waitpid(grandchild, &status, 0);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        end_client(client);
        end_child(check_failures);
    }
    int status = -1;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

CHECK_MAIN(TEST(test_forked_twice), TEST(test_a_forked_child))
