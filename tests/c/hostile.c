/* A hostile broker while connecting, looking up, and producing. hostile_messages.c has what it sends to consumers. */
#include "broken_frames.h"

/* CONNECTED with a limit for messages that is none. */
static void connected_with_limit(struct bytes *answer, uint64_t limit) {
    struct bytes fields = {0};
    put_text(&fields, 1, "fake");
    put_number(&fields, 2, 20);
    put_number(&fields, 3, limit);
    put_frame(answer, base_command(CONNECTED, &fields));
}

static void negative_limit(struct bytes *answer, const struct request *request) {
    (void)request;
    connected_with_limit(answer, (uint64_t)-1);
}

static void no_limit(struct bytes *answer, const struct request *request) {
    (void)request;
    connected_with_limit(answer, 0);
}

static void largest_limit(struct bytes *answer, const struct request *request) {
    (void)request;
    connected_with_limit(answer, 2147483647);
}

static void old_protocol(struct bytes *answer, const struct request *request) {
    (void)request;
    struct bytes fields = {0};
    put_text(&fields, 1, "");
    put_number(&fields, 2, (uint64_t)-5);
    put_frame(answer, base_command(CONNECTED, &fields));
}

static void client_commands(struct bytes *answer, const struct request *request) {
    (void)request;
    struct bytes fields = {0};
    put_text(&fields, 1, "not a client");
    put_frame(answer, base_command(CONNECT, &fields));
}

static void partitions(struct bytes *answer, const struct request *request, uint64_t count) {
    struct bytes fields = {0};
    put_number(&fields, 1, count);
    put_number(&fields, 2, request->id);
    put_number(&fields, 3, 0);
    put_frame(answer, base_command(PARTITIONED_METADATA_RESPONSE, &fields));
}

static void many_partitions(struct bytes *answer, const struct request *request) {
    partitions(answer, request, 0xffffffff);
}

static void lookup_with(struct bytes *answer, const struct request *request, const char *url, uint64_t response,
                        bool authoritative) {
    struct bytes fields = {0};
    if (url) {
        put_text(&fields, 1, url);
    }
    put_number(&fields, 3, response);
    put_number(&fields, 4, request->id);
    put_number(&fields, 5, authoritative);
    put_frame(answer, base_command(LOOKUP_RESPONSE, &fields));
}

static void redirect_to_itself(struct bytes *answer, const struct request *request) {
    lookup_with(answer, request, request->url, 0, false);
}

static void no_broker_url(struct bytes *answer, const struct request *request) {
    lookup_with(answer, request, NULL, 1, true);
}

static void garbage_broker_url(struct bytes *answer, const struct request *request) {
    lookup_with(answer, request, "\xff:/x y", 1, true);
}

static void dead_broker_url(struct bytes *answer, const struct request *request) {
    lookup_with(answer, request, "pulsar://127.0.0.1:1", 1, true);
}

static void unknown_lookup_type(struct bytes *answer, const struct request *request) {
    lookup_with(answer, request, request->url, 77, true);
}

static void wrong_kind_of_answer(struct bytes *answer, const struct request *request) {
    struct bytes fields = {0};
    put_number(&fields, 1, request->id);
    put_frame(answer, base_command(SUCCESS, &fields));
}

static void producer_with_name(struct bytes *answer, const struct request *request, const char *name, size_t length) {
    struct bytes fields = {0};
    put_number(&fields, 1, request->id);
    put_field(&fields, 2, name, length);
    put_number(&fields, 3, (uint64_t)INT64_MIN);
    put_frame(answer, base_command(PRODUCER_SUCCESS, &fields));
}

static void odd_producer_name(struct bytes *answer, const struct request *request) {
    producer_with_name(answer, request, "a\0b\xff", 4);
}

static void long_producer_name(struct bytes *answer, const struct request *request) {
    size_t size = 1024 * 1024;
    char *name = malloc(size);
    memset(name, 'n', size);
    producer_with_name(answer, request, name, size);
    free(name);
}

static void close_producer(struct bytes *answer, const struct request *request) {
    struct bytes fields = {0};
    put_number(&fields, 1, request->object);
    put_number(&fields, 2, 1);
    put_frame(answer, base_command(CLOSE_PRODUCER, &fields));
}

static void receipt_twice(struct bytes *answer, const struct request *request) {
    put_receipt(answer, request->object, request->sequence_id);
    put_receipt(answer, request->object, request->sequence_id);
}

static void receipt_of_the_future(struct bytes *answer, const struct request *request) {
    put_receipt(answer, request->object, request->sequence_id + 1000000);
}

static void receipt_of_the_past(struct bytes *answer, const struct request *request) {
    put_receipt(answer, request->object, (uint64_t)-1);
}

static void receipt_without_id(struct bytes *answer, const struct request *request) {
    struct bytes fields = {0};
    put_number(&fields, 1, request->object);
    put_number(&fields, 2, request->sequence_id);
    put_number(&fields, 4, UINT64_MAX);
    put_frame(answer, base_command(SEND_RECEIPT, &fields));
}

static void send_error(struct bytes *answer, const struct request *request) {
    struct bytes fields = {0};
    put_number(&fields, 1, request->object);
    put_number(&fields, 2, request->sequence_id);
    put_number(&fields, 3, 999);
    put_text(&fields, 4, "\xff");
    put_frame(answer, base_command(SEND_ERROR, &fields));
}

static void send_error_of_another(struct bytes *answer, const struct request *request) {
    struct bytes fields = {0};
    put_number(&fields, 1, request->object);
    put_number(&fields, 2, request->sequence_id + 77);
    put_number(&fields, 3, 9);
    put_text(&fields, 4, "checksum");
    put_frame(answer, base_command(SEND_ERROR, &fields));
}

static const struct assault assaults[] = {
    BROKEN_FRAMES(CONNECT),
    BROKEN_FRAMES(PRODUCER),
    BROKEN_FRAMES(SEND),
    BROKEN(CONNECT, other_protocol),
    ODD(CONNECT, negative_limit),
    ODD(CONNECT, no_limit),
    {.name = "CONNECT: largest_limit", .at = CONNECT, .attack = largest_limit, .harmless = true},
    ODD(CONNECT, old_protocol),
    ODD(CONNECT, unknown_error),
    ODD(CONNECT, challenge),
    ODD(PARTITIONED_METADATA, many_partitions),
    ODD(PARTITIONED_METADATA, unknown_error),
    ODD(PARTITIONED_METADATA, answer_for_another),
    ODD(LOOKUP, redirect_to_itself),
    ODD(LOOKUP, no_broker_url),
    ODD(LOOKUP, garbage_broker_url),
    ODD(LOOKUP, dead_broker_url),
    ODD(LOOKUP, unknown_lookup_type),
    ODD(LOOKUP, wrong_kind_of_answer),
    IGNORED(LOOKUP, unknown_command),
    IGNORED(LOOKUP, pings),
    IGNORED(LOOKUP, about_strangers),
    ODD(PRODUCER, unknown_error),
    ODD(PRODUCER, answer_for_another),
    ODD(PRODUCER, wrong_kind_of_answer),
    ODD(PRODUCER, odd_producer_name),
    ODD(PRODUCER, long_producer_name),
    ODD(PRODUCER, hollow_commands),
    ODD(PRODUCER, client_commands),
    ODD(PRODUCER, challenge),
    IGNORED(PRODUCER, unknown_command),
    IGNORED(PRODUCER, pings),
    IGNORED(PRODUCER, about_strangers),
    BROKEN(SEND, close_producer),
    {.name = "SEND: receipt_twice", .at = SEND, .attack = receipt_twice, .harmless = true},
    IGNORED(SEND, about_strangers),
    IGNORED(SEND, pings),
    IGNORED(SEND, receipt_of_the_past),
    ODD(SEND, receipt_of_the_future),
    ODD(SEND, receipt_without_id),
    ODD(SEND, send_error),
    ODD(SEND, send_error_of_another),
    ODD(SEND, hollow_commands),
    {.name = "CLOSE_PRODUCER: silence", .at = CLOSE_PRODUCER},
    {.name = "CLOSE_PRODUCER: closed", .at = CLOSE_PRODUCER, .then_close = true},
};

static void test_hostile_broker(void) {
    check_assaults(assaults, sizeof(assaults) / sizeof(*assaults));
}

CHECK_MAIN(TEST(test_hostile_broker))
