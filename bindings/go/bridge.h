/* Between Go and the C API: what cgo cannot say itself. */
#pragma once

/* `make go` writes archive.h together with lib/libpulsar_rs.a. It holds a checksum of both the library and its
 * headers: the go command looks at this folder only, and would not build anew for a new library otherwise. */
#if !__has_include("archive.h") || !__has_include("lib/libpulsar_rs.a")
#error "lib/libpulsar_rs.a is missing: run `make go` in the root of the pulsar_rs repository"
#else
#include "archive.h"
#endif

#include <pulsar_rs/client.h>
#include <pulsar_rs/consumer.h>
#include <pulsar_rs/producer.h>
#include <stdint.h>
#include <stdlib.h>

/* Sends with a cgo.Handle as context, which Go must not hold as a pointer; pulsarGoSent gets the outcome. */
void pulsar_go_send_async(pulsar_producer_t *producer, pulsar_message_t *message, uintptr_t handle);
