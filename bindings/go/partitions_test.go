package pulsar

import (
	"context"
	"math"
	"testing"
	"time"
)

func TestAllPendingMessagesMayBeForOnePartition(t *testing.T) {
	client := testClient(t)
	producer := testProducer(t, client, ProducerOptions{
		Topic: "interop-partitioned", MaxPendingMessages: 10, BatchingMaxPublishDelay: time.Hour,
	})
	const count = 3 * 10
	outcomes := make(chan error, count)
	for range count {
		producer.SendAsync(context.Background(), &ProducerMessage{Key: "the same"},
			func(_ MessageID, _ *ProducerMessage, err error) { outcomes <- err })
	}
	must(t, producer.Flush())
	for range count {
		must(t, <-outcomes)
	}
}

func TestPendingMessagesWithoutLimit(t *testing.T) {
	client := testClient(t)
	for _, topic := range []string{testTopic("unlimited"), "interop-partitioned"} {
		send(t, testProducer(t, client, ProducerOptions{Topic: topic, MaxPendingMessages: math.MaxInt}), "a message")
	}
}
