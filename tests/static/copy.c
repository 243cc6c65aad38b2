/*
 * The memcpy and memmove of packaging/musl-copy.c, which the library for musl has: all sizes up to some hundred bytes and
 * some larger ones, at all distances that matter, beside copies made byte by byte.
 */
#define memcpy tried_memcpy
#define memmove tried_memmove
#include "../../packaging/musl-copy.c"

#include <stdio.h>

enum { ROOM = 200 * 1024, GUARD = 128 };

static unsigned char area[ROOM], expected[ROOM];

static void fill(size_t size) {
    for (size_t i = 0; i < size; i++) {
        area[i] = expected[i] = (unsigned char)(i * 131 + i / 251);
    }
}

/* Whether what was copied, and all around it, is as it should be. */
static int judge(const char *what, size_t to, size_t from, size_t size, size_t seen) {
    for (size_t i = 0; i < seen; i++) {
        if (area[i] != expected[i]) {
            printf("%s of %zu bytes from %zu to %zu: byte %zu is wrong\n", what, size, from, to, i);
            return 1;
        }
    }
    return 0;
}

static int try_copy(size_t to, size_t from, size_t size) {
    size_t seen = (to > from ? to : from) + size + GUARD;
    int wrong = 0;
    fill(seen);
    for (size_t i = 0; i < size; i++) {
        expected[to + i] = (unsigned char)((from + i) * 131 + (from + i) / 251);
    }
    wrong += tried_memmove(area + to, area + from, size) != area + to;
    wrong += judge("memmove", to, from, size, seen);
    if (to + size <= from || from + size <= to) {
        fill(seen);
        for (size_t i = 0; i < size; i++) {
            expected[to + i] = (unsigned char)((from + i) * 131 + (from + i) / 251);
        }
        wrong += tried_memcpy(area + to, area + from, size) != area + to;
        wrong += judge("memcpy", to, from, size, seen);
    }
    return wrong;
}

int main(void) {
    static const size_t large[] = {1000, 1024, 4095, 65535, 65536, 65537, 90001};
    int wrong = 0;
    for (size_t size = 0; size < 330; size++) {
        /* Overlapping either way, and side by side. */
        for (size_t distance = 0; distance <= 80; distance++) {
            wrong += try_copy(GUARD + distance, GUARD, size) + try_copy(GUARD, GUARD + distance, size);
        }
        wrong += try_copy(GUARD + size, GUARD, size) + try_copy(GUARD + 3, GUARD + 3 + size, size);
    }
    for (size_t i = 0; i < sizeof(large) / sizeof(*large); i++) {
        size_t size = large[i];
        wrong += try_copy(GUARD + size, GUARD + 1, size - 1) + try_copy(GUARD, GUARD + size, size);
        wrong += try_copy(GUARD + 100, GUARD, size) + try_copy(GUARD, GUARD + 100, size);
    }
    printf("%d copies are wrong\n", wrong);
    return wrong != 0;
}
