/*
 * What one stream of numbered messages has sent and received, in memory that does not grow: numbers below the window
 * are forgotten, so a sender waits for the lowest one that has not arrived, half a window behind.
 */
#pragma once

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* In a lane order is kept; among messages without one it is not looked at. */
enum { WINDOW = 1 << 16, LANES = 64, UNORDERED = LANES };

struct slot {
    uint64_t number; /* plus one; 0: none yet */
    uint64_t place;  /* where the broker stored it: a hash of its message id */
};

struct ledger {
    atomic_uint_fast64_t sent;      /* accepted for sending */
    atomic_uint_fast64_t completed; /* reported as stored */
    atomic_uint_fast64_t failed;    /* reported as not stored */
    atomic_uint_fast64_t damaged;   /* not what was sent */
    pthread_mutex_t lock;           /* for all that follows */
    uint64_t received;              /* different numbers */
    uint64_t lowest;                /* below it all were received */
    uint64_t again;                 /* the same stored message once more: its acknowledgement had not arrived */
    uint64_t twice;                 /* the number once more, stored another time */
    uint64_t forgotten;             /* below the window: one of the two */
    uint64_t disorder;              /* for the first time, but after a later one of its lane */
    uint64_t next[LANES];           /* by lane: the lowest number that is in order */
    struct slot slots[WINDOW];
};

static inline void ledger_init(struct ledger *ledger) {
    memset(ledger, 0, sizeof(*ledger));
    /* All of it is in memory from the beginning. */
    for (int i = 0; i < WINDOW; i++) {
        *(volatile uint64_t *)&ledger->slots[i].number = 0;
    }
    pthread_mutex_init(&ledger->lock, NULL);
}

/* A message was received; those of one lane come in the order of their numbers. */
static inline void ledger_receive(struct ledger *ledger, uint64_t number, uint64_t place, unsigned lane) {
    pthread_mutex_lock(&ledger->lock);
    struct slot *slot = &ledger->slots[number % WINDOW];
    if (slot->number == number + 1) {
        ledger->again += slot->place == place;
        ledger->twice += slot->place != place;
    } else if (slot->number > number + 1) {
        ledger->forgotten++;
    } else {
        *slot = (struct slot){number + 1, place};
        ledger->received++;
        while (ledger->slots[ledger->lowest % WINDOW].number > ledger->lowest) {
            ledger->lowest++;
        }
        if (lane < LANES) {
            if (number < ledger->next[lane]) {
                ledger->disorder++;
            } else {
                ledger->next[lane] = number + 1;
            }
        }
    }
    pthread_mutex_unlock(&ledger->lock);
}

/* Below it all were received. */
static inline uint64_t ledger_lowest(struct ledger *ledger) {
    pthread_mutex_lock(&ledger->lock);
    uint64_t lowest = ledger->lowest;
    pthread_mutex_unlock(&ledger->lock);
    return lowest;
}

static inline uint64_t ledger_received(struct ledger *ledger) {
    pthread_mutex_lock(&ledger->lock);
    uint64_t received = ledger->received;
    pthread_mutex_unlock(&ledger->lock);
    return received;
}
