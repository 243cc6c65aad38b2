package pulsar

/*
#include "bridge.h"
*/
import "C"

import (
	"time"
	"unsafe"
)

// ProducerMessage is a message to send.
type ProducerMessage struct {
	Payload    []byte
	Key        string // none when empty
	Properties map[string]string
}

// Message is a received message. It is a copy: nothing in it belongs to the consumer.
type Message struct {
	id          MessageID
	payload     []byte
	key         string
	topic       string
	properties  map[string]string
	publishTime time.Time
}

// ID returns the id of the message.
func (m *Message) ID() MessageID { return m.id }

// Payload returns the content.
func (m *Message) Payload() []byte { return m.payload }

// Key returns the key; the empty string when there is none.
func (m *Message) Key() string { return m.key }

// Topic returns the full name of the topic that the message was received from.
func (m *Message) Topic() string { return m.topic }

// Properties returns the properties.
func (m *Message) Properties() map[string]string { return m.properties }

// PublishTime returns when the producer's client sent the message.
func (m *Message) PublishTime() time.Time { return m.publishTime }

// pointer makes a C message, which the caller frees.
func (m *ProducerMessage) pointer() *C.pulsar_message_t {
	message := C.pulsar_message_create()
	C.pulsar_message_set_content(message, unsafe.Pointer(unsafe.SliceData(m.Payload)), C.size_t(len(m.Payload)))
	if m.Key != "" {
		key := C.CString(m.Key)
		defer C.free(unsafe.Pointer(key))
		C.pulsar_message_set_partition_key(message, key)
	}
	for name, value := range m.Properties {
		cName, cValue := C.CString(name), C.CString(value)
		C.pulsar_message_set_property(message, cName, cValue)
		C.free(unsafe.Pointer(cName))
		C.free(unsafe.Pointer(cValue))
	}
	return message
}

func (m *ProducerMessage) check(op string) error {
	texts := []string{m.Key}
	for name, value := range m.Properties {
		texts = append(texts, name, value)
	}
	return checkText(op, ResultInvalidMessage, texts...)
}

// takeMessage copies a received message and frees it.
func takeMessage(message *C.pulsar_message_t) *Message {
	defer C.pulsar_message_free(message)
	data, size := C.pulsar_message_get_data(message), C.pulsar_message_get_length(message)
	payload := make([]byte, size)
	copy(payload, unsafe.Slice((*byte)(data), size))
	return &Message{
		id:          takeMessageID(C.pulsar_message_get_message_id(message)),
		payload:     payload,
		key:         C.GoString(C.pulsar_message_get_partitionKey(message)),
		topic:       C.GoString(C.pulsar_message_get_topic_name(message)),
		properties:  takeProperties(C.pulsar_message_get_properties(message)),
		publishTime: time.UnixMilli(int64(C.pulsar_message_get_publish_timestamp(message))),
	}
}

// takeProperties copies a map and frees it.
func takeProperties(pointer *C.pulsar_string_map_t) map[string]string {
	defer C.pulsar_string_map_free(pointer)
	size := C.pulsar_string_map_size(pointer)
	properties := make(map[string]string, size)
	for i := range size {
		name := C.GoString(C.pulsar_string_map_get_key(pointer, i))
		properties[name] = C.GoString(C.pulsar_string_map_get_value(pointer, i))
	}
	return properties
}
