/* pulsar/c/message_id.h */
#include <pulsar/c/message.h>
#include <pulsar/c/message_id.h>

#include "check.h"

/* Checks the text of an id, and frees it. */
static void check_id(pulsar_message_id_t *id, const char *expected) {
    char *text = id ? pulsar_message_id_str(id) : NULL;
    CHECK_TEXT(text, expected);
    free(text);
    pulsar_message_id_free(id);
}

static pulsar_message_id_t *constant(const pulsar_message_id_t *id) {
    return (pulsar_message_id_t *)id;
}

static void test_the_ends_of_every_topic(void) {
    const pulsar_message_id_t *earliest = pulsar_message_id_earliest(), *latest = pulsar_message_id_latest();
    CHECK(earliest == pulsar_message_id_earliest());
    CHECK(latest == pulsar_message_id_latest());
    CHECK(earliest != latest);
    /* Freeing a constant does nothing: it is as good as before. */
    for (int i = 0; i < 3; i++) {
        check_id(constant(earliest), "(-1,-1,-1,-1)");
        check_id(constant(latest), "(9223372036854775807,9223372036854775807,-1,-1)");
    }
}

static void test_there_and_back(void) {
    static const struct {
        const char *bytes;
        uint32_t length;
        const char *text;
    } ids[] = {
        {"\x08\x9c\xc9\x01\x10\x01", 6, "(25756,1,-1,-1)"},
        {"\x08\x9c\xc9\x01\x10\x02\x20\x02\x30\x03", 10, "(25756,2,-1,2)"},
        {"\x08\xb6\xc9\x01\x10\x00\x18\x02\x20\x00\x30\x01", 12, "(25782,0,2,0)"},
        {"\x08\x00\x10\x00", 4, "(0,0,-1,-1)"},
    };
    for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
        pulsar_message_id_t *id = pulsar_message_id_deserialize(ids[i].bytes, ids[i].length);
        int length = -1;
        void *bytes = pulsar_message_id_serialize(id, &length);
        CHECK_INT(length, ids[i].length);
        CHECK(length == (int)ids[i].length && memcmp(bytes, ids[i].bytes, ids[i].length) == 0);
        free(bytes);
        bytes = pulsar_message_id_serialize(id, NULL);
        CHECK(bytes != NULL);
        free(bytes);
        check_id(id, ids[i].text);
    }
}

static void test_what_is_no_id(void) {
    static const struct {
        const char *bytes;
        uint32_t length;
    } wrong[] = {
        {"", 0},
        {"\xff\xff\xff\xff", 4},
        {"\x08", 1},                                         /* ends within a number */
        {"\x08\x01", 2},                                     /* no entry */
        {"\x10\x01", 2},                                     /* no ledger */
        {"\x0a\x7fgarbage", 9},                              /* longer than there is */
        {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12}, /* a number of eleven bytes */
        {"\x0d\x01\x02\x03\x04", 5},                         /* the ledger in another wire type */
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        pulsar_message_id_t *id = pulsar_message_id_deserialize(wrong[i].bytes, wrong[i].length);
        check_that(id == NULL, __FILE__, __LINE__, "wrong bytes %zu were taken for an id", i);
        pulsar_message_id_free(id);
    }
    CHECK(pulsar_message_id_deserialize(NULL, 0) == NULL);
    CHECK(pulsar_message_id_deserialize(NULL, 6) == NULL);
}

/* Whatever bytes come: an id or none. */
static void test_random_bytes(void) {
    unsigned seed = 20240607;
    for (int round = 0; round < 20000; round++) {
        unsigned char bytes[24];
        for (size_t i = 0; i < sizeof(bytes); i++) {
            seed = seed * 1103515245u + 12345u;
            bytes[i] = (unsigned char)(seed >> 16);
        }
        /* Often enough a tag that ids have. */
        bytes[0] = round % 2 ? 0x08 : bytes[0];
        pulsar_message_id_t *id = pulsar_message_id_deserialize(bytes, (uint32_t)(seed >> 8) % sizeof(bytes));
        if (id) {
            char *text = pulsar_message_id_str(id);
            CHECK(text != NULL);
            free(text);
            pulsar_message_id_free(id);
        }
    }
}

static void test_null_and_foreign(void) {
    pulsar_message_t *message = pulsar_message_create();
    pulsar_message_id_t *others[] = {NULL, (pulsar_message_id_t *)message};
    for (int i = 0; i < 2; i++) {
        int length = 7;
        CHECK(pulsar_message_id_serialize(others[i], &length) == NULL);
        CHECK_INT(length, 0);
        CHECK(pulsar_message_id_serialize(others[i], NULL) == NULL);
        CHECK(pulsar_message_id_str(others[i]) == NULL);
        pulsar_message_id_free(others[i]);
    }
    CHECK_INT(pulsar_message_get_length(message), 0);
    pulsar_message_free(message);
}

CHECK_MAIN(TEST(test_the_ends_of_every_topic), TEST(test_there_and_back), TEST(test_what_is_no_id),
           TEST(test_random_bytes), TEST(test_null_and_foreign))
