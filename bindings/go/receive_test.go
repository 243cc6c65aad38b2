package pulsar

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func testClient(t testing.TB) Client { return openClient(t) }

func testTopic(word string) string {
	return fmt.Sprintf("persistent://public/default/%s-%d", word, rand.Uint64())
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func limited(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func testProducer(t testing.TB, client Client, options ProducerOptions) Producer {
	t.Helper()
	producer, err := client.CreateProducer(options)
	must(t, err)
	t.Cleanup(producer.Close)
	return producer
}

func testConsumer(t testing.TB, client Client, options ConsumerOptions) Consumer {
	t.Helper()
	if options.SubscriptionName == "" {
		options.SubscriptionName = "s"
	}
	options.SubscriptionInitialPosition = SubscriptionPositionEarliest
	consumer, err := client.Subscribe(options)
	must(t, err)
	t.Cleanup(consumer.Close)
	return consumer
}

// sendNumbers sends the numbers from first on, each with its text as key and property.
func sendNumbers(t testing.TB, producer Producer, first, count int) {
	t.Helper()
	failed := make(chan error, count)
	for i := range count {
		text := strconv.Itoa(first + i)
		producer.SendAsync(context.Background(), &ProducerMessage{
			Payload: []byte(text), Key: "k" + text, Properties: map[string]string{"number": text, "empty": ""},
			EventTime: time.UnixMilli(int64(1000 + first + i)),
		}, func(_ MessageID, _ *ProducerMessage, err error) { failed <- err })
	}
	must(t, producer.Flush())
	for range count {
		must(t, <-failed)
	}
}

func receiveOne(t testing.TB, consumer Consumer) Message {
	t.Helper()
	m, err := consumer.Receive(limited(t))
	must(t, err)
	return m
}

func receiveNumbers(t testing.TB, consumer Consumer, first, count int) []Message {
	t.Helper()
	messages := make([]Message, count)
	for i := range messages {
		messages[i] = receiveOne(t, consumer)
		if got, want := string(messages[i].Payload()), strconv.Itoa(first+i); got != want {
			t.Fatalf("message %d is %q instead of %q", i, got, want)
		}
	}
	return messages
}

// receiveNothing checks that no message is there for a while.
func receiveNothing(t testing.TB, consumer Consumer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if m, err := consumer.Receive(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("there is a message %v or another error: %v", m, err)
	}
}

func isResult(t testing.TB, err error, result Result) {
	t.Helper()
	var failure *Error
	if !errors.As(err, &failure) || failure.Result() != result {
		t.Fatalf("the error is not %v but %v", resultName(result), err)
	}
}

func TestMessagesComeAsTheyWereSent(t *testing.T) {
	client := testClient(t)
	for _, batching := range []bool{true, false} {
		topic := testTopic("seen")
		producer := testProducer(t, client, ProducerOptions{Topic: topic, Name: "source" + topic, DisableBatching: !batching})
		consumer := testConsumer(t, client, ConsumerOptions{Topic: topic})
		begin := time.Now()
		sendNumbers(t, producer, 0, 100)
		for i, m := range receiveNumbers(t, consumer, 0, 100) {
			text := strconv.Itoa(i)
			id := m.ID()
			properties := m.Properties()
			switch {
			case m.Key() != "k"+text, m.OrderingKey() != "":
				t.Fatalf("keys are %q and %q", m.Key(), m.OrderingKey())
			case len(properties) != 2 || properties["number"] != text || properties["empty"] != "":
				t.Fatalf("properties are %v", properties)
			case m.EventTime() != time.UnixMilli(int64(1000+i)):
				t.Fatalf("the event was at %v", m.EventTime())
			case m.PublishTime().Before(begin.Add(-time.Second)) || m.PublishTime().After(time.Now().Add(time.Second)):
				t.Fatalf("it was published at %v", m.PublishTime())
			case m.Topic() != topic, id.(TopicMessageID).Topic() != topic:
				t.Fatalf("the topic is %s", m.Topic())
			case m.ProducerName() != "source"+topic:
				t.Fatalf("the producer is %q", m.ProducerName())
			case m.IsReplicated(), m.GetReplicatedFrom() != "", m.RedeliveryCount() != 0, m.GetEncryptionContext() != nil:
				t.Fatal("it is replicated, delivered again or encrypted")
			// Brokers tell it when they are set up to.
			case m.Index() != nil && *m.Index() != uint64(i), m.BrokerPublishTime() != nil:
				t.Fatal("the broker told what is not so")
			case (id.BatchIdx() >= 0) != batching, (id.BatchSize() > 0) != batching, id.PartitionIdx() != 0:
				t.Fatalf("the id is %v", id)
			}
			// An id survives its bytes.
			again, err := DeserializeMessageID(id.Serialize())
			must(t, err)
			must(t, consumer.AckID(again))
		}
		consumer.Close()
		receiveNothing(t, testConsumer(t, client, ConsumerOptions{Topic: topic}))
	}
}

func TestWaitsEndWithTheirContext(t *testing.T) {
	client := testClient(t)
	topic := testTopic("wait")
	consumer := testConsumer(t, client, ConsumerOptions{Topic: topic})
	producer := testProducer(t, client, ProducerOptions{Topic: topic, DisableBatching: true})
	const count = 500
	// Some waits are cancelled all the time; no message is lost, and none comes twice.
	var mu sync.Mutex
	seen := make(map[string]int)
	done := make(chan struct{})
	var receivers sync.WaitGroup
	for range 8 {
		receivers.Go(func() {
			for {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rand.IntN(300))*time.Microsecond)
				m, err := consumer.Receive(ctx)
				cancel()
				if err == nil {
					mu.Lock()
					seen[string(m.Payload())]++
					if len(seen) == count {
						close(done)
					}
					mu.Unlock()
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	sendNumbers(t, producer, 0, count)
	select {
	case <-done:
	case <-time.After(patience):
		t.Error("messages are missing")
		close(done)
	}
	receivers.Wait()
	for text, times := range seen {
		if times != 1 {
			t.Errorf("message %s came %d times", text, times)
		}
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := consumer.Receive(cancelled); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}

func TestWaitsEndWithTheConsumer(t *testing.T) {
	client := testClient(t)
	consumer := testConsumer(t, client, ConsumerOptions{Topic: testTopic("closed")})
	failed := make(chan error)
	for range 3 {
		go func() {
			_, err := consumer.Receive(context.Background())
			failed <- err
		}()
	}
	time.Sleep(50 * time.Millisecond)
	consumer.Close()
	consumer.Close()
	for range 3 {
		isResult(t, <-failed, ConsumerClosed)
	}
	_, err := consumer.Receive(context.Background())
	isResult(t, err, ConsumerClosed)
	isResult(t, consumer.AckID(NewMessageID(1, 1, -1, -1)), ConsumerClosed)
	isResult(t, consumer.Seek(EarliestMessageID()), ConsumerClosed)
	isResult(t, consumer.Unsubscribe(), ConsumerClosed)
	_, err = consumer.GetLastMessageIDs()
	isResult(t, err, ConsumerClosed)
	consumer.Nack(nil)
	consumer.NackID(NewMessageID(1, 1, -1, -1))
}

func TestClientsCloseTheirConsumers(t *testing.T) {
	client := testClient(t)
	consumer := testConsumer(t, client, ConsumerOptions{Topic: testTopic("client")})
	failed := make(chan error)
	go func() {
		_, err := consumer.Receive(context.Background())
		failed <- err
	}()
	time.Sleep(20 * time.Millisecond)
	client.Close()
	isResult(t, <-failed, ConsumerClosed)
	_, err := client.Subscribe(ConsumerOptions{Topic: "t", SubscriptionName: "s"})
	isResult(t, err, AlreadyClosedError)
}

func TestQueuesOfEverySize(t *testing.T) {
	client := testClient(t)
	for _, options := range []ConsumerOptions{
		{EnableZeroQueueConsumer: true}, {ReceiverQueueSize: 1}, {ReceiverQueueSize: 2}, {ReceiverQueueSize: 7},
		{ReceiverQueueSize: 5000}, {EnableAutoScaledReceiverQueueSize: true},
	} {
		for _, batching := range []bool{true, false} {
			options.Topic = testTopic("queue")
			consumer := testConsumer(t, client, options)
			producer := testProducer(t, client, ProducerOptions{Topic: options.Topic, DisableBatching: !batching})
			sendNumbers(t, producer, 0, 300)
			for _, m := range receiveNumbers(t, consumer, 0, 300) {
				must(t, consumer.Ack(m))
			}
			producer.Close()
			consumer.Close()
		}
	}
}

// A consumer takes no more than its queue, so that others get their share.
func TestQueuesAreLimited(t *testing.T) {
	client := testClient(t)
	topic := testTopic("share")
	producer := testProducer(t, client, ProducerOptions{Topic: topic, DisableBatching: true})
	hoarder := testConsumer(t, client, ConsumerOptions{Topic: topic, Type: Shared, ReceiverQueueSize: 20})
	sendNumbers(t, producer, 0, 200)
	receiveOne(t, hoarder)
	other := testConsumer(t, client, ConsumerOptions{Topic: topic, Type: Shared})
	for range 150 {
		receiveOne(t, other)
	}
	// Without a queue nothing is fetched before somebody asks.
	lazy := testConsumer(t, client, ConsumerOptions{Topic: topic, Type: Shared, SubscriptionName: "lazy", EnableZeroQueueConsumer: true})
	keen := testConsumer(t, client, ConsumerOptions{Topic: topic, Type: Shared, SubscriptionName: "lazy"})
	for range 200 {
		receiveOne(t, keen)
	}
	sendNumbers(t, producer, 0, 1)
	keen.Close()
	receiveOne(t, lazy)
}

func TestChannels(t *testing.T) {
	client := testClient(t)
	topic := testTopic("channel")
	given := make(chan ConsumerMessage, 3)
	consumers := []Consumer{
		testConsumer(t, client, ConsumerOptions{Topic: topic, SubscriptionName: "a"}),
		testConsumer(t, client, ConsumerOptions{Topic: topic, SubscriptionName: "b", MessageChannel: given}),
	}
	sendNumbers(t, testProducer(t, client, ProducerOptions{Topic: topic}), 0, 100)
	for _, consumer := range consumers {
		channel := consumer.Chan()
		for i := range 100 {
			select {
			case one := <-channel:
				if string(one.Payload()) != strconv.Itoa(i) || one.Consumer.Subscription() != consumer.Subscription() {
					t.Fatalf("message %d is %q of %s", i, one.Payload(), one.Consumer.Subscription())
				}
				must(t, one.Consumer.Ack(one.Message))
			case <-time.After(patience):
				t.Fatalf("message %d is missing", i)
			}
		}
		// What waits in the channel is of before a seek.
		must(t, consumer.Seek(EarliestMessageID()))
		must(t, consumer.Seek(EarliestMessageID()))
		for i := range 100 {
			if one := <-channel; string(one.Payload()) != strconv.Itoa(i) {
				t.Fatalf("behind the seek message %d is %q", i, one.Payload())
			}
		}
	}
}

func TestSeeksDropWhatWasFetched(t *testing.T) {
	client := testClient(t)
	topic := testTopic("seek")
	producer := testProducer(t, client, ProducerOptions{Topic: topic})
	sendNumbers(t, producer, 0, 1000)
	time.Sleep(20 * time.Millisecond)
	middle := time.Now()
	time.Sleep(20 * time.Millisecond)
	sendNumbers(t, producer, 1000, 1000)
	consumer := testConsumer(t, client, ConsumerOptions{Topic: topic})
	messages := receiveNumbers(t, consumer, 0, 700)
	for range 5 {
		must(t, consumer.Seek(messages[99].ID()))
		messages = append(messages[:100], receiveNumbers(t, consumer, 100, 600)...)
		must(t, consumer.SeekByTime(middle))
		receiveNumbers(t, consumer, 1000, 300)
		must(t, consumer.Seek(EarliestMessageID()))
		receiveNumbers(t, consumer, 0, 10)
	}
	must(t, consumer.Seek(LatestMessageID()))
	receiveNothing(t, consumer)
	sendNumbers(t, producer, 2000, 5)
	receiveNumbers(t, consumer, 2000, 5)
	ids, err := consumer.GetLastMessageIDs()
	must(t, err)
	if len(ids) != 1 || ids[0].Topic() != topic || ids[0].EntryID() < 0 {
		t.Fatalf("the last ids are %v", ids)
	}
}

func TestSeveralTopics(t *testing.T) {
	client := testClient(t)
	word := fmt.Sprintf("several%d", rand.Uint32())
	topics := []string{testTopic(word), testTopic(word), testTopic(word)}
	for i, topic := range topics {
		sendNumbers(t, testProducer(t, client, ProducerOptions{Topic: topic}), 100*i, 100)
	}
	for name, options := range map[string]ConsumerOptions{
		"list":    {Topics: topics},
		"pattern": {TopicsPattern: "persistent://public/default/" + word + ".*", AutoDiscoveryPeriod: time.Second},
	} {
		options.SubscriptionName = name
		for _, confirms := range []bool{false, true} {
			options.AckWithResponse = confirms
			options.SubscriptionName += "x"
			consumer := testConsumer(t, client, options)
			numbers := make(map[string]bool)
			var ids []MessageID
			for range 300 {
				m := receiveOne(t, consumer)
				numbers[string(m.Payload())] = true
				ids = append(ids, m.ID())
			}
			if len(numbers) != 300 {
				t.Fatalf("there are %d messages", len(numbers))
			}
			must(t, consumer.AckIDList(ids))
			last, err := consumer.GetLastMessageIDs()
			must(t, err)
			if len(last) != 3 {
				t.Fatalf("the last ids are %v", last)
			}
			isInvalidAck(t, consumer.AckID(&messageID{ledgerID: 1, entryID: 1, batchIdx: -1, topic: "persistent://public/default/none"}))
			consumer.Close()
			receiveNothing(t, testConsumer(t, client, options))
		}
	}
}

func isInvalidAck(t testing.TB, err error) {
	t.Helper()
	if !errors.Is(err, ErrInvalidAck) {
		t.Fatalf("the error is %v", err)
	}
}

func TestPartitions(t *testing.T) {
	client := testClient(t)
	topic := "persistent://public/default/interop-partitioned"
	parts, err := client.TopicPartitions(topic)
	must(t, err)
	if len(parts) < 2 {
		t.Skip("the broker has no such topic")
	}
	subscription := fmt.Sprint("s", rand.Uint64())
	consumer, err := client.Subscribe(ConsumerOptions{Topic: topic, SubscriptionName: subscription})
	must(t, err)
	defer consumer.Close()
	producer := testProducer(t, client, ProducerOptions{Topic: topic, DisableBatching: true})
	sendNumbers(t, producer, 0, 50)
	seen := make(map[int32]bool)
	for range 50 {
		m := receiveOne(t, consumer)
		seen[m.ID().PartitionIdx()] = true
		if !strings.HasSuffix(m.Topic(), fmt.Sprint("-partition-", m.ID().PartitionIdx())) {
			t.Fatalf("partition %d is %s", m.ID().PartitionIdx(), m.Topic())
		}
		again, err := DeserializeMessageID(m.ID().Serialize())
		must(t, err)
		must(t, consumer.AckID(again))
	}
	if len(seen) != len(parts) {
		t.Fatalf("messages came from %v", seen)
	}
	must(t, consumer.Unsubscribe())
}

func TestManyGoroutinesWaitWithoutThreads(t *testing.T) {
	client := testClient(t)
	topic := testTopic("threads")
	consumer := testConsumer(t, client, ConsumerOptions{Topic: topic})
	const count = 10_000
	got := make(chan error, count)
	for range count {
		go func() {
			m, err := consumer.Receive(context.Background())
			if err == nil {
				err = consumer.Ack(m)
			}
			got <- err
		}()
	}
	waiters := func() int {
		r := &innerOf(consumer).receiver
		r.mu.Lock()
		defer r.mu.Unlock()
		n := 0
		for w := r.first; w != nil; w = w.next {
			n++
		}
		return n
	}
	for waiters() < count {
		runtime.Gosched()
	}
	tasks, err := os.ReadDir("/proc/self/task")
	must(t, err)
	t.Logf("%d goroutines wait in Receive: %d OS threads, GOMAXPROCS %d", count, len(tasks), runtime.GOMAXPROCS(0))
	if len(tasks) > runtime.GOMAXPROCS(0)+10 {
		t.Errorf("%d threads are too many", len(tasks))
	}
	sendNumbers(t, testProducer(t, client, ProducerOptions{Topic: topic}), 0, count)
	for range count {
		must(t, <-got)
	}
}

func innerOf(given Consumer) *subscribed { return given.(*consumer).subscribed }
