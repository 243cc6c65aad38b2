/* Message ids: their forms as text and bytes, and which ids senders and receivers see. */
#include "observe.h"

#define AREA "ids"

struct sent_ids {
    struct latch done;
    int count;
    char texts[8][80];
};

static void on_sent(pulsar_result result, pulsar_message_id_t *id, void *context) {
    struct sent_ids *sent = context;
    (void)result;
    if (sent->count < 8) {
        snprintf(sent->texts[sent->count++], sizeof(sent->texts[0]), "%s", id_text(id));
    }
    latch_raise(&sent->done);
}

/* "(L,E,-1,0) (L,E,-1,1)"; and whether all are of one entry. */
static const char *ids_form(struct sent_ids *ids) {
    static char text[500];
    long long ledger = 0, entry = 0;
    bool one_entry = true;
    text[0] = 0;
    for (int i = 0; i < ids->count; i++) {
        long long this_ledger = -1, this_entry = -1;
        sscanf(ids->texts[i], "(%lld,%lld", &this_ledger, &this_entry);
        one_entry = one_entry && (i == 0 || (this_ledger == ledger && this_entry == entry));
        ledger = this_ledger;
        entry = this_entry;
        size_t used = strlen(text);
        snprintf(text + used, sizeof(text) - used, "%s ", id_form(ids->texts[i]));
    }
    size_t used = strlen(text);
    snprintf(text + used, sizeof(text) - used, "%s", one_entry ? "of one entry" : "of several entries");
    return text;
}

static void hex(char *text, const unsigned char *bytes, int length) {
    for (int i = 0; i < length; i++) {
        sprintf(text + 2 * i, "%02x", bytes[i]);
    }
}

static void constants(const char *url) {
    (void)url;
    pulsar_message_id_t *ids[] = {(pulsar_message_id_t *)pulsar_message_id_earliest(),
                                  (pulsar_message_id_t *)pulsar_message_id_latest()};
    for (int i = 0; i < 2; i++) {
        int length = 0;
        char name[60], text[100] = "";
        unsigned char *bytes = pulsar_message_id_serialize(ids[i], &length);
        hex(text, bytes, length);
        char *form = pulsar_message_id_str(ids[i]);
        snprintf(name, sizeof(name), "%s as text and bytes", i ? "latest" : "earliest");
        observe(AREA, name, "%s, %d bytes %s", form, length, text);
        pulsar_message_id_t *back = pulsar_message_id_deserialize(bytes, (uint32_t)length);
        snprintf(name, sizeof(name), "%s from its bytes", i ? "latest" : "earliest");
        observe(AREA, name, "%s", id_text(back));
        free(form);
        free(bytes);
    }
    observe(AREA, "earliest and latest called twice", "%s",
            pulsar_message_id_earliest() == ids[0] && pulsar_message_id_latest() == ids[1] ? "same pointers"
                                                                                           : "new pointers");
}

/* An id whose numbers do not depend on a broker, as bytes of the protocol, and back. */
static void fixed(const char *url) {
    (void)url;
    static const unsigned char batched[] = {0x08, 0x9c, 0xc9, 0x01, 0x10, 0x02, 0x20, 0x02, 0x30, 0x03};
    static const unsigned char plain[] = {0x08, 0x9c, 0xc9, 0x01, 0x10, 0x01};
    static const unsigned char partitioned[] = {0x08, 0xb6, 0xc9, 0x01, 0x10, 0x00,
                                                0x18, 0x02, 0x20, 0x00, 0x30, 0x01};
    static const struct {
        const char *name;
        const unsigned char *bytes;
        uint32_t length;
    } ids[] = {{"of a single message", plain, sizeof(plain)},
               {"of a message in a batch", batched, sizeof(batched)},
               {"of a batched message in a partition", partitioned, sizeof(partitioned)}};
    for (int i = 0; i < 3; i++) {
        char name[80];
        int length = 0;
        pulsar_message_id_t *id = pulsar_message_id_deserialize(ids[i].bytes, ids[i].length);
        void *bytes = pulsar_message_id_serialize(id, &length);
        bool same = length == (int)ids[i].length && memcmp(bytes, ids[i].bytes, ids[i].length) == 0;
        snprintf(name, sizeof(name), "bytes %s read and written", ids[i].name);
        observe(AREA, name, "%s, %s", id_text(id), same ? "same bytes" : "other bytes");
        free(bytes);
    }
}

static void garbage(const char *url) {
    (void)url;
    pulsar_message_id_t *id = pulsar_message_id_deserialize("\xff\xff\xff\xff", 4);
    observe(AREA, "deserialize of garbage", id ? "an id" : "NULL");
}

static void no_bytes(const char *url) {
    (void)url;
    pulsar_message_id_t *id = pulsar_message_id_deserialize("", 0);
    observe(AREA, "deserialize of no bytes", id ? "an id" : "NULL");
}

static void single(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    unique_topic(topic, "single");
    pulsar_producer_t *producer = open_producer(client, topic, (struct producer_options){0});
    pulsar_consumer_t *consumer = open_consumer(client, topic, "s", (struct consumer_options){0});
    pulsar_message_t *sent = text_message("x");
    const char *before = message_id_text(sent);
    pulsar_producer_send(producer, sent);
    const char *id = message_id_text(sent);
    observe(AREA, "of the sent message before and after send", "%s, %s", before, id_form(id));
    pulsar_message_t *message = next_message(consumer, ANSWER_MS);
    observe(AREA, "of the received message", "%s, %s", id_form(message_id_text(message)),
            strcmp(message_id_text(message), id) == 0 ? "the sender's" : "another");
    pulsar_message_id_t *first = pulsar_message_get_message_id(message);
    pulsar_message_id_t *second = pulsar_message_get_message_id(message);
    observe(AREA, "get_message_id called twice", first == second ? "same pointer" : "different pointers");
    pulsar_result result = pulsar_consumer_get_last_message_id(consumer, first);
    observe(AREA, "get_last_message_id", "%s, %s", named(result),
            strcmp(id_text(first), id) == 0 ? "the message's" : "another");
    pulsar_message_id_free(second);
    pulsar_message_free(sent);
    pulsar_message_free(message);

    struct sent_ids ids = {.done = LATCH_INIT};
    sent = text_message("y");
    pulsar_producer_send_async(producer, sent, on_sent, &ids);
    latch_wait(&ids.done, 1, ANSWER_MS);
    observe(AREA, "of the message object after its send callback", "%s", message_id_text(sent));
    observe(AREA, "given to a send callback", "%s", ids_form(&ids));
    pulsar_message_free(sent);
    end_consumer(consumer);
    end_producer(producer);
    end_client(client);
}

static void last_id(pulsar_consumer_t *consumer, const char *name) {
    pulsar_message_id_t *id = pulsar_message_id_deserialize("\x08\x01\x10\x01", 4);
    pulsar_result result = pulsar_consumer_get_last_message_id(consumer, id);
    observe(AREA, name, "%s %s", named(result), id_form(id_text(id)));
}

static void batched(const char *url) {
    pulsar_client_t *client = open_client(url);
    char topic[TOPIC_SIZE];
    struct sent_ids sent = {.done = LATCH_INIT}, received = {.done = LATCH_INIT};
    struct producer_options batching = {.batching = true, .batch_delay_ms = 3000};
    unique_topic(topic, "batched");
    pulsar_producer_t *producer = open_producer(client, topic, batching);
    pulsar_consumer_t *consumer = open_consumer(client, topic, "s", (struct consumer_options){0});
    last_id(consumer, "get_last_message_id of an empty topic");
    for (int i = 0; i < 3; i++) {
        send_text_async(producer, "x", on_sent, &sent);
    }
    pulsar_producer_flush(producer);
    observe(AREA, "of a batch of 3, for its send callbacks", "%s", ids_form(&sent));
    pulsar_message_id_t *id = NULL;
    for (int i = 0; i < 3; i++) {
        pulsar_message_t *message = next_message(consumer, ANSWER_MS);
        pulsar_message_id_free(id);
        id = pulsar_message_get_message_id(message);
        snprintf(received.texts[received.count++], sizeof(received.texts[0]), "%s", message_id_text(message));
        pulsar_message_free(message);
    }
    observe(AREA, "of a batch of 3, for the receiver", "%s, %s", ids_form(&received),
            memcmp(sent.texts[1], received.texts[1], strlen(sent.texts[1])) == 0 ? "the sender's" : "others");
    int length = 0;
    unsigned char *bytes = pulsar_message_id_serialize(id, &length);
    char text[100] = "";
    hex(text, bytes, length);
    observe(AREA, "bytes of the last id of a batch of 3 end with", "%s", length > 4 ? text + 2 * (length - 4) : text);
    free(bytes);
    pulsar_message_id_free(id);
    last_id(consumer, "get_last_message_id when the last entry is a batch of 3");

    send_text(producer, "alone");
    pulsar_message_t *message = next_message(consumer, ANSWER_MS);
    observe(AREA, "of a single message through a batching producer", "%s", id_form(message_id_text(message)));
    pulsar_message_free(message);
    last_id(consumer, "get_last_message_id when the last entry is a batch of 1");
    end_consumer(consumer);
    end_producer(producer);
    end_client(client);
}

OBSERVE_MAIN(GROUP(AREA, constants), GROUP(AREA, fixed), CASE(AREA, "deserialize of garbage", garbage),
             CASE(AREA, "deserialize of no bytes", no_bytes), GROUP(AREA, single), GROUP(AREA, batched))
