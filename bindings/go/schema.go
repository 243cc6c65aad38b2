package pulsar

import (
	"fmt"
	"hash/maphash"
	"sync"
)

// SchemaType is the kind of a schema. The values are those of the protocol.
type SchemaType int

// The kinds of schemas.
const (
	NONE        SchemaType = 0  // no schema
	STRING      SchemaType = 1  // UTF-8
	JSON        SchemaType = 2  // JSON, described by Avro
	PROTOBUF    SchemaType = 3  // protobuf, described by Avro
	AVRO        SchemaType = 4  // Avro
	BOOLEAN     SchemaType = 5  // one byte
	INT8        SchemaType = 6  // an integer of 1 byte
	INT16       SchemaType = 7  // an integer of 2 bytes
	INT32       SchemaType = 8  // an integer of 4 bytes
	INT64       SchemaType = 9  // an integer of 8 bytes
	FLOAT       SchemaType = 10 // a floating-point number of 4 bytes
	DOUBLE      SchemaType = 11 // a floating-point number of 8 bytes
	KeyValue    SchemaType = 15 // a pair, each with a schema
	BYTES       SchemaType = 0  // bytes, as they are
	AUTO        SchemaType = -2
	AutoConsume SchemaType = -3
	AutoPublish SchemaType = -4
	ProtoNative SchemaType = 20 // protobuf, described by protobuf
)

// SchemaInfo is what a broker knows of a schema.
type SchemaInfo struct {
	Name       string            // a name for people
	Schema     string            // the definition; empty for primitive kinds
	Type       SchemaType        // the kind
	Properties map[string]string // the application's own names and values

	hashOnce sync.Once
	hashed   uint64
}

var schemaSeed = maphash.MakeSeed()

// hash returns the same number for the same definition, within this process.
func (info *SchemaInfo) hash() uint64 {
	info.hashOnce.Do(func() { info.hashed = maphash.String(schemaSeed, info.Schema) })
	return info.hashed
}

// Schema turns values into payloads and back. Those of this package may be used by many goroutines; other
// implementations must allow this, too.
type Schema interface {
	// Encode turns a value into a payload.
	Encode(v interface{}) ([]byte, error)

	// Decode writes the value of a payload to what v points at.
	Decode(data []byte, v interface{}) error

	// Validate returns nil when the payload is one of the schema.
	Validate(message []byte) error

	// GetSchemaInfo returns what brokers are told of the schema. The caller does not change it.
	GetSchemaInfo() *SchemaInfo
}

// NewSchema makes the schema of this kind. The definition is not looked at for primitive kinds.
func NewSchema(schemaType SchemaType, schemaData []byte, properties map[string]string) (schema Schema, err error) {
	definition := string(schemaData)
	switch schemaType {
	case BYTES:
		return NewBytesSchema(properties), nil
	case STRING:
		return NewStringSchema(properties), nil
	case JSON:
		return schemaOrError(NewJSONSchemaWithValidation(definition, properties))
	case PROTOBUF:
		return schemaOrError(NewProtoSchemaWithValidation(definition, properties))
	case AVRO:
		return schemaOrError(NewAvroSchemaWithValidation(definition, properties))
	case INT8:
		return NewInt8Schema(properties), nil
	case INT16:
		return NewInt16Schema(properties), nil
	case INT32:
		return NewInt32Schema(properties), nil
	case INT64:
		return NewInt64Schema(properties), nil
	case FLOAT:
		return NewFloatSchema(properties), nil
	case DOUBLE:
		return NewDoubleSchema(properties), nil
	case ProtoNative:
		return &ProtoNativeSchema{SchemaInfo{
			Name: "ProtoNative", Schema: definition, Type: ProtoNative, Properties: properties,
		}}, nil
	}
	return nil, newError(SchemaFailure, fmt.Sprintf("schema: there is no schema of type %d", schemaType))
}

// schemaOrError makes the interface nil when there is an error.
func schemaOrError[T Schema](schema T, err error) (Schema, error) {
	if err != nil {
		return nil, err
	}
	return schema, nil
}

// errSchema makes the error for a value or payload that does not fit. It satisfies errors.Is(err, ErrSchema).
func errSchema(text string, cause error) error { return errorOf(ErrSchema, "schema: "+text, cause) }
