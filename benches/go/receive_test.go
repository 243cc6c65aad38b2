package bench

import (
	"context"
	"testing"

	native "github.com/apache/pulsar-client-go/pulsar"
	ours "github.com/pulsar-rs/pulsar_rs/bindings/go"
)

// receivings receive and acknowledge b.N messages, one after the other, and close the consumer.
var receivings = []struct {
	name string
	run  func(b *testing.B, topic string, size int)
}{{"pulsar_rs", receiveOurs}, {"pulsar-client-go", receiveNative}}

// BenchmarkReceiveAck receives one message after the other, and acknowledges each.
func BenchmarkReceiveAck(b *testing.B) {
	for _, p := range payloads {
		for _, r := range receivings {
			b.Run(p.name+"/"+r.name, func(b *testing.B) {
				topic := uniqueTopic()
				fill(b, topic, p.payload)
				r.run(b, topic, len(p.payload))
			})
		}
	}
}

const subscription = "bench"

// fill sends b.N messages for a subscription.
func fill(b *testing.B, topic string, payload []byte) {
	b.Helper()
	b.StopTimer()
	client, err := ours.NewClient(ours.ClientOptions{URL: brokerURL(b)})
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	// What is subscribed is kept until it is acknowledged.
	consumer, err := client.Subscribe(ours.ConsumerOptions{Topic: topic, SubscriptionName: subscription})
	if err != nil {
		b.Fatal(err)
	}
	consumer.Close()
	producer, err := client.CreateProducer(ours.ProducerOptions{Topic: topic, MaxPendingMessages: maxPending})
	if err != nil {
		b.Fatal(err)
	}
	defer producer.Close()
	ctx, message := context.Background(), &ours.ProducerMessage{Payload: payload}
	for range b.N {
		producer.SendAsync(ctx, message, func(_ ours.MessageID, _ *ours.ProducerMessage, err error) {
			if err != nil {
				panic(err)
			}
		})
	}
	if err := producer.Flush(); err != nil {
		b.Fatal(err)
	}
}

func receiveOurs(b *testing.B, topic string, size int) {
	client, err := ours.NewClient(ours.ClientOptions{URL: brokerURL(b)})
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	consumer, err := client.Subscribe(ours.ConsumerOptions{Topic: topic, SubscriptionName: subscription})
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	b.StartTimer()
	m := begin(b)
	for range b.N {
		message, err := consumer.Receive(ctx)
		if err != nil {
			b.Fatal(err)
		}
		if len(message.Payload()) != size {
			b.Fatalf("a message has %d bytes", len(message.Payload()))
		}
		if err := consumer.Ack(message); err != nil {
			b.Fatal(err)
		}
	}
	consumer.Close()
	m.end(b)
}

func receiveNative(b *testing.B, topic string, size int) {
	client, err := native.NewClient(native.ClientOptions{URL: brokerURL(b)})
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	consumer, err := client.Subscribe(native.ConsumerOptions{Topic: topic, SubscriptionName: subscription})
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	b.StartTimer()
	m := begin(b)
	for range b.N {
		message, err := consumer.Receive(ctx)
		if err != nil {
			b.Fatal(err)
		}
		if len(message.Payload()) != size {
			b.Fatalf("a message has %d bytes", len(message.Payload()))
		}
		if err := consumer.Ack(message); err != nil {
			b.Fatal(err)
		}
	}
	consumer.Close()
	m.end(b)
}
