// Package goparity holds tests that compare package pulsar with pulsar-client-go: what goes over the wire, and what
// programs and brokers see, has to be the same. It is a module of its own so that the binding does not depend on it.
package goparity

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"testing"

	theirs "github.com/apache/pulsar-client-go/pulsar"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/structpb"

	ours "github.com/pulsar-rs/pulsar_rs/bindings/go"
)

const definition = `{"type":"record","name":"Order","namespace":"shop","fields":[
	{"name":"ID","type":"int"},{"name":"Name","type":["null","string"],"default":null},
	{"name":"Prices","type":{"type":"array","items":"double"}}]}`

type order struct {
	ID     int       `avro:"ID"     json:"ID"`
	Name   *string   `avro:"Name"   json:"Name"`
	Prices []float64 `avro:"Prices" json:"Prices"`
}

// codec is what both packages' schemas have in common.
type codec interface {
	Encode(v interface{}) ([]byte, error)
	Decode(data []byte, v interface{}) error
	Validate(message []byte) error
}

func TestSchemasWriteAndReadTheSameBytes(t *testing.T) {
	name := "straße"
	text, err := structpb.NewStruct(map[string]interface{}{"a": 1, "b": []interface{}{"x", nil, true}})
	if err != nil {
		t.Fatal(err)
	}
	properties := map[string]string{"team": "orders"}
	for _, test := range []struct {
		ours   ours.Schema
		theirs theirs.Schema
		values []interface{}
	}{
		{ours.NewBytesSchema(properties), theirs.NewBytesSchema(properties), []interface{}{[]byte("abc"), []byte{}}},
		{ours.NewStringSchema(properties), theirs.NewStringSchema(properties), []interface{}{"", "a", "straße\x00"}},
		{ours.NewInt8Schema(properties), theirs.NewInt8Schema(properties),
			[]interface{}{int8(0), int8(-1), int8(math.MinInt8), int8(math.MaxInt8)}},
		{ours.NewInt16Schema(properties), theirs.NewInt16Schema(properties),
			[]interface{}{int16(0), int16(-2), int16(258), int16(math.MinInt16)}},
		{ours.NewInt32Schema(properties), theirs.NewInt32Schema(properties),
			[]interface{}{int32(0), int32(-2), int32(0x01020304), int32(math.MinInt32)}},
		{ours.NewInt64Schema(properties), theirs.NewInt64Schema(properties),
			[]interface{}{int64(0), int64(-2), int64(0x0102030405060708), int64(math.MinInt64)}},
		{ours.NewFloatSchema(properties), theirs.NewFloatSchema(properties),
			[]interface{}{float32(0), float32(-1.5), float32(math.Inf(1)), 2.5, 7, int32(-3), int64(1 << 40)}},
		{ours.NewDoubleSchema(properties), theirs.NewDoubleSchema(properties),
			[]interface{}{0.0, -1.5, math.MaxFloat64, float32(2.5), 7, int32(-3), int64(1 << 62)}},
		{ours.NewJSONSchema(definition, properties), theirs.NewJSONSchema(definition, properties),
			[]interface{}{order{ID: 1, Name: &name, Prices: []float64{1, 2.5}}, order{}}},
		{ours.NewAvroSchema(definition, properties), theirs.NewAvroSchema(definition, properties),
			[]interface{}{order{ID: 1, Name: &name, Prices: []float64{1, 2.5}}, order{ID: -7}}},
		{ours.NewProtoSchema(definition, properties), theirs.NewProtoSchema(definition, properties),
			[]interface{}{&descriptorpb.EnumValueDescriptorProto{Name: &name, Number: proto.Int32(3)}}},
		{ours.NewProtoNativeSchemaWithMessage(text, properties),
			theirs.NewProtoNativeSchemaWithMessage(text, properties), []interface{}{structpb.NewStringValue("x")}},
	} {
		own, other := test.ours.GetSchemaInfo(), test.theirs.GetSchemaInfo()
		t.Run(other.Name, func(t *testing.T) {
			if own.Name != other.Name || int(own.Type) != int(other.Type) || !reflect.DeepEqual(own.Properties, properties) {
				t.Errorf("%s %d %v; pulsar-client-go has %s %d", own.Name, own.Type, own.Properties, other.Name, other.Type)
			}
			sameDefinition(t, own.Schema, other.Schema)
			for _, value := range test.values {
				sameBytes(t, test.ours, test.theirs, value)
			}
		})
	}
}

// sameDefinition compares protobuf's by content: pulsar-client-go writes its files in no order.
func sameDefinition(t *testing.T, own, other string) {
	var a, b ours.ProtoNativeSchemaData
	if json.Unmarshal([]byte(other), &b) != nil || b.RootMessageTypeName == "" {
		if own != other {
			t.Errorf("%s; pulsar-client-go has %s", own, other)
		}
		return
	}
	if err := json.Unmarshal([]byte(own), &a); err != nil {
		t.Fatal(err)
	}
	files := func(data []byte) map[string]string {
		set := new(descriptorpb.FileDescriptorSet)
		if err := proto.Unmarshal(data, set); err != nil {
			t.Fatal(err)
		}
		byName := make(map[string]string)
		for _, file := range set.File {
			byName[file.GetName()] = file.String()
		}
		return byName
	}
	if !reflect.DeepEqual(files(a.FileDescriptorSet), files(b.FileDescriptorSet)) ||
		a.RootMessageTypeName != b.RootMessageTypeName || a.RootFileDescriptorName != b.RootFileDescriptorName {
		t.Errorf("%s; pulsar-client-go has %s", own, other)
	}
}

func sameBytes(t *testing.T, own, other codec, value interface{}) {
	a, err := own.Encode(value)
	b, otherErr := other.Encode(value)
	if err != nil || otherErr != nil {
		t.Fatalf("%v: %v; pulsar-client-go says %v", value, err, otherErr)
	}
	if !bytes.Equal(a, b) {
		t.Fatalf("%v: %x; pulsar-client-go writes %x", value, a, b)
	}
	if err := own.Validate(b); err != nil {
		t.Errorf("%v: %v", value, err)
	}
	// A pointer to a value of the type, and for strings a pointer to a pointer, which is what pulsar-client-go takes.
	kind := reflect.TypeOf(value)
	if message, ok := value.(proto.Message); ok {
		x, y := proto.Clone(message), proto.Clone(message)
		proto.Reset(x)
		proto.Reset(y)
		if err, otherErr := own.Decode(b, x), other.Decode(b, y); err != nil || otherErr != nil {
			t.Fatalf("%v: %v; pulsar-client-go says %v", value, err, otherErr)
		}
		if !proto.Equal(x, y) || !proto.Equal(x, message) {
			t.Errorf("%v: %v; pulsar-client-go reads %v", value, x, y)
		}
		return
	}
	switch other.(type) {
	case *theirs.StringSchema:
		kind = reflect.TypeFor[*string]()
	case *theirs.FloatSchema:
		kind = reflect.TypeFor[float32]()
	case *theirs.DoubleSchema:
		kind = reflect.TypeFor[float64]()
	}
	x, y := reflect.New(kind), reflect.New(kind)
	if err, otherErr := own.Decode(b, x.Interface()), other.Decode(b, y.Interface()); err != nil || otherErr != nil {
		t.Fatalf("%v: %v; pulsar-client-go says %v", value, err, otherErr)
	}
	if !reflect.DeepEqual(x.Interface(), y.Interface()) {
		t.Errorf("%v: %v; pulsar-client-go reads %v", value, x.Elem(), y.Elem())
	}
}

func TestWhatSchemasRefuse(t *testing.T) {
	for _, test := range []struct {
		ours   ours.Schema
		theirs theirs.Schema
		value  interface{}
	}{
		{ours.NewFloatSchema(nil), theirs.NewFloatSchema(nil), 1<<24 + 1},
		{ours.NewFloatSchema(nil), theirs.NewFloatSchema(nil), "1"},
		{ours.NewDoubleSchema(nil), theirs.NewDoubleSchema(nil), 1<<53 + 1},
		{ours.NewDoubleSchema(nil), theirs.NewDoubleSchema(nil), uint8(1)},
		{ours.NewAvroSchema(definition, nil), theirs.NewAvroSchema(definition, nil), 5},
	} {
		_, err := test.ours.Encode(test.value)
		_, otherErr := test.theirs.Encode(test.value)
		if !errors.Is(err, ours.ErrSchema) || otherErr == nil {
			t.Errorf("%T %v: %v; pulsar-client-go says %v", test.ours, test.value, err, otherErr)
		}
	}
	// Where pulsar-client-go panics.
	for schema, value := range map[ours.Schema]interface{}{
		ours.NewBytesSchema(nil):             "text",
		ours.NewStringSchema(nil):            []byte("text"),
		ours.NewInt8Schema(nil):              1,
		ours.NewInt16Schema(nil):             int32(1),
		ours.NewInt32Schema(nil):             1,
		ours.NewInt64Schema(nil):             1,
		ours.NewProtoSchema(definition, nil): order{},
		ours.NewJSONSchema(definition, nil):  make(chan int),
		ours.NewFloatSchema(nil):             nil,
		ours.NewProtoNativeSchemaWithMessage(structpb.NewNullValue(), nil): 1,
	} {
		if data, err := schema.Encode(value); !errors.Is(err, ours.ErrSchema) {
			t.Errorf("%T %v: %x, %v", schema, value, data, err)
		}
	}
	for schema, payload := range map[ours.Schema]string{
		ours.NewInt8Schema(nil):              "ab",
		ours.NewInt16Schema(nil):             "a",
		ours.NewInt32Schema(nil):             "abc",
		ours.NewInt64Schema(nil):             "abcdefg",
		ours.NewFloatSchema(nil):             "abc",
		ours.NewDoubleSchema(nil):            "abcdefg",
		ours.NewJSONSchema(definition, nil):  "{",
		ours.NewAvroSchema(definition, nil):  "",
		ours.NewProtoSchema(definition, nil): "\x0a\x05a",
	} {
		if err := schema.Validate([]byte(payload)); err == nil {
			t.Errorf("%T takes %q", schema, payload)
		}
	}
}

func TestSchemasByType(t *testing.T) {
	for kind := ours.SchemaType(-5); kind < 25; kind++ {
		for _, data := range []string{definition} {
			if kind == ours.KeyValue || kind == ours.BOOLEAN {
				continue
			}
			schema, err := ours.NewSchema(kind, []byte(data), map[string]string{"a": "b"})
			other, otherErr := theirs.NewSchema(theirs.SchemaType(kind), []byte(data), map[string]string{"a": "b"})
			if (err == nil) != (otherErr == nil) {
				t.Fatalf("%d: %v; pulsar-client-go says %v", kind, err, otherErr)
			}
			if err != nil {
				continue
			}
			own, info := schema.GetSchemaInfo(), other.GetSchemaInfo()
			if own.Name != info.Name || own.Schema != info.Schema || int(own.Type) != int(info.Type) {
				t.Errorf("%d: %v; pulsar-client-go has %v", kind, own, info)
			}
		}
	}
	if schema, err := ours.NewSchema(ours.AVRO, []byte("no schema"), nil); schema != nil || !errors.Is(err, ours.ErrSchema) {
		t.Errorf("%v, %v", schema, err)
	}
}

func TestPrimitives(t *testing.T) {
	var a, b bytes.Buffer
	values := []interface{}{int8(-3), int16(-300), int32(70000), int64(-1 << 40), true, false, uint16(513), float64(1.5)}
	if err := ours.WriteElements(&a, values...); err != nil {
		t.Fatal(err)
	}
	if err := theirs.WriteElements(&b, values...); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Fatalf("%x; pulsar-client-go writes %x", a.Bytes(), b.Bytes())
	}
	read := make([]interface{}, len(values))
	for i, value := range values {
		read[i] = reflect.New(reflect.TypeOf(value)).Interface()
	}
	if err := ours.ReadElements(&b, read...); err != nil {
		t.Fatal(err)
	}
	for i, value := range values {
		if got := reflect.ValueOf(read[i]).Elem().Interface(); got != value {
			t.Errorf("%v was read as %v", value, got)
		}
	}
	if err := ours.ReadElements(bytes.NewReader([]byte{1}), new(int16)); err == nil {
		t.Error("one byte is an int16")
	}
}
