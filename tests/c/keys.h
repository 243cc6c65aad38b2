/* RSA keys for tests, made by the openssl program when they are needed, in a folder that goes with the process. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct key_files {
    char folder[64];
    char public_key[96];
    char private_key[96];
};

static inline void run_for_keys(const char *command) {
    if (system(command) != 0) {
        fprintf(stderr, "cannot make keys: %s\n", command);
        exit(1);
    }
}

static inline struct key_files make_keys(void) {
    struct key_files keys;
    char command[400];
    strcpy(keys.folder, "/tmp/pulsar_rs-keys-XXXXXX");
    if (!mkdtemp(keys.folder)) {
        perror("mkdtemp");
        exit(1);
    }
    snprintf(keys.public_key, sizeof(keys.public_key), "%s/public.pem", keys.folder);
    snprintf(keys.private_key, sizeof(keys.private_key), "%s/private.pem", keys.folder);
    snprintf(command, sizeof(command), "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out %s 2>/dev/null",
             keys.private_key);
    run_for_keys(command);
    snprintf(command, sizeof(command), "openssl pkey -in %s -pubout -out %s", keys.private_key, keys.public_key);
    run_for_keys(command);
    return keys;
}

static inline void remove_keys(const struct key_files *keys) {
    unlink(keys->public_key);
    unlink(keys->private_key);
    rmdir(keys->folder);
}
