/* Sends a message and receives it: ./main pulsar://localhost:6650 TOPIC. Standard C since C99. */
#include <pulsar/c/client.h>
#include <stdio.h>
#include <string.h>

static const char text[] = "hello from C";

static int fail(const char *what, pulsar_result result) {
    fprintf(stderr, "%s: %s\n", what, pulsar_result_str(result));
    return 1;
}

static int exchange(pulsar_client_t *client, const char *topic) {
    pulsar_consumer_t *consumer = NULL;
    pulsar_producer_t *producer = NULL;
    pulsar_message_t *received = NULL;
    pulsar_message_t *message = pulsar_message_create();
    const char *what = "subscribe";
    pulsar_result result = pulsar_client_subscribe(client, topic, "main", NULL, &consumer);
    if (result == pulsar_result_Ok) {
        what = "create the producer";
        result = pulsar_client_create_producer(client, topic, NULL, &producer);
    }
    if (result == pulsar_result_Ok) {
        what = "send";
        pulsar_message_set_content(message, text, strlen(text));
        result = pulsar_producer_send(producer, message);
    }
    if (result == pulsar_result_Ok) {
        what = "receive";
        result = pulsar_consumer_receive_with_timeout(consumer, &received, 10000);
    }
    if (result == pulsar_result_Ok) {
        printf("%.*s\n", (int)pulsar_message_get_length(received), (const char *)pulsar_message_get_data(received));
        what = "acknowledge";
        result = pulsar_consumer_acknowledge(consumer, received);
    }
    pulsar_message_free(received);
    pulsar_message_free(message);
    pulsar_producer_free(producer);
    pulsar_consumer_free(consumer);
    return result == pulsar_result_Ok ? 0 : fail(what, result);
}

int main(int argc, char **argv) {
    pulsar_client_t *client;
    pulsar_result closed;
    int status;
    if (argc != 3) {
        fprintf(stderr, "usage: %s URL TOPIC\n", argv[0]);
        return 2;
    }
    client = pulsar_client_create(argv[1], NULL);
    status = exchange(client, argv[2]);
    closed = pulsar_client_close(client);
    pulsar_client_free(client);
    return status != 0 || closed == pulsar_result_Ok ? status : fail("close", closed);
}
