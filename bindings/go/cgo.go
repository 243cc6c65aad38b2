// Package pulsar is a client for Apache Pulsar: a thin layer over the C API of pulsar_rs.
//
// Nothing in it points into C memory: payloads, keys, properties and ids are copied. Clients, producers and
// consumers hold a C handle until Close; what is dropped without Close is freed after garbage collection.
package pulsar

/*
#cgo CFLAGS: -I${SRCDIR}/../../include
#cgo dynamic pkg-config: pulsar_rs
#cgo musl CFLAGS: -DPULSAR_RS_MUSL
#cgo static_glibc CFLAGS: -DPULSAR_RS_STATIC_GLIBC
#cgo dynamic CFLAGS: -DPULSAR_RS_DYNAMIC
#cgo linux,amd64,!musl,!static_glibc,!dynamic LDFLAGS: ${SRCDIR}/lib/glibc/amd64/libpulsar_rs.a -lm -ldl -lpthread
#cgo linux,amd64,musl LDFLAGS: ${SRCDIR}/lib/musl/amd64/libpulsar_rs.a
#cgo linux,amd64,static_glibc LDFLAGS: ${SRCDIR}/lib/static-glibc/amd64/libpulsar_rs.a -lm
#cgo linux,arm64,!musl,!static_glibc,!dynamic LDFLAGS: ${SRCDIR}/lib/glibc/arm64/libpulsar_rs.a -lm -ldl -lpthread
#cgo linux,arm64,musl LDFLAGS: ${SRCDIR}/lib/musl/arm64/libpulsar_rs.a
#cgo linux,arm64,static_glibc LDFLAGS: ${SRCDIR}/lib/static-glibc/arm64/libpulsar_rs.a -lm
#include "bridge.h"
*/
import "C"
