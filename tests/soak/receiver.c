/* The receiving side of the streams. */
#define _GNU_SOURCE

#include "streams.h"

/* Of the messages on a shared subscription one in so many is refused when it comes first. */
enum { NACK_EACH = 101 };

/* Consumers that come and go: so many at a time, each for so many messages, and for more the higher its number. */
enum { PLACES = 3, STAY = 400 };

static const char *const SUBSCRIPTION = "soak";

static uint64_t hash_of_id(pulsar_message_t *message) {
    pulsar_message_id_t *id = pulsar_message_get_message_id(message);
    char *text = pulsar_message_id_str(id);
    uint64_t hash = 14695981039346656037u;
    for (const char *at = text; at != NULL && *at != '\0'; at++) {
        hash = (hash ^ (unsigned char)*at) * 1099511628211u;
    }
    free(text);
    pulsar_message_id_free(id);
    return hash;
}

/* Enters a message into the ledger and acknowledges it, or refuses it. */
static void take(struct receiver *receiver, pulsar_message_t *message) {
    struct stream *stream = receiver->stream;
    uint64_t number = 0;
    if (!payload_read(pulsar_message_get_data(message), pulsar_message_get_length(message), &number)) {
        stream->ledger.damaged++;
        return;
    }
    if (stream->kind == NACKED && number % NACK_EACH == 0 && pulsar_message_get_redelivery_count(message) == 0) {
        pulsar_consumer_negative_acknowledge(receiver->consumer, message);
        return;
    }
    unsigned lane = stream->kind == COMING ? (unsigned)(number % KEYS) : receiver->lane;
    ledger_receive(&stream->ledger, number, hash_of_id(message), lane);
    if (stream->kind == UNBATCHED) {
        pulsar_consumer_acknowledge_cumulative_async(receiver->consumer, message, NULL, NULL);
    } else {
        pulsar_consumer_acknowledge_async(receiver->consumer, message, NULL, NULL);
    }
}

static void on_message(pulsar_consumer_t *consumer, pulsar_message_t *message, void *context) {
    (void)consumer;
    take(context, message);
    pulsar_message_free(message);
}

static void *receive_one_by_one(void *context) {
    struct receiver *receiver = context;
    while (!receivers_end) {
        pulsar_message_t *message = NULL;
        if (pulsar_consumer_receive_with_timeout(receiver->consumer, &message, WAIT_MS) == pulsar_result_Ok) {
            take(receiver, message);
            pulsar_message_free(message);
        }
    }
    return NULL;
}

static void *receive_batches(void *context) {
    struct receiver *receiver = context;
    while (!receivers_end) {
        pulsar_messages_t *messages = NULL;
        if (pulsar_consumer_batch_receive(receiver->consumer, &messages) == pulsar_result_Ok) {
            for (size_t i = 0; i < pulsar_messages_size(messages); i++) {
                take(receiver, pulsar_messages_get(messages, i));
            }
            pulsar_messages_free(messages);
        }
    }
    return NULL;
}

static pulsar_consumer_t *subscribe(struct receiver *receiver);

/* One consumer after the other: each takes some messages, and is closed with others in its queue. */
static void *receive_in_turns(void *context) {
    struct receiver *receiver = context;
    unsigned stay = STAY * (1 + (unsigned)(receiver - receiver->stream->receivers));
    while (!receivers_end) {
        if (receiver->consumer == NULL && (receiver->consumer = subscribe(receiver)) == NULL) {
            /* During an outage. */
            sleep_ms(WAIT_MS);
            continue;
        }
        for (unsigned taken = 0; taken < stay && !receivers_end;) {
            pulsar_message_t *message = NULL;
            if (pulsar_consumer_receive_with_timeout(receiver->consumer, &message, WAIT_MS) == pulsar_result_Ok) {
                take(receiver, message);
                pulsar_message_free(message);
                taken++;
            }
        }
        if (!receivers_end) {
            pulsar_consumer_close(receiver->consumer);
            pulsar_consumer_free(receiver->consumer);
            receiver->consumer = NULL;
        }
    }
    return NULL;
}

static pulsar_consumer_type type_for(enum kind kind) {
    switch (kind) {
    case KEYED:
    case COMING:
        return pulsar_ConsumerKeyShared;
    case NACKED:
        return pulsar_ConsumerShared;
    default:
        return pulsar_ConsumerExclusive;
    }
}

/* NULL: it cannot be now. */
static pulsar_consumer_t *subscribe(struct receiver *receiver) {
    struct stream *stream = receiver->stream;
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();
    pulsar_consumer_configuration_set_consumer_type(conf, type_for(stream->kind));
    pulsar_consumer_set_subscription_initial_position(conf, initial_position_earliest);
    pulsar_configure_set_negative_ack_redelivery_delay_ms(conf, 500);
    if (stream->kind == BATCHED) {
        pulsar_consumer_configuration_set_message_listener(conf, on_message, receiver);
        /* Not before the handle is in its place. */
        pulsar_consumer_configuration_set_start_paused(conf, 1);
    }
    if (stream->kind == BULK) {
        pulsar_consumer_batch_receive_policy_t policy = {500, 1 << 20, WAIT_MS};
        pulsar_consumer_configuration_set_batch_receive_policy(conf, &policy);
    }
    pulsar_consumer_t *consumer = NULL;
    pulsar_result result = pulsar_client_subscribe(stream->client, receiver->topic, SUBSCRIPTION, conf, &consumer);
    pulsar_consumer_configuration_free(conf);
    if (result != pulsar_result_Ok) {
        fprintf(stderr, "soak: %s: %s\n", receiver->topic, pulsar_result_str(result));
        return NULL;
    }
    return consumer;
}

static void receiver_open(struct stream *stream, const char *topic) {
    unsigned number = stream->receiver_count;
    bool shared = stream->kind == KEYED || stream->kind == COMING || stream->kind == NACKED;
    if (number == CONSUMERS) {
        return;
    }
    struct receiver *receiver = &stream->receivers[number];
    receiver->stream = stream;
    receiver->lane = shared ? UNORDERED : number;
    snprintf(receiver->topic, sizeof(receiver->topic), "%s", topic);
    receiver->consumer = subscribe(receiver);
    if (receiver->consumer == NULL) {
        /* During an outage; a new partition is tried again. */
        return;
    }
    stream->receiver_count = number + 1;
    if (stream->kind == BATCHED) {
        resume_message_listener(receiver->consumer);
    } else {
        void *(*receive)(void *) = stream->kind == BULK     ? receive_batches
                                   : stream->kind == COMING ? receive_in_turns
                                                            : receive_one_by_one;
        pthread_create(&receiver->thread, NULL, receive, receiver);
    }
}

static unsigned consumers_of(enum kind kind) {
    switch (kind) {
    case COMING:
        return PLACES;
    case KEYED:
    case NACKED:
        return 2;
    default:
        return 1;
    }
}

void receivers_open(struct stream *stream, pulsar_client_t *client) {
    stream->client = client;
    if (stream->kind == PARTITIONED) {
        receivers_follow(stream);
    } else {
        for (unsigned i = 0; i < consumers_of(stream->kind); i++) {
            receiver_open(stream, stream->topic);
        }
    }
    stop_if(stream->receiver_count == 0, stream->topic, pulsar_result_ConnectError);
}

void receivers_follow(struct stream *stream) {
    pulsar_string_list_t *partitions = NULL;
    if (pulsar_client_get_topic_partitions(stream->client, stream->topic, &partitions) != pulsar_result_Ok) {
        return;
    }
    for (int i = (int)stream->receiver_count; i < pulsar_string_list_size(partitions); i++) {
        unsigned before = stream->receiver_count;
        receiver_open(stream, pulsar_string_list_get(partitions, i));
        if (stream->receiver_count == before) {
            break;
        }
    }
    pulsar_string_list_free(partitions);
}

void receivers_close(struct stream *stream) {
    for (unsigned i = 0; i < stream->receiver_count; i++) {
        struct receiver *receiver = &stream->receivers[i];
        if (stream->kind != BATCHED) {
            pthread_join(receiver->thread, NULL);
        }
        if (receiver->consumer != NULL) {
            pulsar_consumer_close(receiver->consumer);
            pulsar_consumer_free(receiver->consumer);
        }
    }
}
