package pulsar

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"reflect"
)

// BytesSchema takes payloads as they are: []byte.
type BytesSchema struct {
	SchemaInfo
}

// NewBytesSchema makes one.
func NewBytesSchema(properties map[string]string) *BytesSchema {
	return &BytesSchema{SchemaInfo{Name: "Bytes", Type: BYTES, Properties: properties}}
}

// Encode returns the []byte that data is.
func (schema *BytesSchema) Encode(data interface{}) ([]byte, error) {
	if content, ok := data.([]byte); ok {
		return content, nil
	}
	return nil, errType("Bytes", "[]byte", data)
}

// Decode writes the payload, which is not copied, to what v points at: a []byte, or another type for bytes.
func (schema *BytesSchema) Decode(data []byte, v interface{}) error {
	if target, ok := v.(*[]byte); ok && target != nil {
		*target = data
		return nil
	}
	target, content := reflect.ValueOf(v), reflect.ValueOf(data)
	if target.Kind() == reflect.Pointer && !target.IsNil() && content.Type().AssignableTo(target.Type().Elem()) {
		target.Elem().Set(content)
		return nil
	}
	return errType("Bytes", "*[]byte", v)
}

// Validate returns nil: every payload is one.
func (schema *BytesSchema) Validate([]byte) error { return nil }

// GetSchemaInfo returns what brokers are told of the schema.
func (schema *BytesSchema) GetSchemaInfo() *SchemaInfo { return &schema.SchemaInfo }

// StringSchema takes strings.
type StringSchema struct {
	SchemaInfo
}

// NewStringSchema makes one.
func NewStringSchema(properties map[string]string) *StringSchema {
	return &StringSchema{SchemaInfo{Name: "String", Type: STRING, Properties: properties}}
}

// Encode returns the bytes of the string that v is.
func (schema *StringSchema) Encode(v interface{}) ([]byte, error) {
	if text, ok := v.(string); ok {
		return []byte(text), nil
	}
	return nil, errType("String", "string", v)
}

// Decode writes the payload to the *string that v is. Where v points at a *string or an interface, that gets a pointer
// to a new string.
func (schema *StringSchema) Decode(data []byte, v interface{}) error {
	switch target := v.(type) {
	case *string:
		if target != nil {
			*target = string(data)
			return nil
		}
	case **string:
		if target != nil {
			text := string(data)
			*target = &text
			return nil
		}
	case *interface{}:
		if target != nil {
			text := string(data)
			*target = &text
			return nil
		}
	}
	return errType("String", "*string", v)
}

// Validate returns nil: every payload is one, as in other Pulsar clients.
func (schema *StringSchema) Validate([]byte) error { return nil }

// GetSchemaInfo returns what brokers are told of the schema.
func (schema *StringSchema) GetSchemaInfo() *SchemaInfo { return &schema.SchemaInfo }

// Int8Schema takes int8.
type Int8Schema struct {
	SchemaInfo
}

// NewInt8Schema makes one.
func NewInt8Schema(properties map[string]string) *Int8Schema {
	return &Int8Schema{SchemaInfo{Name: "INT8", Type: INT8, Properties: properties}}
}

// Encode returns the byte of the int8 that value is.
func (schema *Int8Schema) Encode(value interface{}) ([]byte, error) {
	if number, ok := value.(int8); ok {
		return []byte{byte(number)}, nil
	}
	return nil, errType("INT8", "int8", value)
}

// Decode writes the number to the *int8 that v is.
func (schema *Int8Schema) Decode(data []byte, v interface{}) error {
	return decodeInteger(data, "INT8", 1, v, func(data []byte) int8 { return int8(data[0]) })
}

// Validate returns nil when the payload has 1 byte.
func (schema *Int8Schema) Validate(message []byte) error { return checkSize(message, "INT8", 1) }

// GetSchemaInfo returns what brokers are told of the schema.
func (schema *Int8Schema) GetSchemaInfo() *SchemaInfo { return &schema.SchemaInfo }

// Int16Schema takes int16: 2 bytes, the lowest first.
type Int16Schema struct {
	SchemaInfo
}

// NewInt16Schema makes one.
func NewInt16Schema(properties map[string]string) *Int16Schema {
	return &Int16Schema{SchemaInfo{Name: "INT16", Type: INT16, Properties: properties}}
}

// Encode returns the bytes of the int16 that value is.
func (schema *Int16Schema) Encode(value interface{}) ([]byte, error) {
	if number, ok := value.(int16); ok {
		return binary.LittleEndian.AppendUint16(nil, uint16(number)), nil
	}
	return nil, errType("INT16", "int16", value)
}

// Decode writes the number to the *int16 that v is.
func (schema *Int16Schema) Decode(data []byte, v interface{}) error {
	return decodeInteger(data, "INT16", 2, v, func(data []byte) int16 { return int16(binary.LittleEndian.Uint16(data)) })
}

// Validate returns nil when the payload has 2 bytes.
func (schema *Int16Schema) Validate(message []byte) error { return checkSize(message, "INT16", 2) }

// GetSchemaInfo returns what brokers are told of the schema.
func (schema *Int16Schema) GetSchemaInfo() *SchemaInfo { return &schema.SchemaInfo }

// Int32Schema takes int32: 4 bytes, the lowest first.
type Int32Schema struct {
	SchemaInfo
}

// NewInt32Schema makes one.
func NewInt32Schema(properties map[string]string) *Int32Schema {
	return &Int32Schema{SchemaInfo{Name: "INT32", Type: INT32, Properties: properties}}
}

// Encode returns the bytes of the int32 that value is.
func (schema *Int32Schema) Encode(value interface{}) ([]byte, error) {
	if number, ok := value.(int32); ok {
		return binary.LittleEndian.AppendUint32(nil, uint32(number)), nil
	}
	return nil, errType("INT32", "int32", value)
}

// Decode writes the number to the *int32 that v is.
func (schema *Int32Schema) Decode(data []byte, v interface{}) error {
	return decodeInteger(data, "INT32", 4, v, func(data []byte) int32 { return int32(binary.LittleEndian.Uint32(data)) })
}

// Validate returns nil when the payload has 4 bytes.
func (schema *Int32Schema) Validate(message []byte) error { return checkSize(message, "INT32", 4) }

// GetSchemaInfo returns what brokers are told of the schema.
func (schema *Int32Schema) GetSchemaInfo() *SchemaInfo { return &schema.SchemaInfo }

// Int64Schema takes int64: 8 bytes, the lowest first.
type Int64Schema struct {
	SchemaInfo
}

// NewInt64Schema makes one.
func NewInt64Schema(properties map[string]string) *Int64Schema {
	return &Int64Schema{SchemaInfo{Name: "INT64", Type: INT64, Properties: properties}}
}

// Encode returns the bytes of the int64 that value is.
func (schema *Int64Schema) Encode(value interface{}) ([]byte, error) {
	if number, ok := value.(int64); ok {
		return binary.LittleEndian.AppendUint64(nil, uint64(number)), nil
	}
	return nil, errType("INT64", "int64", value)
}

// Decode writes the number to the *int64 that v is.
func (schema *Int64Schema) Decode(data []byte, v interface{}) error {
	return decodeInteger(data, "INT64", 8, v, func(data []byte) int64 { return int64(binary.LittleEndian.Uint64(data)) })
}

// Validate returns nil when the payload has 8 bytes.
func (schema *Int64Schema) Validate(message []byte) error { return checkSize(message, "INT64", 8) }

// GetSchemaInfo returns what brokers are told of the schema.
func (schema *Int64Schema) GetSchemaInfo() *SchemaInfo { return &schema.SchemaInfo }

// FloatSchema takes float32: 4 bytes, the highest first.
type FloatSchema struct {
	SchemaInfo
}

// NewFloatSchema makes one.
func NewFloatSchema(properties map[string]string) *FloatSchema {
	return &FloatSchema{SchemaInfo{Name: "FLOAT", Type: FLOAT, Properties: properties}}
}

// Encode returns the bytes of the number that value is. A float64 is rounded; an integer must be one of float32.
func (schema *FloatSchema) Encode(value interface{}) ([]byte, error) {
	data, err := BinarySerializer.PutFloat(value)
	if err != nil {
		return nil, errSchema("FLOAT", err)
	}
	return data, nil
}

// Decode writes the number to the *float32 that v is.
func (schema *FloatSchema) Decode(data []byte, v interface{}) error {
	number, err := BinarySerializer.Float32(data)
	if err != nil {
		return errSchema("FLOAT", err)
	}
	return decodeNumber(data, "FLOAT", 4, v, func([]byte) float32 { return number })
}

// Validate returns nil when the payload has 4 bytes.
func (schema *FloatSchema) Validate(message []byte) error { return checkSize(message, "FLOAT", 4) }

// GetSchemaInfo returns what brokers are told of the schema.
func (schema *FloatSchema) GetSchemaInfo() *SchemaInfo { return &schema.SchemaInfo }

// DoubleSchema takes float64: 8 bytes, the highest first.
type DoubleSchema struct {
	SchemaInfo
}

// NewDoubleSchema makes one.
func NewDoubleSchema(properties map[string]string) *DoubleSchema {
	return &DoubleSchema{SchemaInfo{Name: "DOUBLE", Type: DOUBLE, Properties: properties}}
}

// Encode returns the bytes of the number that value is. An integer must be one of float64.
func (schema *DoubleSchema) Encode(value interface{}) ([]byte, error) {
	data, err := BinarySerializer.PutDouble(value)
	if err != nil {
		return nil, errSchema("DOUBLE", err)
	}
	return data, nil
}

// Decode writes the number to the *float64 that v is.
func (schema *DoubleSchema) Decode(data []byte, v interface{}) error {
	number, err := BinarySerializer.Float64(data)
	if err != nil {
		return errSchema("DOUBLE", err)
	}
	return decodeNumber(data, "DOUBLE", 8, v, func([]byte) float64 { return number })
}

// Validate returns nil when the payload has 8 bytes.
func (schema *DoubleSchema) Validate(message []byte) error { return checkSize(message, "DOUBLE", 8) }

// GetSchemaInfo returns what brokers are told of the schema.
func (schema *DoubleSchema) GetSchemaInfo() *SchemaInfo { return &schema.SchemaInfo }

// decodeNumber writes the number of a payload, of which no more than size bytes are looked at, to v.
func decodeNumber[T any](data []byte, name string, size int, v interface{}, number func([]byte) T) error {
	if len(data) < size {
		return errSchema(fmt.Sprintf("%s: the payload has %d bytes, not %d", name, len(data), size), nil)
	}
	switch target := v.(type) {
	case *T:
		if target != nil {
			*target = number(data)
			return nil
		}
	case *interface{}:
		if target != nil {
			*target = number(data)
			return nil
		}
	}
	return errType(name, fmt.Sprintf("%T", (*T)(nil)), v)
}

// decodeInteger is decodeNumber, and takes what ReadElements does, such as *uint16, as well.
func decodeInteger[T any](data []byte, name string, size int, v interface{}, number func([]byte) T) error {
	switch v.(type) {
	case *T, *interface{}:
		return decodeNumber(data, name, size, v, number)
	}
	if err := ReadElements(bytes.NewReader(data), v); err != nil {
		return errSchema(name, err)
	}
	return nil
}

func checkSize(message []byte, name string, size int) error {
	if len(message) == size {
		return nil
	}
	return newError(InvalidMessage,
		fmt.Sprintf("schema: %s: the payload has %d bytes, not %d", name, len(message), size))
}

func errType(name, wanted string, value interface{}) error {
	return errSchema(fmt.Sprintf("%s: a %s is needed, not a %T", name, wanted, value), nil)
}
