package pulsar

/*
#include "consumer_bridge.h"
*/
import "C"

import (
	"sync"
	"unsafe"
)

// schemaCache has the schemas that messages were written with, by version.
type schemaCache struct {
	own Schema // that of the consumer or reader; may be nil
	// fetch asks the broker; nil: only the own one is known.
	fetch func(version []byte) (Schema, error)

	mu    sync.Mutex
	known map[string]Schema
}

// schemaFor finds the schema of a version.
func (r *receiver) schemaFor(version []byte) (Schema, error) {
	c := &r.schemas
	if len(version) == 0 || c.fetch == nil {
		if c.own == nil {
			return nil, newError(SchemaFailure, "decode: there is no schema, neither of the message nor in the options")
		}
		return c.own, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if schema := c.known[string(version)]; schema != nil {
		return schema, nil
	}
	schema, err := c.fetch(version)
	if err != nil {
		return nil, err
	}
	if c.known == nil {
		c.known = make(map[string]Schema)
	}
	c.known[string(version)] = schema
	return schema, nil
}

// fetchSchema asks the broker for a schema; of several topics that is not possible, and the consumer's own counts. It blocks a
// thread, once for each version.
func (c *subscribed) fetchSchema(version []byte) (Schema, error) {
	const op = "get schema"
	pointer := c.acquire()
	if pointer == nil {
		return nil, errConsumerClosed(op)
	}
	defer c.handle.release()
	var found *C.pulsar_rs_schema_t
	result := C.pulsar_rs_consumer_get_schema(
		pointer, unsafe.Pointer(unsafe.SliceData(version)), C.size_t(len(version)), &found)
	if result == C.pulsar_result_OperationNotSupported && c.schemas.own != nil {
		return c.schemas.own, nil
	}
	if result != C.pulsar_result_Ok {
		return nil, c.failure(op, result)
	}
	defer C.pulsar_rs_schema_free(found)
	var size C.size_t
	definition := C.pulsar_rs_schema_definition(found, &size)
	properties := C.pulsar_rs_schema_properties(found)
	defer C.pulsar_string_map_free(properties)
	kind := SchemaType(C.pulsar_rs_schema_type(found))
	return NewSchema(kind, append([]byte(nil), bytesAt(unsafe.Pointer(definition), size)...), mapOf(properties))
}
