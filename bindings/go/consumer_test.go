package pulsar

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"
)

func TestRoundtrip(t *testing.T) {
	client, topic := connect(t)
	consumer := subscribe(t, client, topic)
	producer := must(client.CreateProducer(ProducerOptions{Topic: topic}))(t)
	properties := map[string]string{"color": "blue", "größe": "5 µm", "empty": ""}
	before := time.Now().Truncate(time.Millisecond)
	id := must(producer.Send(&ProducerMessage{Payload: []byte("hello\x00there"), Key: "k", Properties: properties}))(t)

	message := must(consumer.Receive(soon(t)))(t)
	check(t, consumer.Ack(message))
	if string(message.Payload()) != "hello\x00there" || message.Key() != "k" || message.ID() != id {
		t.Fatalf("got %+v", message)
	}
	if !maps.Equal(message.Properties(), properties) {
		t.Fatalf("got properties %q", message.Properties())
	}
	if message.Topic() != "persistent://public/default/"+topic {
		t.Fatalf("got topic %s", message.Topic())
	}
	if at := message.PublishTime(); at.Before(before) || at.After(time.Now()) {
		t.Fatalf("published %v, sent at %v", at, before)
	}
	if again := must(DeserializeMessageID(id.Serialize()))(t); again != id || again.String() == "" {
		t.Fatalf("%v became %v", id, again)
	}
	_, err := DeserializeMessageID([]byte("garbage"))
	wants(t, err, ResultInvalidMessage)

	must(producer.Send(&ProducerMessage{}))(t)
	empty := must(consumer.Receive(soon(t)))(t)
	if len(empty.Payload()) != 0 || empty.Key() != "" || len(empty.Properties()) != 0 {
		t.Fatalf("got %+v", empty)
	}
}

func TestReceiveHonoursTheContext(t *testing.T) {
	client, topic := connect(t)
	consumer := subscribe(t, client, topic)
	receive := func(ctx context.Context, wanted error, atLeast time.Duration) {
		t.Helper()
		start := time.Now()
		_, err := consumer.Receive(ctx)
		took := time.Since(start)
		if !errors.Is(err, wanted) || took < atLeast || took > atLeast+bound/10 {
			t.Fatalf("got %v after %v", err, took)
		}
	}
	const short = 120 * time.Millisecond
	timeout, cancel := context.WithTimeout(t.Context(), short)
	defer cancel()
	receive(timeout, context.DeadlineExceeded, short)

	canceled, cancel := context.WithCancel(t.Context())
	defer time.AfterFunc(short, cancel).Stop()
	receive(canceled, context.Canceled, short)
	receive(canceled, context.Canceled, 0)

	// None of these calls took the message of a later one.
	producer := must(client.CreateProducer(ProducerOptions{Topic: topic}))(t)
	id := must(producer.Send(&ProducerMessage{}))(t)
	if message := must(consumer.Receive(soon(t)))(t); message.ID() != id {
		t.Fatalf("got %v instead of %v", message.ID(), id)
	}
}

// Acknowledging one message of a batch leaves the others.
func TestAckOneOfABatch(t *testing.T) {
	const count = 10
	client, topic := connect(t)
	consumer := subscribe(t, client, topic)
	producer := must(client.CreateProducer(ProducerOptions{Topic: topic, BatchingMaxPublishDelay: time.Second}))(t)
	for i := range count {
		producer.SendAsync(&ProducerMessage{Payload: fmt.Append(nil, i)}, func(_ MessageID, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	check(t, producer.Flush())
	for i := range count {
		message := must(consumer.Receive(soon(t)))(t)
		if i == 3 {
			check(t, consumer.Ack(message))
		}
	}
	check(t, consumer.Close())

	consumer = subscribe(t, client, topic)
	left := map[string]bool{}
	for len(left) < count-1 {
		message := must(consumer.Receive(soon(t)))(t)
		if text := string(message.Payload()); text != "3" {
			left[text] = true
		}
		check(t, consumer.Ack(message))
	}
}
