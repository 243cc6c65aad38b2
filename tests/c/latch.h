/* Waiting for other threads: a counter that callbacks raise and tests wait for, and conditions with a bound. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

struct latch {
    pthread_mutex_t lock;
    pthread_cond_t raised;
    int count;
};

#define LATCH_INIT {.lock = PTHREAD_MUTEX_INITIALIZER, .raised = PTHREAD_COND_INITIALIZER, .count = 0}

static inline void latch_raise(struct latch *latch) {
    pthread_mutex_lock(&latch->lock);
    latch->count++;
    pthread_cond_broadcast(&latch->raised);
    pthread_mutex_unlock(&latch->lock);
}

static inline int latch_count(struct latch *latch) {
    pthread_mutex_lock(&latch->lock);
    int count = latch->count;
    pthread_mutex_unlock(&latch->lock);
    return count;
}

/* Whether the count came to `wanted` within the time. */
static inline bool latch_wait(struct latch *latch, int wanted, int milliseconds) {
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += milliseconds / 1000;
    deadline.tv_nsec += (long)(milliseconds % 1000) * 1000000;
    if (deadline.tv_nsec >= 1000000000) {
        deadline.tv_sec++;
        deadline.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&latch->lock);
    int error = 0;
    while (latch->count < wanted && error == 0) {
        error = pthread_cond_timedwait(&latch->raised, &latch->lock, &deadline);
    }
    bool reached = latch->count >= wanted;
    pthread_mutex_unlock(&latch->lock);
    return reached;
}

static inline void pause_ms(long milliseconds) {
    struct timespec time = {.tv_sec = milliseconds / 1000, .tv_nsec = (milliseconds % 1000) * 1000000};
    nanosleep(&time, NULL);
}

/* Whether the condition came true within the time. Asks every few milliseconds, for what has no callback. */
static inline bool wait_until(bool (*condition)(void *), void *context, int milliseconds) {
    for (int waited = 0; !condition(context); waited += 5) {
        if (waited >= milliseconds) {
            return false;
        }
        pause_ms(5);
    }
    return true;
}
