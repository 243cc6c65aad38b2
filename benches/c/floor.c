/*
 * What sending costs at the least: copy each message into a batch, compute CRC32-C over the batch with the processor's
 * instructions, and give it to the kernel with one write. And what receiving costs: read a batch, compute its CRC32-C,
 * and copy each message out of it. No protocol, no outcomes, no threads.
 *
 *     floor produce|consume BUFFERS ANYTHING COUNT SIZE
 *
 * Batches end as those of the other programs do: with 1,000 messages or 128 KiB. BUFFERS is how many of them take turns:
 * with 1 the batch stays in the processor's cache; a client has to keep batches until their receipts, so it writes to
 * memory that is not. At the other end of the loopback connection is another process that reads and forgets, or writes
 * as fast as it can; CPU is that of this one alone.
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#define WITH_CRC __attribute__((target("sse4.2")))
#define CRC_WORD(crc, word) ((uint32_t)_mm_crc32_u64(crc, word))
#define CRC_BYTE(crc, byte) _mm_crc32_u8(crc, byte)
#elif defined(__aarch64__)
#include <arm_acle.h>
#define WITH_CRC __attribute__((target("+crc")))
#define CRC_WORD(crc, word) __crc32cd(crc, word)
#define CRC_BYTE(crc, byte) __crc32cb(crc, byte)
#else
#error "the processor has no instructions for CRC32-C that this program knows"
#endif

/* The instruction takes three cycles and may be begun in each, so three stretches of this length are done at once. */
enum { STRETCH = 1024 };

/* What a register becomes by STRETCH bytes of zero, for each value of each of its bytes. */
static uint32_t shifted[4][256];

static void give_up(const char *what) {
    perror(what);
    exit(1);
}

WITH_CRC static uint32_t crc_of(uint32_t crc, const char *bytes, size_t length) {
    for (; length >= 8; bytes += 8, length -= 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        crc = CRC_WORD(crc, word);
    }
    for (; length > 0; bytes++, length--) {
        crc = CRC_BYTE(crc, (uint8_t)*bytes);
    }
    return crc;
}

static void prepare_shifts(void) {
    static const char zeros[STRETCH];
    for (int byte = 0; byte < 4; byte++) {
        for (uint32_t value = 0; value < 256; value++) {
            shifted[byte][value] = crc_of(value << (8 * byte), zeros, STRETCH);
        }
    }
}

static uint32_t shift(uint32_t crc) {
    return shifted[0][crc & 255] ^ shifted[1][crc >> 8 & 255] ^ shifted[2][crc >> 16 & 255] ^ shifted[3][crc >> 24];
}

WITH_CRC static uint32_t checksum(const char *bytes, size_t length) {
    uint32_t crc = 0xffffffff;
    for (; length >= 3 * STRETCH; bytes += 3 * STRETCH, length -= 3 * STRETCH) {
        uint32_t second = 0;
        uint32_t third = 0;
        for (const char *at = bytes; at < bytes + STRETCH; at += 8) {
            uint64_t words[3];
            memcpy(&words[0], at, 8);
            memcpy(&words[1], at + STRETCH, 8);
            memcpy(&words[2], at + 2 * STRETCH, 8);
            crc = CRC_WORD(crc, words[0]);
            second = CRC_WORD(second, words[1]);
            third = CRC_WORD(third, words[2]);
        }
        crc = shift(shift(crc) ^ second) ^ third;
    }
    return ~crc_of(crc, bytes, length);
}

static void write_all(int connection, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t written = write(connection, bytes, length);
        if (written < 0) {
            give_up("floor: cannot write");
        }
        bytes += written;
        length -= (size_t)written;
    }
}

static void read_all(int connection, char *bytes, size_t length) {
    while (length > 0) {
        ssize_t got = read(connection, bytes, length);
        if (got <= 0) {
            give_up("floor: cannot read");
        }
        bytes += got;
        length -= (size_t)got;
    }
}

/* A connection to a process that reads until its end, or writes `bytes` bytes. */
static int connect_to_peer(pid_t *peer, uint64_t bytes) {
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) != 0) {
        give_up("floor: cannot listen");
    }
    *peer = fork();
    if (*peer == 0) {
        static char block[BATCH_BYTES];
        int connection = accept(listener, NULL, NULL);
        for (; connection >= 0 && bytes > 0; bytes -= bytes < sizeof(block) ? bytes : sizeof(block)) {
            write_all(connection, block, bytes < sizeof(block) ? bytes : sizeof(block));
        }
        while (connection >= 0 && read(connection, block, sizeof(block)) > 0) {
        }
        _exit(0);
    }
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    if (*peer < 0 || connection < 0 || connect(connection, (struct sockaddr *)&address, length) != 0) {
        give_up("floor: cannot connect");
    }
    close(listener);
    return connection;
}

/* Sends messages, `per_batch` in a batch. */
static uint32_t produce(int connection, char *memory, size_t buffers, uint64_t count, size_t size, size_t per_batch) {
    char *content = malloc(size);
    memset(content, 'x', size);
    uint32_t checksums = 0;
    for (uint64_t sent = 0, turn = 0; sent < count; turn++) {
        char *batch = memory + turn % buffers * BATCH_BYTES;
        size_t length = 0;
        for (size_t i = 0; i < per_batch && sent < count; i++, sent++) {
            memcpy(batch + length, content, size);
            length += size;
            /* Messages come one by one: the compiler must not make one copy of many. */
            __asm__ volatile("" ::: "memory");
        }
        checksums += checksum(batch, length);
        write_all(connection, batch, length);
    }
    free(content);
    return checksums;
}

static uint32_t consume(int connection, char *memory, size_t buffers, uint64_t count, size_t size, size_t per_batch) {
    char *content = malloc(size);
    uint32_t checksums = 0;
    for (uint64_t taken = 0, turn = 0; taken < count; turn++) {
        char *batch = memory + turn % buffers * BATCH_BYTES;
        size_t messages = count - taken < per_batch ? (size_t)(count - taken) : per_batch;
        read_all(connection, batch, messages * size);
        checksums += checksum(batch, messages * size);
        for (size_t i = 0; i < messages; i++) {
            memcpy(content, batch + i * size, size);
            __asm__ volatile("" ::"r"(content) : "memory");
        }
        taken += messages;
    }
    free(content);
    return checksums;
}

int main(int argc, char **argv) {
    size_t buffers = argc == 6 ? strtoul(argv[2], NULL, 10) : 0;
    size_t size = argc == 6 ? strtoul(argv[5], NULL, 10) : 0;
    if (buffers == 0 || size == 0 || size > BATCH_BYTES) {
        fprintf(stderr, "usage: %s produce|consume BUFFERS ANYTHING COUNT SIZE\n", argv[0]);
        return 2;
    }
    uint64_t count = strtoull(argv[4], NULL, 10);
    char *memory = malloc(buffers * BATCH_BYTES);
    memset(memory, 'y', buffers * BATCH_BYTES);
    prepare_shifts();
    if (checksum("123456789", 9) != 0xe3069283 || checksum(memory, 10000) != ~crc_of(0xffffffff, memory, 10000)) {
        fprintf(stderr, "floor: the checksum is wrong\n");
        return 1;
    }
    int consumes = strcmp(argv[1], "consume") == 0;
    pid_t peer = 0;
    int connection = connect_to_peer(&peer, consumes ? count * size : 0);

    /* What happened until here is no part of it. */
    struct rusage before;
    getrusage(RUSAGE_SELF, &before);
    uint64_t start = now();
    size_t per_batch = BATCH_BYTES / size < BATCH ? BATCH_BYTES / size : BATCH;
    uint32_t checksums = (consumes ? consume : produce)(connection, memory, buffers, count, size, per_batch);
    uint64_t wall = now() - start;
    threads_seen = thread_count();
    close(connection);
    waitpid(peer, NULL, 0);
    printf("{\"checksums\": %" PRIu32 ", ", checksums);
    report_since(&before, wall, count, 1);
    return 0;
}
