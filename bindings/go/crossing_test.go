package pulsar

import (
	"context"
	"runtime"
	"testing"
)

// Messages cross to the library and back together. How many calls that takes depends on how fast the broker is: the limits
// here leave room for a busy machine.
func TestFewCallsIntoC(t *testing.T) {
	const count = 200_000
	client := openClient(t)
	topic := uniqueTopic("crossing")
	consumer, err := client.Subscribe(ConsumerOptions{
		Topic: topic, SubscriptionName: "sub", SubscriptionInitialPosition: SubscriptionPositionEarliest,
	})
	if err != nil {
		t.Fatal(err)
	}
	producer := openProducer(t, client, ProducerOptions{Topic: topic, MaxPendingMessages: 10000})
	perMillion := func(what string, limit int64, run func()) {
		before := runtime.NumCgoCall()
		run()
		calls := (runtime.NumCgoCall() - before) * 1_000_000 / count
		t.Logf("%s: %d calls into C per million messages", what, calls)
		if calls > limit {
			t.Errorf("%s takes more than %d", what, limit)
		}
	}
	message := &ProducerMessage{Payload: make([]byte, 64)}
	// The producer's calls alone: nothing is asked for yet that the consumer was not sent.
	perMillion("sending", 10_000, func() {
		for range count {
			producer.SendAsync(context.Background(), message, nil)
		}
		if err := producer.Flush(); err != nil {
			t.Fatal(err)
		}
	})
	perMillion("receiving and acknowledging", 15_000, func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		for range count {
			message, err := consumer.Receive(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if err := consumer.Ack(message); err != nil {
				t.Fatal(err)
			}
		}
		consumer.Close()
	})
}
