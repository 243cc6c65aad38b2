/* pulsar/c/authentication.h */
#include <pulsar/c/authentication.h>
#include <pulsar_rs/client.h>
#include <pulsar_rs/test_broker.h>

#include "check.h"
#include "latch.h"
#include "log_lines.h"
#include "session.h"

#define PASSWORD "pa:ss,word"

/* A client with an authentication, which is freed, as is the configuration. */
static pulsar_client_t *client_with(const char *url, pulsar_authentication_t *authentication) {
    pulsar_client_configuration_t *conf = pulsar_client_configuration_create();
    pulsar_client_configuration_set_operation_timeout_seconds(conf, 10 * check_patience());
    pulsar_client_configuration_set_logger(conf, keep_line, NULL);
    CHECK(authentication != NULL);
    pulsar_client_configuration_set_auth(conf, authentication);
    pulsar_authentication_free(authentication);
    pulsar_client_t *client = pulsar_client_create(url, conf);
    pulsar_client_configuration_free(conf);
    return client;
}

/* The result of creating a producer and sending with it. */
static pulsar_result produce(pulsar_client_t *client) {
    char topic[TOPIC_SIZE];
    pulsar_producer_configuration_t *conf = pulsar_producer_configuration_create();
    pulsar_producer_t *producer = NULL;
    pulsar_result result = pulsar_client_create_producer(client, unique_topic(topic, "auth"), conf, &producer);
    pulsar_producer_configuration_free(conf);
    if (result == pulsar_result_Ok) {
        pulsar_message_t *message = pulsar_message_create();
        pulsar_message_set_content(message, "x", 1);
        result = pulsar_producer_send(producer, message);
        pulsar_message_free(message);
        pulsar_producer_close(producer);
        pulsar_producer_free(producer);
    }
    return result;
}

static pulsar_result outcome(const char *url, pulsar_authentication_t *authentication) {
    pulsar_client_t *client = client_with(url, authentication);
    pulsar_result result = produce(client);
    end_client(client);
    return result;
}

static pulsar_rs_test_broker_t *strict_broker(void) {
    pulsar_rs_test_broker_t *broker = pulsar_rs_test_broker_start(0);
    REQUIRE(broker != NULL);
    REQUIRE_OK(pulsar_rs_test_broker_require_authentication(broker, 1));
    REQUIRE_OK(pulsar_rs_test_broker_add_user(broker, "ann", PASSWORD));
    return broker;
}

static void test_right_and_wrong(void) {
    pulsar_rs_test_broker_t *broker = strict_broker();
    char *token = pulsar_rs_test_broker_issue_token(broker, "ann", 0);
    char *expired = pulsar_rs_test_broker_issue_token(broker, "ann", -1);
    const char *urls[] = {pulsar_rs_test_broker_url(broker), pulsar_rs_test_broker_http_url(broker)};
    for (int i = 0; i < 2; i++) {
        CHECK_OK(outcome(urls[i], pulsar_authentication_token_create(token)));
        CHECK_OK(outcome(urls[i], pulsar_authentication_basic_create("ann", PASSWORD)));
        pulsar_result refused = pulsar_result_AuthenticationError;
        CHECK_RESULT(outcome(urls[i], pulsar_authentication_token_create(expired)), refused);
        CHECK_RESULT(outcome(urls[i], pulsar_authentication_token_create("no token")), refused);
        CHECK_RESULT(outcome(urls[i], pulsar_authentication_basic_create("ann", "wrong")), refused);
        CHECK_RESULT(outcome(urls[i], pulsar_authentication_tls_create("/no/file", "/no/file")), refused);
        pulsar_client_t *nobody = open_client(urls[i]);
        CHECK_RESULT(produce(nobody), refused);
        end_client(nobody);
    }
    CHECK(!was_logged(token) && !was_logged(PASSWORD));
    free(token);
    free(expired);
    pulsar_rs_test_broker_stop(broker);
}

/* Parameters in one string, by both names of each method. */
static void test_by_name(void) {
    pulsar_rs_test_broker_t *broker = strict_broker();
    const char *url = pulsar_rs_test_broker_url(broker);
    char *token = pulsar_rs_test_broker_issue_token(broker, "ann", 3600);
    char parameters[1000];
    const char *names[] = {"token", "org.apache.pulsar.client.impl.auth.AuthenticationToken"};
    for (int i = 0; i < 2; i++) {
        CHECK_OK(outcome(url, pulsar_authentication_create(names[i], token)));
        snprintf(parameters, sizeof(parameters), "token:%s", token);
        CHECK_OK(outcome(url, pulsar_authentication_create(names[i], parameters)));
        snprintf(parameters, sizeof(parameters), "{\"token\":\"%s\"}", token);
        CHECK_OK(outcome(url, pulsar_authentication_create(names[i], parameters)));
    }
    REQUIRE(setenv("PULSAR_RS_TEST_TOKEN", token, 1) == 0);
    CHECK_OK(outcome(url, pulsar_authentication_create("token", "env:PULSAR_RS_TEST_TOKEN")));
    char path[] = "/tmp/pulsar_rs_token_XXXXXX";
    int file = mkstemp(path);
    REQUIRE(file >= 0 && write(file, token, strlen(token)) == (ssize_t)strlen(token) && close(file) == 0);
    const char *forms[] = {"file:%s", "file://%s"};
    for (int i = 0; i < 2; i++) {
        snprintf(parameters, sizeof(parameters), forms[i], path);
        CHECK_OK(outcome(url, pulsar_authentication_create("token", parameters)));
    }
    unlink(path);
    CHECK_RESULT(outcome(url, pulsar_authentication_create("token", parameters)), pulsar_result_AuthenticationError);

    const char *json = "{\"username\":\"ann\",\"password\":\"" PASSWORD "\"}";
    CHECK_OK(outcome(url, pulsar_authentication_create("basic", json)));
    CHECK_OK(outcome(url, pulsar_authentication_create("org.apache.pulsar.client.impl.auth.AuthenticationBasic", json)));
    CHECK_OK(pulsar_rs_test_broker_add_user(broker, "bob", "secret"));
    CHECK_OK(outcome(url, pulsar_authentication_create("basic", "username:bob,password:secret")));
    free(token);
    pulsar_rs_test_broker_stop(broker);
}

/* What cannot be made is refused when it is used, on every broker, and never stands for no authentication. */
static void test_what_cannot_be_made(void) {
    const char *plain = "{\"issuer_url\":\"http://127.0.0.1:1\",\"client_id\":\"me\",\"client_secret\":\"hidden-word\"}";
    const char *athenz = "{\"tenantDomain\":\"t\",\"tenantService\":\"s\",\"providerDomain\":\"p\","
                         "\"privateKey\":\"/no/such/key\",\"ztsUrl\":\"http://127.0.0.1:1\"}";
    pulsar_authentication_t *unusable[] = {
        pulsar_authentication_create("/no/such/library.so", "x:y"),
        pulsar_authentication_create("/no/such/library.so", NULL),
        pulsar_authentication_create(NULL, NULL),
        pulsar_authentication_create("token", NULL),
        pulsar_authentication_create("basic", "username:ann"),
        pulsar_authentication_create("tls", ""),
        pulsar_authentication_create("oauth2", ""),
        pulsar_authentication_create("athenz", "{}"),
        pulsar_authentication_tls_create(NULL, "key"),
        pulsar_authentication_tls_create("certificate", NULL),
        pulsar_authentication_token_create(NULL),
        pulsar_authentication_token_create(""),
        pulsar_authentication_token_create("\xff"),
        pulsar_authentication_token_create_with_supplier(NULL, NULL),
        pulsar_authentication_basic_create(NULL, "x"),
        pulsar_authentication_basic_create("x", NULL),
        pulsar_authentication_athenz_create(NULL),
        pulsar_authentication_athenz_create("{}"),
        pulsar_authentication_athenz_create(athenz),
        pulsar_authentication_oauth2_create(NULL),
        pulsar_authentication_oauth2_create("no JSON"),
        pulsar_authentication_oauth2_create(plain),
    };
    for (size_t i = 0; i < sizeof(unusable) / sizeof(*unusable); i++) {
        pulsar_client_t *client = client_with(check_url, unusable[i]);
        if (!CHECK_RESULT(produce(client), pulsar_result_AuthenticationError)) {
            fprintf(stderr, "number %zu\n", i);
        }
        char *error = pulsar_rs_client_last_error(client);
        CHECK(error != NULL && !strstr(error, "hidden-word"));
        free(error);
        end_client(client);
    }
    CHECK(!was_logged("hidden-word"));
    pulsar_authentication_free(NULL);
}

struct supplying {
    atomic_int calls;
    pthread_t caller;
    atomic_bool elsewhere;
    const char *token; /* NULL: none */
};

static char *supply(void *context) {
    struct supplying *supplying = context;
    supplying->calls++;
    supplying->elsewhere = !pthread_equal(pthread_self(), supplying->caller);
    return supplying->token ? strdup(supplying->token) : NULL;
}

static void test_supplier(void) {
    pulsar_rs_test_broker_t *broker = strict_broker();
    const char *url = pulsar_rs_test_broker_url(broker);
    char *token = pulsar_rs_test_broker_issue_token(broker, "ann", 0);
    struct supplying supplying = {.caller = pthread_self(), .token = token};
    pulsar_client_t *client = client_with(url, pulsar_authentication_token_create_with_supplier(supply, &supplying));
    CHECK_INT(supplying.calls, 0);
    CHECK_OK(produce(client));
    CHECK_OK(produce(client));
    CHECK_INT(supplying.calls, 1);
    CHECK(supplying.elsewhere);
    CHECK_INT(pulsar_rs_test_broker_drop_connections(broker), 1);
    CHECK_OK(produce(client));
    CHECK_INT(supplying.calls, 2);
    end_client(client);

    const char *wrong[] = {NULL, "", "\xff", "no token"};
    for (int i = 0; i < 4; i++) {
        supplying.token = wrong[i];
        pulsar_authentication_t *authentication = pulsar_authentication_token_create_with_supplier(supply, &supplying);
        CHECK_RESULT(outcome(url, authentication), pulsar_result_AuthenticationError);
    }
    free(token);
    pulsar_rs_test_broker_stop(broker);
}

/* A supplier that uses the library itself: it runs where it may wait. */
static char *supply_by_client(void *context) {
    const char *url = context;
    pulsar_client_t *client = client_with(url, pulsar_authentication_basic_create("ann", PASSWORD));
    char *token = produce(client) == pulsar_result_Ok ? strdup("no token, but the supplier came to its end") : NULL;
    end_client(client);
    return token;
}

static void test_supplier_may_use_clients(void) {
    pulsar_rs_test_broker_t *broker = strict_broker();
    char *url = strdup(pulsar_rs_test_broker_url(broker));
    pulsar_client_t *client =
        client_with(url, pulsar_authentication_token_create_with_supplier(supply_by_client, url));
    CHECK_RESULT(produce(client), pulsar_result_AuthenticationError);
    char *error = pulsar_rs_client_last_error(client);
    CHECK(error && strstr(error, "Failed to authenticate"));
    free(error);
    end_client(client);
    free(url);
    pulsar_rs_test_broker_stop(broker);
}

/* One authentication for several clients, freed first. */
static void test_shared(void) {
    pulsar_rs_test_broker_t *broker = strict_broker();
    pulsar_client_configuration_t *conf = pulsar_client_configuration_create();
    pulsar_authentication_t *authentication = pulsar_authentication_basic_create("ann", PASSWORD);
    pulsar_client_configuration_set_auth(conf, authentication);
    pulsar_authentication_free(authentication);
    pulsar_client_configuration_set_auth(conf, NULL);
    pulsar_client_t *clients[3];
    for (int i = 0; i < 3; i++) {
        clients[i] = pulsar_client_create(pulsar_rs_test_broker_url(broker), conf);
    }
    /* The last one set counts. */
    authentication = pulsar_authentication_token_create("no token");
    pulsar_client_configuration_set_auth(conf, authentication);
    pulsar_authentication_free(authentication);
    pulsar_client_configuration_set_logger(conf, no_log, NULL);
    pulsar_client_t *other = pulsar_client_create(pulsar_rs_test_broker_url(broker), conf);
    pulsar_client_configuration_free(conf);
    for (int i = 0; i < 3; i++) {
        CHECK_OK(produce(clients[i]));
        end_client(clients[i]);
    }
    CHECK_RESULT(produce(other), pulsar_result_AuthenticationError);
    end_client(other);
    pulsar_rs_test_broker_stop(broker);
}

/* A broker that does not ask who clients are takes all that can be sent. */
static void test_broker_without_authentication(void) {
    pulsar_rs_test_broker_t *broker = pulsar_rs_test_broker_start(0);
    const char *url = pulsar_rs_test_broker_url(broker);
    CHECK_OK(outcome(url, pulsar_authentication_basic_create("ann", "x")));
    CHECK_OK(outcome(url, pulsar_authentication_tls_create("/no/file", "/no/file")));
    CHECK_OK(outcome(url, pulsar_authentication_create("tls", "tlsCertFile:/no/file,tlsKeyFile:/no/file")));
    CHECK(pulsar_rs_test_broker_issue_token(broker, "ann", 0) == NULL);
    CHECK_RESULT(pulsar_rs_test_broker_add_user(broker, "ann", "x"), pulsar_result_NotAllowedError);
    pulsar_rs_test_broker_stop(broker);
}

static void test_permissions(void) {
    pulsar_rs_test_broker_t *broker = strict_broker();
    CHECK_OK(pulsar_rs_test_broker_set_permissions(broker, "ann", 1, 0));
    CHECK_OK(pulsar_rs_test_broker_add_user(broker, "bob", PASSWORD));
    CHECK_OK(pulsar_rs_test_broker_set_permissions(broker, "bob", 0, 1));
    CHECK_OK(pulsar_rs_test_broker_add_user(broker, "eve", PASSWORD));
    const char *url = pulsar_rs_test_broker_url(broker);
    CHECK_OK(outcome(url, pulsar_authentication_basic_create("ann", PASSWORD)));
    pulsar_result refused = pulsar_result_AuthorizationError;
    CHECK_RESULT(outcome(url, pulsar_authentication_basic_create("bob", PASSWORD)), refused);
    CHECK_RESULT(outcome(url, pulsar_authentication_basic_create("eve", PASSWORD)), refused);
    CHECK_RESULT(outcome(pulsar_rs_test_broker_http_url(broker), pulsar_authentication_basic_create("eve", PASSWORD)),
                 refused);
    CHECK_OK(pulsar_rs_test_broker_set_permissions(broker, "ann", 0, 0));
    CHECK_RESULT(outcome(url, pulsar_authentication_basic_create("ann", PASSWORD)), refused);
    CHECK_OK(pulsar_rs_test_broker_require_authentication(broker, 0));
    pulsar_rs_test_broker_stop(broker);
}

static void test_redirects(void) {
    pulsar_client_configuration_t *conf = pulsar_client_configuration_create();
    CHECK_INT(pulsar_client_configuration_is_http_lookup_auth_allow_redirect(conf), 0);
    pulsar_client_configuration_set_http_lookup_auth_allow_redirect(conf, 5);
    CHECK_INT(pulsar_client_configuration_is_http_lookup_auth_allow_redirect(conf), 1);
    pulsar_client_configuration_set_http_lookup_auth_allow_redirect(conf, 0);
    CHECK_INT(pulsar_client_configuration_is_http_lookup_auth_allow_redirect(conf), 0);
    pulsar_client_configuration_free(conf);
    CHECK_INT(pulsar_client_configuration_is_http_lookup_auth_allow_redirect(NULL), 0);
    pulsar_client_configuration_set_http_lookup_auth_allow_redirect(NULL, 1);
    pulsar_authentication_t *authentication = pulsar_authentication_token_create("x");
    pulsar_client_configuration_set_auth(NULL, authentication);
    pulsar_authentication_free(authentication);
    CHECK_RESULT(pulsar_rs_test_broker_require_authentication(NULL, 1), pulsar_result_InvalidConfiguration);
    CHECK_RESULT(pulsar_rs_test_broker_add_user(NULL, "a", "b"), pulsar_result_InvalidConfiguration);
    CHECK_RESULT(pulsar_rs_test_broker_set_permissions(NULL, "a", 1, 1), pulsar_result_InvalidConfiguration);
    CHECK(pulsar_rs_test_broker_issue_token(NULL, "a", 1) == NULL);
}

CHECK_MAIN(TEST(test_right_and_wrong), TEST(test_by_name), TEST(test_what_cannot_be_made), TEST(test_supplier),
           TEST(test_supplier_may_use_clients), TEST(test_shared), TEST(test_broker_without_authentication),
           TEST(test_permissions), TEST(test_redirects))
