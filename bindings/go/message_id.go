package pulsar

/*
#include "bridge.h"
*/
import "C"

import "unsafe"

// MessageID names a message of a topic. Ids can be compared with ==.
type MessageID struct {
	serialized string
}

// DeserializeMessageID reads an id that Serialize, or another Pulsar client, wrote.
func DeserializeMessageID(data []byte) (MessageID, error) {
	id := MessageID{serialized: string(data)}
	pointer := id.pointer()
	if pointer == nil {
		return MessageID{}, &Error{
			Result: ResultInvalidMessage,
			Op:     "deserialize message id",
			Text:   "these bytes are no message id",
		}
	}
	C.pulsar_message_id_free(pointer)
	return id, nil
}

// Serialize returns the id as bytes that every Pulsar client reads.
func (id MessageID) Serialize() []byte {
	return []byte(id.serialized)
}

// String returns (ledger,entry,partition,batch index), and nothing for the zero MessageID.
func (id MessageID) String() string {
	pointer := id.pointer()
	defer C.pulsar_message_id_free(pointer)
	return take(C.pulsar_message_id_str(pointer))
}

// pointer returns the id as a C object, which the caller frees; nil for the zero MessageID.
func (id MessageID) pointer() *C.pulsar_message_id_t {
	data := unsafe.Pointer(unsafe.StringData(id.serialized))
	return C.pulsar_message_id_deserialize(data, C.uint32_t(len(id.serialized)))
}

// takeMessageID copies an id and frees it.
func takeMessageID(pointer *C.pulsar_message_id_t) MessageID {
	var size C.int
	data := C.pulsar_message_id_serialize(pointer, &size)
	defer C.free(data)
	C.pulsar_message_id_free(pointer)
	return MessageID{serialized: C.GoStringN((*C.char)(data), size)}
}
