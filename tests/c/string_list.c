/* pulsar/c/string_list.h */
#include <pulsar/c/string_list.h>
#include <pulsar/c/string_map.h>

#include "check.h"

static void test_strings_are_kept_in_order(void) {
    pulsar_string_list_t *list = pulsar_string_list_create();
    char text[] = "copied";
    CHECK_INT(pulsar_string_list_size(list), 0);
    pulsar_string_list_append(list, text);
    memset(text, 'x', sizeof(text) - 1);
    pulsar_string_list_append(list, "");
    pulsar_string_list_append(list, "\xff\xfe no UTF-8");
    CHECK_INT(pulsar_string_list_size(list), 3);
    CHECK_TEXT(pulsar_string_list_get(list, 0), "copied");
    CHECK_TEXT(pulsar_string_list_get(list, 1), "");
    CHECK_TEXT(pulsar_string_list_get(list, 2), "\xff\xfe no UTF-8");
    CHECK(pulsar_string_list_get(list, 0) == pulsar_string_list_get(list, 0));
    pulsar_string_list_free(list);
}

static void test_many(void) {
    pulsar_string_list_t *list = pulsar_string_list_create();
    char text[20];
    for (int i = 0; i < 10000; i++) {
        snprintf(text, sizeof(text), "%d", i);
        pulsar_string_list_append(list, text);
    }
    CHECK_INT(pulsar_string_list_size(list), 10000);
    CHECK_TEXT(pulsar_string_list_get(list, 9999), "9999");
    pulsar_string_list_free(list);
}

static void test_no_such_index(void) {
    pulsar_string_list_t *list = pulsar_string_list_create();
    CHECK_TEXT(pulsar_string_list_get(list, 0), NULL);
    pulsar_string_list_append(list, "a");
    CHECK_TEXT(pulsar_string_list_get(list, 1), NULL);
    CHECK_TEXT(pulsar_string_list_get(list, -1), NULL);
    CHECK_TEXT(pulsar_string_list_get(list, 2147483647), NULL);
    pulsar_string_list_free(list);
}

static void test_null_and_foreign(void) {
    pulsar_string_list_t *list = pulsar_string_list_create();
    pulsar_string_map_t *map = pulsar_string_map_create();
    pulsar_string_list_t *foreign = (pulsar_string_list_t *)map;
    pulsar_string_list_append(list, NULL);
    CHECK_INT(pulsar_string_list_size(list), 0);
    pulsar_string_list_append(NULL, "a");
    CHECK_INT(pulsar_string_list_size(NULL), 0);
    CHECK_TEXT(pulsar_string_list_get(NULL, 0), NULL);
    pulsar_string_list_free(NULL);

    pulsar_string_list_append(foreign, "a");
    CHECK_INT(pulsar_string_list_size(foreign), 0);
    CHECK_TEXT(pulsar_string_list_get(foreign, 0), NULL);
    pulsar_string_list_free(foreign);
    CHECK_INT(pulsar_string_map_size(map), 0);
    pulsar_string_map_free(map);
    pulsar_string_list_free(list);
}

CHECK_MAIN(TEST(test_strings_are_kept_in_order), TEST(test_many), TEST(test_no_such_index),
           TEST(test_null_and_foreign))
