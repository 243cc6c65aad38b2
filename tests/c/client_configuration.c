/* pulsar/c/client_configuration.h */
#include <pulsar/c/client_configuration.h>
#include <pulsar/c/message.h>

#include "check.h"
#include "latch.h"
#include "session.h"

static void test_defaults(void) {
    pulsar_client_configuration_t *conf = pulsar_client_configuration_create();
    CHECK_INT(pulsar_client_configuration_get_operation_timeout_seconds(conf), 30);
    CHECK_INT(pulsar_client_configuration_get_io_threads(conf), 1);
    CHECK_INT(pulsar_client_configuration_get_message_listener_threads(conf), 1);
    CHECK_INT(pulsar_client_configuration_get_keep_alive_interval_in_seconds(conf), 30);
    CHECK_INT(pulsar_client_configuration_get_memory_limit(conf), 0);
    CHECK_INT(pulsar_client_configuration_get_concurrent_lookup_request(conf), 50000);
    CHECK_INT(pulsar_client_configuration_get_partitions_update_interval(conf), 60);
    CHECK_INT(pulsar_client_configuration_get_stats_interval_in_seconds(conf), 600);
    CHECK_TEXT(pulsar_client_configuration_get_listener_name(conf), "");
    pulsar_client_configuration_free(conf);
}

static void test_what_is_set_is_kept(void) {
    pulsar_client_configuration_t *conf = pulsar_client_configuration_create();
    pulsar_client_configuration_set_operation_timeout_seconds(conf, -3);
    CHECK_INT(pulsar_client_configuration_get_operation_timeout_seconds(conf), -3);
    pulsar_client_configuration_set_io_threads(conf, 0);
    CHECK_INT(pulsar_client_configuration_get_io_threads(conf), 0);
    pulsar_client_configuration_set_message_listener_threads(conf, 5);
    CHECK_INT(pulsar_client_configuration_get_message_listener_threads(conf), 5);
    pulsar_client_configuration_set_keep_alive_interval_in_seconds(conf, 4294967295u);
    CHECK_INT(pulsar_client_configuration_get_keep_alive_interval_in_seconds(conf), 4294967295u);
    pulsar_client_configuration_set_memory_limit(conf, 1ULL << 40);
    CHECK_INT(pulsar_client_configuration_get_memory_limit(conf), 1LL << 40);
    pulsar_client_configuration_set_concurrent_lookup_request(conf, 7);
    CHECK_INT(pulsar_client_configuration_get_concurrent_lookup_request(conf), 7);
    pulsar_client_configuration_set_partitions_update_interval(conf, 0);
    CHECK_INT(pulsar_client_configuration_get_partitions_update_interval(conf), 0);
    pulsar_client_configuration_set_stats_interval_in_seconds(conf, 4294967295u);
    CHECK_INT(pulsar_client_configuration_get_stats_interval_in_seconds(conf), 4294967295u);
    char name[] = "internal";
    pulsar_client_configuration_set_listener_name(conf, name);
    name[0] = 'x';
    CHECK_TEXT(pulsar_client_configuration_get_listener_name(conf), "internal");
    pulsar_client_configuration_set_listener_name(conf, NULL);
    CHECK_TEXT(pulsar_client_configuration_get_listener_name(conf), "internal");
    pulsar_client_configuration_free(conf);
}

static void use_everything(pulsar_client_configuration_t *conf) {
    pulsar_client_configuration_set_operation_timeout_seconds(conf, 1);
    pulsar_client_configuration_set_io_threads(conf, 1);
    pulsar_client_configuration_set_message_listener_threads(conf, 1);
    pulsar_client_configuration_set_keep_alive_interval_in_seconds(conf, 1);
    pulsar_client_configuration_set_stats_interval_in_seconds(conf, 1);
    pulsar_client_configuration_set_listener_name(conf, "x");
    pulsar_client_configuration_set_logger(conf, no_log, NULL);
    pulsar_client_configuration_set_logger_t(conf, (pulsar_logger_t){0});
    /* Harmless values: the defaults or zero. */
    CHECK_BETWEEN(pulsar_client_configuration_get_operation_timeout_seconds(conf), 0, 30);
    CHECK_BETWEEN(pulsar_client_configuration_get_io_threads(conf), 0, 1);
    CHECK_BETWEEN(pulsar_client_configuration_get_message_listener_threads(conf), 0, 1);
    CHECK_BETWEEN(pulsar_client_configuration_get_keep_alive_interval_in_seconds(conf), 0, 30);
    CHECK_INT(pulsar_client_configuration_get_stats_interval_in_seconds(conf), 600);
    CHECK_TEXT(pulsar_client_configuration_get_listener_name(conf), "");
    pulsar_client_configuration_free(conf);
}

static void test_null_and_foreign(void) {
    pulsar_message_t *message = pulsar_message_create();
    use_everything(NULL);
    use_everything((pulsar_client_configuration_t *)message);
    CHECK_INT(pulsar_message_get_length(message), 0);
    pulsar_message_free(message);
}

struct log {
    struct latch lines;
    atomic_int asked;
    atomic_int other_levels;
};

static void on_line(pulsar_logger_level_t level, const char *file, int line, const char *message, void *context) {
    struct log *log = context;
    CHECK(file && file[0] && message && message[0]);
    CHECK(line > 0);
    CHECK_BETWEEN(level, pulsar_DEBUG, pulsar_ERROR);
    log->other_levels += level != pulsar_INFO;
    latch_raise(&log->lines);
}

static bool wants_information(pulsar_logger_level_t level, void *context) {
    ((struct log *)context)->asked++;
    return level == pulsar_INFO;
}

/* A client that fails to connect has something to say. */
static void provoke(pulsar_client_configuration_t *conf) {
    pulsar_client_configuration_set_operation_timeout_seconds(conf, 1);
    pulsar_client_t *client = pulsar_client_create("pulsar://127.0.0.1:1", conf);
    pulsar_client_configuration_free(conf);
    pulsar_producer_t *producer = NULL;
    CHECK_RESULT(pulsar_client_create_producer(client, "t", NULL, &producer), pulsar_result_Timeout);
    end_client(client);
}

static void test_loggers_get_lines(void) {
    struct log log = {.lines = LATCH_INIT};
    pulsar_client_configuration_t *conf = pulsar_client_configuration_create();
    pulsar_client_configuration_set_logger(conf, on_line, &log);
    provoke(conf);
    CHECK(latch_count(&log.lines) > 0);

    struct log choosy = {.lines = LATCH_INIT};
    conf = pulsar_client_configuration_create();
    pulsar_logger_t logger = {.ctx = &choosy, .is_enabled = wants_information, .log = on_line};
    pulsar_client_configuration_set_logger_t(conf, logger);
    provoke(conf);
    CHECK(choosy.asked > 0);
    CHECK(latch_count(&choosy.lines) > 0);
    CHECK_INT(choosy.other_levels, 0);

    /* When the client is freed, nobody logs any more. */
    int lines = latch_count(&log.lines);
    pause_ms(50);
    CHECK_INT(latch_count(&log.lines), lines);
}

static void test_loggers_without_functions(void) {
    pulsar_client_configuration_t *conf = pulsar_client_configuration_create();
    pulsar_client_configuration_set_logger(conf, NULL, NULL);
    provoke(conf);
    conf = pulsar_client_configuration_create();
    pulsar_client_configuration_set_logger_t(conf, (pulsar_logger_t){.is_enabled = wants_information, .log = NULL});
    provoke(conf);
    struct log log = {.lines = LATCH_INIT};
    conf = pulsar_client_configuration_create();
    pulsar_client_configuration_set_logger_t(conf, (pulsar_logger_t){.ctx = &log, .log = on_line});
    provoke(conf);
    CHECK(latch_count(&log.lines) > 0);
}

static void test_odd_values_are_refused_or_harmless(void) {
    pulsar_client_configuration_t *conf = pulsar_client_configuration_create();
    pulsar_producer_t *producer = NULL;
    pulsar_client_configuration_set_operation_timeout_seconds(conf, -1);
    pulsar_client_configuration_set_logger(conf, no_log, NULL);
    pulsar_client_t *client = pulsar_client_create(check_url, conf);
    CHECK_RESULT(pulsar_client_create_producer(client, "t", NULL, &producer), pulsar_result_InvalidConfiguration);
    CHECK(producer == NULL);
    end_client(client);

    pulsar_client_configuration_set_operation_timeout_seconds(conf, 2147483647);
    pulsar_client_configuration_set_io_threads(conf, -5);
    pulsar_client_configuration_set_message_listener_threads(conf, -5);
    pulsar_client_configuration_set_keep_alive_interval_in_seconds(conf, 4294967295u);
    pulsar_client_configuration_set_stats_interval_in_seconds(conf, 4294967295u);
    client = pulsar_client_create(check_url, conf);
    char topic[TOPIC_SIZE];
    CHECK_OK(pulsar_client_create_producer(client, unique_topic(topic, "odd"), NULL, &producer));
    CHECK_OK(send_text(producer, "x"));
    end_producer(producer);
    end_client(client);
    pulsar_client_configuration_free(conf);
}

static void count_full(pulsar_result result, pulsar_message_id_t *id, void *context) {
    int *full = context;
    *full += result == pulsar_result_MemoryBufferIsFull;
    pulsar_message_id_free(id);
}

/* One message may pass the limit; what comes behind it has to wait or fails. */
static void test_the_memory_limit(void) {
    pulsar_client_configuration_t *conf = pulsar_client_configuration_create();
    pulsar_client_configuration_set_memory_limit(conf, 50000);
    pulsar_client_configuration_set_concurrent_lookup_request(conf, -1);
    pulsar_client_t *client = pulsar_client_create(check_url, conf);
    pulsar_client_configuration_free(conf);
    char topic[TOPIC_SIZE];
    unique_topic(topic, "memory");
    pulsar_producer_t *producer =
        open_producer(client, topic, (struct producer_options){.batching = true, .batch_delay_ms = 5000});
    static char text[60000];
    memset(text, 'x', sizeof(text) - 1);
    int full = 0;
    send_text_async(producer, text, count_full, &full);
    /* Refused before the call returns, so nobody else writes here. */
    send_text_async(producer, "more", count_full, &full);
    CHECK_INT(full, 1);
    CHECK_OK(pulsar_producer_flush(producer));
    CHECK_OK(send_text(producer, text));
    end_producer(producer);
    end_client(client);
}

CHECK_MAIN(TEST(test_the_memory_limit), TEST(test_defaults), TEST(test_what_is_set_is_kept), TEST(test_null_and_foreign),
           TEST(test_loggers_get_lines), TEST(test_loggers_without_functions),
           TEST(test_odd_values_are_refused_or_harmless))
