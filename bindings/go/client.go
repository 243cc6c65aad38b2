package pulsar

/*
#include "bridge.h"
*/
import "C"

import (
	"math"
	"time"
	"unsafe"
)

// ClientOptions says where the cluster is. What is 0 has the library's default.
type ClientOptions struct {
	// URL of the cluster: pulsar://host:6650, or several hosts with commas between them.
	URL string
	// OperationTimeout limits creating, subscribing and closing; it counts whole seconds. Default 30 s.
	OperationTimeout time.Duration
}

// Client is a connection to a cluster. All methods may be called on any goroutine.
type Client struct {
	handle *handle
}

// NewClient makes a client. It connects when it is first used; only a wrong URL or option fails here.
func NewClient(options ClientOptions) (*Client, error) {
	const op = "new client"
	if err := checkText(op, ResultInvalidUrl, options.URL); err != nil {
		return nil, err
	}
	config := C.pulsar_client_configuration_create()
	defer C.pulsar_client_configuration_free(config)
	if options.OperationTimeout != 0 {
		C.pulsar_client_configuration_set_operation_timeout_seconds(config, units(options.OperationTimeout, time.Second))
	}
	url := C.CString(options.URL)
	defer C.free(unsafe.Pointer(url))

	pointer := C.pulsar_client_create(url, config)
	if text := C.pulsar_rs_client_last_error(pointer); text != nil {
		// It is of no use, and every call says why, with its code.
		C.free(unsafe.Pointer(text))
		defer C.pulsar_client_free(pointer)
		return nil, clientFailure(op, C.pulsar_client_close(pointer), pointer)
	}
	client := &Client{}
	own(client, &client.handle, unsafe.Pointer(pointer), func(pointer unsafe.Pointer) {
		C.pulsar_client_free((*C.pulsar_client_t)(pointer))
	})
	return client, nil
}

// Close closes the client with all its producers and consumers. What is pending fails with ResultAlreadyClosed,
// and its callbacks have run when this returns. Closing again does nothing.
func (c *Client) Close() error {
	return c.handle.close(func(pointer unsafe.Pointer) error {
		client := (*C.pulsar_client_t)(pointer)
		return clientFailure("close client", C.pulsar_client_close(client), client)
	})
}

// acquire lends the client until c.handle.release; nil when it is closed.
func (c *Client) acquire() *C.pulsar_client_t {
	return (*C.pulsar_client_t)(c.handle.acquire())
}

func clientFailure(op string, result C.pulsar_result, client *C.pulsar_client_t) error {
	return failure(op, result, func() *C.char { return C.pulsar_rs_client_last_error(client) })
}

// units counts a duration in units for C, rounded up and no more than an int holds.
func units(duration, unit time.Duration) C.int {
	count := duration / unit
	if duration%unit > 0 {
		count++
	}
	return C.int(max(math.MinInt32, min(count, math.MaxInt32)))
}
