module github.com/pulsar-rs/pulsar_rs/bindings/go

go 1.26
