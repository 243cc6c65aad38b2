/* A library without any of its Cargo features: what programs ask for in vain fails with a text, the rest works. */
#include <pulsar_rs.h>

#include "../c/check.h"

/* What the last failure of a client says. */
static bool says(pulsar_client_t *client, const char *word) {
    char *text = pulsar_rs_client_last_error(client);
    bool found = text && strstr(text, word) && strstr(text, "feature");
    if (!found) {
        fprintf(stderr, "no \"%s\" in: %s\n", word, text ? text : "NULL");
    }
    free(text);
    return found;
}

static pulsar_result producer_with(pulsar_client_t *client, pulsar_compression_type codec) {
    pulsar_producer_configuration_t *configuration = pulsar_producer_configuration_create();
    pulsar_producer_configuration_set_compression_type(configuration, codec);
    pulsar_producer_t *producer = NULL;
    pulsar_result result = pulsar_client_create_producer(client, "left-out", configuration, &producer);
    CHECK((producer == NULL) == (result != pulsar_result_Ok));
    pulsar_producer_free(producer);
    pulsar_producer_configuration_free(configuration);
    return result;
}

static void test_codecs(void) {
    pulsar_client_t *client = pulsar_client_create(check_url, NULL);
    const struct {
        pulsar_compression_type codec;
        const char *name;
    } codecs[] = {{pulsar_CompressionLZ4, "Lz4"},
                  {pulsar_CompressionZLib, "Zlib"},
                  {pulsar_CompressionZSTD, "Zstd"},
                  {pulsar_CompressionSNAPPY, "Snappy"}};
    for (size_t i = 0; i < sizeof(codecs) / sizeof(*codecs); i++) {
        CHECK_RESULT(producer_with(client, codecs[i].codec), pulsar_result_OperationNotSupported);
        CHECK(says(client, codecs[i].name));
    }
    CHECK_OK(producer_with(client, pulsar_CompressionNone));
    pulsar_client_free(client);
}

static void check_url_is_refused(const char *url, const char *feature) {
    pulsar_client_t *client = pulsar_client_create(url, NULL);
    CHECK_RESULT(producer_with(client, pulsar_CompressionNone), pulsar_result_OperationNotSupported);
    CHECK(says(client, feature));
    pulsar_client_free(client);
}

static void test_tls(void) {
    check_url_is_refused("pulsar+ssl://127.0.0.1:6651", "tls");
}

static void test_http(void) {
    check_url_is_refused("http://127.0.0.1:8080", "http");
}

static void check_authentication_is_refused(pulsar_authentication_t *authentication, const char *feature) {
    pulsar_client_configuration_t *configuration = pulsar_client_configuration_create();
    pulsar_client_configuration_set_auth(configuration, authentication);
    pulsar_client_t *client = pulsar_client_create(check_url, configuration);
    CHECK_RESULT(producer_with(client, pulsar_CompressionNone), pulsar_result_OperationNotSupported);
    CHECK(says(client, feature));
    pulsar_client_free(client);
    pulsar_client_configuration_free(configuration);
    pulsar_authentication_free(authentication);
}

static void test_authentication(void) {
    check_authentication_is_refused(pulsar_authentication_oauth2_create("{}"), "oauth2");
    check_authentication_is_refused(pulsar_authentication_athenz_create("{}"), "athenz");
    check_authentication_is_refused(pulsar_authentication_create("oauth2", "{}"), "oauth2");
}

/* The topic has one message, which the whole library sent with LZ4. It is neither delivered nor acknowledged. */
static void test_what_cannot_be_read_stays(void) {
    pulsar_client_t *client = pulsar_client_create(check_url, NULL);
    pulsar_consumer_t *consumer = NULL;
    REQUIRE_OK(pulsar_client_subscribe(client, "left-out-lz4", "left-out", NULL, &consumer));
    pulsar_message_t *message = NULL;
    CHECK_RESULT(pulsar_consumer_receive_with_timeout(consumer, &message, 1000), pulsar_result_Timeout);
    pulsar_consumer_free(consumer);
    CHECK_OK(pulsar_client_close(client));
    pulsar_client_free(client);
}

CHECK_MAIN(TEST(test_codecs), TEST(test_tls), TEST(test_http), TEST(test_authentication),
           TEST(test_what_cannot_be_read_stays))
