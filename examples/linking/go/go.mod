module example.com/pulsar-example

go 1.24
