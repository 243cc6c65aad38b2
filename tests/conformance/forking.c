/* Forked children: what the client of the parent comes to there. The parent goes on as before. */
#include "observe.h"

#define AREA "forking"
#define CHILD_SECONDS 5

struct place {
    pulsar_client_t *client;
    pulsar_producer_t *producer;
    char topic[TOPIC_SIZE];
};

/* What the function returns in a forked child. */
static const char *in_child(pulsar_result (*use)(struct place *), struct place *place) {
    static char text[80];
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        alarm(CHILD_SECONDS);
        _exit((int)use(place));
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFEXITED(status)) {
        return named((pulsar_result)WEXITSTATUS(status));
    }
    int number = WTERMSIG(status);
    snprintf(text, sizeof(text), "%s", number == SIGALRM ? "hangs" : strsignal(number));
    return text;
}

static pulsar_result creates(struct place *place) {
    pulsar_producer_t *producer = NULL;
    pulsar_result result = try_producer(place->client, place->topic, (struct producer_options){0}, &producer);
    return result == pulsar_result_Ok ? send_text(producer, "from the child") : result;
}

static pulsar_result sends(struct place *place) {
    return send_text(place->producer, "from the child");
}

static pulsar_result frees(struct place *place) {
    pulsar_producer_free(place->producer);
    pulsar_client_free(place->client);
    return pulsar_result_Ok;
}

static void unused(const char *url) {
    struct place place = {.client = open_client_for(url, 2)};
    unique_topic(place.topic, "unused");
    observe(AREA, "client created and not used yet: create and send in the child", "%s", in_child(creates, &place));
    end_client(place.client);
}

/* The child does it, then the parent sends. */
static void observe_used(const char *url, const char *name, pulsar_result (*use)(struct place *)) {
    struct place place = {.client = open_client_for(url, 2)};
    struct producer_options options = {.send_timeout_ms = 2000};
    place.producer = open_producer(place.client, unique_topic(place.topic, "used"), options);
    send_text(place.producer, "before");
    const char *child = in_child(use, &place);
    observe(AREA, name, "%s; then send in the parent: %s", child, named(send_text(place.producer, "after")));
    end_producer(place.producer);
    end_client(place.client);
}

static void used_to_send(const char *url) {
    observe_used(url, "client in use: send in the child", sends);
}

static void used_to_create(const char *url) {
    observe_used(url, "client in use: create_producer in the child", creates);
}

static void freed(const char *url) {
    observe_used(url, "client in use: free in the child", frees);
}

OBSERVE_MAIN(CASE(AREA, "client created and not used yet: create and send in the child", unused),
             CASE(AREA, "client in use: send in the child", used_to_send),
             CASE(AREA, "client in use: create_producer in the child", used_to_create),
             CASE(AREA, "client in use: free in the child", freed))
