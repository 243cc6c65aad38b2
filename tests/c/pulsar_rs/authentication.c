/* pulsar_rs/authentication.h: certificates of clients from a function of the program. */
#include <pulsar_rs/authentication.h>
#include <pulsar_rs/client.h>

#include "../check.h"
#include "../latch.h"
#include "../log_lines.h"
#include "../session.h"
#include "../tls_broker.h"

struct supplying {
    char certificate[TLS_TEXT];
    char key[TLS_TEXT];
    pulsar_result result;
    bool sets_nothing;
    atomic_int calls;
    atomic_int at_once;
    atomic_bool several;
    atomic_bool on_my_thread;
    pthread_t caller;
};

static pulsar_result supply(pulsar_rs_certificate_t *certificate, void *context) {
    struct supplying *supplying = context;
    supplying->calls++;
    if (supplying->at_once++ > 0) {
        supplying->several = true;
    }
    if (pthread_equal(pthread_self(), supplying->caller)) {
        supplying->on_my_thread = true;
    }
    if (!supplying->sets_nothing) {
        /* The last one set counts, and is a copy. */
        char copy[TLS_TEXT];
        pulsar_rs_certificate_set_pem(certificate, "nonsense", 8);
        pulsar_rs_certificate_set_private_key_pem(certificate, "nonsense", 8);
        strcpy(copy, supplying->certificate);
        pulsar_rs_certificate_set_pem(certificate, copy, strlen(copy));
        strcpy(copy, supplying->key);
        pulsar_rs_certificate_set_private_key_pem(certificate, copy, strlen(copy));
        memset(copy, 'x', sizeof(copy));
    }
    supplying->at_once--;
    return supplying->result;
}

static pulsar_client_t *client_with(const char *url, const char *trust, pulsar_authentication_t *authentication) {
    pulsar_client_configuration_t *conf = pulsar_client_configuration_create();
    pulsar_client_configuration_set_operation_timeout_seconds(conf, 10 * check_patience());
    pulsar_client_configuration_set_logger(conf, keep_line, NULL);
    pulsar_client_configuration_set_validate_hostname(conf, 1);
    pulsar_client_configuration_set_tls_trust_certs_file_path(conf, trust);
    REQUIRE(authentication != NULL);
    pulsar_client_configuration_set_auth(conf, authentication);
    pulsar_authentication_free(authentication);
    pulsar_client_t *client = pulsar_client_create(url, conf);
    pulsar_client_configuration_free(conf);
    return client;
}

static pulsar_result produce(pulsar_client_t *client) {
    char topic[TOPIC_SIZE];
    pulsar_producer_t *producer = NULL;
    pulsar_result result = pulsar_client_create_producer(client, unique_topic(topic, "auth"), NULL, &producer);
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

static void load_pair(struct supplying *supplying, const char *folder, const char *certificate, const char *key) {
    load_text(folder, certificate, supplying->certificate);
    load_text(folder, key, supplying->key);
}

static void test_each_connection(void) {
    struct tls_broker broker = start_tls_broker();
    issue(broker.folder, "client");
    issue(broker.folder, "renewed");
    run_openssl(broker.folder, "pkcs8 -topk8 -nocrypt -in client.key -out pkcs8.key");
    run_openssl(broker.folder, "ec -in client.key -out sec1.key");
    struct supplying supplying = {.caller = pthread_self()};
    const char *urls[] = {broker.url, broker.https_url};
    for (int i = 0; i < 2; i++) {
        load_pair(&supplying, broker.folder, "client.pem", i ? "sec1.key" : "pkcs8.key");
        supplying.calls = 0;
        pulsar_client_t *client = client_with(urls[i], broker.trust,
                                              pulsar_rs_authentication_tls_create_with_supplier(supply, &supplying));
        CHECK_INT(supplying.calls, 0);
        CHECK_OK(produce(client));
        int first = supplying.calls;
        /* One for the connection; over HTTPS for lookups as well. */
        CHECK_BETWEEN(first, 1 + i, 10);
        load_pair(&supplying, broker.folder, "renewed.pem", "renewed.key");
        CHECK_BETWEEN(drop_tls_connections(&broker), 1, 10);
        CHECK_OK(produce(client));
        CHECK_BETWEEN(supplying.calls, first + 1, 20);
        end_client(client);
    }
    CHECK(!supplying.several && !supplying.on_my_thread);
    CHECK(!was_logged("PRIVATE KEY"));
    stop_tls_broker(&broker);
}

/* Fails for the reason that the text names. */
static void check_refused(const struct tls_broker *broker, struct supplying *supplying, const char *why, int line) {
    pulsar_client_t *client =
        client_with(broker->url, broker->trust, pulsar_rs_authentication_tls_create_with_supplier(supply, supplying));
    check_result(produce(client), pulsar_result_AuthenticationError, why, __FILE__, line);
    char *error = pulsar_rs_client_last_error(client);
    check_that(error && strstr(error, why), __FILE__, line, "%s instead of %s", error ? error : "NULL", why);
    CHECK(!error || !strstr(error, "hidden-word"));
    free(error);
    end_client(client);
}

static void test_what_cannot_be_used(void) {
    struct tls_broker broker = start_tls_broker();
    issue(broker.folder, "client");
    issue(broker.folder, "other");
    struct supplying supplying = {.caller = pthread_self()};
    load_pair(&supplying, broker.folder, "client.pem", "client.key");
    supplying.result = pulsar_result_UnknownError;
    check_refused(&broker, &supplying, "the certificate supplier returned 1", __LINE__);
    supplying.result = (pulsar_result)12345;
    check_refused(&broker, &supplying, "the certificate supplier returned 12345", __LINE__);
    supplying.result = pulsar_result_Ok;

    supplying.sets_nothing = true;
    check_refused(&broker, &supplying, "certificate from the certificate supplier: it has no certificate", __LINE__);
    supplying.sets_nothing = false;
    strcpy(supplying.certificate, "hidden-word");
    check_refused(&broker, &supplying, "certificate from the certificate supplier: it has no certificate", __LINE__);
    load_pair(&supplying, broker.folder, "client.pem", "client.key");
    strcpy(supplying.key, "hidden-word");
    check_refused(&broker, &supplying, "private key from the certificate supplier: it has no private key", __LINE__);
    strcpy(supplying.key, "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n");
    check_refused(&broker, &supplying, "it is not a key of a kind that is supported", __LINE__);
    load_pair(&supplying, broker.folder, "client.pem", "other.key");
    check_refused(&broker, &supplying, "it is not that of the certificate that was given with it", __LINE__);
    CHECK(!was_logged("hidden-word") && !was_logged("c2VjcmV0"));

    load_pair(&supplying, broker.folder, "client.pem", "client.key");
    pulsar_client_t *client =
        client_with(broker.url, broker.trust, pulsar_rs_authentication_tls_create_with_supplier(supply, &supplying));
    CHECK_OK(produce(client));
    end_client(client);
    stop_tls_broker(&broker);
}

static void test_null(void) {
    pulsar_rs_certificate_set_pem(NULL, "x", 1);
    pulsar_rs_certificate_set_private_key_pem(NULL, "x", 1);
    pulsar_client_t *client =
        client_with(check_url, "", pulsar_rs_authentication_tls_create_with_supplier(NULL, NULL));
    CHECK_RESULT(produce(client), pulsar_result_AuthenticationError);
    end_client(client);
}

/* Without TLS nobody asks for a certificate. */
static void test_without_tls(void) {
    struct supplying supplying = {.caller = pthread_self(), .result = pulsar_result_UnknownError};
    pulsar_client_t *client =
        client_with(check_url, "", pulsar_rs_authentication_tls_create_with_supplier(supply, &supplying));
    CHECK_OK(produce(client));
    CHECK_INT(supplying.calls, 0);
    end_client(client);
}

CHECK_MAIN(TEST(test_each_connection), TEST(test_what_cannot_be_used), TEST(test_null), TEST(test_without_tls))
