/* Clients, producers and consumers as most tests want them, on either library: only the established API. */
#pragma once

#include <inttypes.h>
#include <pulsar/c/client.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

/* Enough for an answer of a broker on this machine, even when it is busy. */
#define ANSWER_MS 15000
/* Long enough to believe that nothing comes. */
#define SILENCE_MS 600

#define TOPIC_SIZE 160

struct producer_options {
    const char *name;
    bool batching;
    unsigned batch_messages; /* 0: the default */
    long batch_delay_ms;     /* 0: the default */
    int max_pending;         /* 0: the default */
    bool block_if_full;
    int send_timeout_ms; /* 0: the default */
    bool has_initial_sequence_id;
    int64_t initial_sequence_id;
};

struct consumer_options {
    const char *name;
    pulsar_consumer_type type;
    bool from_latest; /* instead of the first message */
    int queue_size;   /* 0: the default */
    long nack_delay_ms;
    bool batch_index_acks;
    bool acks_at_once; /* instead of grouping them */
    bool start_paused;
    pulsar_message_listener listener;
    void *context;
    const pulsar_consumer_batch_receive_policy_t *policy;
};

/* A topic that nothing else uses: full name, with the word in it. */
static inline const char *unique_topic(char *topic, const char *word) {
    static int counter;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(topic, TOPIC_SIZE, "persistent://public/default/c-%s-%d-%lx-%d", word, (int)getpid(),
             (unsigned long)(now.tv_sec * 1000000000L + now.tv_nsec), counter++);
    return topic;
}

/* Warnings are for tests that provoke trouble only noise. */
static inline void no_log(pulsar_logger_level_t level, const char *file, int line, const char *message,
                          void *context) {
    (void)level, (void)file, (void)line, (void)message, (void)context;
}

static inline pulsar_client_t *open_client_for(const char *url, int timeout_seconds) {
    pulsar_client_configuration_t *conf = pulsar_client_configuration_create();
    pulsar_client_configuration_set_operation_timeout_seconds(conf, timeout_seconds);
    pulsar_client_configuration_set_logger(conf, no_log, NULL);
    pulsar_client_t *client = pulsar_client_create(url, conf);
    pulsar_client_configuration_free(conf);
    return client;
}

static inline pulsar_client_t *open_client(const char *url) {
    return open_client_for(url, 10);
}

static inline void end_client(pulsar_client_t *client) {
    pulsar_client_close(client);
    pulsar_client_free(client);
}

static inline pulsar_producer_configuration_t *producer_configuration(struct producer_options options) {
    pulsar_producer_configuration_t *conf = pulsar_producer_configuration_create();
    pulsar_producer_configuration_set_batching_enabled(conf, options.batching);
    pulsar_producer_configuration_set_block_if_queue_full(conf, options.block_if_full);
    if (options.name) {
        pulsar_producer_configuration_set_producer_name(conf, options.name);
    }
    if (options.batch_messages > 0) {
        pulsar_producer_configuration_set_batching_max_messages(conf, options.batch_messages);
    }
    if (options.batch_delay_ms > 0) {
        pulsar_producer_configuration_set_batching_max_publish_delay_ms(conf, (unsigned long)options.batch_delay_ms);
    }
    if (options.max_pending > 0) {
        pulsar_producer_configuration_set_max_pending_messages(conf, options.max_pending);
    }
    if (options.send_timeout_ms > 0) {
        pulsar_producer_configuration_set_send_timeout(conf, options.send_timeout_ms);
    }
    if (options.has_initial_sequence_id) {
        pulsar_producer_configuration_set_initial_sequence_id(conf, options.initial_sequence_id);
    }
    return conf;
}

static inline pulsar_result try_producer(pulsar_client_t *client, const char *topic, struct producer_options options,
                                         pulsar_producer_t **producer) {
    pulsar_producer_configuration_t *conf = producer_configuration(options);
    pulsar_result result = pulsar_client_create_producer(client, topic, conf, producer);
    pulsar_producer_configuration_free(conf);
    return result;
}

/* Whatever a test looks at next would be without sense. */
static inline void must(pulsar_result result, const char *what, const char *topic) {
    if (result != pulsar_result_Ok) {
        fprintf(stderr, "cannot %s %s: %s\n", what, topic, pulsar_result_str(result));
        exit(1);
    }
}

static inline pulsar_producer_t *open_producer(pulsar_client_t *client, const char *topic,
                                               struct producer_options options) {
    pulsar_producer_t *producer = NULL;
    must(try_producer(client, topic, options, &producer), "create a producer on", topic);
    return producer;
}

static inline void end_producer(pulsar_producer_t *producer) {
    pulsar_producer_close(producer);
    pulsar_producer_free(producer);
}

static inline pulsar_consumer_configuration_t *consumer_configuration(struct consumer_options options) {
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();
    pulsar_consumer_configuration_set_consumer_type(conf, options.type);
    pulsar_consumer_set_subscription_initial_position(
        conf, options.from_latest ? initial_position_latest : initial_position_earliest);
    pulsar_consumer_configuration_set_batch_index_ack_enabled(conf, options.batch_index_acks);
    pulsar_consumer_configuration_set_start_paused(conf, options.start_paused);
    if (options.name) {
        pulsar_consumer_set_consumer_name(conf, options.name);
    }
    if (options.queue_size > 0) {
        pulsar_consumer_configuration_set_receiver_queue_size(conf, options.queue_size);
    }
    if (options.nack_delay_ms > 0) {
        pulsar_configure_set_negative_ack_redelivery_delay_ms(conf, options.nack_delay_ms);
    }
    if (options.acks_at_once) {
        pulsar_configure_set_ack_grouping_time_ms(conf, 0);
    }
    if (options.listener) {
        pulsar_consumer_configuration_set_message_listener(conf, options.listener, options.context);
    }
    if (options.policy) {
        pulsar_consumer_configuration_set_batch_receive_policy(conf, options.policy);
    }
    return conf;
}

static inline pulsar_result try_subscribe(pulsar_client_t *client, const char *topic, const char *subscription,
                                          struct consumer_options options, pulsar_consumer_t **consumer) {
    pulsar_consumer_configuration_t *conf = consumer_configuration(options);
    pulsar_result result = pulsar_client_subscribe(client, topic, subscription, conf, consumer);
    pulsar_consumer_configuration_free(conf);
    return result;
}

static inline pulsar_consumer_t *open_consumer(pulsar_client_t *client, const char *topic, const char *subscription,
                                               struct consumer_options options) {
    pulsar_consumer_t *consumer = NULL;
    must(try_subscribe(client, topic, subscription, options, &consumer), "subscribe to", topic);
    return consumer;
}

static inline void end_consumer(pulsar_consumer_t *consumer) {
    pulsar_consumer_close(consumer);
    pulsar_consumer_free(consumer);
}

static inline pulsar_message_t *text_message(const char *text) {
    pulsar_message_t *message = pulsar_message_create();
    pulsar_message_set_content(message, text, strlen(text));
    return message;
}

static inline pulsar_result send_text(pulsar_producer_t *producer, const char *text) {
    pulsar_message_t *message = text_message(text);
    pulsar_result result = pulsar_producer_send(producer, message);
    pulsar_message_free(message);
    return result;
}

static inline void send_text_async(pulsar_producer_t *producer, const char *text, pulsar_send_callback callback,
                                   void *context) {
    pulsar_message_t *message = text_message(text);
    pulsar_producer_send_async(producer, message, callback, context);
    pulsar_message_free(message);
}

/* For sends whose outcome is seen elsewhere. */
static inline void forget_id(pulsar_result result, pulsar_message_id_t *id, void *context) {
    (void)result, (void)context;
    pulsar_message_id_free(id);
}

/* Sends m0, m1 ... and flushes: one batch, when the producer gathers so many for so long. */
static inline pulsar_result send_numbered(pulsar_producer_t *producer, int count) {
    for (int i = 0; i < count; i++) {
        char text[32];
        snprintf(text, sizeof(text), "m%d", i);
        send_text_async(producer, text, forget_id, NULL);
    }
    return pulsar_producer_flush(producer);
}

/* The next message; NULL when none comes in time. */
static inline pulsar_message_t *next_message(pulsar_consumer_t *consumer, int milliseconds) {
    pulsar_message_t *message = NULL;
    pulsar_result result = pulsar_consumer_receive_with_timeout(consumer, &message, milliseconds);
    return result == pulsar_result_Ok ? message : NULL;
}

/* The content as text, cut to the size. */
static inline const char *content(pulsar_message_t *message, char *text, size_t size) {
    size_t length = pulsar_message_get_length(message);
    length = length < size ? length : size - 1;
    if (length > 0) {
        memcpy(text, pulsar_message_get_data(message), length);
    }
    text[length] = 0;
    return text;
}
