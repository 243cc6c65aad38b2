package pulsar_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/pulsar-rs/pulsar_rs/bindings/go"
	"github.com/pulsar-rs/pulsar_rs/bindings/go/log"
	"github.com/pulsar-rs/pulsar_rs/bindings/go/pulsartest"
)

func clientOf(t *testing.T, broker *pulsartest.Broker) pulsar.Client {
	t.Helper()
	client, err := pulsar.NewClient(pulsar.ClientOptions{URL: broker.URL(), Logger: log.DefaultNopLogger()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func send(t *testing.T, client pulsar.Client, topic string, count int) {
	t.Helper()
	producer, err := client.CreateProducer(pulsar.ProducerOptions{Topic: topic})
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	for range count {
		producer.SendAsync(t.Context(), &pulsar.ProducerMessage{Payload: []byte("x")},
			func(_ pulsar.MessageID, _ *pulsar.ProducerMessage, err error) {
				if err != nil {
					t.Error(err)
				}
			})
	}
	if err := producer.Flush(); err != nil {
		t.Fatal(err)
	}
}

func receive(t *testing.T, consumer pulsar.Consumer) pulsar.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	message, err := consumer.Receive(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return message
}

func TestBrokersTellWhereMessagesStand(t *testing.T) {
	broker := pulsartest.Start(t)
	broker.SetEntryMetadata(true)
	client := clientOf(t, broker)
	begin := time.Now().Add(-time.Second)
	send(t, client, "counted", 50)
	consumer, err := client.Subscribe(pulsar.ConsumerOptions{
		Topic: "counted", SubscriptionName: "s", SubscriptionInitialPosition: pulsar.SubscriptionPositionEarliest,
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(50) {
		message := receive(t, consumer)
		index, stored := message.Index(), message.BrokerPublishTime()
		if index == nil || *index != i || stored == nil || stored.Before(begin) {
			t.Fatalf("message %d has index %v and was stored at %v", i, index, stored)
		}
	}
}

// Messages live as long as somebody has one, and consumers as long as somebody has them or waits.
func TestForgottenConsumersAreClosed(t *testing.T) {
	broker := pulsartest.Start(t)
	client := clientOf(t, broker)
	options := pulsar.ConsumerOptions{
		Topic: "forgotten", SubscriptionName: "s", SubscriptionInitialPosition: pulsar.SubscriptionPositionEarliest,
	}
	send(t, client, options.Topic, 1)
	send(t, client, options.Topic, 1)
	consumer, err := client.Subscribe(options)
	if err != nil {
		t.Fatal(err)
	}
	message := receive(t, consumer)
	for range 3 {
		runtime.GC()
	}
	if err := consumer.Ack(message); err != nil {
		t.Fatal(err)
	}
	consumer = nil
	for begin := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		runtime.GC()
		// Exclusive: only when the first one is gone.
		if consumer, err = client.Subscribe(options); err == nil {
			break
		}
		if time.Since(begin) > 20*time.Second {
			t.Fatalf("the consumer is not closed: %v", err)
		}
	}
	if string(message.Payload()) != "x" {
		t.Errorf("the message is %q", message.Payload())
	}
	// Its acknowledgement has not got lost.
	if next := receive(t, consumer); next.ID().String() == message.ID().String() {
		t.Errorf("message %s comes again", next.ID())
	}
	consumer.Close()
}
