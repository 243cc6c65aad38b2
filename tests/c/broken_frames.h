/* Assaults that fit any request: frames that are none, and commands that have no place. */
#pragma once

#include "hostile.h"

static inline void raw(struct bytes *answer, const char *bytes, size_t length) {
    put_bytes(answer, bytes, length);
}

static inline void zero_size(struct bytes *answer, const struct request *request) {
    (void)request;
    raw(answer, "\0\0\0\0\0\0\0\0", 8);
}

static inline void tiny_size(struct bytes *answer, const struct request *request) {
    (void)request;
    raw(answer, "\0\0\0\3\0\0\0", 7);
}

static inline void huge_size(struct bytes *answer, const struct request *request) {
    (void)request;
    raw(answer, "\xff\xff\xff\xff\0\0\0\4abcd", 12);
}

static inline void large_size(struct bytes *answer, const struct request *request) {
    (void)request;
    raw(answer, "\x7f\xff\xff\xff\0\0\0\4abcd", 12);
}

static inline void command_beyond_frame(struct bytes *answer, const struct request *request) {
    (void)request;
    raw(answer, "\0\0\0\x8\0\0\0\x9" "abcd", 12);
}

static inline void negative_command(struct bytes *answer, const struct request *request) {
    (void)request;
    raw(answer, "\0\0\0\x8\xff\xff\xff\xff" "abcd", 12);
}

static inline void empty_command(struct bytes *answer, const struct request *request) {
    (void)request;
    raw(answer, "\0\0\0\4\0\0\0\0", 8);
}

static inline void garbage_command(struct bytes *answer, const struct request *request) {
    (void)request;
    raw(answer, "\0\0\0\x10\0\0\0\xc\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 20);
}

static inline void other_protocol(struct bytes *answer, const struct request *request) {
    (void)request;
    const char *text = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
    raw(answer, text, strlen(text));
}

static inline void half_a_frame(struct bytes *answer, const struct request *request) {
    struct bytes whole = {0};
    put_good_answer(&whole, request);
    put_bytes(answer, whole.data, whole.length / 2);
    free(whole.data);
}

static inline void noise(struct bytes *answer, const struct request *request) {
    (void)request;
    unsigned seed = 7;
    for (int i = 0; i < 4096; i++) {
        seed = seed * 1103515245u + 12345u;
        put_byte(answer, seed >> 16);
    }
}

/* An error that stands for nothing, for this request. */
static inline void unknown_error(struct bytes *answer, const struct request *request) {
    struct bytes fields = {0};
    put_number(&fields, 1, request->id);
    put_number(&fields, 2, 999);
    put_text(&fields, 3, "\xff\xfe");
    put_frame(answer, base_command(ERROR_ANSWER, &fields));
}

static inline void unknown_command(struct bytes *answer, const struct request *request) {
    (void)request;
    struct bytes command = {0};
    put_number(&command, 1, 200);
    put_field(&command, 200, "xyz", 3);
    put_frame(answer, command);
}

/* A known type without the fields that belong to it. */
static inline void hollow_commands(struct bytes *answer, const struct request *request) {
    (void)request;
    static const unsigned types[] = {SEND_RECEIPT, SEND_ERROR, MESSAGE, SUCCESS, PRODUCER_SUCCESS, LOOKUP_RESPONSE};
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
        struct bytes command = {0};
        put_number(&command, 1, types[i]);
        put_frame(answer, command);
    }
}

static inline void pings(struct bytes *answer, const struct request *request) {
    (void)request;
    for (int i = 0; i < 5000; i++) {
        struct bytes fields = {0};
        put_frame(answer, base_command(i % 2 ? PING : PONG, &fields));
    }
}

/* Commands about requests, producers and consumers that do not exist. */
static inline void about_strangers(struct bytes *answer, const struct request *request) {
    (void)request;
    for (unsigned type = SUCCESS; type <= PRODUCER_SUCCESS; type++) {
        struct bytes fields = {0};
        put_number(&fields, 1, 987654321);
        if (type == PRODUCER_SUCCESS) {
            put_text(&fields, 2, "stranger");
        } else if (type != SUCCESS) { /* which has a schema there: a number would be no protobuf */
            put_number(&fields, 2, 987654321);
            put_text(&fields, 3, "stranger");
        }
        put_frame(answer, base_command(type, &fields));
    }
    put_receipt(answer, 987654321, 5);
    put_good_message(answer, 987654321);
}

static inline void challenge(struct bytes *answer, const struct request *request) {
    (void)request;
    struct bytes fields = {0};
    put_text(&fields, 1, "fake");
    put_frame(answer, base_command(AUTH_CHALLENGE, &fields));
}

static inline void answer_for_another(struct bytes *answer, const struct request *request) {
    struct request other = *request;
    other.id += 1000;
    put_good_answer(answer, &other);
}

#define BROKEN(at_request, what) {.name = #at_request ": " #what, .at = at_request, .attack = what}
#define BROKEN_FRAMES(at_request)                                                                            \
    BROKEN(at_request, zero_size), BROKEN(at_request, huge_size), BROKEN(at_request, large_size),            \
        BROKEN(at_request, command_beyond_frame), BROKEN(at_request, negative_command),                      \
        BROKEN(at_request, empty_command), BROKEN(at_request, garbage_command), BROKEN(at_request, noise),   \
        {.name = #at_request ": tiny_size", .at = at_request, .attack = tiny_size, .then_close = true},      \
        {.name = #at_request ": half a frame", .at = at_request, .attack = half_a_frame, .then_close = true}, \
        {.name = #at_request ": closed", .at = at_request, .then_close = true},                              \
        {.name = #at_request ": silence", .at = at_request, .may_fail = true}
#define IGNORED(at_request, what)                                                                            \
    {.name = #at_request ": " #what ", then answered", .at = at_request, .attack = what, .then_answer = true, \
     .harmless = true}
#define ODD(at_request, what) {.name = #at_request ": " #what, .at = at_request, .attack = what, .may_fail = true}
