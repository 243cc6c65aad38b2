/* Dead letters: messages that are redelivered too often. */
#include "observe.h"

#define AREA "dead letters"

struct place {
    pulsar_client_t *client;
    pulsar_producer_t *producer;
    pulsar_consumer_t *consumer;
    char topic[TOPIC_SIZE];
};

typedef pulsar_consumer_config_dead_letter_policy_t policy_t;

static struct place open_place(const char *url, const char *word, bool batch, pulsar_consumer_type type,
                               policy_t policy) {
    struct place place = {.client = open_client(url)};
    struct producer_options producing = {.batching = batch, .batch_delay_ms = 5000};
    unique_topic(place.topic, word);
    place.producer = open_producer(place.client, place.topic, producing);
    pulsar_consumer_configuration_t *conf =
        consumer_configuration((struct consumer_options){.type = type, .nack_delay_ms = 200});
    pulsar_consumer_configuration_set_dlq_policy(conf, &policy);
    must(pulsar_client_subscribe(place.client, place.topic, "s", conf, &place.consumer), "subscribe to", place.topic);
    pulsar_consumer_configuration_free(conf);
    return place;
}

static void end_place(struct place *place) {
    end_consumer(place->consumer);
    end_producer(place->producer);
    end_client(place->client);
}

/* Receives and refuses a message until it does not come any more; the redelivery counts with which it came. */
static const char *refuse_always(struct place *place) {
    static char text[200];
    text[0] = 0;
    for (pulsar_message_t *message; (message = next_message(place->consumer, 3000)) != NULL;) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof(text) - used, "%d ", pulsar_message_get_redelivery_count(message));
        pulsar_consumer_negative_acknowledge(place->consumer, message);
        pulsar_message_free(message);
        if (used > 10) {
            return "for ever";
        }
    }
    return text;
}

static pulsar_consumer_t *open_graveyard(struct place *place, const char *subscription) {
    char dead[TOPIC_SIZE + 10];
    snprintf(dead, sizeof(dead), "%s-s-DLQ", place->topic);
    return open_consumer(place->client, dead, subscription, (struct consumer_options){0});
}

static void always_refused(const char *url) {
    policy_t policy = {.max_redeliver_count = 2};
    struct place place = open_place(url, "refused", false, pulsar_ConsumerShared, policy);
    pulsar_message_t *message = text_message("poison");
    pulsar_message_set_partition_key(message, "pk");
    pulsar_message_set_ordering_key(message, "ok");
    pulsar_message_set_property(message, "own", "1");
    pulsar_message_set_event_timestamp(message, 12345);
    pulsar_producer_send(place.producer, message);
    pulsar_message_free(message);
    observe(AREA, "max_redeliver_count 2, always refused: redelivery counts", "%s", refuse_always(&place));

    pulsar_consumer_t *graveyard = open_graveyard(&place, "g");
    message = next_message(graveyard, ANSWER_MS);
    if (message == NULL) {
        observe(AREA, "on <topic>-<subscription>-DLQ", "nothing");
    } else {
        char text[64];
        observe(AREA, "on <topic>-<subscription>-DLQ", "%s, key %s, ordering key %s, event time %" PRIu64,
                content(message, text, sizeof(text)), pulsar_message_get_partitionKey(message),
                pulsar_message_get_orderingKey(message), pulsar_message_get_event_timestamp(message));
        pulsar_string_map_t *map = pulsar_message_get_properties(message);
        observe(AREA, "its properties", "%d: own %s, REAL_TOPIC %s, ORIGIN_MESSAGE_ID %s", pulsar_string_map_size(map),
                pulsar_string_map_get(map, "own"),
                strcmp(pulsar_string_map_get(map, "REAL_TOPIC"), place.topic) == 0 ? "the topic" : "another",
                id_form(pulsar_string_map_get(map, "ORIGIN_MESSAGE_ID")));
        pulsar_string_map_free(map);
    }
    pulsar_message_free(message);
    end_consumer(graveyard);
    end_consumer(place.consumer);
    place.consumer = open_consumer(place.client, place.topic, "s", (struct consumer_options){0});
    observe(AREA, "what the next consumer gets", "%s", leftover(place.consumer, place.producer));
    end_place(&place);
}

static void named_topic(const char *url) {
    char dead[TOPIC_SIZE];
    unique_topic(dead, "named");
    policy_t policy = {.dead_letter_topic = dead, .max_redeliver_count = 1, .initial_subscription_name = "first"};
    struct place place = open_place(url, "naming", false, pulsar_ConsumerKeyShared, policy);
    send_text(place.producer, "poison");
    observe(AREA, "named topic, Key_Shared, max_redeliver_count 1: redelivery counts", "%s", refuse_always(&place));
    /* What was there before comes only to a subscription that was. */
    struct consumer_options from_now_on = {.from_latest = true};
    pulsar_consumer_t *graveyard = open_consumer(place.client, dead, "first", from_now_on);
    pulsar_message_t *message = next_message(graveyard, ANSWER_MS);
    observe(AREA, "initial subscription", message ? "has the message" : "has nothing");
    pulsar_message_free(message);
    end_consumer(graveyard);
    end_place(&place);
}

static void exclusive(const char *url) {
    policy_t policy = {.max_redeliver_count = 1};
    struct place place = open_place(url, "exclusive", false, pulsar_ConsumerExclusive, policy);
    send_text(place.producer, "poison");
    observe(AREA, "Exclusive, max_redeliver_count 1: redelivery counts", "%s", refuse_always(&place));
    end_place(&place);
}

static void switched_off(const char *url) {
    policy_t policy = {.max_redeliver_count = 0};
    struct place place = open_place(url, "off", false, pulsar_ConsumerShared, policy);
    send_text(place.producer, "poison");
    observe(AREA, "max_redeliver_count 0: redelivery counts", "%s", refuse_always(&place));
    end_place(&place);
}

/* Ten of one batch, on their last delivery: m4 is refused. */
static void of_a_batch(const char *url, const char *name, bool acknowledge_rest) {
    policy_t policy = {.max_redeliver_count = 1};
    struct place place = open_place(url, "batch", true, pulsar_ConsumerShared, policy);
    send_numbered(place.producer, 10);
    for (int i = 0; i < 20; i++) {
        pulsar_message_t *message = next_message(place.consumer, ANSWER_MS);
        if (message == NULL) {
            break;
        }
        if (i == 9 || i == 14) {
            pulsar_consumer_negative_acknowledge(place.consumer, message);
        } else if (i > 9 && acknowledge_rest) {
            pulsar_consumer_acknowledge(place.consumer, message);
        }
        pulsar_message_free(message);
    }
    char text[400];
    pulsar_consumer_t *graveyard = open_graveyard(&place, "g");
    drain_into(text, sizeof(text), graveyard, UNTIL_SILENCE, true);
    observe(AREA, name, "%s", text);
    end_consumer(graveyard);
    end_place(&place);
}

static void batch_and_acknowledged(const char *url) {
    of_a_batch(url, "batch of ten, m4 refused on its last delivery, the others acknowledged", true);
}

static void batch_and_not_acknowledged(const char *url) {
    of_a_batch(url, "batch of ten, m4 refused on its last delivery, the others neither", false);
}

static void show_policy(const char *name, pulsar_consumer_configuration_t *conf) {
    policy_t policy;
    pulsar_consumer_configuration_get_dlq_policy(conf, &policy);
    observe(AREA, name, "topic \"%s\", max %d, initial subscription \"%s\"", policy.dead_letter_topic,
            policy.max_redeliver_count, policy.initial_subscription_name);
}

static void getters(const char *url) {
    (void)url;
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();
    show_policy("get_dlq_policy, default", conf);
    policy_t policy = {"dt", 3, "is"};
    pulsar_consumer_configuration_set_dlq_policy(conf, &policy);
    show_policy("get_dlq_policy after set {\"dt\", 3, \"is\"}", conf);
    policy = (policy_t){NULL, 0, NULL};
    pulsar_consumer_configuration_set_dlq_policy(conf, &policy);
    show_policy("get_dlq_policy after set {NULL, 0, NULL}", conf);
    pulsar_consumer_configuration_free(conf);
}

OBSERVE_MAIN(GROUP(AREA, always_refused), GROUP(AREA, named_topic), GROUP(AREA, exclusive), GROUP(AREA, switched_off),
             GROUP(AREA, batch_and_acknowledged), GROUP(AREA, batch_and_not_acknowledged), GROUP(AREA, getters))
