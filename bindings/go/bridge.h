/* Between Go and the C API: what cgo cannot say itself. */
#pragma once

/* `./take` writes archive.h together with a library. It holds a checksum of the libraries and their headers: the go
 * command looks at this folder only, and would not build anew for a new library otherwise. */
#if defined PULSAR_RS_MUSL && !__has_include("lib/musl/libpulsar_rs.a")
#error "lib/musl/libpulsar_rs.a is missing: run `make musl` in the root of the pulsar_rs repository"
#elif defined PULSAR_RS_STATIC_GLIBC && !__has_include("lib/static-glibc/libpulsar_rs.a")
#error "lib/static-glibc/libpulsar_rs.a is missing: run `make static-glibc` in the root of the pulsar_rs repository"
#elif !defined PULSAR_RS_MUSL && !defined PULSAR_RS_STATIC_GLIBC && !__has_include("lib/libpulsar_rs.a")
#error "lib/libpulsar_rs.a is missing: run `make go` in the root of the pulsar_rs repository"
#else
#include "archive.h"
#endif

#include <pulsar/c/authentication.h>
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
