/* pulsar_rs/version.h */
#include <pulsar_rs/version.h>

#include "../check.h"

/* These programs are linked with the library that their headers came with. */
static void test_what_runs_is_what_was_compiled(void) {
    CHECK_INT(pulsar_rs_version(), PULSAR_RS_VERSION);
    CHECK_TEXT(pulsar_rs_version_str(), PULSAR_RS_VERSION_STR);
}

static void test_number_and_text_agree(void) {
    char text[40];
    unsigned version = pulsar_rs_version();
    snprintf(text, sizeof(text), "%u.%u.%u", version / 1000000, version / 1000 % 1000, version % 1000);
    CHECK_TEXT(pulsar_rs_version_str(), text);
}

CHECK_MAIN(TEST(test_what_runs_is_what_was_compiled), TEST(test_number_and_text_agree))
