package pulsar

import (
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pulsar-rs/pulsar_rs/bindings/go/log"
)

// patience is how long a test waits for what has to come.
const patience = 20 * time.Second

var topics atomic.Int64

// uniqueTopic names a topic that no other test has.
func uniqueTopic(name string) string {
	return fmt.Sprintf("go-%s-%d-%d", name, time.Now().UnixNano(), topics.Add(1))
}

// brokerURL is where the tests' broker is.
func brokerURL(t testing.TB) string {
	url := os.Getenv("PULSAR_URL")
	if url == "" {
		t.Fatal("PULSAR_URL is not set: run `make test-go`")
	}
	return url
}

// openClient opens a client for a test, and closes it with that.
func openClient(t testing.TB) Client {
	t.Helper()
	client, err := NewClient(ClientOptions{URL: brokerURL(t), Logger: log.DefaultNopLogger()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// openProducer opens a producer for a test.
func openProducer(t testing.TB, client Client, options ProducerOptions) Producer {
	t.Helper()
	producer, err := client.CreateProducer(options)
	if err != nil {
		t.Fatal(err)
	}
	return producer
}
