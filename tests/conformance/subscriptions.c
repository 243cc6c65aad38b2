/* Subscription types: what two consumers get of one subscription. */
#include "observe.h"

#define AREA "subscriptions"

struct pair {
    pulsar_client_t *client;
    pulsar_producer_t *producer;
    pulsar_consumer_t *first;
    pulsar_consumer_t *second;
    char topic[TOPIC_SIZE];
};

static struct pair open_pair(const char *url, const char *word, pulsar_consumer_type type) {
    struct pair pair = {.client = open_client(url)};
    struct consumer_options first = {.type = type, .name = "a", .queue_size = 10, .acks_at_once = true},
                            second = {.type = type, .name = "b", .queue_size = 10, .acks_at_once = true};
    unique_topic(pair.topic, word);
    pair.producer = open_producer(pair.client, pair.topic, (struct producer_options){0});
    pair.first = open_consumer(pair.client, pair.topic, "s", first);
    pair.second = open_consumer(pair.client, pair.topic, "s", second);
    return pair;
}

static void end_pair(struct pair *pair) {
    end_consumer(pair->second);
    end_producer(pair->producer);
    end_client(pair->client);
}

/* Takes turns at both until `wanted` came in all, and counts what each got. */
static void receive_both(struct pair *pair, int wanted, int counts[2], void (*look)(int who, pulsar_message_t *)) {
    pulsar_consumer_t *consumers[] = {pair->first, pair->second};
    counts[0] = counts[1] = 0;
    for (long long end = now_ms() + ANSWER_MS; counts[0] + counts[1] < wanted && now_ms() < end;) {
        for (int who = 0; who < 2; who++) {
            pulsar_message_t *message = next_message(consumers[who], 20);
            if (message) {
                counts[who]++;
                if (look) {
                    look(who, message);
                }
                pulsar_consumer_acknowledge(consumers[who], message);
                pulsar_message_free(message);
            }
        }
    }
}

static void shared(const char *url) {
    struct pair pair = open_pair(url, "shared", pulsar_ConsumerShared);
    int counts[2];
    send_numbered(pair.producer, 100);
    receive_both(&pair, 100, counts, NULL);
    observe(AREA, "Shared, 100 messages, two consumers", "%d in all, %s", counts[0] + counts[1],
            counts[0] > 0 && counts[1] > 0 ? "both get some" : "one gets all");
    end_consumer(pair.first);
    send_numbered(pair.producer, 10);
    char text[100];
    observe(AREA, "Shared, one consumer closed, 10 messages: the other gets", "%d",
            drain_into(text, sizeof(text), pair.second, 10, true));
    end_pair(&pair);
}

static void failover(const char *url) {
    struct pair pair = open_pair(url, "failover", pulsar_ConsumerFailover);
    int counts[2];
    send_numbered(pair.producer, 20);
    receive_both(&pair, 20, counts, NULL);
    observe(AREA, "Failover, 20 messages, two consumers", "%d in all, %s", counts[0] + counts[1],
            counts[0] == 0 || counts[1] == 0 ? "one gets all" : "both get some");
    bool first_active = counts[0] > 0;
    pulsar_consumer_t *active = first_active ? pair.first : pair.second;
    pair.second = first_active ? pair.second : pair.first;
    end_consumer(active);
    send_numbered(pair.producer, 10);
    char text[100];
    observe(AREA, "Failover, the active one closed, 10 messages: the other gets", "%d",
            drain_into(text, sizeof(text), pair.second, 10, true));
    end_pair(&pair);
}

static void failover_unacknowledged(const char *url) {
    struct pair pair = open_pair(url, "failover-unacked", pulsar_ConsumerFailover);
    pulsar_consumer_t *consumers[] = {pair.first, pair.second};
    send_numbered(pair.producer, 5);
    pulsar_message_t *message = NULL;
    int active = 0;
    for (long long end = now_ms() + ANSWER_MS; message == NULL && now_ms() < end; active = 1 - active) {
        message = next_message(consumers[active], 100);
    }
    active = 1 - active;
    pulsar_consumer_acknowledge(consumers[active], message);
    pulsar_message_free(message);
    end_consumer(consumers[active]);
    pair.second = consumers[1 - active];
    char text[100];
    drain_into(text, sizeof(text), pair.second, 5, true);
    observe(AREA, "Failover, the active one acknowledged m0 of m0 ... m4 and closed: the other gets", "%s", text);
    end_pair(&pair);
}

static int owner_of_key[10];
static int last_of_key[10];
static bool one_owner, in_order;

static void look_at_key(int who, pulsar_message_t *message) {
    int key = atoi(pulsar_message_get_partitionKey(message));
    char text[20];
    int number = atoi(content(message, text, sizeof(text)));
    if (owner_of_key[key] < 0) {
        owner_of_key[key] = who;
    }
    one_owner = one_owner && owner_of_key[key] == who;
    in_order = in_order && number > last_of_key[key];
    last_of_key[key] = number;
}

static void key_shared(const char *url) {
    struct pair pair = open_pair(url, "key-shared", pulsar_ConsumerKeyShared);
    int counts[2];
    one_owner = in_order = true;
    for (int key = 0; key < 10; key++) {
        owner_of_key[key] = last_of_key[key] = -1;
    }
    for (int i = 0; i < 100; i++) {
        char number[20], key[20];
        snprintf(number, sizeof(number), "%d", i);
        snprintf(key, sizeof(key), "%d", i % 10);
        pulsar_message_t *message = text_message(number);
        pulsar_message_set_partition_key(message, key);
        pulsar_producer_send_async(pair.producer, message, forget_id, NULL);
        pulsar_message_free(message);
    }
    pulsar_producer_flush(pair.producer);
    receive_both(&pair, 100, counts, look_at_key);
    observe(AREA, "KeyShared, 100 messages with 10 keys, two consumers", "%d in all, each key %s, %s",
            counts[0] + counts[1], one_owner ? "to one consumer" : "to both", in_order ? "in order" : "mixed");
    end_consumer(pair.first);
    end_pair(&pair);
}

static void key_shared_taken_over(const char *url) {
    struct pair pair = open_pair(url, "key-over", pulsar_ConsumerKeyShared);
    for (int i = 0; i < 10; i++) {
        char key[20];
        snprintf(key, sizeof(key), "%d", i);
        pulsar_message_t *message = text_message(key);
        pulsar_message_set_partition_key(message, key);
        pulsar_producer_send(pair.producer, message);
        pulsar_message_free(message);
    }
    end_consumer(pair.first);
    char text[100];
    observe(AREA, "KeyShared, one consumer closed: the other gets of 10", "%d",
            drain_into(text, sizeof(text), pair.second, 10, true));
    end_pair(&pair);
}

/* Each subscription gets everything. */
static void independent(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    unique_topic(topic, "two");
    pulsar_producer_t *producer = open_producer(client, topic, (struct producer_options){0});
    pulsar_consumer_t *first = open_consumer(client, topic, "s1", (struct consumer_options){0});
    pulsar_consumer_t *second = open_consumer(client, topic, "s2", (struct consumer_options){0});
    send_numbered(producer, 3);
    char one[100], other[100];
    drain_into(one, sizeof(one), first, 3, true);
    drain_into(other, sizeof(other), second, 3, true);
    observe(AREA, "two subscriptions of a topic", "%s; %s", one, other);
    end_consumer(first);
    end_consumer(second);

    first = open_consumer(client, topic, "late", (struct consumer_options){.from_latest = true});
    observe(AREA, "a new subscription from the end", "%s", leftover(first, producer));
    second = open_consumer(client, topic, "early", (struct consumer_options){0});
    observe(AREA, "a new subscription from the beginning", "%s", leftover(second, producer));
    end_consumer(first);
    end_consumer(second);
    end_producer(producer);
    end_client(client);
}

OBSERVE_MAIN(GROUP(AREA, shared), GROUP(AREA, failover), GROUP(AREA, failover_unacknowledged),
             GROUP(AREA, key_shared), GROUP(AREA, key_shared_taken_over), GROUP(AREA, independent))
