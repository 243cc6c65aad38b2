#include "bridge.h"

#include "_cgo_export.h"

static bool on_is_enabled(pulsar_logger_level_t level, void *context) {
    (void)context;
    return level != pulsar_DEBUG;
}

static void on_log(pulsar_logger_level_t level, const char *file, int line, const char *message, void *context) {
    (void)file;
    (void)line;
    pulsarGoLog((int)level, (char *)message, (uintptr_t)context);
}

void pulsar_go_set_logger(pulsar_client_configuration_t *conf, uintptr_t handle) {
    pulsar_logger_t logger = {.ctx = (void *)handle, .is_enabled = on_is_enabled, .log = on_log};
    pulsar_client_configuration_set_logger_t(conf, logger);
}

static char *on_token(void *context) {
    return pulsarGoToken((uintptr_t)context);
}

pulsar_authentication_t *pulsar_go_token_supplier(uintptr_t handle) {
    return pulsar_authentication_token_create_with_supplier(on_token, (void *)handle);
}

static pulsar_result on_certificate(pulsar_rs_certificate_t *certificate, void *context) {
    return (pulsar_result)pulsarGoCertificate(certificate, (uintptr_t)context);
}

pulsar_authentication_t *pulsar_go_certificate_supplier(uintptr_t handle) {
    return pulsar_rs_authentication_tls_create_with_supplier(on_certificate, (void *)handle);
}
