package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestThePackagesAreCurrent(t *testing.T) {
	files, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range files {
		stored, err := os.ReadFile(filepath.Join("..", "..", path))
		if err != nil {
			t.Error(err)
		} else if !bytes.Equal(stored, content) {
			t.Errorf("%s is not current: run `go generate` in bindings/go/alias", path)
		}
	}
}
