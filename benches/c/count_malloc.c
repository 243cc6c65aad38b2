/*
 * Counts allocations of a program: LD_PRELOAD this, and it prints the number to standard error at the end.
 * Counters are per thread, so that counting does not make threads wait for each other.
 */
#define _GNU_SOURCE

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

enum { SLOTS = 64 };
static struct {
    _Alignas(128) unsigned long allocations;
} slots[SLOTS];
static atomic_uint next_slot;
static _Thread_local unsigned slot;

static void count(void) {
    if (slot == 0) {
        slot = atomic_fetch_add(&next_slot, 1) % (SLOTS - 1) + 1;
    }
    slots[slot].allocations++;
}

void *malloc(size_t size) {
    count();
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    count();
    return __libc_calloc(number, size);
}

void *realloc(void *memory, size_t size) {
    count();
    return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    count();
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
    count();
    *memory = __libc_memalign(alignment, size);
    return *memory == NULL ? 12 : 0;
}

__attribute__((destructor)) static void print(void) {
    unsigned long total = 0;
    for (int i = 0; i < SLOTS; i++) {
        total += slots[i].allocations;
    }
    fprintf(stderr, "allocations %lu\n", total);
}
