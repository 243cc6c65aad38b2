/*
 * A panic in the library ends at the call: it does not end the program. There is no input that causes one, so this
 * takes threads away, where the runtime panics. To be linked with -Wl,--wrap=pthread_create.
 */
#include <errno.h>
#include <pthread.h>
#include <pulsar/c/client.h>
#include <stdbool.h>
#include <stdio.h>

static bool no_threads;

int __real_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __wrap_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument) {
    return no_threads ? EAGAIN : __real_pthread_create(thread, attributes, run, argument);
}

int main(void) {
    pulsar_client_configuration_t *conf = pulsar_client_configuration_create();
    pulsar_client_configuration_set_io_threads(conf, 2);
    no_threads = true;
    pulsar_client_t *broken = pulsar_client_create("pulsar://127.0.0.1:1", conf);
    pulsar_producer_t *producer = NULL;
    pulsar_result result = pulsar_client_create_producer(broken, "topic", NULL, &producer);
    pulsar_client_free(broken);
    no_threads = false;
    pulsar_client_t *client = pulsar_client_create("pulsar://127.0.0.1:1", conf);
    pulsar_client_configuration_free(conf);
    bool works = client != NULL && pulsar_client_close(client) == pulsar_result_Ok;
    pulsar_client_free(client);
    printf("%s %s\n", pulsar_result_str(result), works ? "and goes on" : "and is broken");
    return result != pulsar_result_Ok && works ? 0 : 1;
}
