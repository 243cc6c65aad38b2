/*
 * Checks for the C tests. A check that fails says where and goes on; a requirement that fails ends the test
 * program, because what follows would only crash. Checks may be made on any thread.
 *
 *     static void test_something(void) { CHECK_INT(1 + 1, 2); }
 *     CHECK_MAIN(TEST(test_something))
 *
 * Each test runs on a thread with the little stack that musl gives to threads of C programs, 128 KB: calls into the
 * library must do with it, on any system.
 *
 *     PROGRAM [URL [TEST]]
 */
#pragma once

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHECK(condition) check_that((condition), __FILE__, __LINE__, "%s", #condition)
#define CHECK_INT(actual, expected) check_int((long long)(actual), (long long)(expected), #actual, __FILE__, __LINE__)
#define CHECK_BETWEEN(actual, low, high)                                                                     \
    check_between((long long)(actual), (long long)(low), (long long)(high), #actual, __FILE__, __LINE__)
#define CHECK_TEXT(actual, expected) check_text((actual), (expected), #actual, __FILE__, __LINE__)
#define CHECK_RESULT(actual, expected) check_result((actual), (expected), #actual, __FILE__, __LINE__)
#define CHECK_OK(actual) CHECK_RESULT(actual, pulsar_result_Ok)
#define REQUIRE(condition) check_require((condition), #condition, __FILE__, __LINE__)
#define REQUIRE_OK(actual) check_require(CHECK_OK(actual), #actual, __FILE__, __LINE__)

#define TEST(function) {#function, function}
#define CHECK_MAIN(...)                                                                                      \
    int main(int argc, char **argv) {                                                                        \
        static const struct check_test tests[] = {__VA_ARGS__};                                              \
        return check_main(argc, argv, tests, sizeof(tests) / sizeof(*tests));                                \
    }

/* Bytes of stack that a test has. */
#ifndef CHECK_STACK
#define CHECK_STACK (128 * 1024)
#endif

struct check_test {
    const char *name;
    void (*run)(void);
};

/* The broker that the program was given; NULL without one. */
static const char *check_url;
static atomic_int check_count;
static atomic_int check_failures;

static inline bool check_that(bool passed, const char *file, int line, const char *format, ...) {
    check_count++;
    if (!passed) {
        check_failures++;
        char text[600];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        fprintf(stderr, "%s:%d: failed: %s\n", file, line, text);
    }
    return passed;
}

static inline bool check_int(long long actual, long long expected, const char *text, const char *file, int line) {
    return check_that(actual == expected, file, line, "%s is %lld instead of %lld", text, actual, expected);
}

static inline bool check_between(long long actual, long long low, long long high, const char *text,
                                 const char *file, int line) {
    return check_that(low <= actual && actual <= high, file, line, "%s is %lld, not within %lld and %lld", text,
                      actual, low, high);
}

static inline bool check_text(const char *actual, const char *expected, const char *text, const char *file,
                              int line) {
    bool same = actual && expected ? strcmp(actual, expected) == 0 : actual == expected;
    return check_that(same, file, line, "%s is %s%s%s instead of %s%s%s", text, actual ? "\"" : "",
                      actual ? actual : "NULL", actual ? "\"" : "", expected ? "\"" : "",
                      expected ? expected : "NULL", expected ? "\"" : "");
}

/* Numbers, so that a program that does not know pulsar_result can include this too. */
static inline bool check_result(int actual, int expected, const char *text, const char *file, int line) {
    return check_that(actual == expected, file, line, "%s gives result %d instead of %d", text, actual, expected);
}

static inline void check_require(bool passed, const char *text, const char *file, int line) {
    if (!passed) {
        fprintf(stderr, "%s:%d: cannot go on without: %s\n", file, line, text);
        exit(1);
    }
}

/* Milliseconds of a clock that only goes forward. */
static inline long long now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Times that the machine's speed decides on are multiplied by this: the driver sets it under valgrind. */
static inline int check_patience(void) {
    const char *factor = getenv("CHECK_PATIENCE");
    return factor ? atoi(factor) : 1;
}

static inline void *check_run(void *test) {
    ((const struct check_test *)test)->run();
    return NULL;
}

static inline void check_on_small_stack(const struct check_test *test) {
    pthread_attr_t attributes;
    pthread_t thread;
    REQUIRE(pthread_attr_init(&attributes) == 0 && pthread_attr_setstacksize(&attributes, CHECK_STACK) == 0);
    REQUIRE(pthread_create(&thread, &attributes, check_run, (void *)(uintptr_t)test) == 0);
    pthread_attr_destroy(&attributes);
    pthread_join(thread, NULL);
}

static inline int check_main(int argc, char **argv, const struct check_test *tests, size_t count) {
    check_url = argc > 1 ? argv[1] : NULL;
    for (size_t i = 0; i < count; i++) {
        if (argc > 2 && strcmp(argv[2], tests[i].name) != 0) {
            continue;
        }
        int failed = check_failures;
        long long start = now_ms();
        check_on_small_stack(&tests[i]);
        if (check_failures != failed || getenv("CHECK_VERBOSE")) {
            fprintf(stderr, "%s: %d failed, %.2f s\n", tests[i].name, check_failures - failed,
                    (double)(now_ms() - start) / 1000.0);
        }
    }
    printf("%d checks, %d failed\n", check_count, check_failures);
    return check_failures > 0 || check_count == 0;
}
