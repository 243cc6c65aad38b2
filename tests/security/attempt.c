/*
 * One attempt to use a broker: `attempt URL TOPIC SECONDS [SETTING [VALUE...]]...`. Prints what came of each step, as
 * `step<TAB>result`, and, on the standard error, all that the library logs and `why<TAB>text` where it has such a text.
 *
 * Settings, with their values: trust FILE, certificate FILE KEY, hostname, insecure, sends COUNT (one each 250 ms),
 * encryption PUBLIC PRIVATE (files with the keys for end-to-end encryption);
 * authentication: token TEXT, supplier FILE, basic USER PASSWORD, tls FILE KEY, oauth2 JSON, plugin NAME PARAMETERS.
 *
 * Only the established API is used, so that it runs with either library; what else is used may be absent.
 */
#include <pulsar/c/authentication.h>

#include "../c/check.h"
#include "../c/latch.h"
#include "../c/session.h"

#define SEND_EVERY_MS 250
#define TOKEN_SIZE 4096

/* An addition of ours: in the official library there is none. */
__attribute__((weak)) char *pulsar_rs_client_last_error(pulsar_client_t *client);

struct attempt {
    pulsar_client_configuration_t *conf;
    pulsar_authentication_t *authentication;
    int sends;
    /* For end-to-end encryption; NULL: none. */
    const char *public_key;
    const char *private_key;
};

static void log_all(pulsar_logger_level_t level, const char *file, int line, const char *message, void *context) {
    (void)context;
    fprintf(stderr, "%d %s:%d %s\n", (int)level, file ? file : "", line, message ? message : "");
}

static bool all_levels(pulsar_logger_level_t level, void *context) {
    (void)level, (void)context;
    return true;
}

/* The token that stands in the file now. */
static char *read_token(void *path) {
    char *token = calloc(1, TOKEN_SIZE);
    FILE *file = fopen(path, "r");
    if (token && file && fread(token, 1, TOKEN_SIZE - 1, file) == 0) {
        fprintf(stderr, "%s is empty\n", (const char *)path);
    }
    if (file) {
        fclose(file);
    }
    return token;
}

/* What one setting does; returns how many values it takes, or -1 for one that is not known. */
static int apply(struct attempt *attempt, const char *setting, char **values, int count) {
    const char *first = count > 0 ? values[0] : "";
    const char *second = count > 1 ? values[1] : "";
    if (strcmp(setting, "trust") == 0) {
        pulsar_client_configuration_set_tls_trust_certs_file_path(attempt->conf, first);
        return 1;
    }
    if (strcmp(setting, "certificate") == 0) {
        pulsar_client_configuration_set_tls_certificate_file_path(attempt->conf, first);
        pulsar_client_configuration_set_tls_private_key_file_path(attempt->conf, second);
        return 2;
    }
    if (strcmp(setting, "hostname") == 0) {
        pulsar_client_configuration_set_validate_hostname(attempt->conf, 1);
        return 0;
    }
    if (strcmp(setting, "insecure") == 0) {
        pulsar_client_configuration_set_tls_allow_insecure_connection(attempt->conf, 1);
        return 0;
    }
    if (strcmp(setting, "sends") == 0) {
        attempt->sends = atoi(first);
        return 1;
    }
    if (strcmp(setting, "encryption") == 0) {
        attempt->public_key = first;
        attempt->private_key = second;
        return 2;
    }
    if (strcmp(setting, "token") == 0) {
        attempt->authentication = pulsar_authentication_token_create(first);
        return 1;
    }
    if (strcmp(setting, "supplier") == 0) {
        attempt->authentication = pulsar_authentication_token_create_with_supplier(read_token, values[0]);
        return 1;
    }
    if (strcmp(setting, "basic") == 0) {
        attempt->authentication = pulsar_authentication_basic_create(first, second);
        return 2;
    }
    if (strcmp(setting, "tls") == 0) {
        attempt->authentication = pulsar_authentication_tls_create(first, second);
        return 2;
    }
    if (strcmp(setting, "oauth2") == 0) {
        attempt->authentication = pulsar_authentication_oauth2_create(first);
        return 1;
    }
    if (strcmp(setting, "plugin") == 0) {
        attempt->authentication = pulsar_authentication_create(first, second);
        return 2;
    }
    return -1;
}

static bool apply_all(struct attempt *attempt, char **words, int count) {
    for (int at = 0; at < count;) {
        int taken = apply(attempt, words[at], &words[at + 1], count - at - 1);
        if (taken < 0 || at + taken >= count) {
            fprintf(stderr, "%s: not a setting, or without its values\n", words[at]);
            return false;
        }
        at += 1 + taken;
    }
    if (attempt->authentication) {
        pulsar_client_configuration_set_auth(attempt->conf, attempt->authentication);
    }
    return true;
}

static pulsar_result step(pulsar_client_t *client, const char *name, pulsar_result result) {
    printf("%s\t%s\n", name, pulsar_result_str(result));
    fflush(stdout);
    if (result != pulsar_result_Ok && pulsar_rs_client_last_error) {
        char *why = pulsar_rs_client_last_error(client);
        fprintf(stderr, "why\t%s\n", why ? why : "");
        free(why);
    }
    return result;
}

static void produce(pulsar_client_t *client, const char *topic, const struct attempt *attempt) {
    pulsar_producer_t *producer = NULL;
    struct producer_options options = {.send_timeout_ms = ANSWER_MS};
    pulsar_producer_configuration_t *conf = producer_configuration(options);
    if (attempt->public_key) {
        pulsar_producer_configuration_set_default_crypto_key_reader(conf, attempt->public_key, attempt->private_key);
        pulsar_producer_configuration_set_encryption_key(conf, "attempt");
    }
    pulsar_result created = pulsar_client_create_producer(client, topic, conf, &producer);
    pulsar_producer_configuration_free(conf);
    if (step(client, "producer", created) != pulsar_result_Ok) {
        return;
    }
    pulsar_result result = send_text(producer, "hello");
    for (int sent = 1; sent < attempt->sends && result == pulsar_result_Ok; sent++) {
        pause_ms(SEND_EVERY_MS);
        result = send_text(producer, "hello");
    }
    step(client, "send", result);
    end_producer(producer);
}

static void consume(pulsar_client_t *client, const char *topic, const struct attempt *attempt) {
    pulsar_consumer_t *consumer = NULL;
    struct consumer_options options = {.type = pulsar_ConsumerExclusive};
    pulsar_consumer_configuration_t *conf = consumer_configuration(options);
    if (attempt->private_key) {
        pulsar_consumer_configuration_set_default_crypto_key_reader(conf, attempt->public_key, attempt->private_key);
    }
    pulsar_result created = pulsar_client_subscribe(client, topic, "attempt", conf, &consumer);
    pulsar_consumer_configuration_free(conf);
    if (step(client, "consumer", created) != pulsar_result_Ok) {
        return;
    }
    pulsar_message_t *message = NULL;
    /* Nothing is there when nothing could be sent. */
    pulsar_result result = pulsar_consumer_receive_with_timeout(consumer, &message, ANSWER_MS);
    if (step(client, "receive", result) == pulsar_result_Ok) {
        pulsar_message_free(message);
    }
    end_consumer(consumer);
}

int main(int argc, char **argv) {
    struct attempt attempt = {.conf = pulsar_client_configuration_create(), .sends = 1};
    if (argc < 4 || !apply_all(&attempt, argv + 4, argc - 4)) {
        return 2;
    }
    pulsar_logger_t logger = {.is_enabled = all_levels, .log = log_all};
    pulsar_client_configuration_set_logger_t(attempt.conf, logger);
    pulsar_client_configuration_set_operation_timeout_seconds(attempt.conf, atoi(argv[3]));
    pulsar_client_t *client = pulsar_client_create(argv[1], attempt.conf);
    /* The client keeps what it needs. */
    pulsar_client_configuration_free(attempt.conf);
    if (attempt.authentication) {
        pulsar_authentication_free(attempt.authentication);
    }
    produce(client, argv[2], &attempt);
    consume(client, argv[2], &attempt);
    end_client(client);
    return 0;
}
