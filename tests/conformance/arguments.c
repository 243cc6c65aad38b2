/* NULL where a pointer goes, callbacks that are not given, and loggers. */
#include "observe.h"

#define AREA "arguments"

struct place {
    pulsar_client_t *client;
    pulsar_producer_t *producer;
    pulsar_consumer_t *consumer;
    char topic[TOPIC_SIZE];
};

static struct place open_place(const char *url) {
    struct place place = {.client = open_client(url)};
    unique_topic(place.topic, "arguments");
    place.producer = open_producer(place.client, place.topic, (struct producer_options){0});
    place.consumer = open_consumer(place.client, place.topic, "s", (struct consumer_options){0});
    return place;
}

static void end_place(struct place *place) {
    end_consumer(place->consumer);
    end_producer(place->producer);
    end_client(place->client);
}

static void consumer_without_callback(const char *url) {
    struct place place = open_place(url);
    send_text(place.producer, "x");
    send_text(place.producer, "y");
    pulsar_message_t *message = next_message(place.consumer, ANSWER_MS);
    pulsar_consumer_acknowledge_async(place.consumer, message, NULL, NULL);
    pulsar_consumer_acknowledge_cumulative_async(place.consumer, message, NULL, NULL);
    pulsar_message_free(message);
    pulsar_producer_flush_async(place.producer, NULL, NULL);
    pulsar_consumer_receive_async(place.consumer, NULL, NULL);
    pulsar_consumer_batch_receive_async(place.consumer, NULL, NULL);
    pulsar_producer_close_async(place.producer, NULL, NULL);
    pulsar_consumer_close_async(place.consumer, NULL, NULL);
    observe(AREA, "no callback: acknowledge, flush, receive, batch_receive, closes", "accepted");
    end_place(&place);
}

static void send_without_callback(const char *url) {
    struct place place = open_place(url);
    send_text_async(place.producer, "x", NULL, NULL);
    pulsar_message_t *message = next_message(place.consumer, 3000);
    observe(AREA, "no callback: send_async", message ? "sent" : "not sent");
    pulsar_message_free(message);
    end_place(&place);
}

static void close_without_callback(const char *url) {
    struct place place = open_place(url);
    pulsar_client_close_async(place.client, NULL, NULL);
    pause_ms(500);
    observe(AREA, "no callback: client close_async", "closed: %s",
            pulsar_client_close(place.client) == pulsar_result_AlreadyClosed ? "yes" : "no");
}

static void create_without_callback(const char *url) {
    struct place place = open_place(url);
    pulsar_producer_configuration_t *conf = pulsar_producer_configuration_create();
    pulsar_client_create_producer_async(place.client, place.topic, conf, NULL, NULL);
    pulsar_producer_configuration_free(conf);
    pause_ms(500);
    observe(AREA, "no callback: create_producer_async", "accepted");
    end_place(&place);
}

static void subscribe_without_callback(const char *url) {
    struct place place = open_place(url);
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();
    pulsar_client_subscribe_async(place.client, place.topic, "t", conf, NULL, NULL);
    pulsar_consumer_configuration_free(conf);
    pause_ms(500);
    observe(AREA, "no callback: subscribe_async", "accepted");
    end_place(&place);
}

static void null_property(const char *url) {
    (void)url;
    pulsar_message_t *message = pulsar_message_create();
    pulsar_message_set_property(message, "name", NULL);
    observe(AREA, "message_set_property with a NULL value", "has_property %d",
            pulsar_message_has_property(message, "name"));
    pulsar_message_free(message);
}

static void null_key(const char *url) {
    (void)url;
    pulsar_message_t *message = pulsar_message_create();
    pulsar_message_set_partition_key(message, NULL);
    observe(AREA, "message_set_partition_key with NULL", "has_partition_key %d",
            pulsar_message_has_partition_key(message));
    pulsar_message_free(message);
}

static void null_topic(const char *url) {
    struct place place = open_place(url);
    pulsar_producer_t *producer = NULL;
    observe_result(AREA, "create_producer with a NULL topic",
                   try_producer(place.client, NULL, (struct producer_options){0}, &producer));
    end_place(&place);
}

static void null_subscription(const char *url) {
    struct place place = open_place(url);
    pulsar_consumer_t *consumer = NULL;
    observe_result(AREA, "subscribe with a NULL subscription name",
                   try_subscribe(place.client, place.topic, NULL, (struct consumer_options){0}, &consumer));
    end_place(&place);
}

static void null_message(const char *url) {
    struct place place = open_place(url);
    observe_result(AREA, "send NULL", pulsar_producer_send(place.producer, NULL));
    end_place(&place);
}

static void null_handles(const char *url) {
    (void)url;
    pulsar_message_t *message = pulsar_message_create();
    observe_result(AREA, "send on a NULL producer", pulsar_producer_send(NULL, message));
    pulsar_message_free(message);
}

struct log {
    pthread_t main_thread;
    atomic_int levels[4];
    atomic_int own_thread;
    atomic_int other_thread;
    atomic_int asked;
};

static void on_log(pulsar_logger_level_t level, const char *file, int line, const char *text, void *context) {
    struct log *log = context;
    if (level <= pulsar_ERROR && file && line > 0 && text && text[0]) {
        log->levels[level]++;
    }
    if (pthread_equal(log->main_thread, pthread_self())) {
        log->own_thread++;
    } else {
        log->other_thread++;
    }
}

static bool wants_all(pulsar_logger_level_t level, void *context) {
    struct log *log = context;
    (void)level;
    log->asked++;
    return true;
}

static bool wants_errors(pulsar_logger_level_t level, void *context) {
    (void)context;
    return level == pulsar_ERROR;
}

/* Connects, is refused once, and ends. */
static void live(const char *url, pulsar_client_configuration_t *conf) {
    char topic[TOPIC_SIZE];
    pulsar_client_t *client = pulsar_client_create(url, conf);
    pulsar_client_configuration_free(conf);
    pulsar_producer_t *producer = open_producer(client, unique_topic(topic, "log"), (struct producer_options){0});
    pulsar_producer_t *refused = NULL;
    try_producer(client, "persistent://public/nowhere/t", (struct producer_options){0}, &refused);
    send_text(producer, "x");
    end_producer(producer);
    end_client(client);
}

static void plain_logger(const char *url) {
    struct log log = {.main_thread = pthread_self()};
    pulsar_client_configuration_t *conf = pulsar_client_configuration_create();
    pulsar_client_configuration_set_logger(conf, on_log, &log);
    live(url, conf);
    observe(AREA, "set_logger: levels", "DEBUG %s, INFO %s", log.levels[0] ? "yes" : "no", log.levels[1] ? "yes" : "no");
    observe(AREA, "set_logger: threads", "the caller's %s, others %s", log.own_thread ? "yes" : "no",
            log.other_thread ? "yes" : "no");
}

static void asking_logger(const char *url) {
    struct log log = {.main_thread = pthread_self()};
    pulsar_client_configuration_t *conf = pulsar_client_configuration_create();
    pulsar_logger_t logger = {.ctx = &log, .is_enabled = wants_all, .log = on_log};
    pulsar_client_configuration_set_logger_t(conf, logger);
    live(url, conf);
    observe(AREA, "set_logger_t, all wanted: levels", "DEBUG %s, INFO %s, is_enabled %s", log.levels[0] ? "yes" : "no",
            log.levels[1] ? "yes" : "no", log.asked ? "asked" : "never asked");
}

static void choosy_logger(const char *url) {
    struct log log = {.main_thread = pthread_self()};
    pulsar_client_configuration_t *conf = pulsar_client_configuration_create();
    pulsar_logger_t logger = {.ctx = &log, .is_enabled = wants_errors, .log = on_log};
    pulsar_client_configuration_set_logger_t(conf, logger);
    live(url, conf);
    observe(AREA, "set_logger_t, only errors wanted: others", "%d", log.levels[0] + log.levels[1] + log.levels[2]);
}

/* Two clients of one process, each with a logger of its own. */
static void two_loggers(const char *url) {
    struct log first = {.main_thread = pthread_self()}, second = first;
    pulsar_client_configuration_t *conf = pulsar_client_configuration_create();
    pulsar_client_configuration_set_logger(conf, on_log, &first);
    live(url, conf);
    conf = pulsar_client_configuration_create();
    pulsar_client_configuration_set_logger(conf, on_log, &second);
    live(url, conf);
    observe(AREA, "the second client's logger", "%s", second.levels[1] ? "is called" : "is not called");
}

OBSERVE_MAIN(
             CASE(AREA, "no callback: acknowledge, flush, receive, batch_receive, closes", consumer_without_callback),
             CASE(AREA, "no callback: send_async", send_without_callback),
             CASE(AREA, "no callback: client close_async", close_without_callback),
             CASE(AREA, "no callback: create_producer_async", create_without_callback),
             CASE(AREA, "no callback: subscribe_async", subscribe_without_callback),
             CASE(AREA, "message_set_property with a NULL value", null_property),
             CASE(AREA, "message_set_partition_key with NULL", null_key),
             CASE(AREA, "create_producer with a NULL topic", null_topic),
             CASE(AREA, "subscribe with a NULL subscription name", null_subscription),
             CASE(AREA, "send NULL", null_message), CASE(AREA, "send on a NULL producer", null_handles),
             GROUP(AREA, plain_logger),
             GROUP(AREA, asking_logger), GROUP(AREA, choosy_logger), GROUP(AREA, two_loggers))
