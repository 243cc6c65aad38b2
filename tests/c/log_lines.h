/* A logger for tests of what is logged: it keeps all lines of the process. */
#pragma once

#include <pthread.h>
#include <pulsar/c/client_configuration.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static pthread_mutex_t lines_lock = PTHREAD_MUTEX_INITIALIZER;
static char lines[1 << 18];

static inline void keep_line(pulsar_logger_level_t level, const char *file, int line, const char *message, void *context) {
    (void)level, (void)file, (void)line, (void)context;
    pthread_mutex_lock(&lines_lock);
    size_t used = strlen(lines);
    snprintf(lines + used, sizeof(lines) - used, "%s\n", message);
    pthread_mutex_unlock(&lines_lock);
}

static inline bool was_logged(const char *text) {
    pthread_mutex_lock(&lines_lock);
    bool found = strstr(lines, text) != NULL;
    pthread_mutex_unlock(&lines_lock);
    return found;
}
