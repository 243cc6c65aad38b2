// Sends a message and receives it through the C API: go run . pulsar://localhost:6650 TOPIC
//
// With everything inside the program, the C library too:
//
//	go build -tags pulsar_static,netgo,osusergo -ldflags '-extldflags "-static -Wl,--gc-sections"'
package main

/*
#cgo !pulsar_static pkg-config: pulsar_rs
#cgo pulsar_static pkg-config: --static pulsar_rs
#include <pulsar/c/client.h>
#include <stdlib.h>
*/
import "C"

import (
	"errors"
	"fmt"
	"os"
	"unsafe"
)

func check(result C.pulsar_result) error {
	if result == C.pulsar_result_Ok {
		return nil
	}
	return errors.New(C.GoString(C.pulsar_result_str(result)))
}

func exchange(url, topicName, text string) (string, error) {
	serviceURL, topic := C.CString(url), C.CString(topicName)
	subscription, content := C.CString("main"), C.CString(text)
	for _, allocated := range []*C.char{serviceURL, topic, subscription, content} {
		defer C.free(unsafe.Pointer(allocated))
	}
	client := C.pulsar_client_create(serviceURL, nil)
	defer C.pulsar_client_free(client)

	var consumer *C.pulsar_consumer_t
	if err := check(C.pulsar_client_subscribe(client, topic, subscription, nil, &consumer)); err != nil {
		return "", err
	}
	defer C.pulsar_consumer_free(consumer)

	var producer *C.pulsar_producer_t
	if err := check(C.pulsar_client_create_producer(client, topic, nil, &producer)); err != nil {
		return "", err
	}
	defer C.pulsar_producer_free(producer)

	message := C.pulsar_message_create()
	defer C.pulsar_message_free(message)
	C.pulsar_message_set_content(message, unsafe.Pointer(content), C.size_t(len(text)))
	if err := check(C.pulsar_producer_send(producer, message)); err != nil {
		return "", err
	}

	var received *C.pulsar_message_t
	if err := check(C.pulsar_consumer_receive_with_timeout(consumer, &received, 10000)); err != nil {
		return "", err
	}
	defer C.pulsar_message_free(received)
	data := C.GoBytes(C.pulsar_message_get_data(received), C.int(C.pulsar_message_get_length(received)))
	if err := check(C.pulsar_consumer_acknowledge(consumer, received)); err != nil {
		return "", err
	}
	return string(data), check(C.pulsar_client_close(client))
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintf(os.Stderr, "usage: %s URL TOPIC\n", os.Args[0])
		os.Exit(2)
	}
	text, err := exchange(os.Args[1], os.Args[2], "hello from Go")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(text)
}
