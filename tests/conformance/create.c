/* Creating clients, producers and consumers: URLs, names, and who may be there at the same time. */
#include "observe.h"

#define AREA "create"

/* What a client with this URL comes to: the result of its first use, when, and whether the output was written. */
static void use_url(const char *name, const char *url, bool timed) {
    pulsar_client_t *client = open_client_for(url, 2);
    pulsar_producer_t *untouched = (pulsar_producer_t *)&untouched;
    pulsar_producer_t *producer = untouched;
    long long start = now_ms();
    pulsar_result result = try_producer(client, "conformance-url", (struct producer_options){0}, &producer);
    long long took = now_ms() - start;
    observe(AREA, name, "client %s; create_producer %s%s%s, output %s", client ? "non-NULL" : "NULL", named(result),
            timed ? " " : "", timed ? after(took, 2000) : "", producer == untouched ? "untouched" : "set");
    if (producer != untouched) {
        end_producer(producer);
    }
    end_client(client);
}

static void unknown_scheme(const char *url) {
    (void)url;
    use_url("URL with an unknown scheme", "foo://127.0.0.1:6650", false);
}

static void empty_url(const char *url) {
    (void)url;
    use_url("URL \"\"", "", false);
}

static void no_host(const char *url) {
    (void)url;
    use_url("URL \"pulsar://\"", "pulsar://", false);
}

static void no_scheme(const char *url) {
    (void)url;
    use_url("URL without a scheme", "127.0.0.1:6650", false);
}

static void bad_port(const char *url) {
    (void)url;
    use_url("URL with a bad port", "pulsar://127.0.0.1:notaport", false);
}

static void null_url(const char *url) {
    (void)url;
    use_url("URL NULL", NULL, false);
}

static void null_configuration(const char *url) {
    pulsar_client_t *client = open_client(url);
    pulsar_producer_t *producer = NULL;
    observe_result(AREA, "create_producer with a NULL configuration",
                   pulsar_client_create_producer(client, "conformance-null", NULL, &producer));
    end_producer(producer);
    end_client(client);
}

static void null_client_configuration(const char *url) {
    pulsar_client_t *client = pulsar_client_create(url, NULL);
    observe(AREA, "client with a NULL configuration", client ? "non-NULL" : "NULL");
    end_client(client);
}

static void reachable_or_not(const char *url) {
    char two[200];
    snprintf(two, sizeof(two), "pulsar://127.0.0.1:1,%s", url + strlen("pulsar://"));
    use_url("URL of two hosts, the first refuses", two, false);
    use_url("URL that refuses connections", "pulsar://127.0.0.1:1", true);
    /* So long a name is known to be none without asking a name server, which may be far or missing. */
    use_url("URL whose host has no address",
            "pulsar://no-such-host-in-a-name-with-a-part-that-is-much-longer-than-sixty-three-letters.invalid:6650", true);
    use_url("URL http://, nobody there", "http://127.0.0.1:1", false);
    use_url("URL pulsar+ssl://, nobody there", "pulsar+ssl://127.0.0.1:1", false);
}

/* Lookups over HTTP, at the same broker. */
static void over_http(const char *url) {
    (void)url;
    const char *http = getenv("PULSAR_HTTP");
    char text[300];
    pulsar_client_t *client = open_client(http);
    pulsar_producer_t *producer = NULL;
    pulsar_consumer_t *consumer = NULL;
    pulsar_result subscribed =
        try_subscribe(client, "conformance-http", "s", (struct consumer_options){0}, &consumer);
    pulsar_result created = try_producer(client, "conformance-http", (struct producer_options){0}, &producer);
    pulsar_message_t *message = NULL;
    if (subscribed == pulsar_result_Ok && created == pulsar_result_Ok) {
        pulsar_message_t *sent = pulsar_message_create();
        pulsar_message_set_content(sent, "x", 1);
        snprintf(text, sizeof(text), "%s", named(pulsar_producer_send(producer, sent)));
        pulsar_message_free(sent);
        observe(AREA, "URL http://, send and receive", "%s, then %s", text,
                named(pulsar_consumer_receive_with_timeout(consumer, &message, ANSWER_MS)));
        pulsar_consumer_acknowledge(consumer, message);
        pulsar_message_free(message);
        pulsar_consumer_close(consumer);
        pulsar_consumer_free(consumer);
        end_producer(producer);
    } else {
        observe(AREA, "URL http://, send and receive", "%s, %s", named(subscribed), named(created));
    }
    pulsar_string_list_t *partitions = NULL;
    pulsar_result counted = pulsar_client_get_topic_partitions(client, "conformance-parts", &partitions);
    observe(AREA, "URL http://, get_topic_partitions of three", "%s, %d", named(counted),
            counted == pulsar_result_Ok ? pulsar_string_list_size(partitions) : -1);
    if (counted == pulsar_result_Ok) {
        pulsar_string_list_free(partitions);
    }
    observe_result(AREA, "URL http://, a namespace that is not there",
                   try_producer(client, "persistent://public/nowhere/t", (struct producer_options){0}, &producer));
    end_client(client);
    snprintf(text, sizeof(text), "http://127.0.0.1:1,%s", (http ? http : "http://") + strlen("http://"));
    use_url("URL http:// of two hosts, the first refuses", text, false);
}

static void topic_name(pulsar_client_t *client, const char *topic) {
    pulsar_producer_t *producer = NULL;
    char name[200];
    snprintf(name, sizeof(name), "create_producer topic \"%s\"", topic);
    pulsar_result result = try_producer(client, topic, (struct producer_options){0}, &producer);
    observe(AREA, name, "%s%s%s", named(result), producer ? "; get_topic " : "",
            producer ? pulsar_producer_get_topic(producer) : "");
    if (producer) {
        end_producer(producer);
    }
}

static void subscribe_name(pulsar_client_t *client, const char *topic) {
    pulsar_consumer_t *consumer = NULL;
    char name[200];
    snprintf(name, sizeof(name), "subscribe topic \"%s\"", topic);
    observe_result(AREA, name, try_subscribe(client, topic, "s", (struct consumer_options){0}, &consumer));
    pulsar_string_list_t *partitions = NULL;
    snprintf(name, sizeof(name), "get_topic_partitions topic \"%s\"", topic);
    observe_result(AREA, name, pulsar_client_get_topic_partitions(client, topic, &partitions));
}

static void topic_names(const char *url) {
    static const char *const wrong[] = {"", "a/b", "persistent://public", "persistent://public/default",
                                        "foo://public/default/x", "persistent://public/default/"};
    static const char *const right[] = {"conformance-short", "public/default/conformance-three",
                                        "conformance with space", "persistent://a/b/c/d",
                                        "persistent://public/default/conformance/a/b",
                                        "non-persistent://public/default/conformance-np"};
    pulsar_client_t *client = open_client(url);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        topic_name(client, wrong[i]);
        subscribe_name(client, wrong[i]);
    }
    for (size_t i = 0; i < sizeof(right) / sizeof(*right); i++) {
        topic_name(client, right[i]);
    }
    end_client(client);
}

static void missing_places(const char *url) {
    static const char *const topics[] = {"persistent://public/nowhere/t", "persistent://nobody/default/t"};
    pulsar_client_t *client = open_client_for(url, 5);
    for (int i = 0; i < 2; i++) {
        char name[100];
        pulsar_producer_t *producer = NULL;
        pulsar_consumer_t *consumer = NULL;
        long long start = now_ms();
        snprintf(name, sizeof(name), "create_producer in a %s that does not exist", i ? "tenant" : "namespace");
        pulsar_result result = try_producer(client, topics[i], (struct producer_options){0}, &producer);
        observe(AREA, name, "%s %s", named(result), after(now_ms() - start, 5000));
        start = now_ms();
        snprintf(name, sizeof(name), "subscribe in a %s that does not exist", i ? "tenant" : "namespace");
        result = try_subscribe(client, topics[i], "s", (struct consumer_options){0}, &consumer);
        observe(AREA, name, "%s %s", named(result), after(now_ms() - start, 5000));
    }
    end_client(client);
}

static void io_threads(const char *url) {
    pulsar_client_configuration_t *conf = pulsar_client_configuration_create();
    pulsar_client_configuration_set_io_threads(conf, 0);
    pulsar_client_configuration_set_logger(conf, no_log, NULL);
    pulsar_client_t *client = pulsar_client_create(url, conf);
    pulsar_client_configuration_free(conf);
    pulsar_producer_t *producer = NULL;
    char topic[TOPIC_SIZE];
    observe(AREA, "io_threads 0, create_producer", "%s",
            named(try_producer(client, unique_topic(topic, "io"), (struct producer_options){0}, &producer)));
    end_producer(producer);
    end_client(client);
}

static void exclusive(const char *url) {
    pulsar_client_t *client = open_client(url), *other = open_client(url);
    pulsar_consumer_t *first = NULL, *second = NULL;
    char topic[TOPIC_SIZE];
    unique_topic(topic, "exclusive");
    struct consumer_options exclusive = {0}, shared = {.type = pulsar_ConsumerShared};

    observe_result(AREA, "subscribe with an empty subscription name",
                   try_subscribe(client, topic, "", exclusive, &first));
    observe_result(AREA, "subscribe exclusive, first", try_subscribe(client, topic, "ex", exclusive, &first));
    observe_result(AREA, "subscribe exclusive, second of the same client",
                   try_subscribe(client, topic, "ex", exclusive, &second));
    observe_result(AREA, "subscribe exclusive, second of another client",
                   try_subscribe(other, topic, "ex", exclusive, &second));
    observe_result(AREA, "subscribe shared beside an exclusive consumer",
                   try_subscribe(client, topic, "ex", shared, &second));
    observe_result(AREA, "subscribe to another subscription of the topic",
                   try_subscribe(client, topic, "ex2", exclusive, &second));
    end_consumer(first);
    end_consumer(second);
    observe_result(AREA, "subscribe exclusive, once the first is closed",
                   try_subscribe(other, topic, "ex", exclusive, &first));
    end_consumer(first);
    end_client(client);
    end_client(other);
}

static void producer_names(const char *url) {
    pulsar_client_t *client = open_client(url), *other = open_client(url);
    pulsar_producer_t *first = NULL, *second = NULL;
    char topic[TOPIC_SIZE];
    struct producer_options options = {.name = "named-p"};
    unique_topic(topic, "names");

    try_producer(client, topic, options, &first);
    observe(AREA, "producer name set by the user", "%s", pulsar_producer_get_producer_name(first));
    observe_result(AREA, "producer name already taken, same client", try_producer(client, topic, options, &second));
    observe_result(AREA, "producer name already taken, other client", try_producer(other, topic, options, &second));
    end_producer(first);
    observe_result(AREA, "producer name taken again after the close", try_producer(other, topic, options, &first));
    end_producer(first);

    first = open_producer(client, topic, (struct producer_options){0});
    second = open_producer(client, topic, (struct producer_options){0});
    const char *name = pulsar_producer_get_producer_name(first);
    observe(AREA, "default producer name, given by the broker", "%s, %s",
            strncmp(name, "standalone-", 11) == 0 ? "begins with the cluster's name" : name,
            strcmp(name, pulsar_producer_get_producer_name(second)) ? "another for each" : "the same");
    end_producer(first);
    end_producer(second);
    end_client(client);
    end_client(other);
}

static void unsubscribing(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    unique_topic(topic, "unsubscribe");
    struct consumer_options shared = {.type = pulsar_ConsumerShared};
    pulsar_producer_t *producer = open_producer(client, topic, (struct producer_options){0});
    pulsar_consumer_t *first = open_consumer(client, topic, "sub", shared);
    pulsar_consumer_t *second = open_consumer(client, topic, "sub", shared);

    observe_result(AREA, "unsubscribe with two live consumers", pulsar_consumer_unsubscribe(first));
    observe(AREA, "is_connected after the failed unsubscribe", "%d", pulsar_consumer_is_connected(first));
    end_consumer(second);
    send_text(producer, "x");
    pulsar_message_t *message = next_message(first, 5000);
    observe(AREA, "receive after the failed unsubscribe", message ? "a message" : "none");
    pulsar_message_free(message);
    observe_result(AREA, "unsubscribe once alone", pulsar_consumer_unsubscribe(first));
    observe_result(AREA, "unsubscribe a second time", pulsar_consumer_unsubscribe(first));
    observe_result(AREA, "close after unsubscribe", pulsar_consumer_close(first));
    pulsar_consumer_free(first);

    first = open_consumer(client, topic, "sub", (struct consumer_options){.from_latest = true});
    observe(AREA, "subscribing again after unsubscribe, from the end: what is left", "%s", leftover(first, producer));
    end_consumer(first);
    end_producer(producer);
    end_client(client);
}

OBSERVE_MAIN(CASE(AREA, "URL with an unknown scheme", unknown_scheme), CASE(AREA, "URL \"\"", empty_url),
             CASE(AREA, "URL \"pulsar://\"", no_host), CASE(AREA, "URL without a scheme", no_scheme),
             CASE(AREA, "URL with a bad port", bad_port), CASE(AREA, "URL NULL", null_url),
             CASE(AREA, "create_producer with a NULL configuration", null_configuration),
             CASE(AREA, "client with a NULL configuration", null_client_configuration),
             GROUP(AREA, reachable_or_not), GROUP(AREA, over_http), GROUP(AREA, topic_names), GROUP(AREA, missing_places),
             GROUP(AREA, io_threads), GROUP(AREA, exclusive), GROUP(AREA, producer_names),
             GROUP(AREA, unsubscribing))
