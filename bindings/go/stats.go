package pulsar

/*
#include "bridge.h"
#include <pulsar_rs/stats.h>
*/
import "C"

import (
	"time"
	"unsafe"
)

// snapshot is what a client, its producers and its consumers counted so far.
type snapshot struct {
	connections uint64
	producers   []producerCounts
	consumers   []consumerCounts
}

// producerCounts are the counts of the producer of a topic or partition.
type producerCounts struct {
	topic, name       string
	partition         int32
	messages, bytes   uint64
	failed, timedOut  uint64
	pending           uint64
	pendingBytes      uint64
	reconnects        uint64
	latencies         []uint64 // messages in each bucket of latencyBounds, and in one more
	latencyTotal      time.Duration
	acknowledgedCount uint64
}

// consumerCounts are the counts of the consumer of a topic or partition.
type consumerCounts struct {
	topic, subscription, name string
	partition                 int32
	messages, bytes           uint64
	acks, nacks, deadLetters  uint64
	queued, queuedBytes       uint64
	reconnects                uint64
}

// snapshot asks the library; the counts are empty when the client is closed.
func (c *connected) snapshot() snapshot {
	var taken snapshot
	pointer := c.acquire()
	if pointer == nil {
		return taken
	}
	defer c.release()
	var stats *C.pulsar_rs_stats_t
	if C.pulsar_rs_client_stats(pointer, &stats) != C.pulsar_result_Ok {
		return taken
	}
	defer C.pulsar_rs_stats_free(stats)
	var client C.pulsar_rs_client_stats_t
	C.pulsar_rs_stats_client(stats, &client, C.sizeof_pulsar_rs_client_stats_t)
	taken.connections = uint64(client.connections)

	// In C's memory, as they hold C's pointers.
	if count := C.pulsar_rs_stats_producers(stats, nil, C.sizeof_pulsar_rs_producer_stats_t, 0); count > 0 {
		array := (*C.pulsar_rs_producer_stats_t)(C.calloc(count, C.sizeof_pulsar_rs_producer_stats_t))
		defer C.free(unsafe.Pointer(array))
		C.pulsar_rs_stats_producers(stats, array, C.sizeof_pulsar_rs_producer_stats_t, count)
		for _, p := range unsafe.Slice(array, count) {
			counts := producerCounts{
				topic: C.GoString(p.topic), name: C.GoString(p.name), partition: int32(p.partition),
				messages: uint64(p.messages), bytes: uint64(p.bytes),
				failed: uint64(p.failed), timedOut: uint64(p.timed_out),
				pending: uint64(p.pending_messages), pendingBytes: uint64(p.pending_bytes),
				reconnects: uint64(p.reconnects), acknowledgedCount: uint64(p.acknowledged),
				latencyTotal: time.Duration(p.latency_sum_us) * time.Microsecond,
				latencies:    make([]uint64, p.latency_buckets),
			}
			for i, count := range unsafe.Slice(p.latency_counts, p.latency_buckets) {
				counts.latencies[i] = uint64(count)
			}
			taken.producers = append(taken.producers, counts)
		}
	}
	if count := C.pulsar_rs_stats_consumers(stats, nil, C.sizeof_pulsar_rs_consumer_stats_t, 0); count > 0 {
		array := (*C.pulsar_rs_consumer_stats_t)(C.calloc(count, C.sizeof_pulsar_rs_consumer_stats_t))
		defer C.free(unsafe.Pointer(array))
		C.pulsar_rs_stats_consumers(stats, array, C.sizeof_pulsar_rs_consumer_stats_t, count)
		for _, c := range unsafe.Slice(array, count) {
			taken.consumers = append(taken.consumers, consumerCounts{
				topic: C.GoString(c.topic), subscription: C.GoString(c.subscription), name: C.GoString(c.name),
				partition: int32(c.partition), messages: uint64(c.messages), bytes: uint64(c.bytes),
				acks: uint64(c.acknowledged), nacks: uint64(c.negative_acks), deadLetters: uint64(c.dead_letters),
				queued: uint64(c.queued_messages), queuedBytes: uint64(c.queued_bytes), reconnects: uint64(c.reconnects),
			})
		}
	}
	return taken
}

// latencyBounds are the upper bounds of the latency buckets.
func latencyBounds() []time.Duration {
	var count C.size_t
	array := C.pulsar_rs_stats_latency_bounds(&count)
	bounds := make([]time.Duration, count)
	for i, bound := range unsafe.Slice(array, count) {
		bounds[i] = time.Duration(bound) * time.Microsecond
	}
	return bounds
}
