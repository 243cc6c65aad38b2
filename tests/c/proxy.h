/*
 * A proxy in front of a broker that can fall silent, refuse, and cut all connections. Both brokers of the tests
 * tell clients to come through the address that they asked, so everything passes here.
 */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PROXY_CONNECTIONS 64

struct proxy {
    char url[64];
    struct sockaddr_in broker;
    int listener;
    atomic_bool silent;   /* nothing passes on */
    atomic_bool refusing; /* new connections are closed at once */
    atomic_bool cutting;  /* all connections are to be closed */
    atomic_bool ending;
    atomic_int accepted;
    pthread_t thread;
    int pairs[PROXY_CONNECTIONS][2]; /* client, broker */
    int count;
};

static inline bool proxy_write(int to, const char *bytes, ssize_t length) {
    while (length > 0) {
        ssize_t written = send(to, bytes, (size_t)length, MSG_NOSIGNAL);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        bytes += written > 0 ? written : 0;
        length -= written > 0 ? written : 0;
    }
    return true;
}

static inline void proxy_drop(struct proxy *proxy, int index) {
    close(proxy->pairs[index][0]);
    close(proxy->pairs[index][1]);
    memcpy(proxy->pairs[index], proxy->pairs[--proxy->count], sizeof(proxy->pairs[0]));
}

static inline void proxy_accept(struct proxy *proxy) {
    int client = accept(proxy->listener, NULL, NULL);
    if (client < 0) {
        return;
    }
    proxy->accepted++;
    int broker = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (proxy->refusing || proxy->count == PROXY_CONNECTIONS ||
        connect(broker, (struct sockaddr *)&proxy->broker, sizeof(proxy->broker)) != 0) {
        close(client);
        close(broker);
        return;
    }
    proxy->pairs[proxy->count][0] = client;
    proxy->pairs[proxy->count++][1] = broker;
}

/* Whether the connection is still good. */
static inline bool proxy_pass(const int pair[2], int from) {
    char bytes[65536];
    ssize_t length = recv(pair[from], bytes, sizeof(bytes), MSG_DONTWAIT);
    if (length < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    return length > 0 && proxy_write(pair[1 - from], bytes, length);
}

static inline void *proxy_run(void *context) {
    struct proxy *proxy = context;
    while (!proxy->ending) {
        struct pollfd polled[1 + 2 * PROXY_CONNECTIONS] = {{.fd = proxy->listener, .events = POLLIN}};
        int count = proxy->count;
        for (int i = 0; i < 2 * count; i++) {
            polled[1 + i] = (struct pollfd){.fd = proxy->pairs[i / 2][i % 2], .events = POLLIN};
        }
        if (proxy->cutting) {
            while (proxy->count > 0) {
                proxy_drop(proxy, 0);
            }
            proxy->cutting = false;
            continue;
        }
        /* A silent proxy leaves everything in the sockets, and looks now and then whether it may speak. */
        poll(polled, proxy->silent ? 1 : 1 + 2 * (nfds_t)count, 10);
        for (int i = count - 1; !proxy->silent && i >= 0; i--) {
            if ((polled[1 + 2 * i].revents && !proxy_pass(proxy->pairs[i], 0)) ||
                (polled[2 + 2 * i].revents && !proxy_pass(proxy->pairs[i], 1))) {
                proxy_drop(proxy, i);
            }
        }
        if (polled[0].revents) {
            proxy_accept(proxy);
        }
    }
    return NULL;
}

static inline void proxy_require(bool done, const char *what) {
    if (!done) {
        perror(what);
        exit(1);
    }
}

/* A proxy for the broker at pulsar://ADDRESS:PORT. */
static inline struct proxy *proxy_start(const char *url) {
    struct proxy *proxy = calloc(1, sizeof(*proxy));
    char host[40];
    unsigned port = 0;
    proxy_require(sscanf(url, "pulsar://%39[0-9.]:%u", host, &port) == 2, "the broker's URL");
    proxy->broker = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    inet_pton(AF_INET, host, &proxy->broker.sin_addr);
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(own);
    proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    proxy_require(bind(proxy->listener, (struct sockaddr *)&own, size) == 0, "bind");
    proxy_require(listen(proxy->listener, 16) == 0, "listen");
    getsockname(proxy->listener, (struct sockaddr *)&own, &size);
    snprintf(proxy->url, sizeof(proxy->url), "pulsar://127.0.0.1:%u", ntohs(own.sin_port));
    proxy_require(pthread_create(&proxy->thread, NULL, proxy_run, proxy) == 0, "pthread_create");
    return proxy;
}

static inline void proxy_cut(struct proxy *proxy) {
    proxy->cutting = true;
    while (proxy->cutting) {
        usleep(1000);
    }
}

static inline void proxy_stop(struct proxy *proxy) {
    proxy->ending = true;
    pthread_join(proxy->thread, NULL);
    while (proxy->count > 0) {
        proxy_drop(proxy, 0);
    }
    close(proxy->listener);
    free(proxy);
}
