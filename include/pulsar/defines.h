/* SPDX-License-Identifier: Apache-2.0 */

#pragma once

/* Marks what the library exports. */
#if defined(__GNUC__)
#define PULSAR_PUBLIC __attribute__((visibility("default")))
#else
#define PULSAR_PUBLIC
#endif
