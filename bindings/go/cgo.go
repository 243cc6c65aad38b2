// Package pulsar is a client for Apache Pulsar: a thin layer over the C API of pulsar_rs.
//
// Nothing in it points into C memory: payloads, keys, properties and ids are copied. Clients, producers and
// consumers hold a C handle until Close; what is dropped without Close is freed after garbage collection.
package pulsar

/*
#cgo CFLAGS: -I${SRCDIR}/../../include
#cgo linux,!musl,!static_glibc LDFLAGS: ${SRCDIR}/lib/libpulsar_rs.a -lm -ldl -lpthread
#cgo linux,musl CFLAGS: -DPULSAR_RS_MUSL
#cgo linux,musl LDFLAGS: ${SRCDIR}/lib/musl/libpulsar_rs.a
#cgo linux,static_glibc CFLAGS: -DPULSAR_RS_STATIC_GLIBC
#cgo linux,static_glibc LDFLAGS: ${SRCDIR}/lib/static-glibc/libpulsar_rs.a -lm
#include "bridge.h"
*/
import "C"
