/*
 * What a conformance program prints: `area<TAB>case<TAB>observed`, one line per case, the same on every run: ids,
 * names and times are put into coarse classes.
 *
 * Programs are written against the established API only, so that they run on either library. Each group of cases
 * runs in a process of its own: a library that crashes or hangs there does not keep us from seeing the others.
 */
#pragma once

#include <ctype.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "../c/check.h"
#include "../c/latch.h"
#include "../c/session.h"

/* How long a group may take: several cases, or one. */
#define GROUP_SECONDS 60
#define CASE_SECONDS 12

static inline void observe(const char *area, const char *name, const char *format, ...) {
    char text[1000];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    /* Nothing but the columns is separated by tabs and ends. */
    for (char *at = text; *at; at++) {
        *at = (unsigned char)*at < ' ' ? ' ' : *at;
    }
    for (size_t length = strlen(text); length > 0 && text[length - 1] == ' ';) {
        text[--length] = 0;
    }
    printf("%s\t%s\t%s\n", area, name, text);
    fflush(stdout);
}

/* "0(Ok)" */
static inline const char *named(pulsar_result result) {
    static _Thread_local char texts[4][80];
    static _Thread_local int turn;
    char *text = texts[turn++ % 4];
    snprintf(text, sizeof(texts[0]), "%d(%s)", (int)result, pulsar_result_str(result));
    return text;
}

static inline void observe_result(const char *area, const char *name, pulsar_result result) {
    observe(area, name, "%s", named(result));
}

/* "(L,E,-1,2)": the numbers that brokers give out are left out, those that mean something are kept. */
static inline const char *id_form(const char *id) {
    static _Thread_local char texts[8][80];
    static _Thread_local int turn;
    long long ledger, entry;
    int partition, index;
    char *text = texts[turn++ % 8];
    if (id == NULL || sscanf(id, "(%lld,%lld,%d,%d)", &ledger, &entry, &partition, &index) != 4) {
        return id ? id : "NULL";
    }
    char numbers[40] = "L,E";
    if (ledger < 0 || ledger == INT64_MAX) {
        snprintf(numbers, sizeof(numbers), "%lld,%lld", ledger, entry);
    }
    snprintf(text, sizeof(texts[0]), "(%s,%d,%d)", numbers, partition, index);
    return text;
}

/* The text of an id, which is freed; in memory that lasts a few calls. */
static inline const char *id_text(pulsar_message_id_t *id) {
    static _Thread_local char texts[8][80];
    static _Thread_local int turn;
    char *text = texts[turn++ % 8];
    char *owned = id ? pulsar_message_id_str(id) : NULL;
    snprintf(text, sizeof(texts[0]), "%s", owned ? owned : "NULL");
    free(owned);
    pulsar_message_id_free(id);
    return text;
}

static inline const char *message_id_text(pulsar_message_t *message) {
    return id_text(pulsar_message_get_message_id(message));
}

/* "at once", or the time it was expected after, or what it really took. */
static inline const char *after(long long took_ms, long long expected_ms) {
    static _Thread_local char text[40];
    /* The machine may be busy: at once is clearly before the time, if there is one. */
    if (took_ms < (expected_ms > 0 ? expected_ms / 2 : 2000)) {
        return "at once";
    }
    /* The library may be a bit early by rounding, and late when the machine is busy. */
    if (took_ms >= expected_ms - 50 && took_ms <= expected_ms + 4000) {
        snprintf(text, sizeof(text), "after %.1f s", (double)expected_ms / 1000);
    } else {
        snprintf(text, sizeof(text), "after %.2f s instead of %.1f", (double)took_ms / 1000,
                 (double)expected_ms / 1000);
    }
    return text;
}

#define UNTIL_SILENCE 0

/* Contents of what comes, in order, with spaces between, until `wanted` came, or until nothing comes any more. */
static inline int drain_into(char *text, size_t size, pulsar_consumer_t *consumer, int wanted, bool acknowledge) {
    int count = 0;
    text[0] = 0;
    for (pulsar_message_t *message; wanted == UNTIL_SILENCE || count < wanted; count++) {
        bool must_come = wanted != UNTIL_SILENCE || count == 0;
        if ((message = next_message(consumer, must_come ? ANSWER_MS : 2 * SILENCE_MS)) == NULL) {
            break;
        }
        char word[64];
        size_t used = strlen(text);
        snprintf(text + used, size - used, "%s%s", count > 0 ? " " : "", content(message, word, sizeof(word)));
        if (acknowledge) {
            pulsar_consumer_acknowledge(consumer, message);
        }
        pulsar_message_free(message);
    }
    return count;
}

/* What is still there for a consumer: "none" or the contents, in order. A last message sent behind tells that all
 * came: no waiting for silence. Only where the order is that of sending. */
static inline const char *leftover(pulsar_consumer_t *consumer, pulsar_producer_t *producer) {
    static _Thread_local char text[1000];
    text[0] = 0;
    send_text(producer, "(end)");
    for (pulsar_message_t *message; (message = next_message(consumer, ANSWER_MS)) != NULL;) {
        char word[64];
        content(message, word, sizeof(word));
        pulsar_message_free(message);
        if (strcmp(word, "(end)") == 0) {
            return text[0] ? text : "none";
        }
        size_t used = strlen(text);
        snprintf(text + used, sizeof(text) - used, "%s%s", used > 0 ? " " : "", word);
    }
    return "not even what was sent behind";
}

/* What became of sends. */
struct outcomes {
    struct latch done;
    atomic_int ok;
    atomic_int failed;
    atomic_int last_failure;
};

#define OUTCOMES {.done = LATCH_INIT}

/* Callback of sends; their outcomes are its context. */
static inline void count_outcome(pulsar_result result, pulsar_message_id_t *id, void *context) {
    struct outcomes *outcomes = context;
    pulsar_message_id_free(id);
    if (result == pulsar_result_Ok) {
        outcomes->ok++;
    } else {
        outcomes->failed++;
        outcomes->last_failure = (int)result;
    }
    latch_raise(&outcomes->done);
}

struct group {
    const char *area;
    const char *name; /* of its only case, which may crash or hang; NULL when it has several */
    void (*run)(const char *url);
    int seconds;
};

/* How a group's process ended, when not by itself. */
static inline void observe_end(const struct group *group, int status) {
    if (WIFSIGNALED(status)) {
        const char *name = group->name ? group->name : "(one of several cases)";
        int number = WTERMSIG(status);
        if (number == SIGKILL) {
            observe(group->area, name, "hangs");
        } else {
            observe(group->area, name, "crash: %s",
                    number == SIGSEGV ? "SIGSEGV" : number == SIGABRT ? "SIGABRT" : strsignal(number));
        }
    } else if (WEXITSTATUS(status) != 0) {
        observe(group->area, group->name ? group->name : "(one of several cases)", "cannot be observed");
    }
}

static inline void run_group(const struct group *group, const char *url) {
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        /* A driver that runs out of patience kills the program; this goes with it. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (group->name) {
            /* What a library says before it aborts is no news to whoever reads the list. */
            freopen("/dev/null", "w", stderr);
        }
        group->run(url);
        fflush(stdout);
        _exit(0);
    }
    int status = 0;
    for (long long end = now_ms() + group->seconds * 1000; waitpid(child, &status, WNOHANG) == 0; pause_ms(2)) {
        if (now_ms() > end) {
            kill(child, SIGKILL);
        }
    }
    observe_end(group, status);
}

/* A function that observes several cases, or one case that may crash or hang, in so many seconds. */
#define GROUP(area, function) {area, NULL, function, GROUP_SECONDS}
#define CASE(area, name, function) {area, name, function, CASE_SECONDS}
#define LONG_CASE(area, name, function, seconds) {area, name, function, seconds}

/* PROGRAM URL [AREA]: runs the groups, or those of one area. */
#define OBSERVE_MAIN(...)                                                                                    \
    int main(int argc, char **argv) {                                                                        \
        static const struct group groups[] = {__VA_ARGS__};                                                  \
        for (size_t i = 0; argc > 1 && i < sizeof(groups) / sizeof(*groups); i++) {                          \
            if (argc == 2 || strcmp(argv[2], groups[i].area) == 0) {                                         \
                run_group(&groups[i], argv[1]);                                                              \
            }                                                                                                \
        }                                                                                                    \
        return argc > 1 ? 0 : 2;                                                                             \
    }
