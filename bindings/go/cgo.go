// Package pulsar is a client for Apache Pulsar: a thin layer over the C API of pulsar_rs.
//
// Nothing in it points into C memory: payloads, keys, properties and ids are copied. Clients, producers and
// consumers hold a C handle until Close; what is dropped without Close is freed after garbage collection.
package pulsar

/*
#cgo CFLAGS: -I${SRCDIR}/../../include
#cgo linux LDFLAGS: ${SRCDIR}/lib/libpulsar_rs.a -lm -ldl -lpthread
#include "bridge.h"
*/
import "C"
