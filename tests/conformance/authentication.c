/* Who clients show to be, on a broker that does not ask for it. */
#include <pulsar/c/authentication.h>

#include "observe.h"

#define AREA "authentication"

struct supplying {
    atomic_int calls;
    pthread_t caller;
    atomic_bool elsewhere;
};

static char *supply(void *context) {
    struct supplying *supplying = context;
    supplying->calls++;
    supplying->elsewhere = !pthread_equal(pthread_self(), supplying->caller);
    return strdup("a token");
}

/* The authentication and the configuration are freed before the client is used. */
static pulsar_client_t *client_with(const char *url, pulsar_authentication_t *authentication) {
    pulsar_client_configuration_t *conf = pulsar_client_configuration_create();
    pulsar_client_configuration_set_operation_timeout_seconds(conf, 10);
    pulsar_client_configuration_set_logger(conf, no_log, NULL);
    pulsar_client_configuration_set_auth(conf, authentication);
    pulsar_authentication_free(authentication);
    pulsar_client_t *client = pulsar_client_create(url, conf);
    pulsar_client_configuration_free(conf);
    return client;
}

static const char *created(pulsar_client_t *client) {
    char topic[TOPIC_SIZE];
    pulsar_producer_t *producer = NULL;
    unique_topic(topic, "auth");
    pulsar_result result = try_producer(client, topic, (struct producer_options){0}, &producer);
    if (result == pulsar_result_Ok) {
        end_producer(producer);
    }
    end_client(client);
    return named(result);
}

static void used(const char *url, const char *name, pulsar_authentication_t *authentication) {
    if (authentication == NULL) {
        observe(AREA, name, "returns NULL");
        return;
    }
    observe(AREA, name, "returns a handle; create_producer %s", created(client_with(url, authentication)));
}

static void supplier(const char *url) {
    struct supplying supplying = {.caller = pthread_self()};
    pulsar_client_t *client = client_with(url, pulsar_authentication_token_create_with_supplier(supply, &supplying));
    int before = supplying.calls;
    const char *result = created(client);
    observe(AREA, "token supplier, authentication and configuration freed before the client is used",
            "create_producer %s; calls: %d by creating the client, %d in all, on another thread: %s", result, before,
            supplying.calls, supplying.elsewhere ? "yes" : "no");
}

static void without_being_asked(const char *url) {
    used(url, "token", pulsar_authentication_token_create("a token"));
    used(url, "basic", pulsar_authentication_basic_create("user", "password"));
    used(url, "tls with missing files, without TLS", pulsar_authentication_tls_create("/no/file", "/no/file"));
}

static void by_name(const char *url) {
    used(url, "create token", pulsar_authentication_create("token", "token:abc"));
    used(url, "create TOKEN", pulsar_authentication_create("TOKEN", "abc"));
    used(url, "create by the Java class of token",
         pulsar_authentication_create("org.apache.pulsar.client.impl.auth.AuthenticationToken", "abc"));
    used(url, "create basic with JSON",
         pulsar_authentication_create("basic", "{\"username\":\"a\",\"password\":\"b\"}"));
    used(url, "create tls", pulsar_authentication_create("tls", "tlsCertFile:/no/file,tlsKeyFile:/no/file"));
}

static void missing_library(const char *url) {
    used(url, "create with a library that does not exist", pulsar_authentication_create("/no/such/library.so", "x:y"));
}

static void oauth2(const char *url) {
    used(url, "oauth2 with an issuer that refuses connections",
         pulsar_authentication_oauth2_create("{\"issuer_url\":\"http://127.0.0.1:1\",\"client_id\":\"a\","
                                             "\"client_secret\":\"b\",\"audience\":\"c\"}"));
    used(url, "oauth2 with text that is not JSON", pulsar_authentication_oauth2_create("no JSON"));
}

static void athenz(const char *url) {
    used(url, "athenz with an empty JSON object", pulsar_authentication_athenz_create("{}"));
}

static void basic_pairs(const char *url) {
    used(url, "create basic with name:value pairs",
         pulsar_authentication_create("basic", "username:a,password:b"));
}

static void null_token(const char *url) {
    used(url, "token that is NULL", pulsar_authentication_token_create(NULL));
}

static void null_supplied(const char *url) {
    pulsar_client_t *client = client_with(url, pulsar_authentication_token_create_with_supplier(NULL, NULL));
    observe(AREA, "token supplier that is NULL", "create_producer %s", created(client));
}

static void null_authentication(const char *url) {
    pulsar_authentication_free(NULL);
    observe(AREA, "set_auth with NULL", "create_producer %s", created(client_with(url, NULL)));
}

OBSERVE_MAIN(CASE(AREA, "token supplier, authentication and configuration freed before the client is used", supplier),
             GROUP(AREA, without_being_asked), GROUP(AREA, by_name),
             CASE(AREA, "create with a library that does not exist", missing_library), GROUP(AREA, oauth2),
             CASE(AREA, "athenz with an empty JSON object", athenz),
             CASE(AREA, "create basic with name:value pairs", basic_pairs),
             CASE(AREA, "token that is NULL", null_token), CASE(AREA, "token supplier that is NULL", null_supplied),
             CASE(AREA, "set_auth with NULL", null_authentication))
