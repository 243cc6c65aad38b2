/* Consumers of partitioned topics, of several topics, and of those that match a pattern. */
#include "observe.h"

#define PARTS "partitioned consumer"
#define MULTI "multi topics"
#define PATTERN "pattern"
#define PARTITIONED "conformance-parts"

static const struct consumer_options from_earliest = {0};

/* A subscription of its own, at the end of the topic. */
static pulsar_consumer_t *open_parts(pulsar_client_t *client, char *subscription) {
    struct consumer_options options = {.from_latest = true};
    return open_consumer(client, PARTITIONED, unique_topic(subscription, "sub"), options);
}

static void send_round(pulsar_client_t *client, const char *topic, int count) {
    pulsar_producer_t *producer = open_producer(client, topic, (struct producer_options){0});
    send_numbered(producer, count);
    end_producer(producer);
}

/* How many messages come, and whether each is acknowledged by `acknowledge`. */
static int receive_all(pulsar_consumer_t *consumer, pulsar_result (*acknowledge)(pulsar_consumer_t *, pulsar_message_t *),
                       pulsar_result *outcome) {
    int count = 0;
    *outcome = pulsar_result_Ok;
    for (pulsar_message_t *message; (message = next_message(consumer, count < 6 ? ANSWER_MS : SILENCE_MS)); count++) {
        pulsar_result result = acknowledge(consumer, message);
        *outcome = *outcome == pulsar_result_Ok ? result : *outcome;
        pulsar_message_free(message);
    }
    return count;
}

static pulsar_result acknowledge_read_again(pulsar_consumer_t *consumer, pulsar_message_t *message) {
    pulsar_message_id_t *id = pulsar_message_get_message_id(message);
    int length = 0;
    void *bytes = pulsar_message_id_serialize(id, &length);
    pulsar_message_id_t *again = pulsar_message_id_deserialize(bytes, (uint32_t)length);
    pulsar_result result = pulsar_consumer_acknowledge_id(consumer, again);
    pulsar_message_id_free(again);
    pulsar_message_id_free(id);
    free(bytes);
    return result;
}

static pulsar_result acknowledge_by_id(pulsar_consumer_t *consumer, pulsar_message_t *message) {
    pulsar_message_id_t *id = pulsar_message_get_message_id(message);
    pulsar_result result = pulsar_consumer_acknowledge_id(consumer, id);
    pulsar_message_id_free(id);
    return result;
}

static void acknowledging(const char *url) {
    static const struct {
        const char *name;
        pulsar_result (*acknowledge)(pulsar_consumer_t *, pulsar_message_t *);
    } ways[] = {{"acknowledge", pulsar_consumer_acknowledge},
                {"acknowledge_cumulative", pulsar_consumer_acknowledge_cumulative},
                {"acknowledge_id", acknowledge_by_id},
                {"acknowledge_id of an id that was written and read", acknowledge_read_again}};
    pulsar_client_t *client = open_client(url);
    for (int i = 0; i < 4; i++) {
        char subscription[TOPIC_SIZE], name[100];
        pulsar_consumer_t *consumer = open_parts(client, subscription);
        send_round(client, PARTITIONED, 6);
        pulsar_result outcome;
        int count = receive_all(consumer, ways[i].acknowledge, &outcome);
        end_consumer(consumer);
        consumer = open_consumer(client, PARTITIONED, subscription, from_earliest);
        pulsar_message_t *left = next_message(consumer, SILENCE_MS);
        snprintf(name, sizeof(name), "%s: six messages, a new consumer afterwards", ways[i].name);
        observe(PARTS, name, "%d, %s; %s", count, named(outcome), left ? "something is left" : "nothing is left");
        pulsar_message_free(left);
        must(pulsar_consumer_unsubscribe(consumer), "unsubscribe from", subscription);
        end_consumer(consumer);
    }
    end_client(client);
}

static int count_some(pulsar_consumer_t *consumer) {
    int count = 0;
    for (pulsar_message_t *message; (message = next_message(consumer, SILENCE_MS)); count++) {
        pulsar_message_free(message);
    }
    return count;
}

static void positions(const char *url) {
    pulsar_client_t *client = open_client(url);
    char subscription[TOPIC_SIZE];
    pulsar_consumer_t *consumer = open_parts(client, subscription);
    observe(PARTS, "get_topic", "%s", pulsar_consumer_get_topic(consumer));
    pulsar_message_id_t *last = pulsar_message_id_deserialize("\x08\x01\x10\x01", 4);
    observe_result(PARTS, "get_last_message_id", pulsar_consumer_get_last_message_id(consumer, last));
    send_round(client, PARTITIONED, 6);
    uint64_t time = UINT64_MAX;
    for (int i = 0; i < 6; i++) {
        pulsar_message_t *message = next_message(consumer, ANSWER_MS);
        uint64_t published = message ? pulsar_message_get_publish_timestamp(message) : 0;
        time = published < time ? published : time;
        pulsar_message_free(message);
    }
    pulsar_result latest = pulsar_consumer_seek(consumer, (pulsar_message_id_t *)pulsar_message_id_latest());
    observe(PARTS, "seek to latest, then receive", "%s, %d messages", named(latest), count_some(consumer));
    pulsar_result by_time = pulsar_consumer_seek_by_timestamp(consumer, time);
    observe(PARTS, "seek_by_timestamp to the first of six, then receive", "%s, %d messages", named(by_time),
            count_some(consumer));
    observe(PARTS, "is_connected", "%d", pulsar_consumer_is_connected(consumer));
    observe_result(PARTS, "unsubscribe", pulsar_consumer_unsubscribe(consumer));
    observe_result(PARTS, "close after unsubscribe", pulsar_consumer_close(consumer));
    pulsar_message_id_free(last);
    end_consumer(consumer);
    end_client(client);
}

/* Whether the message says that it is of a partition, and its id of the same one. */
static bool names_partition(pulsar_message_t *message) {
    static const char name[] = "persistent://public/default/" PARTITIONED "-partition-";
    const char *topic = pulsar_message_get_topic_name(message);
    char expected[40];
    snprintf(expected, sizeof(expected), "(L,E,%s,-1)", topic + (strlen(topic) < strlen(name) ? 0 : strlen(name)));
    return strncmp(topic, name, strlen(name)) == 0 && strcmp(id_form(message_id_text(message)), expected) == 0;
}

/* What a message of a partition says of itself, and whether all of six come again. They have a content of their own:
 * others send to this topic too. */
static void parts_from_earliest(const char *url) {
    pulsar_client_t *client = open_client(url);
    char subscription[TOPIC_SIZE], word[TOPIC_SIZE];
    pulsar_consumer_t *consumer = open_parts(client, subscription);
    pulsar_producer_t *producer = open_producer(client, PARTITIONED, (struct producer_options){0});
    int counts[2] = {0, 0}, named_partitions = 0;
    pulsar_result result = pulsar_result_Ok;
    for (int i = 0; i < 6; i++) {
        must(send_text(producer, subscription), "send to", PARTITIONED);
    }
    for (int round = 0; round < 2; round++) {
        for (pulsar_message_t *message; counts[round] < 6 && (message = next_message(consumer, ANSWER_MS));) {
            if (strcmp(content(message, word, sizeof(word)), subscription) == 0) {
                counts[round]++;
                named_partitions += names_partition(message);
            }
            pulsar_message_free(message);
        }
        if (round == 0) {
            result = pulsar_consumer_seek(consumer, (pulsar_message_id_t *)pulsar_message_id_earliest());
        }
    }
    bool all = counts[0] == 6 && named_partitions == counts[0] + counts[1];
    observe(PARTS, "topic name and id of a message", "%s", all ? "<topic>-partition-N, (L,E,N,-1)" : "another");
    observe(PARTS, "seek to earliest after six messages, then receive", "%s, %d of them", named(result), counts[1]);
    must(pulsar_consumer_unsubscribe(consumer), "unsubscribe from", subscription);
    end_producer(producer);
    end_consumer(consumer);
    end_client(client);
}

static void no_such_partition(const char *url) {
    pulsar_client_t *client = open_client_for(url, 3);
    pulsar_consumer_t *consumer = NULL;
    observe_result(PARTS, "subscribe to a partition that is not there",
                   try_subscribe(client, PARTITIONED "-partition-7", "s", from_earliest, &consumer));
    pulsar_consumer_free(consumer);
    end_client(client);
}

struct subscribed {
    struct latch called;
    pthread_t caller;
    bool other_thread;
    pulsar_result result;
    pulsar_consumer_t *consumer;
};

static void on_subscribed(pulsar_result result, pulsar_consumer_t *consumer, void *context) {
    struct subscribed *subscribed = context;
    subscribed->other_thread = !pthread_equal(pthread_self(), subscribed->caller);
    subscribed->result = result;
    subscribed->consumer = consumer;
    latch_raise(&subscribed->called);
}

#define SUBSCRIBED {.called = LATCH_INIT, .caller = pthread_self()}

/* The callback, and what an unacknowledged message says of itself; then everything is closed. */
static void observe_subscribed(const char *area, const char *function, struct subscribed *subscribed,
                               const char *topic) {
    char name[100];
    snprintf(name, sizeof(name), "%s: callback", function);
    if (!latch_wait(&subscribed->called, 1, ANSWER_MS) || subscribed->consumer == NULL) {
        observe(area, name, "no consumer, %s", named(subscribed->result));
        return;
    }
    observe(area, name, "%s, %s", subscribed->other_thread ? "another thread" : "the caller's thread",
            named(subscribed->result));
    pulsar_message_t *message = next_message(subscribed->consumer, ANSWER_MS);
    snprintf(name, sizeof(name), "%s: topic name and id of a message", function);
    observe(area, name, "%s, %s",
            message && strcmp(pulsar_message_get_topic_name(message), topic) == 0 ? "its topic's" : "another",
            message ? id_form(message_id_text(message)) : "none");
    pulsar_message_free(message);
    end_consumer(subscribed->consumer);
}

static void multi_asynchronously(const char *url) {
    pulsar_client_t *client = open_client(url);
    char first[TOPIC_SIZE], second[TOPIC_SIZE];
    const char *topics[] = {unique_topic(first, "a1"), unique_topic(second, "a2")};
    struct subscribed subscribed = SUBSCRIBED;
    pulsar_consumer_configuration_t *conf = consumer_configuration(from_earliest);
    send_round(client, second, 1);
    pulsar_client_subscribe_multi_topics_async(client, topics, 2, "s", conf, on_subscribed, &subscribed);
    pulsar_consumer_configuration_free(conf);
    observe_subscribed(MULTI, "subscribe_multi_topics_async", &subscribed, second);
    end_client(client);
}

static void pattern_asynchronously(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE], pattern[TOPIC_SIZE + 8];
    struct subscribed subscribed = SUBSCRIBED;
    pulsar_consumer_configuration_t *conf = consumer_configuration(from_earliest);
    send_round(client, unique_topic(topic, "pa"), 1);
    snprintf(pattern, sizeof(pattern), "%s.*", topic);
    pulsar_client_subscribe_pattern_async(client, pattern, "s", conf, on_subscribed, &subscribed);
    pulsar_consumer_configuration_free(conf);
    observe_subscribed(PATTERN, "subscribe_pattern_async", &subscribed, topic);
    end_client(client);
}

static pulsar_result subscribe_to(pulsar_client_t *client, const char **topics, int count,
                                  pulsar_consumer_t **consumer) {
    pulsar_consumer_configuration_t *conf = consumer_configuration(from_earliest);
    pulsar_result result = pulsar_client_subscribe_multi_topics(client, topics, count, "s", conf, consumer);
    pulsar_consumer_configuration_free(conf);
    return result;
}

static void many(const char *url) {
    pulsar_client_t *client = open_client(url);
    char first[TOPIC_SIZE], second[TOPIC_SIZE];
    const char *topics[] = {unique_topic(first, "m1"), unique_topic(second, "m2")};
    pulsar_consumer_t *consumer = NULL;
    pulsar_result result = subscribe_to(client, topics, 2, &consumer);
    const char *name = consumer ? pulsar_consumer_get_topic(consumer) : "";
    bool is_like = strncmp(name, second, strlen(second)) == 0 || strncmp(name, first, strlen(first)) == 0;
    const char *rest = strstr(name, "-TopicsConsumerFakeName-");
    observe(MULTI, "subscribe_multi_topics, two topics; get_topic", "%s; %s", named(result),
            is_like && rest && strlen(rest) == 34 ? "<topic>-TopicsConsumerFakeName-<10 hex digits>" : name);
    send_round(client, first, 3);
    send_round(client, second, 3);
    pulsar_result acknowledged;
    int count = receive_all(consumer, acknowledge_by_id, &acknowledged);
    observe(MULTI, "three messages of each, acknowledged by id", "%d, %s", count, named(acknowledged));
    send_round(client, first, 1);
    pulsar_message_t *message = next_message(consumer, ANSWER_MS);
    observe(MULTI, "topic name of a message", "%s",
            message && strcmp(pulsar_message_get_topic_name(message), first) == 0 ? "its own" : "another");
    observe_result(MULTI, "acknowledge_id of an id that was written and read",
                   message ? acknowledge_read_again(consumer, message) : pulsar_result_Timeout);
    pulsar_message_free(message);
    observe_result(MULTI, "close", pulsar_consumer_close(consumer));
    end_consumer(consumer);
    end_client(client);
}

static void many_cumulatively(const char *url) {
    pulsar_client_t *client = open_client(url);
    char first[TOPIC_SIZE], second[TOPIC_SIZE];
    const char *topics[] = {unique_topic(first, "c1"), unique_topic(second, "c2")};
    pulsar_consumer_t *consumer = NULL;
    must(subscribe_to(client, topics, 2, &consumer), "subscribe to", first);
    send_round(client, first, 3);
    send_round(client, second, 3);
    pulsar_result acknowledged;
    int count = receive_all(consumer, pulsar_consumer_acknowledge_cumulative, &acknowledged);
    end_consumer(consumer);
    must(subscribe_to(client, topics, 2, &consumer), "subscribe to", first);
    observe(MULTI, "three messages of each, acknowledged cumulatively, a new consumer afterwards",
            "%d, %s; %d come again", count, named(acknowledged), count_some(consumer));
    end_consumer(consumer);
    end_client(client);
}

static void no_such_namespace(const char *url) {
    pulsar_client_t *client = open_client_for(url, 3);
    char topic[TOPIC_SIZE];
    const char *topics[] = {unique_topic(topic, "n"), "persistent://public/nowhere/t"};
    pulsar_consumer_t *consumer = NULL;
    observe_result(MULTI, "subscribe_multi_topics, one in a namespace that is not there",
                   subscribe_to(client, topics, 2, &consumer));
    pulsar_consumer_free(consumer);
    end_client(client);
}

static void no_topics(const char *url) {
    pulsar_client_t *client = open_client(url);
    pulsar_consumer_t *consumer = NULL;
    const char *topics[] = {"conformance-fine", "a/b"};
    pulsar_result result = subscribe_to(client, topics, 0, &consumer);
    observe(MULTI, "subscribe_multi_topics with no topics; get_topic", "%s; %s", named(result),
            consumer ? pulsar_consumer_get_topic(consumer) : "");
    pulsar_consumer_free(consumer);
    consumer = NULL;
    observe_result(MULTI, "subscribe_multi_topics with one invalid name", subscribe_to(client, topics, 2, &consumer));
    end_client(client);
}

static pulsar_result subscribe_matching(pulsar_client_t *client, const char *pattern, pulsar_consumer_t **consumer) {
    pulsar_consumer_configuration_t *conf = consumer_configuration(from_earliest);
    pulsar_result result = pulsar_client_subscribe_pattern(client, pattern, "s", conf, consumer);
    pulsar_consumer_configuration_free(conf);
    return result;
}

static void matching(const char *url) {
    pulsar_client_t *client = open_client(url);
    char prefix[TOPIC_SIZE], topic[TOPIC_SIZE + 8], pattern[TOPIC_SIZE + 8];
    unique_topic(prefix, "p");
    for (int i = 1; i <= 2; i++) {
        snprintf(topic, sizeof(topic), "%s-%d", prefix, i);
        send_round(client, topic, 3);
    }
    snprintf(pattern, sizeof(pattern), "%s-.*", prefix);
    pulsar_consumer_t *consumer = NULL;
    pulsar_result result = subscribe_matching(client, pattern, &consumer);
    observe(PATTERN, "subscribe_pattern; get_topic", "%s; %s", named(result),
            consumer && strcmp(pulsar_consumer_get_topic(consumer), pattern) == 0 ? "the pattern" : "another");
    pulsar_result acknowledged;
    int count = receive_all(consumer, pulsar_consumer_acknowledge, &acknowledged);
    observe(PATTERN, "two topics match, three messages of each", "%d, %s", count, named(acknowledged));
    observe_result(PATTERN, "unsubscribe", pulsar_consumer_unsubscribe(consumer));
    end_consumer(consumer);
    end_client(client);
}

static void no_match(const char *url) {
    pulsar_client_t *client = open_client(url);
    char prefix[TOPIC_SIZE], pattern[TOPIC_SIZE + 8];
    pulsar_consumer_t *consumer = NULL;
    snprintf(pattern, sizeof(pattern), "%s-.*", unique_topic(prefix, "p-none"));
    observe_result(PATTERN, "subscribe_pattern matching no topic", subscribe_matching(client, pattern, &consumer));
    pulsar_consumer_free(consumer);
    consumer = NULL;
    observe_result(PATTERN, "subscribe_pattern that is no topic name", subscribe_matching(client, "a/b", &consumer));
    end_client(client);
}

static void unbalanced(const char *url) {
    pulsar_client_t *client = open_client(url);
    pulsar_consumer_t *consumer = NULL;
    observe_result(PATTERN, "subscribe_pattern with an unbalanced bracket",
                   subscribe_matching(client, "persistent://public/default/a[b", &consumer));
    end_client(client);
}

OBSERVE_MAIN(GROUP(PARTS, acknowledging), GROUP(PARTS, positions), GROUP(PARTS, parts_from_earliest),
             CASE(PARTS, "subscribe to a partition that is not there", no_such_partition), GROUP(MULTI, many),
             GROUP(MULTI, many_cumulatively), GROUP(MULTI, multi_asynchronously), GROUP(MULTI, no_topics),
             CASE(MULTI, "subscribe_multi_topics, one in a namespace that is not there", no_such_namespace),
             GROUP(PATTERN, matching), GROUP(PATTERN, pattern_asynchronously), GROUP(PATTERN, no_match),
             CASE(PATTERN, "subscribe_pattern with an unbalanced bracket", unbalanced))
