package pulsar

import "testing"

func TestSchemaInfosWithTheSameDefinitionHaveTheSameHash(t *testing.T) {
	a, b := SchemaInfo{Name: "a", Schema: `"int"`}, SchemaInfo{Name: "b", Schema: `"int"`}
	if c := (SchemaInfo{Schema: `"long"`}); a.hash() != b.hash() || a.hash() == c.hash() {
		t.Errorf("%d %d %d", a.hash(), b.hash(), c.hash())
	}
}

func TestSchemasDecodeToWhatProgramsHave(t *testing.T) {
	var text string
	var inside interface{}
	var number int32
	var unsigned uint32
	for _, test := range []struct {
		schema Schema
		data   string
		target interface{}
	}{
		{NewStringSchema(nil), "abc", &text},
		{NewStringSchema(nil), "abc", &inside},
		{NewInt32Schema(nil), "\x02\x01\x00\x00", &number},
		{NewInt32Schema(nil), "\x02\x01\x00\x00", &unsigned},
	} {
		if err := test.schema.Decode([]byte(test.data), test.target); err != nil {
			t.Errorf("%T: %v", test.target, err)
		}
	}
	if pointer, ok := inside.(*string); text != "abc" || !ok || *pointer != "abc" || number != 258 || unsigned != 258 {
		t.Errorf("%q %v %d %d", text, inside, number, unsigned)
	}
	for _, target := range []interface{}{nil, (*string)(nil), new(int), text} {
		if err := NewStringSchema(nil).Decode([]byte("abc"), target); err == nil {
			t.Errorf("a string was written to a %T", target)
		}
		if err := NewBytesSchema(nil).Decode([]byte("abc"), target); err == nil {
			t.Errorf("bytes were written to a %T", target)
		}
		if err := NewDoubleSchema(nil).Decode([]byte("12345678"), target); err == nil {
			t.Errorf("a double was written to a %T", target)
		}
	}
}

func TestSchemasThatAreNonePanic(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("the definition is no schema, but there was no panic")
		}
	}()
	NewAvroSchema("no schema", nil)
}
