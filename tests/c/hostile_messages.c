/* A hostile broker while subscribing and receiving: whatever it delivers, the good message behind it arrives. */
#include "broken_frames.h"

/* A MESSAGE for the consumer that asked, with this metadata and payload. Frees the metadata. */
static void deliver(struct bytes *answer, const struct request *request, struct bytes metadata, const void *payload,
                    size_t length) {
    put_frame_with(answer, good_message_command(request->object), entry(&metadata, payload, length));
}

/* The same with what stands behind the command given as it is. */
static void deliver_raw(struct bytes *answer, const struct request *request, const void *rest, size_t length) {
    struct bytes copy = {0};
    put_bytes(&copy, rest, length);
    put_frame_with(answer, good_message_command(request->object), copy);
}

/* A message that has one number more in its metadata. */
static void deliver_with(struct bytes *answer, const struct request *request, unsigned field, uint64_t value) {
    struct bytes metadata = good_metadata();
    put_number(&metadata, field, value);
    deliver(answer, request, metadata, "odd", 3);
}

static void no_entry(struct bytes *answer, const struct request *request) {
    deliver_raw(answer, request, NULL, 0);
}

static void cut_entries(struct bytes *answer, const struct request *request) {
    struct bytes metadata = good_metadata();
    struct bytes whole = entry(&metadata, "odd", 3);
    for (size_t length = 1; length < whole.length; length++) {
        deliver_raw(answer, request, whole.data, length);
    }
    free(whole.data);
}

static void wrong_checksum(struct bytes *answer, const struct request *request) {
    struct bytes metadata = good_metadata();
    struct bytes whole = entry(&metadata, "odd", 3);
    whole.data[3] ^= 1;
    put_frame_with(answer, good_message_command(request->object), whole);
}

static void metadata_beyond_frame(struct bytes *answer, const struct request *request) {
    deliver_raw(answer, request, "\0\0\1\0abc", 7);
}

static void negative_metadata(struct bytes *answer, const struct request *request) {
    deliver_raw(answer, request, "\xff\xff\xff\xff" "abc", 7);
}

static void garbage_metadata(struct bytes *answer, const struct request *request) {
    struct bytes metadata = {0};
    put_bytes(&metadata, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12);
    deliver(answer, request, metadata, "odd", 3);
}

static void empty_metadata(struct bytes *answer, const struct request *request) {
    deliver(answer, request, (struct bytes){0}, "odd", 3);
}

static void broken_texts(struct bytes *answer, const struct request *request) {
    struct bytes metadata = {0}, property = {0};
    put_text(&metadata, 1, "\xff\xfe");
    put_number(&metadata, 2, UINT64_MAX);
    put_number(&metadata, 3, UINT64_MAX);
    put_field(&property, 1, "a\0b", 3);
    put_field(&property, 2, "\xc0\x80", 2);
    put_message(&metadata, 4, &property);
    put_field(&metadata, 6, "\0\xff", 2);
    put_number(&metadata, 12, UINT64_MAX);
    deliver(answer, request, metadata, "odd", 3);
}

static void encrypted(struct bytes *answer, const struct request *request) {
    struct bytes metadata = good_metadata(), key = {0};
    put_text(&key, 1, "key");
    put_text(&key, 2, "value");
    put_message(&metadata, 13, &key);
    deliver(answer, request, metadata, "odd", 3);
}

static void odd_ids(struct bytes *answer, const struct request *request) {
    static const uint64_t values[] = {0, 1, INT32_MAX, INT64_MAX, (uint64_t)INT64_MIN, UINT64_MAX};
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
        struct bytes id = {0}, fields = {0}, metadata = good_metadata();
        for (unsigned field = 1; field <= 4; field++) {
            put_number(&id, field, values[i]);
        }
        put_number(&fields, 1, request->object);
        put_message(&fields, 2, &id);
        put_number(&fields, 3, values[i]);
        put_number(&fields, 4, values[i]);
        put_frame_with(answer, base_command(MESSAGE, &fields), entry(&metadata, "odd", 3));
    }
}

/* Every compression that there is, and some that there are not, around what is not compressed. */
static void compressed_garbage(struct bytes *answer, const struct request *request) {
    static const uint64_t sizes[] = {0, 3, 1000, 5242880, INT32_MAX, UINT32_MAX};
    for (uint64_t compression = 1; compression < 8; compression++) {
        for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
            struct bytes metadata = good_metadata();
            put_number(&metadata, 8, compression);
            put_number(&metadata, 9, sizes[i]);
            deliver(answer, request, metadata, "\xff\xff\xff\xff\xff\xff\xff\x7f odd", 12);
        }
    }
}

/* Zstandard: 80 KB that stand for 2.6 GB of the same byte. */
static struct bytes zstd_bomb(void) {
    struct bytes bomb = {0};
    put_bytes(&bomb, "\x28\xb5\x2f\xfd\x00\x38", 6);
    for (int block = 0; block < 20000; block++) {
        unsigned header = (131072u << 3) | (1u << 1) | (block == 19999);
        unsigned char raw[] = {(unsigned char)header, (unsigned char)(header >> 8), (unsigned char)(header >> 16), 'x'};
        put_bytes(&bomb, raw, 4);
    }
    return bomb;
}

/* LZ4: lengths of a match go on for as long as there are 255s, each for so many bytes. Here for 7 MB. */
static struct bytes lz4_bomb(void) {
    struct bytes bomb = {0};
    put_bytes(&bomb, "\x1fx\1\0", 4);
    for (int i = 0; i < 30000; i++) {
        put_byte(&bomb, 0xff);
    }
    put_bytes(&bomb, "\0\0", 2);
    return bomb;
}

/* Snappy: a length of 4 GB in front, and nothing behind it. */
static struct bytes snappy_bomb(void) {
    struct bytes bomb = {0};
    put_bytes(&bomb, "\xff\xff\xff\xff\x0f\0x", 7);
    return bomb;
}

/* What unpacks to far more than it says, or than a message may have. */
static void bombs(struct bytes *answer, const struct request *request) {
    static const uint64_t sizes[] = {1, 5242880, INT32_MAX, UINT32_MAX};
    struct {
        uint64_t compression;
        struct bytes data;
    } kinds[] = {{1, lz4_bomb()}, {3, zstd_bomb()}, {4, snappy_bomb()}};
    for (size_t kind = 0; kind < sizeof(kinds) / sizeof(*kinds); kind++) {
        for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
            struct bytes metadata = good_metadata();
            put_number(&metadata, 8, kinds[kind].compression);
            put_number(&metadata, 9, sizes[i]);
            deliver(answer, request, metadata, kinds[kind].data.data, kinds[kind].data.length);
        }
        free(kinds[kind].data.data);
    }
}

/* One message of a batch, with a size that may be another than that of the payload behind it. */
static void put_single(struct bytes *batch, uint64_t size, const char *payload) {
    struct bytes metadata = {0};
    put_number(&metadata, 3, size);
    put_u32(batch, (uint32_t)metadata.length);
    put_bytes(batch, metadata.data, metadata.length);
    put_bytes(batch, payload, strlen(payload));
    free(metadata.data);
}

static void deliver_batch(struct bytes *answer, const struct request *request, uint64_t count,
                          const struct bytes *batch) {
    struct bytes metadata = good_metadata();
    put_number(&metadata, 11, count);
    deliver(answer, request, metadata, batch->data, batch->length);
}

/* Two messages in a batch that says it has so many. */
static void wrong_counts(struct bytes *answer, const struct request *request) {
    static const uint64_t counts[] = {0, 1, 3, 1000000, INT32_MAX, (uint64_t)-1, (uint64_t)INT32_MIN};
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        struct bytes batch = {0};
        put_single(&batch, 3, "one");
        put_single(&batch, 3, "two");
        deliver_batch(answer, request, counts[i], &batch);
        free(batch.data);
    }
}

static void wrong_sizes(struct bytes *answer, const struct request *request) {
    static const uint64_t sizes[] = {0, 4, 1000, INT32_MAX, (uint64_t)-1, (uint64_t)INT32_MIN};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        struct bytes batch = {0};
        put_single(&batch, sizes[i], "one");
        put_single(&batch, sizes[i], "two");
        deliver_batch(answer, request, 2, &batch);
        free(batch.data);
    }
}

static void garbage_batches(struct bytes *answer, const struct request *request) {
    static const char *const contents[] = {"", "\1", "\xff\xff\xff\xff", "\x7f\xff\xff\xffx", "xxxxxxxxxxxx"};
    for (size_t i = 0; i < sizeof(contents) / sizeof(*contents); i++) {
        struct bytes batch = {0};
        put_bytes(&batch, contents[i], strlen(contents[i]));
        deliver_batch(answer, request, 5, &batch);
        free(batch.data);
    }
}

/* Says which messages of a batch of two are acknowledged, in words that do not fit it. */
static void odd_ack_sets(struct bytes *answer, const struct request *request) {
    for (int words = 1; words < 2000; words *= 10) {
        struct bytes id = {0}, fields = {0}, metadata = good_metadata(), batch = {0};
        put_number(&id, 1, 1);
        put_number(&id, 2, 9);
        put_number(&fields, 1, request->object);
        put_message(&fields, 2, &id);
        for (int i = 0; i < words; i++) {
            put_number(&fields, 4, i % 2 ? UINT64_MAX : 0);
        }
        put_single(&batch, 3, "one");
        put_single(&batch, 3, "two");
        put_number(&metadata, 11, 2);
        put_frame_with(answer, base_command(MESSAGE, &fields), entry(&metadata, batch.data, batch.length));
        free(batch.data);
    }
}

/* Pieces of large messages that cannot be put together. */
static void odd_chunks(struct bytes *answer, const struct request *request) {
    static const uint64_t numbers[][3] = {/* chunks, size of the whole, which of them */
                                          {INT32_MAX, INT32_MAX, 0},
                                          {INT32_MAX, INT32_MAX, INT32_MAX - 1},
                                          {2, 6, 1},
                                          {2, 6, 7},
                                          {2, (uint64_t)-1, 0},
                                          {(uint64_t)-1, 6, (uint64_t)-1},
                                          {0, 0, 0}};
    for (size_t i = 0; i < 2 * sizeof(numbers) / sizeof(*numbers); i++) {
        struct bytes metadata = good_metadata();
        char uuid[16];
        snprintf(uuid, sizeof(uuid), "%zu", i);
        if (i % 2) {
            put_text(&metadata, 26, uuid);
        }
        for (unsigned field = 0; field < 3; field++) {
            put_number(&metadata, 27 + field, numbers[i / 2][field]);
        }
        deliver(answer, request, metadata, "odd", 3);
    }
}

/* First pieces of ever more messages, and never a second one. */
static void many_chunks(struct bytes *answer, const struct request *request) {
    for (int i = 0; i < 900; i++) {
        struct bytes metadata = good_metadata();
        char uuid[32];
        snprintf(uuid, sizeof(uuid), "many-%d", i);
        put_text(&metadata, 26, uuid);
        put_number(&metadata, 27, 2);
        put_number(&metadata, 28, 5000000);
        put_number(&metadata, 29, 0);
        deliver(answer, request, metadata, "odd", 3);
    }
}

static void markers(struct bytes *answer, const struct request *request) {
    for (uint64_t type = 0; type < 30; type++) {
        deliver_with(answer, request, 20, type);
    }
}

static void transaction(struct bytes *answer, const struct request *request) {
    deliver_with(answer, request, 22, UINT64_MAX);
    deliver_with(answer, request, 23, UINT64_MAX);
}

static void null_value(struct bytes *answer, const struct request *request) {
    deliver_with(answer, request, 25, 1);
}

/* More than was asked for. */
static void flood(struct bytes *answer, const struct request *request) {
    for (int i = 0; i < 5000; i++) {
        deliver(answer, request, good_metadata(), "odd", 3);
    }
}

static void about_the_consumer(struct bytes *answer, const struct request *request, unsigned type) {
    struct bytes fields = {0};
    put_number(&fields, 1, request->object);
    put_number(&fields, 2, 1);
    put_frame(answer, base_command(type, &fields));
}

static void end_of_topic(struct bytes *answer, const struct request *request) {
    about_the_consumer(answer, request, REACHED_END_OF_TOPIC);
}

static void consumer_changes(struct bytes *answer, const struct request *request) {
    for (int i = 0; i < 100; i++) {
        about_the_consumer(answer, request, ACTIVE_CONSUMER_CHANGE);
    }
}

static void close_consumer(struct bytes *answer, const struct request *request) {
    about_the_consumer(answer, request, CLOSE_CONSUMER);
}

static void close_towards(struct bytes *answer, const struct request *request, const char *url) {
    struct bytes fields = {0};
    put_number(&fields, 1, request->object);
    put_number(&fields, 2, 1);
    put_text(&fields, 3, url);
    put_frame(answer, base_command(CLOSE_CONSUMER, &fields));
}

static void close_towards_garbage(struct bytes *answer, const struct request *request) {
    close_towards(answer, request, "\xc3\xbc:/x y");
}

static void close_towards_nothing(struct bytes *answer, const struct request *request) {
    close_towards(answer, request, "pulsar://127.0.0.1:1");
}

static void messages_before_the_answer(struct bytes *answer, const struct request *request) {
    put_good_message(answer, request->object);
    put_good_message(answer, request->object);
}

static void producer_instead(struct bytes *answer, const struct request *request) {
    struct bytes fields = {0};
    put_number(&fields, 1, request->id);
    put_text(&fields, 2, "name");
    put_frame(answer, base_command(PRODUCER_SUCCESS, &fields));
}

static const struct assault assaults[] = {
    BROKEN_FRAMES(SUBSCRIBE),
    ODD(SUBSCRIBE, unknown_error),
    ODD(SUBSCRIBE, answer_for_another),
    ODD(SUBSCRIBE, producer_instead),
    ODD(SUBSCRIBE, hollow_commands),
    ODD(SUBSCRIBE, challenge),
    ODD(SUBSCRIBE, close_consumer),
    IGNORED(SUBSCRIBE, messages_before_the_answer),
    IGNORED(SUBSCRIBE, unknown_command),
    IGNORED(SUBSCRIBE, pings),
    IGNORED(SUBSCRIBE, about_strangers),
    BROKEN_FRAMES(FLOW),
    BROKEN(FLOW, hollow_commands),
    BROKEN(FLOW, close_consumer),
    BROKEN(FLOW, close_towards_garbage),
    BROKEN(FLOW, close_towards_nothing),
    IGNORED(FLOW, unknown_command),
    IGNORED(FLOW, pings),
    IGNORED(FLOW, about_strangers),
    IGNORED(FLOW, end_of_topic),
    IGNORED(FLOW, consumer_changes),
    IGNORED(FLOW, no_entry),
    IGNORED(FLOW, cut_entries),
    IGNORED(FLOW, wrong_checksum),
    IGNORED(FLOW, metadata_beyond_frame),
    IGNORED(FLOW, negative_metadata),
    IGNORED(FLOW, garbage_metadata),
    IGNORED(FLOW, empty_metadata),
    IGNORED(FLOW, broken_texts),
    IGNORED(FLOW, encrypted),
    IGNORED(FLOW, odd_ids),
    IGNORED(FLOW, compressed_garbage),
    IGNORED(FLOW, bombs),
    IGNORED(FLOW, wrong_counts),
    IGNORED(FLOW, wrong_sizes),
    IGNORED(FLOW, garbage_batches),
    IGNORED(FLOW, odd_ack_sets),
    IGNORED(FLOW, odd_chunks),
    IGNORED(FLOW, many_chunks),
    IGNORED(FLOW, markers),
    IGNORED(FLOW, transaction),
    IGNORED(FLOW, null_value),
    IGNORED(FLOW, flood),
    {.name = "CLOSE_CONSUMER: silence", .at = CLOSE_CONSUMER},
    {.name = "CLOSE_CONSUMER: closed", .at = CLOSE_CONSUMER, .then_close = true},
};

static void test_hostile_messages(void) {
    check_assaults(assaults, sizeof(assaults) / sizeof(*assaults));
}

CHECK_MAIN(TEST(test_hostile_messages))
