package pulsar

import (
	"fmt"
	"strconv"
	"sync"
	"testing"
)

func TestAsyncSendsCompleteInOrder(t *testing.T) {
	const count = 10000
	client, topic := connect(t)
	consumer := subscribe(t, client, topic)
	producer := must(client.CreateProducer(ProducerOptions{Topic: topic}))(t)
	// Callbacks come one after the other, and Flush returns behind the last: no lock.
	var ids []MessageID
	for i := range count {
		number := strconv.Itoa(i)
		producer.SendAsync(&ProducerMessage{Payload: []byte(number)}, func(id MessageID, err error) {
			if err != nil || len(ids) != i {
				t.Errorf("outcome %d came to message %d: %v", len(ids), i, err)
			}
			ids = append(ids, id)
		})
	}
	check(t, producer.Flush())
	if len(ids) != count {
		t.Fatalf("%d outcomes for %d messages", len(ids), count)
	}
	for i := range count {
		message := must(consumer.Receive(soon(t)))(t)
		if string(message.Payload()) != strconv.Itoa(i) || message.ID() != ids[i] {
			t.Fatalf("got %s %v instead of %d %v", message.Payload(), message.ID(), i, ids[i])
		}
	}
}

func TestManyGoroutinesSend(t *testing.T) {
	const count = 1000
	client, topic := connect(t)
	consumer := subscribe(t, client, topic)
	producer := must(client.CreateProducer(ProducerOptions{Topic: topic}))(t)
	var sending sync.WaitGroup
	for i := range count {
		sending.Go(func() {
			if _, err := producer.Send(&ProducerMessage{Payload: fmt.Append(nil, i)}); err != nil {
				t.Error(err)
			}
		})
	}
	sending.Wait()
	received := map[string]bool{}
	for range count {
		received[string(must(consumer.Receive(soon(t)))(t).Payload())] = true
	}
	if len(received) != count {
		t.Fatalf("%d different messages of %d", len(received), count)
	}
}

func TestRefusedMessages(t *testing.T) {
	client, topic := connect(t)
	producer := must(client.CreateProducer(ProducerOptions{Topic: topic}))(t)
	huge := &ProducerMessage{Payload: make([]byte, 6<<20)}
	_, err := producer.Send(huge)
	wants(t, err, ResultMessageTooBig)
	_, err = producer.Send(&ProducerMessage{Key: "a\x00b"})
	wants(t, err, ResultInvalidMessage)

	outcomes := make(chan error, 2)
	done := func(_ MessageID, err error) { outcomes <- err }
	producer.SendAsync(huge, done)
	wants(t, <-outcomes, ResultMessageTooBig)
	check(t, producer.Close())
	producer.SendAsync(&ProducerMessage{}, done)
	wants(t, <-outcomes, ResultAlreadyClosed)
}
