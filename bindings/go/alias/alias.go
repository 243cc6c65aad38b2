// Package alias is the root of a module that has the path of pulsar-client-go and holds the types of pulsar_rs: with
//
//	replace github.com/apache/pulsar-client-go => PATH/bindings/go/alias
//
// in its go.mod a program uses pulsar_rs without a change to its source. The packages pulsar, pulsar/auth,
// pulsar/backoff, pulsar/crypto and pulsar/log are generated and have no documentation of their own: see those of
// github.com/pulsar-rs/pulsar_rs/bindings/go.
package alias

//go:generate go run ./internal/generate
