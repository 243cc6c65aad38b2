package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestDifferencesAreFound(t *testing.T) {
	theirs := map[string]string{
		"pulsar.Same": "func()", "pulsar.Gone": "func()", "pulsar.Other": "const int = 1",
		"pulsar.T": "type struct A B", "pulsar.T.A": "field int", "pulsar.T.B": "field int",
		"pulsar.T.P": "method of the pointer func()", "pulsar.T.V": "method func()",
		"pulsar/log.Lost": "type struct A", "pulsar/log.Lost.A": "field int",
	}
	ours := map[string]string{
		"pulsar.Same": "func()", "pulsar.Other": "const int = 2", "pulsar.T": "type struct A B",
		"pulsar.T.A": "field string", "pulsar.T.C": "method func()",
		"pulsar.T.P": "method func()", "pulsar.T.V": "method of the pointer func()",
		"pulsar/auth.New": "type struct A", "pulsar/auth.New.A": "field int",
	}
	got := slices.Sorted(maps.Keys(compare(ours, theirs)))
	want := []string{
		"added pulsar.T.C", "added pulsar/auth.New", "different pulsar.Other", "different pulsar.T.A",
		"different pulsar.T.V",
		"missing pulsar.Gone", "missing pulsar.T.B", "missing pulsar/log.Lost",
	}
	if !slices.Equal(got, want) {
		t.Error(got)
	}
	if count := same(ours, theirs); count != 3 {
		t.Error(count)
	}
}

func TestEveryExceptionHasAReason(t *testing.T) {
	path := filepath.Join(t.TempDir(), "list")
	for text, want := range map[string]int{
		"# none\n": 0,
		"missing pulsar.A\n    because\n    of this\n\nadded pulsar.B\n    why not\n": 2,
		"missing pulsar.A\nadded pulsar.B\n    why not\n":                             -1,
		"missing pulsar.A\n    a\nmissing pulsar.A\n    b\n":                          -1,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		exceptions, err := readExceptions(path)
		if (err != nil) != (want < 0) || err == nil && len(exceptions) != want {
			t.Errorf("%q: %v %v", text, exceptions, err)
		}
	}
}
