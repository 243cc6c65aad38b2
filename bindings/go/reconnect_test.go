package pulsar_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	pulsar "github.com/pulsar-rs/pulsar_rs/bindings/go"
	"github.com/pulsar-rs/pulsar_rs/bindings/go/backoff"
	"github.com/pulsar-rs/pulsar_rs/bindings/go/log"
	"github.com/pulsar-rs/pulsar_rs/bindings/go/pulsartest"
)

// counted is a policy that counts what it is asked.
type counted struct{ asked *atomic.Int64 }

func (c counted) Next() time.Duration {
	c.asked.Add(1)
	return time.Millisecond
}
func (counted) IsMaxBackoffReached() bool { return false }
func (counted) Reset()                    {}

func TestProgramsDecideHowToComeBack(t *testing.T) {
	broker := pulsartest.Start(t)
	client, err := pulsar.NewClient(pulsar.ClientOptions{URL: broker.URL(), Logger: log.DefaultNopLogger()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var policies, asked atomic.Int64
	policy := func() backoff.Policy {
		policies.Add(1)
		return counted{&asked}
	}
	producer, err := client.CreateProducer(pulsar.ProducerOptions{Topic: "policy", BackOffPolicyFunc: policy})
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := client.Subscribe(pulsar.ConsumerOptions{
		Topic: "policy", SubscriptionName: "sub", BackOffPolicyFunc: policy,
	})
	if err != nil {
		t.Fatal(err)
	}
	reader, err := client.CreateReader(pulsar.ReaderOptions{
		Topic: "policy", StartMessageID: pulsar.EarliestMessageID(), BackoffPolicyFunc: policy,
	})
	if err != nil {
		t.Fatal(err)
	}
	never := uint(0)
	giving, err := client.CreateProducer(pulsar.ProducerOptions{Topic: "policy", MaxReconnectToBroker: &never})
	if err != nil {
		t.Fatal(err)
	}
	broker.DropConnections()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if _, err := producer.Send(ctx, &pulsar.ProducerMessage{Payload: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	if _, err := consumer.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Next(ctx); err != nil {
		t.Fatal(err)
	}
	if policies.Load() != 3 || asked.Load() < 3 {
		t.Fatalf("%d policies were asked %d times", policies.Load(), asked.Load())
	}
	_, err = giving.Send(ctx, &pulsar.ProducerMessage{Payload: []byte("x")})
	if own := (*pulsar.Error)(nil); !errors.As(err, &own) || own.Result() != pulsar.NotConnectedError {
		t.Fatalf("a producer that has given up: %v", err)
	}
}
