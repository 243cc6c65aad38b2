/* Sends messages with a codec and reads them back, with nothing but the established API and the last error's text. */
#pragma once

#include <pulsar/c/client.h>
#include <pulsar_rs/client.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CODECS = 5, MESSAGE_SIZE = 1024, WAIT_MS = 30000 };
static const char *const codec_names[CODECS] = {"none", "lz4", "zlib", "zstd", "snappy"};

static inline void round_trip_silence(pulsar_logger_level_t level, const char *file, int line, const char *message,
                                      void *context) {
    (void)level, (void)file, (void)line, (void)message, (void)context;
}

static inline pulsar_client_t *round_trip_client(const char *url, const char *trusted) {
    pulsar_client_configuration_t *conf = pulsar_client_configuration_create();
    pulsar_client_configuration_set_operation_timeout_seconds(conf, 10);
    pulsar_client_configuration_set_logger(conf, round_trip_silence, NULL);
    if (trusted != NULL) {
        pulsar_client_configuration_set_tls_trust_certs_file_path(conf, trusted);
    }
    pulsar_client_t *client = pulsar_client_create(url, conf);
    pulsar_client_configuration_free(conf);
    return client;
}

/* What message `number` has: text that can be compressed, another for each. */
static inline void round_trip_content(char *content, unsigned number) {
    for (size_t i = 0; i < MESSAGE_SIZE; i++) {
        content[i] = (char)('a' + (i / 7 + number) % 26);
    }
}

static inline pulsar_result round_trip_send(pulsar_client_t *client, const char *topic, int codec, unsigned count) {
    pulsar_producer_configuration_t *conf = pulsar_producer_configuration_create();
    pulsar_producer_configuration_set_compression_type(conf, (pulsar_compression_type)codec);
    pulsar_producer_configuration_set_batching_enabled(conf, 1);
    pulsar_producer_configuration_set_block_if_queue_full(conf, 1);
    pulsar_producer_t *producer = NULL;
    pulsar_result result = pulsar_client_create_producer(client, topic, conf, &producer);
    pulsar_producer_configuration_free(conf);
    char content[MESSAGE_SIZE];
    for (unsigned i = 0; result == pulsar_result_Ok && i < count; i++) {
        round_trip_content(content, i);
        pulsar_message_t *message = pulsar_message_create();
        pulsar_message_set_content(message, content, sizeof(content));
        if (i + 1 < count) {
            pulsar_producer_send_async(producer, message, NULL, NULL);
        } else {
            /* Its receipt comes behind those of the others. */
            result = pulsar_producer_send(producer, message);
        }
        pulsar_message_free(message);
    }
    pulsar_producer_close(producer);
    pulsar_producer_free(producer);
    return result;
}

static inline pulsar_result round_trip_receive(pulsar_consumer_t *consumer, unsigned count) {
    char expected[MESSAGE_SIZE];
    for (unsigned i = 0; i < count; i++) {
        pulsar_message_t *message = NULL;
        pulsar_result result = pulsar_consumer_receive_with_timeout(consumer, &message, WAIT_MS);
        if (result != pulsar_result_Ok) {
            return result;
        }
        round_trip_content(expected, i);
        bool same = pulsar_message_get_length(message) == MESSAGE_SIZE &&
                    memcmp(pulsar_message_get_data(message), expected, MESSAGE_SIZE) == 0;
        result = same ? pulsar_consumer_acknowledge(consumer, message) : pulsar_result_InvalidMessage;
        pulsar_message_free(message);
        if (result != pulsar_result_Ok) {
            return result;
        }
    }
    return pulsar_result_Ok;
}

/* Whether `count` messages came back as they were sent; if not, says why on standard error. */
static inline bool round_trip(const char *url, const char *topic, int codec, unsigned count, const char *trusted) {
    pulsar_client_t *client = round_trip_client(url, trusted);
    pulsar_consumer_t *consumer = NULL;
    pulsar_result result = pulsar_client_subscribe(client, topic, "round-trip", NULL, &consumer);
    if (result == pulsar_result_Ok) {
        result = round_trip_send(client, topic, codec, count);
    }
    if (result == pulsar_result_Ok) {
        result = round_trip_receive(consumer, count);
    }
    if (result != pulsar_result_Ok) {
        char *text = pulsar_rs_client_last_error(client);
        fprintf(stderr, "%s: %s: %s\n", codec_names[codec], pulsar_result_str(result), text ? text : "no text");
        free(text);
    }
    pulsar_consumer_close(consumer);
    pulsar_consumer_free(consumer);
    pulsar_client_close(client);
    pulsar_client_free(client);
    return result == pulsar_result_Ok;
}
