/* Listeners and closing: once a synchronous close returned, the call that was under way ends, and none follows it. */
#include <pulsar/c/client.h>

#include "check.h"
#include "latch.h"
#include "session.h"

#define MESSAGES 50
#define MAGIC 0x11223344u

static int rounds(void) {
    return check_patience() > 1 ? 20 : 200;
}

/* What a listener gets. It is no good any more when the listener of the next round was called: both run on the one
 * listener thread, so that no call is under way then. */
struct watched {
    atomic_uint magic;
    atomic_bool closed;
    atomic_int late; /* calls that were seen after the close */
    pthread_t closer;
    struct latch called;
};

static atomic_int gone; /* calls with what is no good any more */

static struct watched *watch(int count) {
    struct watched *all = calloc((size_t)count, sizeof(*all));
    for (int i = 0; i < count; i++) {
        all[i].magic = MAGIC;
        all[i].called = (struct latch)LATCH_INIT;
    }
    return all;
}

static void note_call(struct watched *watched) {
    gone += watched->magic != MAGIC;
    watched->late += watched->closed;
    latch_raise(&watched->called);
}

static void on_received(pulsar_consumer_t *consumer, pulsar_message_t *message, void *context) {
    (void)consumer;
    pulsar_message_free(message);
    note_call(context);
}

static void on_read(pulsar_reader_t *reader, pulsar_message_t *message, void *context) {
    (void)reader;
    pulsar_message_free(message);
    note_call(context);
}

static void on_entry(const char *key, const void *value, size_t size, void *context) {
    struct watched *watched = context;
    (void)key, (void)value, (void)size;
    if (!pthread_equal(watched->closer, pthread_self())) {
        note_call(watched);
    }
}

struct place {
    pulsar_client_t *client;
    char topic[TOPIC_SIZE];
};

static void fill(struct place *place, const char *key) {
    pulsar_producer_t *producer = open_producer(place->client, place->topic, (struct producer_options){0});
    for (int i = 0; i < MESSAGES; i++) {
        pulsar_message_t *message = text_message("x");
        pulsar_message_set_partition_key(message, key);
        pulsar_producer_send_async(producer, message, forget_id, NULL);
        pulsar_message_free(message);
    }
    REQUIRE_OK(pulsar_producer_flush(producer));
    end_producer(producer);
}

/* In the middle of many messages. */
static void close_consumer(struct place *place, struct watched *watched, int number) {
    struct consumer_options options = {.listener = on_received, .context = watched};
    pulsar_consumer_t *consumer = open_consumer(place->client, place->topic, "s", options);
    CHECK(latch_wait(&watched->called, 1 + number % 5, ANSWER_MS));
    CHECK_OK(pulsar_consumer_close(consumer));
    watched->closed = true;
    pulsar_consumer_free(consumer);
}

static void close_reader(struct place *place, struct watched *watched, int number) {
    pulsar_reader_configuration_t *conf = pulsar_reader_configuration_create();
    pulsar_reader_t *reader = NULL;
    pulsar_reader_configuration_set_reader_listener(conf, on_read, watched);
    REQUIRE_OK(
        pulsar_client_create_reader(place->client, place->topic, pulsar_message_id_earliest(), conf, &reader));
    pulsar_reader_configuration_free(conf);
    CHECK(latch_wait(&watched->called, 1 + number % 5, ANSWER_MS));
    CHECK_OK(pulsar_reader_close(reader));
    watched->closed = true;
    pulsar_reader_free(reader);
}

static void close_view(struct place *place, struct watched *watched, int number) {
    pulsar_table_view_t *view = NULL;
    unique_topic(place->topic, "closed-view");
    REQUIRE_OK(pulsar_client_create_table_view(place->client, place->topic, NULL, &view));
    pulsar_table_view_for_each_add_listen(view, on_entry, watched);
    fill(place, "key");
    CHECK(latch_wait(&watched->called, 1 + number % 5, ANSWER_MS));
    CHECK_OK(pulsar_table_view_close(view));
    watched->closed = true;
    pulsar_table_view_free(view);
}

static void check_rounds(const char *word, void (*round)(struct place *, struct watched *, int)) {
    struct place place = {.client = open_client(check_url)};
    struct watched *watched = watch(rounds());
    unique_topic(place.topic, word);
    fill(&place, "key");
    for (int i = 0; i < rounds(); i++) {
        watched[i].closer = pthread_self();
        round(&place, &watched[i], i);
        if (i > 0) {
            watched[i - 1].magic = 0;
        }
    }
    /* It waits for the listener thread. */
    end_client(place.client);
    for (int i = 0; i < rounds(); i++) {
        CHECK_BETWEEN(watched[i].late, 0, 1);
    }
    CHECK_INT(gone, 0);
    free(watched);
}

static void test_consumers(void) {
    check_rounds("closed-consumer", close_consumer);
}

static void test_readers(void) {
    check_rounds("closed-reader", close_reader);
}

static void test_table_views(void) {
    check_rounds("closed-view", close_view);
}

CHECK_MAIN(TEST(test_consumers), TEST(test_readers), TEST(test_table_views))
