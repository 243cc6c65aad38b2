/* What pulsar/c/client_configuration.h has for TLS. That messages go through TLS is seen in crates/client/tests/tls.rs. */
#include <pulsar/c/client_configuration.h>
#include <pulsar_rs/client_configuration.h>

#include "check.h"
#include "session.h"

static void test_defaults(void) {
    pulsar_client_configuration_t *conf = pulsar_client_configuration_create();
    CHECK_INT(pulsar_client_configuration_is_use_tls(conf), 0);
    CHECK_INT(pulsar_client_configuration_is_tls_allow_insecure_connection(conf), 0);
    CHECK_INT(pulsar_client_configuration_is_validate_hostname(conf), 0);
    CHECK_TEXT(pulsar_client_configuration_get_tls_trust_certs_file_path(conf), "");
    CHECK_TEXT(pulsar_client_configuration_get_tls_certificate_file_path(conf), "");
    CHECK_TEXT(pulsar_client_configuration_get_tls_private_key_file_path(conf), "");
    pulsar_client_configuration_free(conf);
}

static void test_switches(void) {
    pulsar_client_configuration_t *conf = pulsar_client_configuration_create();
    for (int value = 2; value >= 0; value--) {
        pulsar_client_configuration_set_use_tls(conf, value);
        CHECK_INT(pulsar_client_configuration_is_use_tls(conf), value != 0);
        pulsar_client_configuration_set_tls_allow_insecure_connection(conf, -value);
        CHECK_INT(pulsar_client_configuration_is_tls_allow_insecure_connection(conf), value != 0);
        pulsar_client_configuration_set_validate_hostname(conf, value);
        CHECK_INT(pulsar_client_configuration_is_validate_hostname(conf), value != 0);
    }
    pulsar_client_configuration_free(conf);
}

typedef void set_path(pulsar_client_configuration_t *conf, const char *path);
typedef const char *get_path(pulsar_client_configuration_t *conf);

static const struct {
    set_path *set;
    get_path *get;
} paths[] = {
    {pulsar_client_configuration_set_tls_trust_certs_file_path, pulsar_client_configuration_get_tls_trust_certs_file_path},
    {pulsar_client_configuration_set_tls_certificate_file_path, pulsar_client_configuration_get_tls_certificate_file_path},
    {pulsar_client_configuration_set_tls_private_key_file_path, pulsar_client_configuration_get_tls_private_key_file_path},
};
#define PATHS (sizeof(paths) / sizeof(*paths))

static void test_paths(void) {
    pulsar_client_configuration_t *conf = pulsar_client_configuration_create();
    char path[] = "/a/path.pem";
    for (size_t i = 0; i < PATHS; i++) {
        path[1] = (char)('a' + i);
        paths[i].set(conf, path);
    }
    path[1] = 'x';
    for (size_t i = 0; i < PATHS; i++) {
        CHECK_INT(paths[i].get(conf)[1], (char)('a' + i));
        paths[i].set(conf, NULL);
        CHECK_TEXT(paths[i].get(conf) + 2, "/path.pem");
        paths[i].set(conf, "");
        CHECK_TEXT(paths[i].get(conf), "");
        paths[i].set(conf, "not UTF-8: \xff");
        CHECK_TEXT(paths[i].get(conf), "not UTF-8: \xff");
    }
    pulsar_client_configuration_free(conf);
}

static void test_null(void) {
    pulsar_client_configuration_set_use_tls(NULL, 1);
    pulsar_client_configuration_set_tls_allow_insecure_connection(NULL, 1);
    pulsar_client_configuration_set_validate_hostname(NULL, 1);
    CHECK_INT(pulsar_client_configuration_is_use_tls(NULL), 0);
    CHECK_INT(pulsar_client_configuration_is_tls_allow_insecure_connection(NULL), 0);
    CHECK_INT(pulsar_client_configuration_is_validate_hostname(NULL), 0);
    for (size_t i = 0; i < PATHS; i++) {
        paths[i].set(NULL, "x");
        CHECK_TEXT(paths[i].get(NULL), "");
    }
    pulsar_rs_client_configuration_set_proxy(NULL, "pulsar+ssl://127.0.0.1:1");
}

/* The broker of the tests, asked for TLS. */
static const char *tls_url(void) {
    static char url[100];
    snprintf(url, sizeof(url), "pulsar+ssl://%s", strstr(check_url, "://") + 3);
    return url;
}

/* Takes the configuration. */
static void check_producer(const char *url, pulsar_client_configuration_t *conf, pulsar_result expected, int line) {
    pulsar_client_configuration_set_operation_timeout_seconds(conf, 1);
    pulsar_client_configuration_set_logger(conf, no_log, NULL);
    pulsar_client_t *client = pulsar_client_create(url, conf);
    pulsar_client_configuration_free(conf);
    pulsar_producer_t *producer = NULL;
    check_result(pulsar_client_create_producer(client, "t", NULL, &producer), expected, "creating a producer", __FILE__,
                 line);
    CHECK((producer != NULL) == (expected == pulsar_result_Ok));
    if (producer) {
        end_producer(producer);
    }
    end_client(client);
}

static void test_the_url_decides(void) {
    pulsar_client_configuration_t *conf = pulsar_client_configuration_create();
    pulsar_client_configuration_set_use_tls(conf, 1);
    check_producer(check_url, conf, pulsar_result_Ok, __LINE__);
    /* The broker is without TLS, and may not be always. */
    check_producer(tls_url(), pulsar_client_configuration_create(), pulsar_result_Timeout, __LINE__);
}

static void test_files_of_no_use(void) {
    for (size_t i = 0; i < PATHS; i++) {
        pulsar_client_configuration_t *conf = pulsar_client_configuration_create();
        paths[i].set(conf, "/no/such/file.pem");
        check_producer(tls_url(), conf, i == 0 ? pulsar_result_AuthenticationError : pulsar_result_InvalidConfiguration,
                       __LINE__);
    }
    pulsar_client_configuration_t *conf = pulsar_client_configuration_create();
    paths[1].set(conf, "/no/such/file.pem");
    paths[2].set(conf, "/no/such/file.pem");
    check_producer(tls_url(), conf, pulsar_result_AuthenticationError, __LINE__);
}

static void test_proxies(void) {
    static const char *const wrong[] = {"nonsense", "pulsar://127.0.0.1:1", "https://127.0.0.1:1", "\xff"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        pulsar_client_configuration_t *conf = pulsar_client_configuration_create();
        pulsar_rs_client_configuration_set_proxy(conf, wrong[i]);
        check_producer(tls_url(), conf, pulsar_result_InvalidUrl, __LINE__);
    }
    pulsar_client_configuration_t *conf = pulsar_client_configuration_create();
    pulsar_rs_client_configuration_set_proxy(conf, "pulsar+ssl://127.0.0.1:1");
    check_producer(check_url, conf, pulsar_result_InvalidConfiguration, __LINE__);
    /* Taken back. */
    conf = pulsar_client_configuration_create();
    pulsar_rs_client_configuration_set_proxy(conf, "nonsense");
    pulsar_rs_client_configuration_set_proxy(conf, NULL);
    check_producer(check_url, conf, pulsar_result_Ok, __LINE__);
}

CHECK_MAIN(TEST(test_defaults), TEST(test_switches), TEST(test_paths), TEST(test_null), TEST(test_the_url_decides),
           TEST(test_files_of_no_use), TEST(test_proxies))
