/* Readers as the programs about them want them. */
#pragma once

#include "observe.h"

static inline pulsar_reader_t *open_reader(pulsar_client_t *client, const char *topic,
                                           const pulsar_message_id_t *start) {
    pulsar_reader_configuration_t *conf = pulsar_reader_configuration_create();
    pulsar_reader_t *reader = NULL;
    must(pulsar_client_create_reader(client, topic, start, conf, &reader), "read", topic);
    pulsar_reader_configuration_free(conf);
    return reader;
}

static inline void end_reader(pulsar_reader_t *reader) {
    pulsar_reader_close(reader);
    pulsar_reader_free(reader);
}

/* What is read next: its content, or how reading fails. */
static inline const char *read_one(pulsar_reader_t *reader, int milliseconds) {
    static _Thread_local char texts[4][64];
    static _Thread_local int turn;
    char *text = texts[turn++ % 4];
    pulsar_message_t *message = NULL;
    pulsar_result result = pulsar_reader_read_next_with_timeout(reader, &message, milliseconds);
    if (result != pulsar_result_Ok) {
        return result == pulsar_result_Timeout ? "none" : named(result);
    }
    content(message, text, sizeof(texts[0]));
    pulsar_message_free(message);
    return text;
}

/* "0(Ok), 1" */
static inline const char *available(pulsar_reader_t *reader) {
    static _Thread_local char texts[4][64];
    static _Thread_local int turn;
    char *text = texts[turn++ % 4];
    int found = 0;
    pulsar_result result = pulsar_reader_has_message_available(reader, &found);
    snprintf(text, sizeof(texts[0]), "%s, %d", named(result), found);
    return text;
}

/* How often there is something to read, and what it is; then nothing more comes. */
static inline const char *read_rest(pulsar_reader_t *reader) {
    static _Thread_local char text[1000];
    text[0] = 0;
    int found = 0;
    while (pulsar_reader_has_message_available(reader, &found) == pulsar_result_Ok && found) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof(text) - used, "%s%s", used > 0 ? " " : "", read_one(reader, ANSWER_MS));
    }
    if (strcmp(read_one(reader, SILENCE_MS), "none") != 0) {
        return "more than has_message_available tells";
    }
    return text[0] ? text : "none";
}
