/* End-to-end encryption with key files. */
#include "../c/keys.h"
#include "observe.h"

#define AREA "crypto"

static pulsar_producer_t *open_encrypting(pulsar_client_t *client, const char *topic, const char *key,
                                          const char *public_key, pulsar_producer_crypto_failure_action action,
                                          const char *name) {
    struct producer_options options = {.batching = true, .batch_messages = 10, .batch_delay_ms = 10000};
    pulsar_producer_configuration_t *conf = producer_configuration(options);
    pulsar_producer_configuration_set_default_crypto_key_reader(conf, public_key, "");
    pulsar_producer_configuration_set_encryption_key(conf, key);
    pulsar_producer_configuration_set_crypto_failure_action(conf, action);
    pulsar_producer_t *producer = NULL;
    pulsar_result result = pulsar_client_create_producer(client, topic, conf, &producer);
    if (name) {
        pulsar_result sent = producer ? send_text(producer, "m0") : result;
        observe(AREA, name, "%s; then send %s", named(result), named(sent));
    }
    pulsar_producer_configuration_free(conf);
    return producer;
}

static void enabled(const char *url) {
    (void)url;
    pulsar_producer_configuration_t *producer = pulsar_producer_configuration_create();
    pulsar_producer_configuration_set_encryption_key(producer, "k");
    observe(AREA, "is_encryption_enabled with a key name and no key reader", "%d",
            pulsar_producer_is_encryption_enabled(producer));
    pulsar_producer_configuration_set_default_crypto_key_reader(producer, "a", "b");
    observe(AREA, "is_encryption_enabled with a key name and a key reader", "%d",
            pulsar_producer_is_encryption_enabled(producer));
    pulsar_producer_configuration_free(producer);
    producer = pulsar_producer_configuration_create();
    pulsar_producer_configuration_set_default_crypto_key_reader(producer, "a", "b");
    observe(AREA, "is_encryption_enabled with a key reader and no key name", "%d",
            pulsar_producer_is_encryption_enabled(producer));
    observe(AREA, "failure action of a new producer configuration", "%d",
            (int)pulsar_producer_configuration_get_crypto_failure_action(producer));
    pulsar_producer_configuration_free(producer);
    pulsar_consumer_configuration_t *consumer = pulsar_consumer_configuration_create();
    pulsar_consumer_configuration_set_default_crypto_key_reader(consumer, "a", "b");
    observe(AREA, "consumer is_encryption_enabled after set_default_crypto_key_reader", "%d",
            pulsar_consumer_is_encryption_enabled(consumer));
    pulsar_consumer_configuration_free(consumer);
}

static void unreadable(const char *url) {
    static const struct {
        const char *name, *key, *path;
        pulsar_producer_crypto_failure_action action;
    } cases[] = {
        {"create_producer with an unreadable public key", "k", "/nowhere/public.pem", pulsar_ProducerFail},
        {"the same, to be sent if it cannot be encrypted", "k", "/nowhere/public.pem", pulsar_ProducerSend},
        {"create_producer with a public key that is none", "k", "/dev/null", pulsar_ProducerFail},
    };
    pulsar_client_t *client = open_client(url);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char topic[TOPIC_SIZE];
        pulsar_producer_t *producer = open_encrypting(client, unique_topic(topic, "unreadable"), cases[i].key,
                                                      cases[i].path, cases[i].action, cases[i].name);
        if (producer) {
            end_producer(producer);
        }
    }
    end_client(client);
}

/* What comes of an encrypted batch of ten and a plain message. */
static void receive_all(pulsar_client_t *client, const char *topic, const char *subscription, const char *private_key,
                        pulsar_consumer_crypto_failure_action action, const char *name) {
    pulsar_consumer_configuration_t *conf = consumer_configuration((struct consumer_options){0});
    if (private_key) {
        pulsar_consumer_configuration_set_default_crypto_key_reader(conf, "", private_key);
    }
    pulsar_consumer_configuration_set_crypto_failure_action(conf, action);
    pulsar_consumer_t *consumer = NULL;
    must(pulsar_client_subscribe(client, topic, subscription, conf, &consumer), "subscribe to", topic);
    pulsar_consumer_configuration_free(conf);
    char all[400] = "";
    for (pulsar_message_t *message; (message = next_message(consumer, SILENCE_MS));) {
        char text[40];
        bool is_text = pulsar_message_get_length(message) < 10;
        snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", *all ? " " : "",
                 is_text ? content(message, text, sizeof(text)) : "(bytes)");
        pulsar_message_free(message);
    }
    observe(AREA, name, "%s", *all ? all : "nothing");
    end_consumer(consumer);
}

static void failure_actions(const char *url) {
    struct key_files keys = make_keys(), others = make_keys();
    char topic[TOPIC_SIZE];
    pulsar_client_t *client = open_client(url);
    unique_topic(topic, "actions");
    pulsar_producer_t *producer = open_encrypting(client, topic, "k", keys.public_key, pulsar_ProducerFail, NULL);
    observe_result(AREA, "send an encrypted batch", send_numbered(producer, 10));
    pulsar_producer_t *plain = open_producer(client, topic, (struct producer_options){0});
    send_text(plain, "plain");
    receive_all(client, topic, "key", keys.private_key, pulsar_ConsumerFail, "with the key");
    receive_all(client, topic, "none-fail", NULL, pulsar_ConsumerFail, "without keys, fail");
    receive_all(client, topic, "none-discard", NULL, pulsar_ConsumerDiscard, "without keys, discard");
    receive_all(client, topic, "none-consume", NULL, pulsar_ConsumerConsume, "without keys, consume");
    receive_all(client, topic, "other-fail", others.private_key, pulsar_ConsumerFail, "with another key, fail");
    receive_all(client, topic, "other-discard", others.private_key, pulsar_ConsumerDiscard, "with another key, discard");
    receive_all(client, topic, "other-consume", others.private_key, pulsar_ConsumerConsume, "with another key, consume");
    receive_all(client, topic, "lost-consume", "/nowhere", pulsar_ConsumerConsume, "with an unreadable key, consume");
    end_producer(producer);
    end_producer(plain);
    end_client(client);
    remove_keys(&keys);
    remove_keys(&others);
}

OBSERVE_MAIN(GROUP(AREA, enabled), GROUP(AREA, unreadable), GROUP(AREA, failure_actions))
