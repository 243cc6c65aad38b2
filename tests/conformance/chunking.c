/* Messages larger than the broker takes. */
#include "observe.h"

#define AREA "chunking"
/* Three chunks where the broker takes 5 MiB. */
#define LARGE (12 * 1024 * 1024)

static pulsar_producer_configuration_t *chunking(bool batching) {
    pulsar_producer_configuration_t *conf = producer_configuration((struct producer_options){.batching = batching});
    pulsar_producer_configuration_set_chunking_enabled(conf, 1);
    return conf;
}

/* "two ids, two entries apart": the first chunk's and the last one's. */
static const char *chunks_form(pulsar_message_id_t *id) {
    static _Thread_local char texts[2][60];
    static _Thread_local int turn;
    char *form = texts[turn++ % 2];
    char *text = pulsar_message_id_str(id);
    long long first, last;
    if (sscanf(text, "(%*d,%lld,%*d,%*d);(%*d,%lld,", &first, &last) == 2) {
        snprintf(form, sizeof(texts[0]), "two ids, %lld entries apart", last - first);
    } else {
        snprintf(form, sizeof(texts[0]), "%s", id_form(text));
    }
    free(text);
    return form;
}

static unsigned char *large_payload(void) {
    unsigned char *payload = malloc(LARGE);
    for (int i = 0; i < LARGE; i++) {
        payload[i] = (unsigned char)(i * 2654435761u >> 13);
    }
    return payload;
}

static void received(pulsar_consumer_t *consumer, const unsigned char *payload) {
    pulsar_message_t *message = NULL;
    pulsar_result result = pulsar_consumer_receive_with_timeout(consumer, &message, ANSWER_MS);
    if (result != pulsar_result_Ok) {
        observe_result(AREA, "12 MiB received", result);
        return;
    }
    bool same = pulsar_message_get_length(message) == LARGE
                && memcmp(pulsar_message_get_data(message), payload, LARGE) == 0;
    observe(AREA, "12 MiB received", "%s", same ? "in one piece" : "something else");
    pulsar_message_id_t *id = pulsar_message_get_message_id(message);
    observe(AREA, "the receiver's id", "%s", chunks_form(id));
    int length = 0;
    void *bytes = pulsar_message_id_serialize(id, &length);
    pulsar_message_id_t *back = pulsar_message_id_deserialize(bytes, (uint32_t)length);
    observe(AREA, "the same from its bytes", "%s", chunks_form(back));
    pulsar_string_map_t *properties = pulsar_message_get_properties(message);
    observe(AREA, "properties that the application sees", "%d", pulsar_string_map_size(properties));
    observe_result(AREA, "acknowledge", pulsar_consumer_acknowledge(consumer, message));
    pulsar_message_id_free(back);
    pulsar_message_id_free(id);
    free(bytes);
    pulsar_message_free(message);
}

static void one_large(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    unique_topic(topic, "chunking");
    struct consumer_options options = {.acks_at_once = true};
    pulsar_consumer_t *consumer = open_consumer(client, topic, "sub", options);
    pulsar_producer_configuration_t *conf = chunking(false);
    pulsar_producer_t *producer = NULL;
    observe_result(AREA, "create without batching", pulsar_client_create_producer(client, topic, conf, &producer));
    unsigned char *payload = large_payload();
    pulsar_message_t *message = pulsar_message_create();
    pulsar_message_set_content(message, payload, LARGE);
    observe_result(AREA, "send 12 MiB", pulsar_producer_send(producer, message));
    pulsar_message_id_t *id = pulsar_message_get_message_id(message);
    observe(AREA, "the sender's id", "%s", chunks_form(id));
    send_text(producer, "small");
    observe(AREA, "last sequence id after a large message and a small one", "%" PRId64,
            pulsar_producer_get_last_sequence_id(producer));
    received(consumer, payload);
    end_consumer(consumer);
    consumer = open_consumer(client, topic, "sub", options);
    pulsar_message_t *next = NULL;
    pulsar_result result = pulsar_consumer_receive_with_timeout(consumer, &next, ANSWER_MS);
    observe(AREA, "what a new consumer gets first", "%s, %u bytes", named(result),
            next ? pulsar_message_get_length(next) : 0);
    if (next) {
        pulsar_message_free(next);
    }
    pulsar_message_id_free(id);
    pulsar_message_free(message);
    free(payload);
    pulsar_producer_configuration_free(conf);
    end_producer(producer);
    end_consumer(consumer);
    end_client(client);
}

static void with_batching(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    pulsar_producer_configuration_t *conf = chunking(true);
    pulsar_producer_t *producer = NULL;
    pulsar_result result =
        pulsar_client_create_producer(client, unique_topic(topic, "chunking-batching"), conf, &producer);
    observe_result(AREA, "create with batching", result);
    pulsar_producer_configuration_free(conf);
    if (producer) {
        end_producer(producer);
    }
    end_client(client);
}

OBSERVE_MAIN(GROUP(AREA, one_large), CASE(AREA, "create with batching", with_batching))
