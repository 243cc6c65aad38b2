package pulsartest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	pulsar "github.com/pulsar-rs/pulsar_rs/bindings/go"
)

const topic = "persistent://public/default/orders"

// recorder is a test whose failures are not those of the test that looks at it.
type recorder struct {
	mutex    sync.Mutex
	cleanups []func()
	failures []string
}

func (r *recorder) Helper()           {}
func (r *recorder) Cleanup(do func()) { r.cleanups = append(r.cleanups, do) }
func (r *recorder) Fatalf(format string, args ...interface{}) {
	r.Errorf(format, args...)
}

func (r *recorder) Errorf(format string, args ...interface{}) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

// end ends the test and compares what it reported; each failure has to contain the text.
func (r *recorder) end(t *testing.T, want ...string) {
	t.Helper()
	for i := len(r.cleanups) - 1; i >= 0; i-- {
		r.cleanups[i]()
	}
	ok := len(r.failures) == len(want)
	for i := 0; ok && i < len(want); i++ {
		ok = strings.Contains(r.failures[i], want[i])
	}
	if !ok {
		t.Errorf("reported %q instead of %q", r.failures, want)
	}
}

func payload(text string) *pulsar.ProducerMessage {
	return &pulsar.ProducerMessage{Payload: []byte(text)}
}

func checkPayload(text string) Checker {
	return func(message *pulsar.ProducerMessage) error {
		if string(message.Payload) != text {
			return fmt.Errorf("%q instead of %q", message.Payload, text)
		}
		return nil
	}
}

func TestExpectedMessages(t *testing.T) {
	test, ctx := new(recorder), context.Background()
	producer := NewProducer(test, topic)
	producer.ExpectSendAndSucceed()
	producer.ExpectSendAndSucceed(checkPayload("b"))
	producer.ExpectSendAndFail(pulsar.ErrSendTimeout, checkPayload("c"))
	producer.ExpectSendAndSucceed()
	for i, text := range []string{"a", "b", "c", "d"} {
		id, err := producer.Send(ctx, payload(text))
		if text == "c" {
			if !errors.Is(err, pulsar.ErrSendTimeout) || id != nil {
				t.Error(id, err)
			}
			continue
		}
		if entry := min(i, 2); err != nil || id.EntryID() != int64(entry) {
			t.Error(id, err)
		}
	}
	if sent := producer.Sent(); len(sent) != 3 || string(sent[2].Payload) != "d" || producer.LastSequenceID() != 2 {
		t.Error(sent, producer.LastSequenceID())
	}
	producer.Close()
	if _, err := producer.Send(ctx, payload("e")); !errors.Is(err, pulsar.ErrProducerClosed) || !producer.Closed() {
		t.Error(err)
	}
	test.end(t)
}

func TestUnexpectedMessagesAreReported(t *testing.T) {
	test, ctx := new(recorder), context.Background()
	producer := NewProducer(test, topic)
	if _, err := producer.Send(ctx, payload("a")); err == nil {
		t.Error("it was sent")
	}
	producer.ExpectSendAndSucceed(checkPayload("b"))
	producer.ExpectSendAndSucceed()
	producer.ExpectSendAndFail(pulsar.ErrSendTimeout)
	if _, err := producer.Send(ctx, payload("a")); err == nil {
		t.Error("it was sent")
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := producer.Send(over, payload("a")); !errors.Is(err, pulsar.ErrContextExpired) ||
		!errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	test.end(t, `was not expected: "a"`, `not as expected: "a" instead of "b"`, "2 more messages")
}

func TestFunctionsAreCalledInOrder(t *testing.T) {
	test, ctx := new(recorder), context.Background()
	producer := NewProducer(test, topic)
	var mutex sync.Mutex
	var called []string
	mutex.Lock() // as a program that sends while it holds a lock
	for i := range 100 {
		if i%10 == 3 {
			producer.ExpectSendAndFail(pulsar.ErrSendQueueIsFull)
		} else {
			producer.ExpectSendAndSucceed()
		}
		producer.SendAsync(ctx, payload(fmt.Sprint(i)), func(
			id pulsar.MessageID, message *pulsar.ProducerMessage, err error,
		) {
			mutex.Lock()
			defer mutex.Unlock()
			called = append(called, fmt.Sprint(string(message.Payload), id == nil, err != nil))
		})
	}
	short, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	if err := producer.FlushWithCtx(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	mutex.Unlock()
	if err := producer.Flush(); err != nil {
		t.Error(err)
	}
	for i, got := range called {
		if want := fmt.Sprint(fmt.Sprint(i), i%10 == 3, i%10 == 3); got != want {
			t.Errorf("%s instead of %s", got, want)
		}
	}
	if len(called) != 100 {
		t.Error(len(called))
	}
	test.end(t)
}

// program is what a test would test: it copies a message from one topic to another.
func program(client pulsar.Client) error {
	consumer, err := client.Subscribe(pulsar.ConsumerOptions{
		Topic: topic, SubscriptionName: "s", Schema: pulsar.NewStringSchema(nil),
	})
	if err != nil {
		return err
	}
	defer consumer.Close()
	producer, err := client.CreateProducer(pulsar.ProducerOptions{Topic: "copy", Name: "copier"})
	if err != nil {
		return err
	}
	defer producer.Close()
	for {
		message, err := consumer.Receive(context.Background())
		if err != nil {
			return err
		}
		var text string
		if err := message.GetSchemaValue(&text); err != nil {
			return err
		}
		if _, err := producer.Send(context.Background(), payload(text)); err != nil {
			consumer.Nack(message)
			continue
		}
		if err := consumer.Ack(message); err != nil {
			return err
		}
	}
}

func TestAProgramWithAMockOfAClient(t *testing.T) {
	test := new(recorder)
	client := NewClient(test)
	consumer := client.ExpectSubscribe(topic)
	producer := client.ExpectCreateProducer("copy")
	producer.ExpectSendAndSucceed(checkPayload("a"))
	producer.ExpectSendAndFail(pulsar.ErrSendTimeout, checkPayload("b"))
	producer.ExpectSendAndSucceed(checkPayload("c"))
	done := errors.New("that is all")
	for _, text := range []string{"a", "b", "c"} {
		consumer.YieldMessage(&pulsar.ProducerMessage{Value: text, Schema: pulsar.NewStringSchema(nil)})
	}
	consumer.YieldError(done)
	consumer.ExpectDrained()
	if err := program(client); !errors.Is(err, done) {
		t.Error(err)
	}
	acked, nacked := fmt.Sprint(consumer.Acked()), fmt.Sprint(consumer.Nacked())
	if acked != "[1:0:-1 1:2:-1]" || nacked != "[1:1:-1]" {
		t.Error(acked, nacked)
	}
	if !consumer.Closed() || consumer.Subscription() != "s" || !producer.Closed() || producer.Name() != "copier" {
		t.Error("the mocks do not know what the program did")
	}
	test.end(t)
}

func TestWhatAClientWasNotToldOfIsReported(t *testing.T) {
	test, refused := new(recorder), errors.New("refused")
	client := NewClient(test)
	client.ExpectSubscribeAndFail(topic, refused)
	if err := program(client); !errors.Is(err, refused) {
		t.Error(err)
	}
	if err := program(client); err == nil {
		t.Error("it was subscribed")
	}
	client.ExpectCreateProducer("never")
	client.ExpectCreateReaderAndFail("unread", refused)
	if partitions, err := client.TopicPartitions("t"); err != nil || len(partitions) != 1 {
		t.Error(partitions, err)
	}
	client.SetPartitions("t", "t-0", "t-1")
	if partitions, err := client.TopicPartitions("t"); err != nil || len(partitions) != 2 {
		t.Error(partitions, err)
	}
	client.Close()
	failure := new(pulsar.Error)
	if err := program(client); !errors.As(err, &failure) || failure.Result() != pulsar.AlreadyClosedError {
		t.Error(err)
	}
	test.end(t, "was not expected", `create producer "never"`, `create reader "unread"`)
}

func TestMessagesThatAreLeft(t *testing.T) {
	test, ctx := new(recorder), context.Background()
	consumer, reader := NewConsumer(test, topic), NewReader(test, "read")
	consumer.ExpectAllAcked()
	reader.ExpectDrained()
	for _, text := range []string{"a", "b", "c", "d", "e"} {
		consumer.YieldMessage(payload(text))
		reader.YieldMessage(payload(text))
	}
	for range 4 {
		if _, err := consumer.Receive(ctx); err != nil {
			t.Error(err)
		}
	}
	if err := consumer.AckIDCumulative(pulsar.NewMessageID(1, 1, -1, -1)); err != nil {
		t.Error(err)
	}
	failure := NewError(pulsar.NotConnectedError, "no")
	consumer.FailAcks(failure)
	if err := consumer.AckID(pulsar.NewMessageID(1, 3, -1, -1)); !errors.Is(err, failure) {
		t.Error(err)
	}
	for reader.HasNext() {
		if message, err := reader.Next(ctx); err != nil || string(message.Payload()) == "e" {
			break
		}
	}
	if err := reader.Seek(pulsar.NewMessageID(1, 2, -1, -1)); err != nil {
		t.Error(err)
	}
	test.end(t, `2 messages from "read"`, "1:2:-1", "1:3:-1", "1:4:-1", `1 messages from "`+topic)
}

func TestChannelsOfMessages(t *testing.T) {
	test := new(recorder)
	consumer := NewConsumer(test, topic)
	first := consumer.YieldMessage(&pulsar.ProducerMessage{Payload: []byte("a"), Key: "k", Properties: map[string]string{"p": "v"}})
	consumer.YieldError(errors.New("not for channels"))
	consumer.YieldMessage(payload("b"))
	consumer.Yield(first)
	var got []string
	for message := range consumer.Chan() {
		got = append(got, string(message.Payload())+message.Key())
		if err := message.Ack(message.Message); err != nil {
			t.Error(err)
		}
		if len(got) == 3 {
			message.Close()
			break
		}
	}
	select {
	case <-consumer.Chan():
		t.Error("there are more messages")
	case <-time.After(10 * time.Millisecond):
	}
	if fmt.Sprint(got) != "[ak b ak]" {
		t.Error(got)
	}
	if _, err := consumer.Receive(context.Background()); err == nil {
		t.Error("it is closed, but there was a message")
	}
	test.end(t)
}

func TestReceivingWaits(t *testing.T) {
	test := new(recorder)
	consumer := NewConsumer(test, topic)
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if _, err := consumer.Receive(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	received := make(chan error)
	for range 2 {
		go func() {
			_, err := consumer.Receive(context.Background())
			received <- err
		}()
	}
	consumer.YieldMessage(payload("a"))
	if err := <-received; err != nil {
		t.Error(err)
	}
	consumer.Close()
	consumer.Close()
	if err := <-received; err == nil {
		t.Error("there was a message")
	}
	test.end(t)
}
