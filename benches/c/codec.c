/*
 * Sends lines of a file, compressed or not, and prints what it cost as one line of JSON. Batches end when they are
 * full, so that they are the same with every codec.
 *
 *     codec compressed URL TOPIC COUNT SIZE FILE none|lz4|zlib|zstd|snappy
 *
 * FILE holds lines of SIZE - 1 bytes and a line feed; they are sent in turn.
 */
#define _GNU_SOURCE

#include "sends.h"

/* Long enough for any batch to fill. */
enum { NEVER_MS = 10000 };

static char *read_file(const char *path, size_t size, size_t *lines) {
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        perror(path);
        exit(1);
    }
    size_t length = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(length + 1);
    *lines = size > 0 ? length / size : 0;
    if (*lines == 0 || fread(bytes, 1, length, file) != length) {
        fprintf(stderr, "codec: there are no lines in %s\n", path);
        exit(1);
    }
    fclose(file);
    return bytes;
}

int main(int argc, char **argv) {
    if (argc != 8 || strcmp(argv[1], "compressed") != 0) {
        fprintf(stderr, "usage: %s compressed URL TOPIC COUNT SIZE FILE CODEC\n", argv[0]);
        return 2;
    }
    uint64_t count = strtoull(argv[4], NULL, 10);
    size_t size = strtoul(argv[5], NULL, 10);
    size_t lines = 0;
    char *bytes = read_file(argv[6], size, &lines);
    pulsar_client_t *client = connect_to(argv[2]);
    struct setup setup = {1, NEVER_MS, PENDING, codec_named(argv[7])};
    pulsar_producer_t *producer = producer_with(client, argv[3], setup);
    struct rusage before;
    getrusage(RUSAGE_SELF, &before);
    uint64_t start = now();
    for (uint64_t i = 0; i < count; i++) {
        send_one(producer, bytes + i % lines * size, size);
    }
    threads_seen = thread_count();
    pulsar_producer_flush(producer);
    wait_for_outcomes(count);
    report_since(&before, now() - start, count, 0);
    pulsar_producer_close(producer);
    pulsar_producer_free(producer);
    pulsar_client_close(client);
    pulsar_client_free(client);
    free(bytes);
    return 0;
}
