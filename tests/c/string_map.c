/* pulsar/c/string_map.h */
#include <pulsar/c/string_list.h>
#include <pulsar/c/string_map.h>

#include "check.h"

static void test_keys_are_sorted_and_unique(void) {
    pulsar_string_map_t *map = pulsar_string_map_create();
    CHECK_INT(pulsar_string_map_size(map), 0);
    char key[] = "b", value[] = "1";
    pulsar_string_map_put(map, key, value);
    key[0] = value[0] = 'x';
    pulsar_string_map_put(map, "a", "2");
    pulsar_string_map_put(map, "", "no key");
    CHECK_INT(pulsar_string_map_size(map), 3);
    CHECK_TEXT(pulsar_string_map_get_key(map, 0), "");
    CHECK_TEXT(pulsar_string_map_get_value(map, 0), "no key");
    CHECK_TEXT(pulsar_string_map_get_key(map, 1), "a");
    CHECK_TEXT(pulsar_string_map_get_key(map, 2), "b");
    CHECK_TEXT(pulsar_string_map_get(map, "b"), "1");
    pulsar_string_map_put(map, "b", "3");
    CHECK_INT(pulsar_string_map_size(map), 3);
    CHECK_TEXT(pulsar_string_map_get(map, "b"), "3");
    CHECK_TEXT(pulsar_string_map_get_value(map, 2), "3");
    pulsar_string_map_put(map, "b", "");
    CHECK_TEXT(pulsar_string_map_get(map, "b"), "");
    pulsar_string_map_free(map);
}

static void test_what_is_not_there(void) {
    pulsar_string_map_t *map = pulsar_string_map_create();
    pulsar_string_map_put(map, "a", "1");
    CHECK_TEXT(pulsar_string_map_get(map, "b"), NULL);
    static const int outside[] = {1, -1, 2147483647};
    for (int i = 0; i < 3; i++) {
        CHECK_TEXT(pulsar_string_map_get_key(map, outside[i]), NULL);
        CHECK_TEXT(pulsar_string_map_get_value(map, outside[i]), NULL);
    }
    pulsar_string_map_free(map);
}

static void test_null_and_foreign(void) {
    pulsar_string_map_t *map = pulsar_string_map_create();
    pulsar_string_list_t *list = pulsar_string_list_create();
    pulsar_string_map_t *others[] = {NULL, (pulsar_string_map_t *)list};
    pulsar_string_map_put(map, NULL, "1");
    pulsar_string_map_put(map, "a", NULL);
    CHECK_INT(pulsar_string_map_size(map), 0);
    CHECK_TEXT(pulsar_string_map_get(map, NULL), NULL);
    for (int i = 0; i < 2; i++) {
        pulsar_string_map_put(others[i], "a", "1");
        CHECK_INT(pulsar_string_map_size(others[i]), 0);
        CHECK_TEXT(pulsar_string_map_get(others[i], "a"), NULL);
        CHECK_TEXT(pulsar_string_map_get_key(others[i], 0), NULL);
        CHECK_TEXT(pulsar_string_map_get_value(others[i], 0), NULL);
        pulsar_string_map_free(others[i]);
    }
    CHECK_INT(pulsar_string_list_size(list), 0);
    pulsar_string_list_free(list);
    pulsar_string_map_free(map);
}

CHECK_MAIN(TEST(test_keys_are_sorted_and_unique), TEST(test_what_is_not_there), TEST(test_null_and_foreign))
