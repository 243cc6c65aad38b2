/* Between Go and the C API: what cgo cannot say itself. */
#pragma once

#if defined PULSAR_RS_DYNAMIC
/* pkg-config says where the library is. */
#elif defined PULSAR_RS_MUSL && defined __aarch64__
#define PULSAR_RS_LIBRARY "lib/musl/arm64/libpulsar_rs.a"
#elif defined PULSAR_RS_MUSL
#define PULSAR_RS_LIBRARY "lib/musl/amd64/libpulsar_rs.a"
#elif defined PULSAR_RS_STATIC_GLIBC && defined __aarch64__
#define PULSAR_RS_LIBRARY "lib/static-glibc/arm64/libpulsar_rs.a"
#elif defined PULSAR_RS_STATIC_GLIBC
#define PULSAR_RS_LIBRARY "lib/static-glibc/amd64/libpulsar_rs.a"
#elif defined __aarch64__
#define PULSAR_RS_LIBRARY "lib/glibc/arm64/libpulsar_rs.a"
#else
#define PULSAR_RS_LIBRARY "lib/glibc/amd64/libpulsar_rs.a"
#endif

/* `./take` writes archive.h together with a library. It holds a checksum of the libraries and their headers: the go
 * command looks at this folder only, and would not build anew for a new library otherwise. */
#ifdef PULSAR_RS_LIBRARY
#if __has_include(PULSAR_RS_LIBRARY)
#include "archive.h"
#elif defined PULSAR_RS_MUSL
#error "bindings/go/lib has no library for musl and this machine: run `make musl` in the root of the pulsar_rs repository"
#elif defined PULSAR_RS_STATIC_GLIBC
#error "bindings/go/lib has no library for static glibc and this machine: run `make static-glibc` in the root of the pulsar_rs repository"
#else
#error "bindings/go/lib has no library for this machine: run `make go` in the root of the pulsar_rs repository"
#endif
#endif

#include <pulsar/c/authentication.h>
#include <pulsar_rs/authentication.h>
#include <pulsar_rs/client.h>
#include <pulsar_rs/consumer.h>
#include <pulsar_rs/producer.h>
#include <stdint.h>
#include <stdlib.h>

/* Go must not hold a number as a pointer: handles go through these functions. */

/* Log lines of a client go to pulsarGoLog. */
void pulsar_go_set_logger(pulsar_client_configuration_t *conf, uintptr_t handle);

/* Tokens come from pulsarGoToken. */
pulsar_authentication_t *pulsar_go_token_supplier(uintptr_t handle);

/* Certificates come from pulsarGoCertificate. */
pulsar_authentication_t *pulsar_go_certificate_supplier(uintptr_t handle);
