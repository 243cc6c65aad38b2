/*
 * A broker for one client that behaves, but for one answer: there it does what a test says, as often as it says.
 * It knows one topic, one producer and one consumer, and stores nothing: every message that it delivers is "good".
 */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "frames.h"

#define FAKE_CONNECTIONS 16

struct fake_broker;

/* What a client asked, and what it wants to know it by. */
struct request {
    unsigned type;
    uint64_t id;     /* of the request */
    uint64_t object; /* the producer or consumer */
    uint64_t sequence_id;
    const char *url;
};

/* Writes what the broker says instead of its good answer, or before it. */
typedef void (*attack)(struct bytes *answer, const struct request *request);

struct assault {
    const char *name;
    unsigned at;      /* the request that it answers */
    attack attack;    /* NULL: no answer at all */
    bool then_answer; /* the good answer follows */
    bool then_close;  /* the connection is closed behind it */
    bool harmless;    /* the client lives with it as if nothing had been, however often */
    bool may_fail;    /* even once: what is asked may come to an error */
};

struct fake_connection {
    int socket;
    struct bytes in;
};

struct fake_broker {
    char url[64];
    int listener;
    const struct assault *assault;
    atomic_int left; /* how often it attacks; below 0: always */
    atomic_int attacks;
    atomic_int accepted;
    atomic_bool ending;
    pthread_t thread;
    struct fake_connection connections[FAKE_CONNECTIONS];
    int count;
};

static inline struct bytes good_message_command(uint64_t consumer) {
    struct bytes id = {0}, fields = {0};
    put_number(&id, 1, 1);
    put_number(&id, 2, 7);
    put_number(&fields, 1, consumer);
    put_message(&fields, 2, &id);
    return base_command(MESSAGE, &fields);
}

static inline struct bytes good_metadata(void) {
    struct bytes metadata = {0};
    put_text(&metadata, 1, "fake");
    put_number(&metadata, 2, 0);
    put_number(&metadata, 3, 1700000000000);
    return metadata;
}

static inline void put_good_message(struct bytes *answer, uint64_t consumer) {
    struct bytes metadata = good_metadata();
    put_frame_with(answer, good_message_command(consumer), entry(&metadata, "good", 4));
}

static inline void put_receipt(struct bytes *answer, uint64_t producer, uint64_t sequence_id) {
    struct bytes id = {0}, fields = {0};
    put_number(&id, 1, 1);
    put_number(&id, 2, sequence_id);
    put_number(&fields, 1, producer);
    put_number(&fields, 2, sequence_id);
    put_message(&fields, 3, &id);
    put_frame(answer, base_command(SEND_RECEIPT, &fields));
}

static inline void put_good_answer(struct bytes *answer, const struct request *request) {
    struct bytes fields = {0};
    unsigned type = SUCCESS;
    switch (request->type) {
    case CONNECT:
        type = CONNECTED;
        put_text(&fields, 1, "fake");
        put_number(&fields, 2, 20);
        put_number(&fields, 3, 5242880);
        break;
    case PARTITIONED_METADATA:
        type = PARTITIONED_METADATA_RESPONSE;
        put_number(&fields, 1, 0);
        put_number(&fields, 2, request->id);
        put_number(&fields, 3, 0);
        break;
    case LOOKUP:
        type = LOOKUP_RESPONSE;
        put_text(&fields, 1, request->url);
        put_number(&fields, 3, 1);
        put_number(&fields, 4, request->id);
        put_number(&fields, 5, 1);
        put_number(&fields, 8, 0);
        break;
    case PRODUCER:
        type = PRODUCER_SUCCESS;
        put_number(&fields, 1, request->id);
        put_text(&fields, 2, "fake-0");
        put_number(&fields, 3, (uint64_t)-1);
        put_field(&fields, 4, "", 0);
        break;
    case SEND:
        free(fields.data);
        put_receipt(answer, request->object, request->sequence_id);
        return;
    case FLOW:
        free(fields.data);
        put_good_message(answer, request->object);
        return;
    case PING:
        type = PONG;
        break;
    case SUBSCRIBE:
    case UNSUBSCRIBE:
    case CLOSE_PRODUCER:
    case CLOSE_CONSUMER:
        put_number(&fields, 1, request->id);
        break;
    default:
        return; /* acknowledgements, pongs: nothing to say */
    }
    put_frame(answer, base_command(type, &fields));
}

static inline struct request read_request(const struct fake_broker *broker, const unsigned char *command,
                                          size_t length) {
    struct fields base = read_fields(command, length);
    struct request request = {.type = (unsigned)base.numbers[1], .url = broker->url};
    if (request.type >= 32 || base.data[request.type] == NULL) {
        return request;
    }
    struct fields own = read_fields(base.data[request.type], base.lengths[request.type]);
    bool creates = request.type == PRODUCER, subscribes = request.type == SUBSCRIBE;
    request.object = own.numbers[creates ? 2 : subscribes ? 4 : 1];
    request.id = own.numbers[creates ? 3 : subscribes ? 5 : 2];
    request.sequence_id = own.numbers[2];
    return request;
}

/* Answers one request. False: the connection is to be closed. */
static inline bool fake_answer(struct fake_broker *broker, int socket, const struct request *request) {
    const struct assault *assault = broker->assault;
    struct bytes answer = {0};
    bool attacks = assault->at == request->type && broker->left != 0;
    if (attacks) {
        broker->attacks++;
        broker->left -= broker->left > 0;
        if (assault->attack) {
            assault->attack(&answer, request);
        }
    }
    if (!attacks || assault->then_answer) {
        put_good_answer(&answer, request);
    }
    bool open = true;
    for (size_t sent = 0; open && sent < answer.length;) {
        ssize_t written = send(socket, answer.data + sent, answer.length - sent, MSG_NOSIGNAL);
        open = written > 0 || errno == EINTR;
        sent += written > 0 ? (size_t)written : 0;
    }
    free(answer.data);
    return open && !(attacks && assault->then_close);
}

static inline uint32_t read_u32(const unsigned char *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Reads what is there and answers all whole frames. False: the connection is over. */
static inline bool fake_serve(struct fake_broker *broker, struct fake_connection *connection) {
    static _Thread_local unsigned char chunk[65536];
    ssize_t length = recv(connection->socket, chunk, sizeof(chunk), 0);
    if (length <= 0) {
        return false;
    }
    struct bytes *in = &connection->in;
    put_bytes(in, chunk, (size_t)length);
    size_t used = 0;
    bool open = true;
    while (open && in->length - used >= 8) {
        size_t total = read_u32(in->data + used);
        size_t command = read_u32(in->data + used + 4);
        if (in->length - used < total + 4) {
            break;
        }
        struct request request = read_request(broker, in->data + used + 8, command);
        open = fake_answer(broker, connection->socket, &request);
        used += total + 4;
    }
    memmove(in->data, in->data + used, in->length - used);
    in->length -= used;
    return open;
}

static inline void fake_drop(struct fake_broker *broker, int index) {
    close(broker->connections[index].socket);
    free(broker->connections[index].in.data);
    broker->connections[index] = broker->connections[--broker->count];
}

static inline void *fake_run(void *context) {
    struct fake_broker *broker = context;
    while (!broker->ending) {
        struct pollfd polled[1 + FAKE_CONNECTIONS] = {{.fd = broker->listener, .events = POLLIN}};
        for (int i = 0; i < broker->count; i++) {
            polled[1 + i] = (struct pollfd){.fd = broker->connections[i].socket, .events = POLLIN};
        }
        poll(polled, 1 + (nfds_t)broker->count, 20);
        for (int i = broker->count - 1; i >= 0; i--) {
            if (polled[1 + i].revents && !fake_serve(broker, &broker->connections[i])) {
                fake_drop(broker, i);
            }
        }
        if (polled[0].revents) {
            int client = accept(broker->listener, NULL, NULL);
            broker->accepted++;
            if (client >= 0 && broker->count < FAKE_CONNECTIONS) {
                broker->connections[broker->count++] = (struct fake_connection){.socket = client};
            } else if (client >= 0) {
                close(client);
            }
        }
    }
    while (broker->count > 0) {
        fake_drop(broker, 0);
    }
    return NULL;
}

static inline struct fake_broker *fake_start(const struct assault *assault, int times) {
    struct fake_broker *broker = calloc(1, sizeof(*broker));
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(own);
    broker->assault = assault;
    broker->left = times;
    broker->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(broker->listener, (struct sockaddr *)&own, size) != 0 || listen(broker->listener, 16) != 0) {
        perror("the fake broker");
        exit(1);
    }
    getsockname(broker->listener, (struct sockaddr *)&own, &size);
    snprintf(broker->url, sizeof(broker->url), "pulsar://127.0.0.1:%u", ntohs(own.sin_port));
    if (pthread_create(&broker->thread, NULL, fake_run, broker) != 0) {
        perror("the fake broker");
        exit(1);
    }
    return broker;
}

static inline void fake_stop(struct fake_broker *broker) {
    broker->ending = true;
    pthread_join(broker->thread, NULL);
    close(broker->listener);
    free(broker);
}
