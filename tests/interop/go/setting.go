package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/apache/pulsar-client-go/pulsar"
)

const (
	// A message that is expected comes within this time.
	bound = 10 * time.Second
	// A message that must not come would come within this time.
	quiet = 300 * time.Millisecond
)

// setting is a client, and topics that no other run uses.
type setting struct {
	url              string
	client           pulsar.Client
	partitionedTopic string
	linesProgram     string
	run              int64
	topics           int
}

func (s *setting) topic() string {
	s.topics++
	return fmt.Sprintf("interop-go-%d-%d", s.run, s.topics)
}

// subscribe opens a consumer of the subscription "s", from the earliest message on.
func (s *setting) subscribe(
	topic string, kind pulsar.SubscriptionType, change ...func(*pulsar.ConsumerOptions),
) (pulsar.Consumer, error) {
	options := pulsar.ConsumerOptions{
		Topic:                       topic,
		SubscriptionName:            "s",
		Type:                        kind,
		SubscriptionInitialPosition: pulsar.SubscriptionPositionEarliest,
	}
	for _, c := range change {
		c(&options)
	}
	return s.client.Subscribe(options)
}

// publish sends payloads one by one, each in an entry of its own.
func (s *setting) publish(topic string, payloads []string) ([]pulsar.MessageID, error) {
	producer, err := s.client.CreateProducer(pulsar.ProducerOptions{Topic: topic, DisableBatching: true})
	if err != nil {
		return nil, err
	}
	defer producer.Close()
	var ids []pulsar.MessageID
	for _, payload := range payloads {
		id, err := producer.Send(context.Background(), &pulsar.ProducerMessage{Payload: []byte(payload)})
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// publishBatch sends payloads as one batch.
func (s *setting) publishBatch(topic string, payloads []string, compression pulsar.CompressionType) error {
	producer, err := s.client.CreateProducer(pulsar.ProducerOptions{
		Topic:                   topic,
		BatchingMaxMessages:     uint(len(payloads)),
		BatchingMaxPublishDelay: 5 * time.Second,
		CompressionType:         compression,
	})
	if err != nil {
		return err
	}
	defer producer.Close()
	var lock sync.Mutex
	var outcomes []error
	done := make(chan struct{}, len(payloads))
	for _, payload := range payloads {
		message := &pulsar.ProducerMessage{Payload: []byte(payload)}
		producer.SendAsync(context.Background(), message,
			func(_ pulsar.MessageID, _ *pulsar.ProducerMessage, err error) {
				lock.Lock()
				outcomes = append(outcomes, err)
				lock.Unlock()
				done <- struct{}{}
			})
	}
	if err := producer.FlushWithCtx(context.Background()); err != nil {
		return err
	}
	for range payloads {
		<-done
	}
	return errors.Join(outcomes...)
}

func numbered(count int, prefix string) []string {
	payloads := make([]string, count)
	for i := range payloads {
		payloads[i] = fmt.Sprintf("%s%d", prefix, i)
	}
	return payloads
}

func receiveOne(consumer pulsar.Consumer, patience time.Duration) (pulsar.Message, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return consumer.Receive(ctx)
}

func receive(consumer pulsar.Consumer, count int) ([]pulsar.Message, error) {
	var messages []pulsar.Message
	for range count {
		message, err := receiveOne(consumer, bound)
		if err != nil {
			return nil, fmt.Errorf("after %d of %d messages: %w", len(messages), count, err)
		}
		messages = append(messages, message)
	}
	return messages, nil
}

// expect receives exactly these payloads, in order.
func expect(consumer pulsar.Consumer, payloads []string) ([]pulsar.Message, error) {
	messages, err := receive(consumer, len(payloads))
	if err != nil {
		return nil, err
	}
	return messages, same(data(messages), payloads)
}

// expectNothing makes sure that no message comes.
func expectNothing(consumer pulsar.Consumer) error {
	message, err := receiveOne(consumer, quiet)
	if err == nil {
		return fmt.Errorf("%q came", message.Payload())
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// taken is a message and the number of the consumer that got it.
type taken struct {
	consumer int
	message  pulsar.Message
}

// drain receives and acknowledges so many messages.
func drain(consumers []pulsar.Consumer, count int) ([]taken, error) {
	var all []taken
	deadline := time.Now().Add(bound)
	for len(all) < count {
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%d of %d messages came", len(all), count)
		}
		for i, consumer := range consumers {
			message, err := receiveOne(consumer, 20*time.Millisecond)
			if errors.Is(err, context.DeadlineExceeded) {
				continue
			}
			if err != nil {
				return nil, err
			}
			if err := consumer.Ack(message); err != nil {
				return nil, err
			}
			all = append(all, taken{i, message})
		}
	}
	return all, nil
}

func payloads(all []taken) []string {
	found := make([]string, len(all))
	for i, t := range all {
		found[i] = string(t.message.Payload())
	}
	return found
}

func data(messages []pulsar.Message) []string {
	found := make([]string, len(messages))
	for i, message := range messages {
		found[i] = string(message.Payload())
	}
	return found
}

func same(found, expected []string) error {
	if !slices.Equal(found, expected) {
		return fmt.Errorf("%q instead of %q", found, expected)
	}
	return nil
}

// sameSet compares without regard to order.
func sameSet(found, expected []string) error {
	found, expected = slices.Clone(found), slices.Clone(expected)
	slices.Sort(found)
	slices.Sort(expected)
	return same(found, expected)
}
