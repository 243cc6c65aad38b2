package goparity

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	theirs "github.com/apache/pulsar-client-go/pulsar"

	ours "github.com/pulsar-rs/pulsar_rs/bindings/go"
	"github.com/pulsar-rs/pulsar_rs/bindings/go/pulsartest"
)

// received is what both packages' messages have in common, but for their ids.
type received interface {
	Topic() string
	ProducerName() string
	Properties() map[string]string
	Payload() []byte
	PublishTime() time.Time
	EventTime() time.Time
	Key() string
	OrderingKey() string
	RedeliveryCount() uint32
	IsReplicated() bool
	GetReplicatedFrom() string
	GetSchemaValue(v interface{}) error
	SchemaVersion() []byte
	Index() *uint64
	BrokerPublishTime() *time.Time
}

// shown are all fields of a message as text.
func shown(message received, id messageID) string {
	var value order
	failed := message.GetSchemaValue(&value) != nil
	// What is empty is nil or not.
	properties := fmt.Sprint(message.Properties())
	index := int64(-1)
	if message.Index() != nil {
		index = int64(*message.Index())
	}
	name := "-"
	if value.Name != nil {
		name = *value.Name
	}
	return fmt.Sprintf("topic %s, producer %s, properties %s, payload %q, published %v, event %v, key %q, ordering key %q, "+
		"redelivered %d, replicated %v %q, value %v %d %s %v, version %x, index %d %v, id %s",
		message.Topic(), message.ProducerName(), properties, message.Payload(), message.PublishTime().UTC(),
		message.EventTime().UTC(), message.Key(), message.OrderingKey(), message.RedeliveryCount(), message.IsReplicated(),
		message.GetReplicatedFrom(), failed, value.ID, name, value.Prices, message.SchemaVersion(), index,
		message.BrokerPublishTime() != nil, shownID(id))
}

// shownID is all of an id. For pulsar-client-go messages outside of batches are a batch of one when they are received; here
// they have no place in a batch.
func shownID(id messageID) string {
	if id.BatchSize() <= 1 {
		return fmt.Sprint(id, " alone")
	}
	return fmt.Sprintf("%s %x, %d of %d", id, id.Serialize(), id.BatchIdx(), id.BatchSize())
}

func TestMessagesAreTheSameForBoth(t *testing.T) {
	broker := pulsartest.Start(t)
	broker.SetEntryMetadata(true)
	broker.CreateTopic("parts", 2)
	own, other := clients(t, broker.URL())
	for _, topic := range []string{"alone", "batched", "parts"} {
		reading, err := own.Subscribe(ours.ConsumerOptions{
			Topic: topic, SubscriptionName: "ours", Schema: ours.NewAvroSchema(definition, nil),
		})
		if err != nil {
			t.Fatal(err)
		}
		alsoReading, err := other.Subscribe(theirs.ConsumerOptions{
			Topic: topic, SubscriptionName: "theirs", Schema: theirs.NewAvroSchema(definition, nil),
		})
		if err != nil {
			t.Fatal(err)
		}
		const count = 12
		sendOurs(t, own, topic, count)
		sendTheirs(t, other, topic, count)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		a, b := make(map[string]string), make(map[string]string)
		var batches bool
		for range 2 * count {
			first, err := reading.Receive(ctx)
			if err != nil {
				t.Fatal(topic, err)
			}
			second, err := alsoReading.Receive(ctx)
			if err != nil {
				t.Fatal(topic, err)
			}
			a[shownID(first.ID())] = shown(first, first.ID())
			b[shownID(second.ID())] = shown(second, second.ID())
			batches = batches || first.ID().BatchSize() > 1
			if size := first.ID().BatchSize(); size == 0 && first.ID().BatchIdx() != -1 || size == 1 {
				t.Errorf("%s: %v is at %d of %d", topic, first.ID(), first.ID().BatchIdx(), size)
			}
		}
		if batches != (topic != "alone") {
			t.Errorf("%s: are there batches? %v", topic, batches)
		}
		if len(a) != 2*count {
			t.Errorf("%s: %d ids for %d messages", topic, len(a), 2*count)
		}
		for id := range b {
			if a[id] != b[id] {
				t.Errorf("%s %s:\n%s\npulsar-client-go has\n%s", topic, id, a[id], b[id])
			}
		}
		for id := range a {
			if b[id] == "" {
				t.Errorf("%s: pulsar-client-go has no %s", topic, id)
			}
		}
		reading.Close()
		alsoReading.Close()
	}
}

// content is the same for both packages.
func content(i int) (value order, key, ordering string, properties map[string]string, event time.Time) {
	name := strings.Repeat("ä", i)
	value = order{ID: i, Name: &name, Prices: []float64{float64(i) / 3}}
	if i%2 == 0 {
		key = fmt.Sprint("key ", i)
	}
	if i%3 == 0 {
		ordering = fmt.Sprint("ordering ", i)
	}
	if i%4 == 0 {
		properties = map[string]string{"i": fmt.Sprint(i), "empty": ""}
	}
	if i%5 == 0 {
		event = time.UnixMilli(1_700_000_000_123 + int64(i))
	}
	return value, key, ordering, properties, event
}

func sendOurs(t *testing.T, client ours.Client, topic string, count int) {
	producer, err := client.CreateProducer(ours.ProducerOptions{
		Topic: topic, Name: "ours", DisableBatching: topic == "alone", Schema: ours.NewAvroSchema(definition, nil),
		CompressionType: ours.ZSTD, BatchingMaxPublishDelay: 50 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	for i := range count {
		message := new(ours.ProducerMessage)
		message.Value, message.Key, message.OrderingKey, message.Properties, message.EventTime = content(i)
		producer.SendAsync(t.Context(), message, func(_ ours.MessageID, _ *ours.ProducerMessage, err error) {
			if err != nil {
				t.Error(topic, err)
			}
		})
	}
	if err := producer.FlushWithCtx(t.Context()); err != nil {
		t.Error(err)
	}
}

func sendTheirs(t *testing.T, client theirs.Client, topic string, count int) {
	producer, err := client.CreateProducer(theirs.ProducerOptions{
		Topic: topic, Name: "theirs", DisableBatching: topic == "alone", Schema: theirs.NewAvroSchema(definition, nil),
		CompressionType: theirs.LZ4, BatchingMaxPublishDelay: 50 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	for i := range count {
		message := new(theirs.ProducerMessage)
		message.Value, message.Key, message.OrderingKey, message.Properties, message.EventTime = content(i)
		producer.SendAsync(t.Context(), message, func(_ theirs.MessageID, _ *theirs.ProducerMessage, err error) {
			if err != nil {
				t.Error(topic, err)
			}
		})
	}
	if err := producer.FlushWithCtx(t.Context()); err != nil {
		t.Error(err)
	}
}

// What is left out, or contradicts itself, is refused with the same Result, where pulsar-client-go has one.
func TestOptionsThatAreRefused(t *testing.T) {
	own, other := clients(t, pulsartest.Start(t).URL())
	for name, options := range map[string][2]interface{}{
		"no topic":          {ours.ConsumerOptions{SubscriptionName: "s"}, theirs.ConsumerOptions{SubscriptionName: "s"}},
		"no subscription":   {ours.ConsumerOptions{Topic: "t"}, theirs.ConsumerOptions{Topic: "t"}},
		"no producer topic": {ours.ProducerOptions{}, theirs.ProducerOptions{}},
		"chunks in batches": {
			ours.ProducerOptions{Topic: "t", EnableChunking: true}, theirs.ProducerOptions{Topic: "t", EnableChunking: true},
		},
		"no reader topic":    {ours.ReaderOptions{StartMessageID: ours.EarliestMessageID()}, theirs.ReaderOptions{StartMessageID: theirs.EarliestMessageID()}},
		"no reader position": {ours.ReaderOptions{Topic: "t"}, theirs.ReaderOptions{Topic: "t"}},
	} {
		var err, otherErr error
		switch options := options[0].(type) {
		case ours.ConsumerOptions:
			_, err = own.Subscribe(options)
		case ours.ProducerOptions:
			_, err = own.CreateProducer(options)
		case ours.ReaderOptions:
			_, err = own.CreateReader(options)
		}
		switch options := options[1].(type) {
		case theirs.ConsumerOptions:
			_, otherErr = other.Subscribe(options)
		case theirs.ProducerOptions:
			_, otherErr = other.CreateProducer(options)
		case theirs.ReaderOptions:
			_, otherErr = other.CreateReader(options)
		}
		if a, b := resultOf(err), resultOf(otherErr); a != b && (b != otherError || a < 0) {
			t.Errorf("%s: %v (%d); pulsar-client-go says %v (%d)", name, err, a, otherErr, b)
		}
	}
}

// What resultOf returns besides Results.
const (
	noError    = -1
	otherError = -2
)

// resultOf is the number of the Result of an error.
func resultOf(err error) int {
	if err == nil {
		return noError
	}
	method := reflect.ValueOf(err).MethodByName("Result")
	if !method.IsValid() {
		return otherError
	}
	return int(method.Call(nil)[0].Int())
}
