package pulsar

/*
#include "consumer_bridge.h"
#include <string.h>
*/
import "C"

import (
	"sync/atomic"
	"time"
	"unsafe"
)

// message is a received message. It stands in one allocation with those that came with it, and so do their bytes.
type message struct {
	data          *byte // payload, key, ordering key, one behind the other
	origin        *origin
	eventTime     uint64 // milliseconds since 1970
	payload       uint32 // bytes
	key           uint32
	orderingKey   uint32
	index         int32  // place in the batch; -1: it is in none
	number        uint32 // place in its list
	firstProperty uint32
	properties    uint32
}

// origin is what the messages of one entry have in common.
type origin struct {
	receiver          *receiver
	topic             *source
	list              *list
	ledger            int64
	entry             int64
	reading           uint64 // of the topic, when it came
	publishTime       uint64 // milliseconds since 1970
	brokerPublishTime uint64
	lastIndex         uint64
	partition         int32
	batchSize         int32
	redeliveries      uint32
	flags             C.uint32_t
	producerName      string
	replicatedFrom    string
	schemaVersion     []byte
	firstChunk        *messageID
	encryption        *EncryptionContext
}

// list is what messages that came together have in common.
type list struct {
	properties []string // names and values in turns
	kept       *keptList
}

// source is a topic, or a partition, that messages come from.
type source struct {
	name    string
	cName   *C.char       // lives as long as the consumer; nil where the positions tell
	reading atomic.Uint64 // messages of an earlier one are of before a seek
	acks    sourceAcks
}

func (m *message) Topic() string             { return m.origin.topic.name }
func (m *message) ProducerName() string      { return m.origin.producerName }
func (m *message) PublishTime() time.Time    { return milliseconds(m.origin.publishTime) }
func (m *message) EventTime() time.Time      { return milliseconds(m.eventTime) }
func (m *message) RedeliveryCount() uint32   { return m.origin.redeliveries }
func (m *message) IsReplicated() bool        { return m.origin.replicatedFrom != "" }
func (m *message) GetReplicatedFrom() string { return m.origin.replicatedFrom }
func (m *message) SchemaVersion() []byte     { return m.origin.schemaVersion }

func (m *message) GetEncryptionContext() *EncryptionContext { return m.origin.encryption }

func (m *message) Payload() []byte {
	return unsafe.Slice(m.data, int(m.payload+m.key+m.orderingKey))[:m.payload:m.payload]
}

func (m *message) Key() string { return m.text(m.payload, m.key) }

func (m *message) OrderingKey() string { return m.text(m.payload+m.key, m.orderingKey) }

func (m *message) text(from, size uint32) string {
	if size == 0 {
		return ""
	}
	return unsafe.String((*byte)(unsafe.Add(unsafe.Pointer(m.data), from)), int(size))
}

// Properties makes a map of its own for each call.
func (m *message) Properties() map[string]string {
	properties := make(map[string]string, m.properties)
	pairs := m.origin.list.properties[m.firstProperty:][:2*m.properties]
	for i := 0; i < len(pairs); i += 2 {
		properties[pairs[i]] = pairs[i+1]
	}
	return properties
}

// ID makes an id of its own, which does not keep the messages in memory that came with this one.
func (m *message) ID() MessageID { return m.id() }

func (m *message) id() *messageID {
	o := m.origin
	return &messageID{
		ledgerID: o.ledger, entryID: o.entry, batchIdx: m.index, partitionIdx: shownPartition(o.partition), batchSize: o.batchSize,
		topic: o.topic.name, firstChunk: o.firstChunk,
	}
}

func (m *message) position() C.pulsar_rs_position_t {
	o := m.origin
	return C.pulsar_rs_position_t{
		ledger: C.int64_t(o.ledger), entry: C.int64_t(o.entry), partition: C.int32_t(o.partition),
		batch_index: C.int32_t(m.index), batch_size: C.int32_t(o.batchSize),
	}
}

// isStale says whether the message is of before a seek.
func (m *message) isStale() bool { return m.origin.reading < m.origin.topic.reading.Load() }

func (m *message) Index() *uint64 {
	o := m.origin
	if o.flags&C.PULSAR_RS_ENTRY_HAS_INDEX == 0 {
		return nil
	}
	index := o.lastIndex
	if o.batchSize > 0 {
		index -= uint64(o.batchSize - 1 - m.index)
	}
	return &index
}

func (m *message) BrokerPublishTime() *time.Time {
	if m.origin.flags&C.PULSAR_RS_ENTRY_HAS_BROKER_PUBLISH_TIME == 0 {
		return nil
	}
	at := milliseconds(m.origin.brokerPublishTime)
	return &at
}

// GetSchemaValue decodes with the schema of the message's version, as the broker has it; a message without a version with
// the schema that the consumer or reader was given.
func (m *message) GetSchemaValue(v interface{}) error {
	schema, err := m.origin.receiver.schemaFor(m.origin.schemaVersion)
	if err != nil {
		return err
	}
	return schema.Decode(m.Payload(), v)
}

func milliseconds(since uint64) time.Time { return time.UnixMilli(int64(since)) }

// position is the place of an id in its topic.
func (id *messageID) position() C.pulsar_rs_position_t {
	return C.pulsar_rs_position_t{
		ledger: C.int64_t(id.ledgerID), entry: C.int64_t(id.entryID), partition: C.int32_t(id.partitionIdx),
		batch_index: C.int32_t(id.batchIdx), batch_size: C.int32_t(id.batchSize),
	}
}

// bytesAt shows memory of C, which ends with what it belongs to.
func bytesAt(data unsafe.Pointer, size C.size_t) []byte {
	return unsafe.Slice((*byte)(data), int(size))
}

// arena is the one allocation that the bytes of a list are copied to. Its parts are never written again, but for payloads,
// which are the program's.
type arena struct{ left []byte }

func (a *arena) bytes(data unsafe.Pointer, size C.size_t) []byte {
	n := int(size)
	part := a.left[:n:n]
	a.left = a.left[n:]
	copy(part, bytesAt(data, size))
	return part
}

func (a *arena) text(data unsafe.Pointer, size C.size_t) string {
	if size == 0 {
		return ""
	}
	part := a.bytes(data, size)
	return unsafe.String(unsafe.SliceData(part), len(part))
}

// copyList copies messages to Go: one allocation for all bytes, one for all messages, one for all entries.
func (r *receiver) copyList(opened *C.pulsar_go_list_t) []message {
	received := opened.received
	views := unsafe.Slice(opened.views, int(opened.count))
	entries := unsafe.Slice(opened.entries, int(opened.entry_count))
	size, pairs := C.size_t(0), C.size_t(0)
	for i := range views {
		v := &views[i]
		size += v.payload_len + v.key_len + v.ordering_key_len
		if v.property_count > 0 {
			pairs += v.property_count
			for _, p := range unsafe.Slice(v.properties, int(v.property_count)) {
				size += p.name_len + p.value_len
			}
		}
	}
	for i := range entries {
		e := &entries[i]
		size += e.producer_name_len + e.replicated_from_len + e.schema_version_len
	}
	common := &list{}
	if pairs > 0 {
		common.properties = make([]string, 0, 2*pairs)
	}
	memory := arena{make([]byte, size)}
	origins := make([]origin, len(entries))
	messages := make([]message, len(views))
	for i := range views {
		v, m := &views[i], &messages[i]
		o := &origins[v.entry]
		if o.receiver == nil {
			r.fill(o, v, &entries[v.entry], &memory, opened)
			o.list = common
			if o.flags&C.PULSAR_RS_ENTRY_IS_ENCRYPTED != 0 {
				o.encryption = encryptionOf(received, i)
			}
		}
		m.origin = o
		m.data = unsafe.SliceData(memory.left)
		m.payload = uint32(v.payload_len)
		memory.bytes(v.payload, v.payload_len)
		m.index = int32(v.position.batch_index)
		m.number = uint32(i)
		if v.key_len > 0 {
			m.key = uint32(v.key_len)
			memory.bytes(v.key, v.key_len)
		}
		if v.ordering_key_len > 0 {
			m.orderingKey = uint32(v.ordering_key_len)
			memory.bytes(v.ordering_key, v.ordering_key_len)
		}
		if v.flags&hasEventTime != 0 {
			m.eventTime = uint64(v.event_time)
		}
		if v.property_count > 0 {
			m.firstProperty, m.properties = uint32(len(common.properties)), uint32(v.property_count)
			for _, p := range unsafe.Slice(v.properties, int(v.property_count)) {
				name, value := memory.text(p.name, p.name_len), memory.text(p.value, p.value_len)
				common.properties = append(common.properties, name, value)
			}
		}
	}
	if r.keepsLists {
		common.kept = keep(received)
	} else {
		r.done = received
	}
	return messages
}

// fill fills in what the messages of an entry have in common, of which v is the first in the list.
func (r *receiver) fill(
	o *origin, v *C.pulsar_rs_view_t, e *C.pulsar_rs_entry_t, memory *arena, opened *C.pulsar_go_list_t,
) {
	topic, size := opened.topic, opened.topic_len
	if v.topic != 0 {
		topic = C.pulsar_rs_received_topic(opened.received, v.topic)
		size = C.strlen(topic)
	}
	o.receiver = r
	o.topic = r.source(bytesAt(unsafe.Pointer(topic), size))
	o.ledger, o.entry = int64(v.position.ledger), int64(v.position.entry)
	o.partition, o.batchSize = int32(v.position.partition), int32(v.position.batch_size)
	o.redeliveries = uint32(v.redelivery_count)
	o.publishTime = uint64(v.publish_time)
	o.flags = e.flags
	o.reading = uint64(e.reading)
	o.brokerPublishTime, o.lastIndex = uint64(e.broker_publish_time), uint64(e.last_index)
	o.producerName = memory.text(e.producer_name, e.producer_name_len)
	o.replicatedFrom = memory.text(e.replicated_from, e.replicated_from_len)
	if e.schema_version != nil {
		o.schemaVersion = memory.bytes(e.schema_version, e.schema_version_len)
	}
	if e.flags&C.PULSAR_RS_ENTRY_HAS_CHUNKS != 0 {
		first := &e.first_chunk
		o.firstChunk = &messageID{
			ledgerID: int64(first.ledger), entryID: int64(first.entry), batchIdx: -1,
			partitionIdx: shownPartition(int32(first.partition)),
			topic:        o.topic.name,
		}
	}
}
