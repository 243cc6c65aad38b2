package pulsar

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/hamba/avro/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/emptypb"
)

// JSONSchema takes what encoding/json does. To brokers it is described by an Avro schema.
type JSONSchema struct {
	SchemaInfo
}

// NewJSONSchema makes one from an Avro schema in JSON. It panics when that is none.
func NewJSONSchema(jsonAvroSchemaDef string, properties map[string]string) *JSONSchema {
	return mustSchema(NewJSONSchemaWithValidation(jsonAvroSchemaDef, properties))
}

// NewJSONSchemaWithValidation makes one from an Avro schema in JSON.
func NewJSONSchemaWithValidation(jsonAvroSchemaDef string, properties map[string]string) (*JSONSchema, error) {
	_, definition, err := parseAvro(jsonAvroSchemaDef)
	if err != nil {
		return nil, err
	}
	return &JSONSchema{SchemaInfo{Name: "JSON", Schema: definition, Type: JSON, Properties: properties}}, nil
}

// Encode returns the value as JSON.
func (schema *JSONSchema) Encode(data interface{}) ([]byte, error) {
	content, err := json.Marshal(data)
	if err != nil {
		return nil, errSchema("JSON", err)
	}
	return content, nil
}

// Decode reads JSON into what v points at.
func (schema *JSONSchema) Decode(data []byte, v interface{}) error {
	if err := json.Unmarshal(data, v); err != nil {
		return errSchema("JSON", err)
	}
	return nil
}

// Validate returns nil when the payload is JSON.
func (schema *JSONSchema) Validate(message []byte) error {
	if !json.Valid(message) {
		return errSchema("JSON: the payload is no JSON", nil)
	}
	return nil
}

// GetSchemaInfo returns what brokers are told of the schema.
func (schema *JSONSchema) GetSchemaInfo() *SchemaInfo { return &schema.SchemaInfo }

// AvroSchema takes what github.com/hamba/avro does.
type AvroSchema struct {
	// Codec is the schema, parsed.
	Codec avro.Schema
	SchemaInfo
}

// NewAvroSchema makes one from an Avro schema in JSON. It panics when that is none.
func NewAvroSchema(avroSchemaDef string, properties map[string]string) *AvroSchema {
	return mustSchema(NewAvroSchemaWithValidation(avroSchemaDef, properties))
}

// NewAvroSchemaWithValidation makes one from an Avro schema in JSON.
func NewAvroSchemaWithValidation(avroSchemaDef string, properties map[string]string) (*AvroSchema, error) {
	codec, definition, err := parseAvro(avroSchemaDef)
	if err != nil {
		return nil, err
	}
	return &AvroSchema{codec, SchemaInfo{Name: "Avro", Schema: definition, Type: AVRO, Properties: properties}}, nil
}

// Encode returns the value in Avro's binary form.
func (schema *AvroSchema) Encode(data interface{}) ([]byte, error) {
	content, err := avro.Marshal(schema.Codec, data)
	if err != nil {
		return nil, errSchema("Avro", err)
	}
	return content, nil
}

// Decode reads Avro's binary form into what v points at. As in all uses of hamba/avro, fields that a payload which ends too
// early does not have stay as they are: Validate finds such payloads.
func (schema *AvroSchema) Decode(data []byte, v interface{}) error {
	if err := avro.Unmarshal(schema.Codec, data, v); err != nil {
		return errSchema("Avro", err)
	}
	return nil
}

// Validate returns nil when the payload can be decoded to its end.
func (schema *AvroSchema) Validate(message []byte) error {
	reader := avro.NewReader(nil, 0).Reset(message)
	reader.ReadNext(schema.Codec)
	if reader.Error != nil {
		return errSchema("Avro", reader.Error)
	}
	return nil
}

// GetSchemaInfo returns what brokers are told of the schema.
func (schema *AvroSchema) GetSchemaInfo() *SchemaInfo { return &schema.SchemaInfo }

// ProtoSchema takes protobuf messages. To brokers it is described by an Avro schema.
type ProtoSchema struct {
	SchemaInfo
}

// NewProtoSchema makes one from an Avro schema in JSON. It panics when that is none.
func NewProtoSchema(protoAvroSchemaDef string, properties map[string]string) *ProtoSchema {
	return mustSchema(NewProtoSchemaWithValidation(protoAvroSchemaDef, properties))
}

// NewProtoSchemaWithValidation makes one from an Avro schema in JSON.
func NewProtoSchemaWithValidation(protoAvroSchemaDef string, properties map[string]string) (*ProtoSchema, error) {
	_, definition, err := parseAvro(protoAvroSchemaDef)
	if err != nil {
		return nil, err
	}
	return &ProtoSchema{SchemaInfo{Name: "Proto", Schema: definition, Type: PROTOBUF, Properties: properties}}, nil
}

// Encode returns the proto.Message that data is in protobuf's binary form.
func (schema *ProtoSchema) Encode(data interface{}) ([]byte, error) {
	return encodeProto("Proto", data)
}

// Decode reads protobuf's binary form into the proto.Message that v is.
func (schema *ProtoSchema) Decode(data []byte, v interface{}) error {
	return decodeProto("Proto", data, v)
}

// Validate returns nil when the payload has protobuf's binary form.
func (schema *ProtoSchema) Validate(message []byte) error { return checkProto("Proto", message) }

// GetSchemaInfo returns what brokers are told of the schema.
func (schema *ProtoSchema) GetSchemaInfo() *SchemaInfo { return &schema.SchemaInfo }

// ProtoNativeSchema takes protobuf messages. To brokers it is described by the message's descriptor.
type ProtoNativeSchema struct {
	SchemaInfo
}

// ProtoNativeSchemaData is the definition of a ProtoNativeSchema, as JSON.
type ProtoNativeSchemaData struct {
	// FileDescriptorSet holds the file of the message and all that it imports, in protobuf's binary form.
	FileDescriptorSet []byte `json:"fileDescriptorSet"`

	// RootMessageTypeName is the full name of the message.
	RootMessageTypeName string `json:"rootMessageTypeName"`

	// RootFileDescriptorName is the path of the message's file.
	RootFileDescriptorName string `json:"rootFileDescriptorName"`
}

// NewProtoNativeSchemaWithMessage makes one for messages of this type. It panics when the message has no descriptor.
func NewProtoNativeSchemaWithMessage(message proto.Message, properties map[string]string) *ProtoNativeSchema {
	definition, err := describeProto(message)
	if err != nil {
		panic(err)
	}
	return &ProtoNativeSchema{SchemaInfo{
		Name: "ProtoNative", Schema: definition, Type: ProtoNative, Properties: properties,
	}}
}

// Encode returns the proto.Message that data is in protobuf's binary form.
func (schema *ProtoNativeSchema) Encode(data interface{}) ([]byte, error) {
	return encodeProto("ProtoNative", data)
}

// Decode reads protobuf's binary form into the proto.Message that v is.
func (schema *ProtoNativeSchema) Decode(data []byte, v interface{}) error {
	return decodeProto("ProtoNative", data, v)
}

// Validate returns nil when the payload has protobuf's binary form.
func (schema *ProtoNativeSchema) Validate(message []byte) error {
	return checkProto("ProtoNative", message)
}

// GetSchemaInfo returns what brokers are told of the schema.
func (schema *ProtoNativeSchema) GetSchemaInfo() *SchemaInfo { return &schema.SchemaInfo }

// parseAvro returns a schema, and its definition in the form that all clients send to brokers.
func parseAvro(definition string) (avro.Schema, string, error) {
	codec, err := avro.Parse(definition)
	if err != nil {
		return nil, "", errSchema("the definition is no Avro schema", err)
	}
	resolved, err := json.Marshal(codec)
	if err != nil {
		return nil, "", errSchema("the definition cannot be written as JSON", err)
	}
	return codec, string(resolved), nil
}

func mustSchema[T any](schema T, err error) T {
	if err != nil {
		panic(err)
	}
	return schema
}

func encodeProto(name string, data interface{}) ([]byte, error) {
	message, ok := data.(proto.Message)
	if !ok {
		return nil, errType(name, "proto.Message", data)
	}
	content, err := proto.Marshal(message)
	if err != nil {
		return nil, errSchema(name, err)
	}
	return content, nil
}

func decodeProto(name string, data []byte, v interface{}) error {
	message, ok := v.(proto.Message)
	if !ok {
		return errType(name, "proto.Message", v)
	}
	if err := proto.Unmarshal(data, message); err != nil {
		return errSchema(name, err)
	}
	return nil
}

// checkProto reads the payload as a message of which no field is known.
func checkProto(name string, data []byte) error {
	return decodeProto(name, data, new(emptypb.Empty))
}

// describeProto returns the definition of a ProtoNativeSchema. Files are sorted by path, so that it is always the same.
func describeProto(message proto.Message) (string, error) {
	descriptor := message.ProtoReflect().Descriptor()
	root := descriptor.ParentFile()
	if root == nil {
		return "", errSchema(fmt.Sprintf("ProtoNative: %s has no file", descriptor.FullName()), nil)
	}
	files := make(map[string]*descriptorpb.FileDescriptorProto)
	addProtoFile(root, files)
	set := new(descriptorpb.FileDescriptorSet)
	for _, path := range slices.Sorted(maps.Keys(files)) {
		set.File = append(set.File, files[path])
	}
	content, err := proto.MarshalOptions{Deterministic: true}.Marshal(set)
	if err != nil {
		return "", errSchema("ProtoNative", err)
	}
	definition, err := json.Marshal(ProtoNativeSchemaData{
		FileDescriptorSet:      content,
		RootMessageTypeName:    string(descriptor.FullName()),
		RootFileDescriptorName: root.Path(),
	})
	if err != nil {
		return "", errSchema("ProtoNative", err)
	}
	return string(definition), nil
}

func addProtoFile(file protoreflect.FileDescriptor, files map[string]*descriptorpb.FileDescriptorProto) {
	if files[file.Path()] != nil {
		return
	}
	files[file.Path()] = protodesc.ToFileDescriptorProto(file)
	for i := range file.Imports().Len() {
		addProtoFile(file.Imports().Get(i).FileDescriptor, files)
	}
}
