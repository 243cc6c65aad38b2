package pulsar

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// NewDefaultRouter makes the router that producers have when they are given none. A message with an ordering key or a
// key goes to the partition that the hash of it says. Others go to one partition until a batch is full there, by count,
// bytes or time, and then to the next one; without batching each goes to the next one. It may be used by many
// goroutines.
func NewDefaultRouter(hashFunc func(string) uint32, maxBatchingMessages uint, maxBatchingSize uint,
	maxBatchingDelay time.Duration, disableBatching bool) func(*ProducerMessage, uint32) int {
	router := &stickyRouter{
		maxMessages: uint64(maxBatchingMessages),
		maxBytes:    uint64(maxBatchingSize),
		maxDelay:    maxBatchingDelay,
		// Reading the clock costs more than the rest: one message of ten in a batch does.
		clockEvery: max(uint64(maxBatchingMessages)/10, 1),
		began:      time.Now(),
	}
	router.partition.Store(rand.Uint32())
	return func(message *ProducerMessage, partitions uint32) int {
		switch {
		case partitions <= 1:
			return 0
		case message.OrderingKey != "":
			return int(hashFunc(message.OrderingKey) % partitions)
		case message.Key != "":
			return int(hashFunc(message.Key) % partitions)
		case disableBatching:
			return int((router.partition.Add(1) - 1) % partitions)
		}
		return int(router.next(uint64(len(message.Payload))) % partitions)
	}
}

// stickyRouter stays with a partition until a batch is full.
type stickyRouter struct {
	maxMessages, maxBytes uint64
	maxDelay              time.Duration
	clockEvery            uint64
	began                 time.Time

	partition atomic.Uint32 // counts on for ever
	messages  atomic.Uint64 // since the partition changed
	bytes     atomic.Uint64 // since the partition changed
	changed   atomic.Int64  // when the partition changed: nanoseconds after began
}

func (r *stickyRouter) next(size uint64) uint32 {
	partition := r.partition.Load()
	messages, bytes := r.messages.Add(1), r.bytes.Add(size)
	full := messages > r.maxMessages || bytes > r.maxBytes
	var now time.Duration
	if full || messages%r.clockEvery == 0 {
		now = time.Since(r.began)
		full = full || now-time.Duration(r.changed.Load()) > r.maxDelay
	}
	if !full {
		return partition
	}
	// Of the goroutines that find it full one moves on, so that no partition is left out.
	if r.partition.CompareAndSwap(partition, partition+1) {
		r.messages.Store(0)
		r.bytes.Store(0)
		r.changed.Store(int64(now))
	}
	return partition + 1
}

// NewSinglePartitionRouter makes a router that sends every message without a key to the same partition, which is chosen
// by chance with the first one. A message with a key goes to the partition that its JavaStringHash says.
func NewSinglePartitionRouter() func(*ProducerMessage, TopicMetadata) int {
	var (
		once   sync.Once
		chosen int
	)
	return func(message *ProducerMessage, topic TopicMetadata) int {
		partitions := topic.NumPartitions()
		if message.Key != "" {
			return int(javaStringHash(message.Key) % partitions)
		}
		once.Do(func() { chosen = int(rand.Uint32N(partitions)) })
		return chosen
	}
}
