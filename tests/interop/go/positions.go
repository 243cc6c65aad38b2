package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/apache/pulsar-client-go/pulsar"
)

func seek(s *setting) error {
	topic := s.topic()
	if _, err := s.publish(topic, numbered(5, "m")); err != nil {
		return err
	}
	err := withConsumer(s, topic, pulsar.Exclusive, plain, func(consumer pulsar.Consumer) error {
		messages, err := expect(consumer, numbered(5, "m"))
		if err != nil {
			return err
		}
		if err := consumer.AckCumulative(messages[4]); err != nil {
			return err
		}
		if err := consumer.Seek(messages[2].ID()); err != nil {
			return err
		}
		_, err = expect(consumer, numbered(5, "m")[3:])
		return err
	})
	if err != nil {
		return err
	}
	// Another consumer: after a seek to an id this client goes on leaving out what comes before it.
	return withConsumer(s, topic, pulsar.Exclusive, plain, func(consumer pulsar.Consumer) error {
		if err := consumer.SeekByTime(time.UnixMilli(1)); err != nil {
			return err
		}
		_, err := expect(consumer, numbered(5, "m"))
		return err
	})
}

func lastMessageID(s *setting) error {
	topic := s.topic()
	consumer, err := s.subscribe(topic, pulsar.Exclusive)
	if err != nil {
		return err
	}
	defer consumer.Close()
	ids, err := s.publish(topic, numbered(3, "m"))
	if err != nil {
		return err
	}
	if err := lastIs(consumer, ids[2].LedgerID(), ids[2].EntryID(), ids[2].BatchIdx()); err != nil {
		return err
	}
	if err := s.publishBatch(topic, numbered(4, "m"), pulsar.NoCompression); err != nil {
		return err
	}
	return lastIs(consumer, ids[2].LedgerID(), ids[2].EntryID()+1, 3)
}

func lastIs(consumer pulsar.Consumer, ledger, entry int64, batchIndex int32) error {
	last, err := consumer.GetLastMessageIDs()
	if err != nil {
		return err
	}
	if len(last) != 1 {
		return fmt.Errorf("%d last message ids", len(last))
	}
	if id := last[0]; id.LedgerID() != ledger || id.EntryID() != entry || id.BatchIdx() != batchIndex {
		return fmt.Errorf("%v instead of %d:%d:%d", id, ledger, entry, batchIndex)
	}
	return nil
}

func reader(s *setting) error {
	topic := s.topic()
	if _, err := s.publish(topic, numbered(5, "m")); err != nil {
		return err
	}
	messages, err := readAll(s, topic, pulsar.EarliestMessageID())
	if err != nil {
		return err
	}
	if err := same(data(messages), numbered(5, "m")); err != nil {
		return err
	}
	rest, err := readAll(s, topic, messages[2].ID())
	if err != nil {
		return err
	}
	if err := same(data(rest), numbered(5, "m")[3:]); err != nil {
		return err
	}
	if rest, err = readAll(s, topic, pulsar.LatestMessageID()); err != nil {
		return err
	}
	if len(rest) > 0 {
		return errors.New("there is something after the latest message")
	}
	return nil
}

// readAll reads what is there from a message on.
func readAll(s *setting, topic string, start pulsar.MessageID) ([]pulsar.Message, error) {
	found, err := s.client.CreateReader(pulsar.ReaderOptions{Topic: topic, StartMessageID: start})
	if err != nil {
		return nil, err
	}
	defer found.Close()
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	var messages []pulsar.Message
	for found.HasNext() {
		message, err := found.Next(ctx)
		if err != nil {
			return nil, err
		}
		messages = append(messages, message)
	}
	return messages, nil
}
