/*
 * memcpy and memmove for the library alone, which copies each message into its batch. Those of musl for x86_64 are the
 * processor's string instructions: what is read next waits until they have written all, which made a fifth of the CPU of
 * producing messages of 1 KB. These copy through registers of 16 bytes, which each x86_64 has.
 */
#include <emmintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Larger ones are copied by the processor at its own pace: nothing small waits for these. */
enum { STRING_INSTRUCTION = 64 * 1024 };

static inline __m128i load(const unsigned char *from) { return _mm_loadu_si128((const __m128i *)from); }
static inline void store(unsigned char *to, __m128i value) { _mm_storeu_si128((__m128i *)to, value); }

/* The head and the tail of the same width, which may overlap; both are read before either is written. */
#define BOTH_ENDS(type)                                                    \
    do {                                                                   \
        type head, tail;                                                   \
        __builtin_memcpy(&head, from, sizeof(type));                       \
        __builtin_memcpy(&tail, from + size - sizeof(type), sizeof(type)); \
        __builtin_memcpy(to, &head, sizeof(type));                         \
        __builtin_memcpy(to + size - sizeof(type), &tail, sizeof(type));   \
    } while (0)

/* Up to 64 bytes, wherever they are. */
static inline void copy_few(unsigned char *to, const unsigned char *from, size_t size) {
    if (size > 32) {
        __m128i a = load(from), b = load(from + 16), c = load(from + size - 32), d = load(from + size - 16);
        store(to, a), store(to + 16, b), store(to + size - 32, c), store(to + size - 16, d);
    } else if (size >= 16) {
        BOTH_ENDS(__m128i);
    } else if (size >= 8) {
        BOTH_ENDS(uint64_t);
    } else if (size >= 4) {
        BOTH_ENDS(uint32_t);
    } else if (size >= 2) {
        BOTH_ENDS(uint16_t);
    } else if (size == 1) {
        *to = *from;
    }
}

/* More than 64 bytes from front to back: also where `to` is below `from`. */
static inline void copy_up(unsigned char *to, const unsigned char *from, size_t size) {
    /* The last 64 are read first: the loop may write there. */
    const unsigned char *end = from + size - 64;
    __m128i a = load(end), b = load(end + 16), c = load(end + 32), d = load(end + 48);
    unsigned char *last = to + size - 64;
    for (; from < end; from += 64, to += 64) {
        __m128i e = load(from), f = load(from + 16), g = load(from + 32), h = load(from + 48);
        store(to, e), store(to + 16, f), store(to + 32, g), store(to + 48, h);
    }
    store(last, a), store(last + 16, b), store(last + 32, c), store(last + 48, d);
}

/* The same from back to front. */
static inline void copy_down(unsigned char *to, const unsigned char *from, size_t size) {
    __m128i a = load(from), b = load(from + 16), c = load(from + 32), d = load(from + 48);
    size_t at = size;
    for (; at > 64; at -= 64) {
        const unsigned char *read = from + at - 64;
        unsigned char *write = to + at - 64;
        __m128i e = load(read), f = load(read + 16), g = load(read + 32), h = load(read + 48);
        store(write, e), store(write + 16, f), store(write + 32, g), store(write + 48, h);
    }
    store(to, a), store(to + 16, b), store(to + 32, c), store(to + 48, d);
}

void *memcpy(void *restrict to, const void *restrict from, size_t size) {
    if (size <= 64) {
        copy_few(to, from, size);
    } else if (size < STRING_INSTRUCTION) {
        copy_up(to, from, size);
    } else {
        void *write = to;
        __asm__ volatile("rep movsb" : "+D"(write), "+S"(from), "+c"(size) : : "memory");
    }
    return to;
}

void *memmove(void *to, const void *from, size_t size) {
    if (size <= 64) {
        copy_few(to, from, size);
    } else if ((uintptr_t)to - (uintptr_t)from >= size) {
        copy_up(to, from, size);
    } else {
        copy_down(to, from, size);
    }
    return to;
}
