package pulsar

/*
#include "bridge.h"
#include <pulsar_rs/bulk.h>
*/
import "C"

import (
	"encoding/binary"
	"time"
)

// What a packed record has beside its payload; see pulsar_rs_producer_send_packed.
const (
	hasEventTime   = C.PULSAR_RS_RECORD_HAS_EVENT_TIME
	hasSequenceID  = C.PULSAR_RS_RECORD_HAS_SEQUENCE_ID
	hasDeliverAt   = C.PULSAR_RS_RECORD_HAS_DELIVER_AT
	hasPartition   = C.PULSAR_RS_RECORD_HAS_PARTITION
	isNull         = C.PULSAR_RS_RECORD_NULL_VALUE
	hasKey         = C.PULSAR_RS_RECORD_HAS_KEY
	hasOrderingKey = C.PULSAR_RS_RECORD_HAS_ORDERING_KEY
	hasProperties  = C.PULSAR_RS_RECORD_HAS_PROPERTIES
	hasClusters    = C.PULSAR_RS_RECORD_HAS_REPLICATION_CLUSTERS
)

// noReplication stands for the clusters of a message that is not to be replicated.
const noReplication = "__local__"

// outgoing is a message on its way into a buffer.
type outgoing struct {
	message   *ProducerMessage
	payload   []byte
	isNull    bool
	partition int // -1: as the library chooses
}

// isPlain says whether the message is nothing but its payload.
func isPlain(m *ProducerMessage) bool {
	return m.Key == "" && m.OrderingKey == "" && len(m.Properties) == 0 && m.EventTime.IsZero() && m.SequenceID == nil &&
		m.DeliverAfter == 0 && m.DeliverAt.IsZero() && m.ReplicationClusters == nil && !m.DisableReplication
}

// appendPlain appends the record of a message that is nothing but its payload.
func appendPlain(buffer, payload []byte) []byte {
	buffer = binary.LittleEndian.AppendUint64(buffer, uint64(len(payload))<<32)
	return append(buffer, payload...)
}

// appendRecord appends the record of a message.
func appendRecord(buffer []byte, o *outgoing) []byte {
	m := o.message
	start := len(buffer)
	flags := uint32(0)
	buffer = binary.LittleEndian.AppendUint32(buffer, 0)
	buffer = binary.LittleEndian.AppendUint32(buffer, uint32(len(o.payload)))
	if o.isNull {
		flags |= isNull
	}
	if !m.EventTime.IsZero() {
		flags |= hasEventTime
		buffer = binary.LittleEndian.AppendUint64(buffer, uint64(m.EventTime.UnixMilli()))
	}
	if m.SequenceID != nil {
		flags |= hasSequenceID
		buffer = binary.LittleEndian.AppendUint64(buffer, uint64(*m.SequenceID))
	}
	if at, ok := deliverAt(m); ok {
		flags |= hasDeliverAt
		buffer = binary.LittleEndian.AppendUint64(buffer, uint64(at.UnixMilli()))
	}
	if o.partition >= 0 {
		flags |= hasPartition
		buffer = binary.LittleEndian.AppendUint32(buffer, uint32(o.partition))
	}
	if m.Key != "" {
		flags |= hasKey
		buffer = appendText(buffer, m.Key)
	}
	if m.OrderingKey != "" {
		flags |= hasOrderingKey
		buffer = appendText(buffer, m.OrderingKey)
	}
	if len(m.Properties) > 0 {
		flags |= hasProperties
		buffer = binary.LittleEndian.AppendUint32(buffer, uint32(len(m.Properties)))
		for name, value := range m.Properties {
			buffer = appendText(appendText(buffer, name), value)
		}
	}
	if m.DisableReplication {
		flags |= hasClusters
		buffer = appendText(binary.LittleEndian.AppendUint32(buffer, 1), noReplication)
	} else if len(m.ReplicationClusters) > 0 {
		flags |= hasClusters
		buffer = binary.LittleEndian.AppendUint32(buffer, uint32(len(m.ReplicationClusters)))
		for _, cluster := range m.ReplicationClusters {
			buffer = appendText(buffer, cluster)
		}
	}
	binary.LittleEndian.PutUint32(buffer[start:], flags)
	return append(buffer, o.payload...)
}

func deliverAt(m *ProducerMessage) (time.Time, bool) {
	switch {
	case m.DeliverAfter > 0:
		return time.Now().Add(m.DeliverAfter), true
	case !m.DeliverAt.IsZero():
		return m.DeliverAt, true
	default:
		return time.Time{}, false
	}
}

func appendText(buffer []byte, text string) []byte {
	buffer = binary.LittleEndian.AppendUint32(buffer, uint32(len(text)))
	return append(buffer, text...)
}

// skipRecords returns the buffer behind its first count records. They were made here, so they are well-formed.
func skipRecords(buffer []byte, count int) []byte {
	number := func() int {
		n := binary.LittleEndian.Uint32(buffer)
		buffer = buffer[4:]
		return int(n)
	}
	texts := func(count int) {
		for range count {
			buffer = buffer[number():]
		}
	}
	for range count {
		flags, payload := uint32(number()), number()
		for _, fixed := range [...]struct {
			flag uint32
			size int
		}{{hasEventTime, 8}, {hasSequenceID, 8}, {hasDeliverAt, 8}, {hasPartition, 4}} {
			if flags&fixed.flag != 0 {
				buffer = buffer[fixed.size:]
			}
		}
		if flags&hasKey != 0 {
			texts(1)
		}
		if flags&hasOrderingKey != 0 {
			texts(1)
		}
		if flags&hasProperties != 0 {
			texts(2 * number())
		}
		if flags&hasClusters != 0 {
			texts(number())
		}
		buffer = buffer[payload:]
	}
	return buffer
}

// memoryOf is how many bytes of a message count against the memory limit.
func memoryOf(m *ProducerMessage, payload []byte) int {
	size := len(payload) + len(m.Key) + len(m.OrderingKey)
	for name, value := range m.Properties {
		size += len(name) + len(value)
	}
	return size
}
