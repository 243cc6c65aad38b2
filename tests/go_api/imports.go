//go:build tools

package main

// What the program loads, for `go mod tidy`.
import (
	_ "github.com/apache/pulsar-client-go/pulsar"
	_ "github.com/pulsar-rs/pulsar_rs/bindings/go"
)
