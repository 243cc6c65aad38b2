package pulsartest

/*
#cgo CFLAGS: -I${SRCDIR}/../../../include
#cgo dynamic pkg-config: pulsar_rs
#cgo musl CFLAGS: -DPULSAR_RS_MUSL
#cgo static_glibc CFLAGS: -DPULSAR_RS_STATIC_GLIBC
#cgo dynamic CFLAGS: -DPULSAR_RS_DYNAMIC
#cgo linux,amd64,!musl,!static_glibc,!dynamic LDFLAGS: ${SRCDIR}/../lib/glibc/amd64/libpulsar_rs.a -lm -ldl -lpthread
#cgo linux,amd64,musl LDFLAGS: ${SRCDIR}/../lib/musl/amd64/libpulsar_rs.a
#cgo linux,amd64,static_glibc LDFLAGS: ${SRCDIR}/../lib/static-glibc/amd64/libpulsar_rs.a -lm
#cgo linux,arm64,!musl,!static_glibc,!dynamic LDFLAGS: ${SRCDIR}/../lib/glibc/arm64/libpulsar_rs.a -lm -ldl -lpthread
#cgo linux,arm64,musl LDFLAGS: ${SRCDIR}/../lib/musl/arm64/libpulsar_rs.a
#cgo linux,arm64,static_glibc LDFLAGS: ${SRCDIR}/../lib/static-glibc/arm64/libpulsar_rs.a -lm
#include "../bridge.h"
#include <pulsar_rs/test_broker.h>
*/
import "C"

import (
	"net/url"
	"strconv"
	"sync"
	"unsafe"
)

// Broker is a Pulsar broker in this process, on a free port of 127.0.0.1. It keeps everything in memory. Its methods may
// be called by any goroutine, return when their effect is in place, and report what goes wrong to the test. Topics that
// clients ask for are created.
type Broker struct {
	t T

	mutex   sync.Mutex
	pointer *C.pulsar_rs_test_broker_t // nil while it is stopped
	url     string
	httpURL string
}

// Start starts a broker, which is stopped at the end of the test.
func Start(t T) *Broker {
	t.Helper()
	broker := &Broker{t: t}
	broker.start(0)
	t.Cleanup(broker.Stop)
	return broker
}

// URL returns the service URL for clients.
func (b *Broker) URL() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.url
}

// HTTPURL returns the service URL for clients that look topics up by HTTP. Restart changes it.
func (b *Broker) HTTPURL() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.httpURL
}

// Stop stops the broker: connections end, new ones are refused, and what it stored is gone. It may be called more than
// once.
func (b *Broker) Stop() {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	C.pulsar_rs_test_broker_stop(b.pointer)
	b.pointer = nil
}

// Restart stops the broker, unless it is, and starts an empty one at the same URL.
func (b *Broker) Restart() {
	b.t.Helper()
	b.Stop()
	address, err := url.Parse(b.URL())
	if err != nil {
		b.t.Fatalf("pulsartest: restart: %v", err)
		return
	}
	port, err := strconv.ParseUint(address.Port(), 10, 16)
	if err != nil {
		b.t.Fatalf("pulsartest: restart: %v", err)
		return
	}
	b.start(uint16(port))
}

func (b *Broker) start(port uint16) {
	b.t.Helper()
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.pointer = C.pulsar_rs_test_broker_start(C.uint16_t(port))
	if b.pointer == nil {
		b.t.Fatalf("pulsartest: the broker does not start: port %d is taken, or there are no threads", port)
		return
	}
	b.url = C.GoString(C.pulsar_rs_test_broker_url(b.pointer))
	b.httpURL = C.GoString(C.pulsar_rs_test_broker_http_url(b.pointer))
}

// do calls the library, and reports a failure. Texts are as in the call's parameters.
func (b *Broker) do(what string, call func(*C.pulsar_rs_test_broker_t, []*C.char) C.pulsar_result, texts ...string) {
	b.t.Helper()
	b.with(what, texts, func(pointer *C.pulsar_rs_test_broker_t, own []*C.char) {
		b.t.Helper()
		if result := call(pointer, own); result != C.pulsar_result_Ok {
			b.t.Errorf("pulsartest: %s %q: %s", what, texts, C.GoString(C.pulsar_result_str(result)))
		}
	})
}

// with calls the function with the broker, unless it is stopped, and with copies of texts, which it frees.
func (b *Broker) with(what string, texts []string, call func(*C.pulsar_rs_test_broker_t, []*C.char)) {
	b.t.Helper()
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.pointer == nil {
		b.t.Errorf("pulsartest: %s: the broker is stopped", what)
		return
	}
	own := make([]*C.char, len(texts))
	for i, text := range texts {
		own[i] = C.CString(text)
		defer C.free(unsafe.Pointer(own[i]))
	}
	call(b.pointer, own)
}

func flag(value bool) C.int {
	if value {
		return 1
	}
	return 0
}
