package goparity

import (
	"fmt"
	"testing"
	"time"

	theirs "github.com/apache/pulsar-client-go/pulsar"
	theirlog "github.com/apache/pulsar-client-go/pulsar/log"
	"github.com/prometheus/client_golang/prometheus"

	ours "github.com/pulsar-rs/pulsar_rs/bindings/go"
	ourlog "github.com/pulsar-rs/pulsar_rs/bindings/go/log"
	"github.com/pulsar-rs/pulsar_rs/bindings/go/pulsartest"
)

// clients are one of each package, connected to the same broker.
func clients(t *testing.T, url string) (ours.Client, theirs.Client) {
	t.Helper()
	own, err := ours.NewClient(ours.ClientOptions{
		URL: url, Logger: ourlog.DefaultNopLogger(), MetricsRegisterer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(own.Close)
	other, err := theirs.NewClient(theirs.ClientOptions{
		URL: url, Logger: theirlog.DefaultNopLogger(), MetricsRegisterer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Close)
	return own, other
}

// A key has to stay in its partition when a program changes the library, or messages of a key change their order.
func TestMessagesWithKeysGoToTheSamePartitions(t *testing.T) {
	broker := pulsartest.Start(t)
	broker.CreateTopic("parts", 7)
	own, other := clients(t, broker.URL())
	for _, hashing := range []int{int(ours.JavaStringHash), int(ours.Murmur3_32Hash)} {
		a, err := own.CreateProducer(ours.ProducerOptions{
			Topic: "parts", HashingScheme: ours.HashingScheme(hashing), BatchingMaxPublishDelay: time.Millisecond,
		})
		if err != nil {
			t.Fatal(err)
		}
		b, err := other.CreateProducer(theirs.ProducerOptions{
			Topic: "parts", HashingScheme: theirs.HashingScheme(hashing), BatchingMaxPublishDelay: time.Millisecond,
		})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 60 {
			key, ordering := fmt.Sprintf("customer-%d-äöü", i*i*i), ""
			if i%3 == 0 {
				ordering = fmt.Sprint("order", i)
			}
			if i%6 == 0 {
				key = ""
			}
			first, err := a.Send(t.Context(), &ours.ProducerMessage{Payload: []byte("x"), Key: key, OrderingKey: ordering})
			if err != nil {
				t.Fatal(err)
			}
			second, err := b.Send(t.Context(), &theirs.ProducerMessage{Payload: []byte("x"), Key: key, OrderingKey: ordering})
			if err != nil {
				t.Fatal(err)
			}
			if first.PartitionIdx() != second.PartitionIdx() {
				t.Errorf("hashing %d, key %q, ordering key %q: partition %d; pulsar-client-go sends to %d", hashing, key, ordering,
					first.PartitionIdx(), second.PartitionIdx())
			}
		}
		a.Close()
		b.Close()
	}
}
