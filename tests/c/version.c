/* pulsar/c/version.h */
#include <pulsar/c/version.h>

#include "check.h"

static void check_version(long number, const char *text) {
    char written[40];
    snprintf(written, sizeof(written), "%ld.%ld.%ld", number / 1000000, number / 1000 % 1000, number % 1000);
    CHECK_TEXT(written, text);
}

static void test_numbers_and_texts_agree(void) {
    check_version(PULSAR_VERSION, PULSAR_VERSION_STR);
    check_version(PULSAR_RS_VERSION, PULSAR_RS_VERSION_STR);
}

/* Programs ask `#if PULSAR_VERSION >= ...`. */
#if PULSAR_VERSION < 4000000
#error "the version is older than the API"
#endif

CHECK_MAIN(TEST(test_numbers_and_texts_agree))
