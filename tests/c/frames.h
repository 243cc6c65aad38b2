/* Frames of the Pulsar protocol, written byte by byte, so that they can be wrong in every way. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Commands by their number, which is also the number of their field in BaseCommand. */
enum {
    CONNECT = 2,
    CONNECTED = 3,
    SUBSCRIBE = 4,
    PRODUCER = 5,
    SEND = 6,
    SEND_RECEIPT = 7,
    SEND_ERROR = 8,
    MESSAGE = 9,
    FLOW = 11,
    UNSUBSCRIBE = 12,
    SUCCESS = 13,
    ERROR_ANSWER = 14,
    CLOSE_PRODUCER = 15,
    CLOSE_CONSUMER = 16,
    PRODUCER_SUCCESS = 17,
    PING = 18,
    PONG = 19,
    PARTITIONED_METADATA = 21,
    PARTITIONED_METADATA_RESPONSE = 22,
    LOOKUP = 23,
    LOOKUP_RESPONSE = 24,
    REACHED_END_OF_TOPIC = 27,
    GET_LAST_MESSAGE_ID = 29,
    GET_LAST_MESSAGE_ID_RESPONSE = 30,
    ACTIVE_CONSUMER_CHANGE = 31,
    AUTH_CHALLENGE = 36
};

struct bytes {
    size_t length;
    size_t room;
    unsigned char *data;
};

static inline void put_bytes(struct bytes *bytes, const void *data, size_t length) {
    if (bytes->length + length > bytes->room) {
        bytes->room = 2 * bytes->room + length + 64;
        bytes->data = realloc(bytes->data, bytes->room);
        if (bytes->data == NULL) {
            abort();
        }
    }
    if (length > 0) {
        memcpy(bytes->data + bytes->length, data, length);
        bytes->length += length;
    }
}

static inline void put_byte(struct bytes *bytes, unsigned value) {
    unsigned char byte = (unsigned char)value;
    put_bytes(bytes, &byte, 1);
}

/* Numbers outside of protobuf have their high byte first. */
static inline void put_u32(struct bytes *bytes, uint32_t value) {
    unsigned char raw[] = {(unsigned char)(value >> 24), (unsigned char)(value >> 16), (unsigned char)(value >> 8),
                           (unsigned char)value};
    put_bytes(bytes, raw, 4);
}

static inline void put_varint(struct bytes *bytes, uint64_t value) {
    for (; value >= 0x80; value >>= 7) {
        put_byte(bytes, (unsigned)(value & 0x7f) | 0x80);
    }
    put_byte(bytes, (unsigned)value);
}

static inline void put_number(struct bytes *bytes, unsigned field, uint64_t value) {
    put_varint(bytes, field << 3);
    put_varint(bytes, value);
}

static inline void put_field(struct bytes *bytes, unsigned field, const void *data, size_t length) {
    put_varint(bytes, (field << 3) | 2);
    put_varint(bytes, length);
    put_bytes(bytes, data, length);
}

static inline void put_text(struct bytes *bytes, unsigned field, const char *text) {
    put_field(bytes, field, text, strlen(text));
}

/* Moves a message into a field of another, and frees it. */
static inline void put_message(struct bytes *bytes, unsigned field, struct bytes *message) {
    put_field(bytes, field, message->data, message->length);
    free(message->data);
    *message = (struct bytes){0};
}

/* A BaseCommand around a command's fields, which are freed. */
static inline struct bytes base_command(unsigned type, struct bytes *fields) {
    struct bytes command = {0};
    put_number(&command, 1, type);
    put_message(&command, type, fields);
    return command;
}

/* A frame of a command alone. Frees the command. */
static inline void put_frame(struct bytes *frame, struct bytes command) {
    put_u32(frame, (uint32_t)command.length + 4);
    put_u32(frame, (uint32_t)command.length);
    put_bytes(frame, command.data, command.length);
    free(command.data);
}

static inline uint32_t crc32c(const unsigned char *data, size_t length) {
    uint32_t crc = ~0u;
    for (size_t i = 0; i < length; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ (0x82f63b78u & (0u - (crc & 1)));
        }
    }
    return ~crc;
}

/* The part of a frame behind its command: metadata and payload, with magic and checksum as they should be. */
static inline struct bytes entry(struct bytes *metadata, const void *payload, size_t length) {
    struct bytes checked = {0}, whole = {0};
    put_u32(&checked, (uint32_t)metadata->length);
    put_bytes(&checked, metadata->data, metadata->length);
    put_bytes(&checked, payload, length);
    put_byte(&whole, 0x0e);
    put_byte(&whole, 0x01);
    put_u32(&whole, crc32c(checked.data, checked.length));
    put_bytes(&whole, checked.data, checked.length);
    free(checked.data);
    free(metadata->data);
    *metadata = (struct bytes){0};
    return whole;
}

/* A frame of a command and what stands behind it. Frees both. */
static inline void put_frame_with(struct bytes *frame, struct bytes command, struct bytes rest) {
    put_u32(frame, (uint32_t)(command.length + 4 + rest.length));
    put_u32(frame, (uint32_t)command.length);
    put_bytes(frame, command.data, command.length);
    put_bytes(frame, rest.data, rest.length);
    free(command.data);
    free(rest.data);
}

/* What a message of protobuf has in its fields below 32: numbers, and where its bytes are. */
struct fields {
    uint64_t numbers[32];
    const unsigned char *data[32];
    size_t lengths[32];
};

static inline bool take_varint(const unsigned char **at, const unsigned char *end, uint64_t *value) {
    *value = 0;
    for (int shift = 0; *at < end && shift < 64; shift += 7) {
        unsigned char byte = *(*at)++;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return true;
        }
    }
    return false;
}

/* Reads what clients send: they are not the hostile side. */
static inline struct fields read_fields(const unsigned char *at, size_t length) {
    struct fields fields = {0};
    const unsigned char *end = at + length;
    uint64_t tag, value;
    while (at < end && take_varint(&at, end, &tag) && take_varint(&at, end, &value)) {
        bool known = tag >> 3 < 32;
        if ((tag & 7) == 0 && known) {
            fields.numbers[tag >> 3] = value;
        } else if ((tag & 7) == 2 && value <= (uint64_t)(end - at)) {
            if (known) {
                fields.data[tag >> 3] = at;
                fields.lengths[tag >> 3] = (size_t)value;
            }
            at += value;
        } else if ((tag & 7) != 0) {
            break;
        }
    }
    return fields;
}
