package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/apache/pulsar-client-go/pulsar"
)

func unbatched(s *setting) error {
	topic := s.topic()
	consumer, err := s.subscribe(topic, pulsar.Exclusive)
	if err != nil {
		return err
	}
	defer consumer.Close()
	ids, err := s.publish(topic, numbered(20, "m"))
	if err != nil {
		return err
	}
	if _, err := expect(consumer, numbered(20, "m")); err != nil {
		return err
	}
	if ids[19].EntryID() != ids[0].EntryID()+19 {
		return fmt.Errorf("20 messages are in the entries %v to %v", ids[0], ids[19])
	}
	return nil
}

func batched(s *setting) error {
	topic := s.topic()
	consumer, err := s.subscribe(topic, pulsar.Exclusive)
	if err != nil {
		return err
	}
	defer consumer.Close()
	if err := s.publishBatch(topic, numbered(100, "m"), pulsar.NoCompression); err != nil {
		return err
	}
	messages, err := expect(consumer, numbered(100, "m"))
	if err != nil {
		return err
	}
	for i, message := range messages {
		if id := message.ID(); id.BatchIdx() != int32(i) || id.EntryID() != messages[0].ID().EntryID() {
			return fmt.Errorf("message %d has the id %v", i, id)
		}
	}
	return nil
}

func metadata(s *setting) error {
	topic := s.topic()
	consumer, err := s.subscribe(topic, pulsar.Exclusive)
	if err != nil {
		return err
	}
	defer consumer.Close()
	producer, err := s.client.CreateProducer(pulsar.ProducerOptions{Topic: topic})
	if err != nil {
		return err
	}
	defer producer.Close()
	properties, eventTime := map[string]string{"a": "1", "b": "2"}, time.UnixMilli(12345)
	_, err = producer.Send(context.Background(), &pulsar.ProducerMessage{
		Payload: []byte("body"), Properties: properties, Key: "key", EventTime: eventTime,
	})
	if err != nil {
		return err
	}
	messages, err := expect(consumer, []string{"body"})
	if err != nil {
		return err
	}
	got := messages[0]
	if !maps.Equal(got.Properties(), properties) || got.Key() != "key" || !got.EventTime().Equal(eventTime) {
		return fmt.Errorf("%v %q %v", got.Properties(), got.Key(), got.EventTime())
	}
	return nil
}

func large(s *setting) error {
	return roundTrip(s, strings.Repeat("0123456789abcdef", 128*1024), pulsar.ProducerOptions{})
}

func chunked(s *setting) error {
	options := pulsar.ProducerOptions{EnableChunking: true, DisableBatching: true}
	return roundTrip(s, strings.Repeat("0123456789abcdef", 640*1024), options)
}

// roundTrip sends one message and receives it.
func roundTrip(s *setting, body string, options pulsar.ProducerOptions) error {
	options.Topic = s.topic()
	consumer, err := s.subscribe(options.Topic, pulsar.Exclusive)
	if err != nil {
		return err
	}
	defer consumer.Close()
	producer, err := s.client.CreateProducer(options)
	if err != nil {
		return err
	}
	defer producer.Close()
	if _, err := producer.Send(context.Background(), &pulsar.ProducerMessage{Payload: []byte(body)}); err != nil {
		return err
	}
	message, err := receiveOne(consumer, bound)
	if err != nil {
		return err
	}
	if string(message.Payload()) != body {
		return fmt.Errorf("%d bytes came, other ones than the %d sent", len(message.Payload()), len(body))
	}
	return nil
}

func compressed(compression pulsar.CompressionType) func(*setting) error {
	return func(s *setting) error {
		body := strings.Repeat("compress me ", 500)
		options := pulsar.ProducerOptions{CompressionType: compression, DisableBatching: true}
		if err := roundTrip(s, body, options); err != nil {
			return err
		}
		topic := s.topic()
		consumer, err := s.subscribe(topic, pulsar.Exclusive)
		if err != nil {
			return err
		}
		defer consumer.Close()
		if err := s.publishBatch(topic, numbered(10, body), compression); err != nil {
			return err
		}
		_, err = expect(consumer, numbered(10, body))
		return err
	}
}

func partitioned(s *setting) error {
	partitions, err := s.client.TopicPartitions(s.partitionedTopic)
	if err != nil {
		return err
	}
	if len(partitions) != 3 {
		return fmt.Errorf("%s must have 3 partitions: %v", s.partitionedTopic, partitions)
	}
	consumer, err := s.subscribe(s.partitionedTopic, pulsar.Shared, func(options *pulsar.ConsumerOptions) {
		options.SubscriptionName = fmt.Sprintf("go%d", s.run)
		options.SubscriptionInitialPosition = pulsar.SubscriptionPositionLatest
	})
	if err != nil {
		return err
	}
	defer consumer.Close()
	if _, err := s.publish(s.partitionedTopic, numbered(30, "m")); err != nil {
		return err
	}
	all, err := drain([]pulsar.Consumer{consumer}, 30)
	if err != nil {
		return err
	}
	return sameSet(payloads(all), numbered(30, "m"))
}

func producerNames(s *setting) error {
	options := pulsar.ProducerOptions{Topic: s.topic(), Name: "mine"}
	producer, err := s.client.CreateProducer(options)
	if err != nil {
		return err
	}
	defer producer.Close()
	if producer.Name() != "mine" {
		return fmt.Errorf("the name is %q", producer.Name())
	}
	if second, err := s.client.CreateProducer(options); err == nil {
		second.Close()
		return errors.New("a taken producer name was accepted")
	}
	return nil
}

func missingNamespace(s *setting) error {
	topic := "persistent://public/no-such-namespace/x"
	producer, err := s.client.CreateProducer(pulsar.ProducerOptions{Topic: topic})
	if err == nil {
		producer.Close()
		return errors.New("a producer in a missing namespace was accepted")
	}
	if !strings.Contains(err.Error(), "TopicNotFound") {
		return err
	}
	return nil
}
