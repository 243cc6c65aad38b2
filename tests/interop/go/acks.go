package main

import (
	"fmt"
	"time"

	"github.com/apache/pulsar-client-go/pulsar"
)

// withConsumer opens a consumer for the time of a function.
func withConsumer(
	s *setting, topic string, kind pulsar.SubscriptionType, change func(*pulsar.ConsumerOptions),
	run func(pulsar.Consumer) error,
) error {
	consumer, err := s.subscribe(topic, kind, change)
	if err != nil {
		return err
	}
	defer consumer.Close()
	return run(consumer)
}

// left makes sure that exactly these messages come again.
func left(s *setting, topic string, change func(*pulsar.ConsumerOptions), payloads []string) error {
	return withConsumer(s, topic, pulsar.Exclusive, change, func(consumer pulsar.Consumer) error {
		if _, err := expect(consumer, payloads); err != nil {
			return err
		}
		return expectNothing(consumer)
	})
}

func plain(*pulsar.ConsumerOptions) {}

func batchIndex(options *pulsar.ConsumerOptions) { options.EnableBatchIndexAcknowledgment = true }

func individualAcks(s *setting) error {
	topic := s.topic()
	if _, err := s.publish(topic, numbered(10, "m")); err != nil {
		return err
	}
	err := withConsumer(s, topic, pulsar.Exclusive, plain, func(consumer pulsar.Consumer) error {
		messages, err := expect(consumer, numbered(10, "m"))
		if err != nil {
			return err
		}
		for i := 0; i < len(messages); i += 2 {
			if err := consumer.Ack(messages[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return left(s, topic, plain, []string{"m1", "m3", "m5", "m7", "m9"})
}

func cumulativeAcks(s *setting) error {
	topic := s.topic()
	if _, err := s.publish(topic, numbered(10, "m")); err != nil {
		return err
	}
	err := withConsumer(s, topic, pulsar.Exclusive, plain, func(consumer pulsar.Consumer) error {
		messages, err := expect(consumer, numbered(10, "m"))
		if err != nil {
			return err
		}
		return consumer.AckCumulative(messages[6])
	})
	if err != nil {
		return err
	}
	return left(s, topic, plain, numbered(10, "m")[7:])
}

func batchIndexAcks(s *setting) error {
	topic := s.topic()
	if err := s.publishBatch(topic, numbered(10, "m"), pulsar.NoCompression); err != nil {
		return err
	}
	err := withConsumer(s, topic, pulsar.Exclusive, batchIndex, func(consumer pulsar.Consumer) error {
		messages, err := expect(consumer, numbered(10, "m"))
		if err != nil {
			return err
		}
		return consumer.Ack(messages[3])
	})
	if err != nil {
		return err
	}
	all := numbered(10, "m")
	return left(s, topic, batchIndex, append(numbered(3, "m"), all[4:]...))
}

func ackResponses(s *setting) error {
	topic := s.topic()
	if _, err := s.publish(topic, numbered(5, "m")); err != nil {
		return err
	}
	responses := func(options *pulsar.ConsumerOptions) { options.AckWithResponse = true }
	err := withConsumer(s, topic, pulsar.Exclusive, responses, func(consumer pulsar.Consumer) error {
		messages, err := expect(consumer, numbered(5, "m"))
		if err != nil {
			return err
		}
		if err := consumer.Ack(messages[4]); err != nil {
			return err
		}
		return consumer.AckCumulative(messages[1])
	})
	if err != nil {
		return err
	}
	return left(s, topic, plain, []string{"m2", "m3"})
}

func negativeAcks(s *setting) error {
	topic := s.topic()
	if _, err := s.publish(topic, numbered(4, "m")); err != nil {
		return err
	}
	soon := func(options *pulsar.ConsumerOptions) { options.NackRedeliveryDelay = 100 * time.Millisecond }
	return withConsumer(s, topic, pulsar.Shared, soon, func(consumer pulsar.Consumer) error {
		messages, err := expect(consumer, numbered(4, "m"))
		if err != nil {
			return err
		}
		for i, message := range messages {
			if i == 2 {
				consumer.Nack(message)
			} else if err := consumer.Ack(message); err != nil {
				return err
			}
		}
		again, err := expect(consumer, []string{"m2"})
		if err != nil {
			return err
		}
		if count := again[0].RedeliveryCount(); count != 1 {
			return fmt.Errorf("redelivered %d times", count)
		}
		if err := consumer.Ack(again[0]); err != nil {
			return err
		}
		return expectNothing(consumer)
	})
}
