/* Who owns what, and until when. Valgrind over the C tests shows that what is said to be freed is. */
#include "observe.h"

#define AREA "ownership"

static void contents(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE], text[40];
    unique_topic(topic, "contents");
    pulsar_producer_t *producer = open_producer(client, topic, (struct producer_options){0});
    pulsar_consumer_t *consumer = open_consumer(client, topic, "s", (struct consumer_options){0});

    char *buffer = strdup("allocated");
    pulsar_message_t *message = pulsar_message_create();
    pulsar_message_set_allocated_content(message, buffer, 9);
    memcpy(buffer, "ALLOCATED", 9);
    pulsar_producer_send(producer, message);
    pulsar_message_free(message);
    memcpy(buffer, "unchanged", 9);
    free(buffer);
    message = next_message(consumer, ANSWER_MS);
    observe(AREA, "set_allocated_content, buffer changed before send: received", "%s",
            content(message, text, sizeof(text)));
    pulsar_message_free(message);

    char on_stack[] = "stack";
    message = pulsar_message_create();
    pulsar_message_set_content(message, on_stack, 5);
    memcpy(on_stack, "STACK", 5);
    pulsar_producer_send(producer, message);
    pulsar_message_free(message);
    message = next_message(consumer, ANSWER_MS);
    observe(AREA, "set_content, buffer changed before send: received", "%s", content(message, text, sizeof(text)));

    end_consumer(consumer);
    end_producer(producer);
    end_client(client);
    observe(AREA, "a received message after its consumer and client are freed", "%s, %s",
            content(message, text, sizeof(text)),
            strcmp(pulsar_message_get_topic_name(message), topic) == 0 ? "topic name as before" : "topic name lost");
    pulsar_message_free(message);
}

static void configurations(const char *url) {
    char topic[TOPIC_SIZE];
    pulsar_client_configuration_t *conf = pulsar_client_configuration_create();
    pulsar_client_configuration_set_logger(conf, no_log, NULL);
    pulsar_client_t *client = pulsar_client_create(url, conf);
    pulsar_client_configuration_free(conf);
    pulsar_producer_configuration_t *producing = producer_configuration((struct producer_options){.name = "owned"});
    pulsar_producer_t *producer = NULL;
    pulsar_client_create_producer(client, unique_topic(topic, "conf"), producing, &producer);
    pulsar_producer_configuration_free(producing);
    pulsar_consumer_configuration_t *consuming = consumer_configuration((struct consumer_options){.name = "owned"});
    pulsar_consumer_t *consumer = NULL;
    pulsar_client_subscribe(client, topic, "s", consuming, &consumer);
    pulsar_consumer_configuration_free(consuming);
    send_text(producer, "x");
    pulsar_message_t *message = next_message(consumer, ANSWER_MS);
    observe(AREA, "configurations freed right after use", "%s, %s", pulsar_producer_get_producer_name(producer),
            message ? "a message comes" : "no message comes");
    pulsar_message_free(message);
    observe(AREA, "string getters called twice", "%s",
            pulsar_producer_get_topic(producer) == pulsar_producer_get_topic(producer) &&
                    pulsar_producer_get_producer_name(producer) == pulsar_producer_get_producer_name(producer) &&
                    pulsar_consumer_get_topic(consumer) == pulsar_consumer_get_topic(consumer)
                ? "same pointers"
                : "different pointers");
    end_consumer(consumer);
    end_producer(producer);
    end_client(client);
}

static void frees_of_null(const char *url) {
    (void)url;
    pulsar_client_free(NULL);
    pulsar_client_configuration_free(NULL);
    pulsar_producer_free(NULL);
    pulsar_producer_configuration_free(NULL);
    pulsar_consumer_free(NULL);
    pulsar_consumer_configuration_free(NULL);
    pulsar_message_free(NULL);
    pulsar_message_id_free(NULL);
    pulsar_messages_free(NULL);
    pulsar_string_list_free(NULL);
    pulsar_string_map_free(NULL);
    observe(AREA, "every free with NULL", "harmless");
}

/* A callback that frees what it is about. */
struct freed {
    struct latch done;
    pulsar_producer_t *producer;
};

static void frees_producer(pulsar_result result, pulsar_message_id_t *id, void *context) {
    struct freed *freed = context;
    (void)result;
    pulsar_message_id_free(id);
    pulsar_producer_free(freed->producer);
    latch_raise(&freed->done);
}

static void freed_inside(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    struct freed freed = {.done = LATCH_INIT};
    freed.producer = open_producer(client, unique_topic(topic, "inside"), (struct producer_options){0});
    send_text_async(freed.producer, "x", frees_producer, &freed);
    observe(AREA, "producer freed in its send callback",
            latch_wait(&freed.done, 1, ANSWER_MS) ? "harmless" : "not called");
    end_client(client);
}

OBSERVE_MAIN(GROUP(AREA, contents), GROUP(AREA, configurations),
             CASE(AREA, "every free with NULL", frees_of_null),
             CASE(AREA, "producer freed in its send callback", freed_inside))
