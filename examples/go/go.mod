module github.com/pulsar-rs/pulsar_rs/examples/go

go 1.26

require github.com/pulsar-rs/pulsar_rs/bindings/go v0.0.0

replace github.com/pulsar-rs/pulsar_rs/bindings/go => ../../bindings/go
