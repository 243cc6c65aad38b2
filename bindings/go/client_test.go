package pulsar

import (
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"
)

func TestWrongURL(t *testing.T) {
	_, err := NewClient(ClientOptions{URL: "http//nowhere"})
	wants(t, err, ResultInvalidUrl)
	if !strings.Contains(err.Error(), "new client: InvalidUrl: ") {
		t.Fatal(err)
	}
	_, err = NewClient(ClientOptions{URL: "pulsar://localhost\x00"})
	wants(t, err, ResultInvalidUrl)
}

func TestUnknownNamespace(t *testing.T) {
	client, _ := connect(t)
	_, err := client.CreateProducer(ProducerOptions{Topic: "public/no-such-namespace/t"})
	wants(t, err, ResultTopicNotFound)
	_, err = client.Subscribe(ConsumerOptions{Topic: "public/no-such-namespace/t", SubscriptionName: "s"})
	wants(t, err, ResultTopicNotFound)
}

func TestCloseTwice(t *testing.T) {
	client, topic := connect(t)
	producer := must(client.CreateProducer(ProducerOptions{Topic: topic}))(t)
	consumer := subscribe(t, client, topic)
	for range 2 {
		check(t, producer.Close())
		check(t, consumer.Close())
	}
	_, err := producer.Send(&ProducerMessage{})
	wants(t, err, ResultAlreadyClosed)
	wants(t, producer.Flush(), ResultAlreadyClosed)
	_, err = consumer.Receive(soon(t))
	wants(t, err, ResultAlreadyClosed)
	for range 2 {
		check(t, client.Close())
	}
	_, err = client.CreateProducer(ProducerOptions{Topic: topic})
	wants(t, err, ResultAlreadyClosed)
}

func TestCloseOfTheClientEndsWhatWaits(t *testing.T) {
	client, topic := connect(t)
	producer := must(client.CreateProducer(ProducerOptions{Topic: topic}))(t)
	consumer := subscribe(t, client, topic)
	failed := make(chan error)
	go func() {
		_, err := consumer.Receive(soon(t))
		failed <- err
	}()
	check(t, client.Close())
	wants(t, <-failed, ResultAlreadyClosed)
	check(t, producer.Close())
	check(t, consumer.Close())
}

func TestCloseInACallback(t *testing.T) {
	client, topic := connect(t)
	producer := must(client.CreateProducer(ProducerOptions{Topic: topic}))(t)
	done := make(chan error, 2)
	producer.SendAsync(&ProducerMessage{}, func(_ MessageID, err error) {
		done <- err
		producer.Close()
		done <- client.Close()
	})
	check(t, <-done)
	check(t, <-done)
}

// What is dropped without Close is freed: a client that was not would keep its threads.
func TestDroppedClientsAreFreed(t *testing.T) {
	_, topic := connect(t)
	freed := make(chan struct{})
	func() {
		client := must(NewClient(ClientOptions{URL: serviceURL}))(t)
		producer := must(client.CreateProducer(ProducerOptions{Topic: topic}))(t)
		must(producer.Send(&ProducerMessage{}))(t)
		free := client.handle.free
		client.handle.free = func(pointer unsafe.Pointer) {
			free(pointer)
			close(freed)
		}
	}()
	for deadline := time.Now().Add(bound); time.Now().Before(deadline); {
		runtime.GC()
		select {
		case <-freed:
			return
		case <-time.After(time.Millisecond):
		}
	}
	t.Fatal("the client was not freed")
}
