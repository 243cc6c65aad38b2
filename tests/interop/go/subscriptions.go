package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/apache/pulsar-client-go/pulsar"
)

// pair opens two consumers, named a and b.
func pair(s *setting, topic string, kind pulsar.SubscriptionType) ([]pulsar.Consumer, error) {
	var consumers []pulsar.Consumer
	for _, name := range []string{"a", "b"} {
		consumer, err := s.subscribe(topic, kind, func(options *pulsar.ConsumerOptions) {
			options.Name = name
			options.ReceiverQueueSize = 10
		})
		if err != nil {
			return consumers, err
		}
		consumers = append(consumers, consumer)
	}
	return consumers, nil
}

func closeAll(consumers []pulsar.Consumer) {
	for _, consumer := range consumers {
		consumer.Close()
	}
}

func exclusive(s *setting) error {
	topic := s.topic()
	consumer, err := s.subscribe(topic, pulsar.Exclusive)
	if err != nil {
		return err
	}
	defer consumer.Close()
	client, err := connect(s.url)
	if err != nil {
		return err
	}
	defer client.Close()
	second, err := client.Subscribe(pulsar.ConsumerOptions{Topic: topic, SubscriptionName: "s"})
	if err == nil {
		second.Close()
		return errors.New("a second exclusive consumer was accepted")
	}
	return nil
}

func shared(s *setting) error {
	topic := s.topic()
	consumers, err := pair(s, topic, pulsar.Shared)
	defer func() { closeAll(consumers) }()
	if err != nil {
		return err
	}
	if _, err := s.publish(topic, numbered(60, "m")); err != nil {
		return err
	}
	all, err := drain(consumers, 60)
	if err != nil {
		return err
	}
	if err := sameSet(payloads(all), numbered(60, "m")); err != nil {
		return err
	}
	if owners(all) != 2 {
		return errors.New("one consumer got everything")
	}
	return nil
}

// owners counts the consumers that got something.
func owners(all []taken) int {
	found := map[int]bool{}
	for _, t := range all {
		found[t.consumer] = true
	}
	return len(found)
}

func failover(s *setting) error {
	topic := s.topic()
	consumers, err := pair(s, topic, pulsar.Failover)
	defer func() { closeAll(consumers) }()
	if err != nil {
		return err
	}
	if _, err := s.publish(topic, numbered(20, "m")); err != nil {
		return err
	}
	all, err := drain(consumers, 20)
	if err != nil {
		return err
	}
	if err := sameSet(payloads(all), numbered(20, "m")); err != nil {
		return err
	}
	if owners(all) != 1 {
		return errors.New("two consumers were active")
	}
	active := all[0].consumer
	consumers[active].Close()
	if _, err := s.publish(topic, numbered(10, "late")); err != nil {
		return err
	}
	_, err = expect(consumers[1-active], numbered(10, "late"))
	return err
}

func keyShared(s *setting) error {
	topic := s.topic()
	consumers, err := pair(s, topic, pulsar.KeyShared)
	defer func() { closeAll(consumers) }()
	if err != nil {
		return err
	}
	producer, err := s.client.CreateProducer(pulsar.ProducerOptions{Topic: topic, DisableBatching: true})
	if err != nil {
		return err
	}
	defer producer.Close()
	for i := range 100 {
		message := &pulsar.ProducerMessage{Payload: []byte(strconv.Itoa(i)), Key: fmt.Sprintf("k%d", i%20)}
		if _, err := producer.Send(context.Background(), message); err != nil {
			return err
		}
	}
	all, err := drain(consumers, 100)
	if err != nil {
		return err
	}
	if owners(all) != 2 {
		return errors.New("one consumer got every key")
	}
	return checkKeys(all)
}

// checkKeys makes sure that every key has one consumer and is in order.
func checkKeys(all []taken) error {
	owner, last := map[string]int{}, map[string]int{}
	for _, t := range all {
		key := t.message.Key()
		number, err := strconv.Atoi(string(t.message.Payload()))
		if err != nil {
			return err
		}
		if known, ok := owner[key]; ok && known != t.consumer {
			return fmt.Errorf("%s has two consumers", key)
		}
		if before, ok := last[key]; ok && before >= number {
			return fmt.Errorf("%s is out of order", key)
		}
		owner[key], last[key] = t.consumer, number
	}
	return nil
}

func unsubscribe(s *setting) error {
	topic := s.topic()
	consumer, err := s.subscribe(topic, pulsar.Exclusive)
	if err != nil {
		return err
	}
	if err := consumer.Unsubscribe(); err != nil {
		return err
	}
	consumer.Close()
	if consumer, err = s.subscribe(topic, pulsar.Exclusive); err != nil {
		return err
	}
	defer consumer.Close()
	if _, err := s.publish(topic, numbered(1, "m")); err != nil {
		return err
	}
	_, err = expect(consumer, numbered(1, "m"))
	return err
}
