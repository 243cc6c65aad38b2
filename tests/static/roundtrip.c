/*
 * Sends and receives with each codec, one after the other:
 *
 *     roundtrip URL TOPIC COUNT [TRUSTED.pem]
 */
#include "roundtrip.h"

int main(int argc, char **argv) {
    if (argc < 4 || argc > 5) {
        fprintf(stderr, "usage: %s URL TOPIC COUNT [TRUSTED.pem]\n", argv[0]);
        return 2;
    }
    unsigned count = (unsigned)strtoul(argv[3], NULL, 10);
    for (int codec = 0; codec < CODECS; codec++) {
        char topic[256];
        snprintf(topic, sizeof(topic), "%s-%s", argv[2], codec_names[codec]);
        if (!round_trip(argv[1], topic, codec, count, argv[4])) {
            return 1;
        }
    }
    printf("%u messages with each of %d codecs\n", count, CODECS);
    return fflush(stdout) == 0 ? 0 : 1;
}
