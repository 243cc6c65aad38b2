/* SPDX-License-Identifier: Apache-2.0 */

#pragma once

/* Release of the established C API that these headers are compatible with: major * 1000000 + minor * 1000 +
 * patch, and as text. */
#define PULSAR_VERSION 4002000
#define PULSAR_VERSION_STR "4.2.0"

/* Version of pulsar_rs itself, in the same form. */
#define PULSAR_RS_VERSION 1000
#define PULSAR_RS_VERSION_STR "0.1.0"
