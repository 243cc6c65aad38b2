/* Sends the lines of standard input, or prints lines that it receives: what tests/interop/python/exchange.py compares
 * with those of another client.
 *
 *     lines produce URL TOPIC CODEC BATCHING    lines consume URL TOPIC COUNT
 *
 * With the environment's PUBLIC_KEY and PRIVATE_KEY, paths of files, messages are encrypted. */
#include <pulsar/c/client.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(pulsar_result result, const char *what) {
    if (result != pulsar_result_Ok) {
        fprintf(stderr, "lines: cannot %s: %s\n", what, pulsar_result_str(result));
        exit(1);
    }
}

static void on_sent(pulsar_result result, pulsar_message_id_t *id, void *context) {
    (void)context;
    pulsar_message_id_free(id);
    must(result, "send");
}

static void produce(pulsar_client_t *client, const char *topic, int codec, int batching) {
    pulsar_producer_configuration_t *conf = pulsar_producer_configuration_create();
    pulsar_producer_configuration_set_compression_type(conf, (pulsar_compression_type)codec);
    pulsar_producer_configuration_set_batching_enabled(conf, batching);
    /* The other client refuses both at once. */
    pulsar_producer_configuration_set_chunking_enabled(conf, !batching);
    pulsar_producer_configuration_set_block_if_queue_full(conf, 1);
    if (getenv("PUBLIC_KEY")) {
        pulsar_producer_configuration_set_default_crypto_key_reader(conf, getenv("PUBLIC_KEY"), getenv("PRIVATE_KEY"));
        pulsar_producer_configuration_set_encryption_key(conf, "interop");
    }
    pulsar_producer_t *producer = NULL;
    must(pulsar_client_create_producer(client, topic, conf, &producer), "create a producer");
    pulsar_producer_configuration_free(conf);
    char *line = NULL;
    size_t size = 0;
    for (ssize_t length; (length = getline(&line, &size, stdin)) > 0;) {
        pulsar_message_t *message = pulsar_message_create();
        pulsar_message_set_content(message, line, (size_t)length - (line[length - 1] == '\n'));
        pulsar_producer_send_async(producer, message, on_sent, NULL);
        pulsar_message_free(message);
    }
    free(line);
    must(pulsar_producer_flush(producer), "flush");
    must(pulsar_producer_close(producer), "close the producer");
    pulsar_producer_free(producer);
}

static void consume(pulsar_client_t *client, const char *topic, int count) {
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();
    pulsar_consumer_set_subscription_initial_position(conf, initial_position_earliest);
    if (getenv("PRIVATE_KEY")) {
        pulsar_consumer_configuration_set_default_crypto_key_reader(conf, getenv("PUBLIC_KEY"), getenv("PRIVATE_KEY"));
    }
    pulsar_consumer_t *consumer = NULL;
    must(pulsar_client_subscribe(client, topic, "lines", conf, &consumer), "subscribe");
    pulsar_consumer_configuration_free(conf);
    for (int i = 0; i < count; i++) {
        pulsar_message_t *message = NULL;
        must(pulsar_consumer_receive_with_timeout(consumer, &message, 10000), "receive");
        printf("%.*s\n", (int)pulsar_message_get_length(message), (const char *)pulsar_message_get_data(message));
        must(pulsar_consumer_acknowledge(consumer, message), "acknowledge");
        pulsar_message_free(message);
    }
    must(pulsar_consumer_close(consumer), "close the consumer");
    pulsar_consumer_free(consumer);
}

int main(int argc, char **argv) {
    if (argc < 5) {
        fprintf(stderr, "usage: lines produce URL TOPIC CODEC BATCHING | consume URL TOPIC COUNT\n");
        return 2;
    }
    pulsar_client_t *client = pulsar_client_create(argv[2], NULL);
    if (strcmp(argv[1], "produce") == 0 && argc == 6) {
        produce(client, argv[3], atoi(argv[4]), atoi(argv[5]));
    } else {
        consume(client, argv[3], atoi(argv[4]));
    }
    must(pulsar_client_close(client), "close the client");
    pulsar_client_free(client);
    return 0;
}
