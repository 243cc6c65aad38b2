package pulsar

import (
	"math"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// MessageID is where a message is in its topic. Ids are immutable; compare what they consist of, not the interfaces.
type MessageID interface {
	// Serialize returns the id as bytes that every Pulsar client reads.
	Serialize() []byte

	// LedgerID returns the number of the ledger.
	LedgerID() int64

	// EntryID returns the number of the entry in the ledger.
	EntryID() int64

	// BatchIdx returns the position in the entry's batch; -1 when the entry is no batch.
	BatchIdx() int32

	// PartitionIdx returns the number of the partition. When the topic has none, ids of messages return 0; others -1.
	PartitionIdx() int32

	// BatchSize returns how many messages the entry's batch has; 0 when it is no batch, or when it is not known.
	BatchSize() int32

	// String returns ledger:entry:partition, and for a message in chunks those of the first and last chunk.
	String() string
}

// TopicMessageID is a MessageID that knows its topic.
type TopicMessageID interface {
	MessageID

	// Topic returns the full name of the topic or partition.
	Topic() string
}

// DeserializeMessageID reads an id that Serialize, or another Pulsar client, wrote. The id knows no topic.
func DeserializeMessageID(data []byte) (MessageID, error) {
	id, err := parseMessageID(data)
	if err != nil {
		return nil, err
	}
	return id, nil
}

// NewMessageID makes an id from numbers. batchIdx is -1 for the id of an entry, partitionIdx -1 when the topic has no
// partitions.
func NewMessageID(ledgerID int64, entryID int64, batchIdx int32, partitionIdx int32) MessageID {
	return &messageID{ledgerID: ledgerID, entryID: entryID, batchIdx: batchIdx, partitionIdx: partitionIdx}
}

// EarliestMessageID returns the id that stands for the first message that a topic still has.
func EarliestMessageID() MessageID { return earliestMessageID }

// LatestMessageID returns the id that stands for the end of a topic.
func LatestMessageID() MessageID { return latestMessageID }

var (
	earliestMessageID = &messageID{ledgerID: -1, entryID: -1, batchIdx: -1, partitionIdx: -1}
	latestMessageID   = &messageID{ledgerID: math.MaxInt64, entryID: math.MaxInt64, batchIdx: -1, partitionIdx: -1}
)

// messageID is the id of every message that the library returns. It is never changed once others see it.
type messageID struct {
	ledgerID     int64
	entryID      int64
	batchIdx     int32
	partitionIdx int32
	batchSize    int32
	topic        string
	firstChunk   *messageID // nil unless the message came in chunks
}

func (id *messageID) LedgerID() int64     { return id.ledgerID }
func (id *messageID) EntryID() int64      { return id.entryID }
func (id *messageID) BatchIdx() int32     { return id.batchIdx }
func (id *messageID) PartitionIdx() int32 { return id.partitionIdx }
func (id *messageID) BatchSize() int32    { return id.batchSize }
func (id *messageID) Topic() string       { return id.topic }

func (id *messageID) String() string {
	text := make([]byte, 0, 64)
	if id.firstChunk != nil {
		text = append(id.firstChunk.appendText(text), ';')
	}
	return string(id.appendText(text))
}

func (id *messageID) appendText(text []byte) []byte {
	text = append(strconv.AppendInt(text, id.ledgerID, 10), ':')
	text = append(strconv.AppendInt(text, id.entryID, 10), ':')
	return strconv.AppendInt(text, int64(id.partitionIdx), 10)
}

// Fields of the protobuf message MessageIdData.
const (
	fieldLedgerID   = 1
	fieldEntryID    = 2
	fieldPartition  = 3
	fieldBatchIndex = 4
	fieldBatchSize  = 6
	fieldFirstChunk = 7
)

func (id *messageID) Serialize() []byte {
	data := id.appendFields(make([]byte, 0, 64), id.firstChunk == nil)
	if id.firstChunk != nil {
		data = protowire.AppendTag(data, fieldFirstChunk, protowire.BytesType)
		data = protowire.AppendBytes(data, id.firstChunk.appendFields(nil, false))
	}
	return data
}

// appendFields leaves out the batch size for chunks, as a chunk is no batch.
func (id *messageID) appendFields(data []byte, withBatchSize bool) []byte {
	number := func(field protowire.Number, value uint64) {
		data = protowire.AppendTag(data, field, protowire.VarintType)
		data = protowire.AppendVarint(data, value)
	}
	number(fieldLedgerID, uint64(id.ledgerID))
	number(fieldEntryID, uint64(id.entryID))
	number(fieldPartition, uint64(id.partitionIdx))
	number(fieldBatchIndex, uint64(id.batchIdx))
	if withBatchSize {
		number(fieldBatchSize, uint64(id.batchSize))
	}
	return data
}

func parseMessageID(data []byte) (*messageID, error) {
	id := &messageID{batchIdx: -1, partitionIdx: -1}
	hasLedger, hasEntry := false, false
	for len(data) > 0 {
		field, kind, size := protowire.ConsumeTag(data)
		if size < 0 {
			return nil, noMessageID(protowire.ParseError(size).Error())
		}
		data = data[size:]
		var number uint64
		switch {
		case kind == protowire.VarintType:
			number, size = protowire.ConsumeVarint(data)
		case field == fieldFirstChunk && kind == protowire.BytesType:
			var chunk []byte
			if chunk, size = protowire.ConsumeBytes(data); size >= 0 {
				first, err := parseMessageID(chunk)
				if err != nil {
					return nil, err
				}
				id.firstChunk = first
			}
		default:
			size = protowire.ConsumeFieldValue(field, kind, data)
		}
		if size < 0 {
			return nil, noMessageID(protowire.ParseError(size).Error())
		}
		data = data[size:]
		if kind != protowire.VarintType {
			continue
		}
		switch field {
		case fieldLedgerID:
			id.ledgerID, hasLedger = int64(number), true
		case fieldEntryID:
			id.entryID, hasEntry = int64(number), true
		case fieldPartition:
			id.partitionIdx = int32(number)
		case fieldBatchIndex:
			id.batchIdx = int32(number)
		case fieldBatchSize:
			id.batchSize = int32(number)
		}
	}
	if !hasLedger || !hasEntry {
		return nil, noMessageID("ledger or entry is missing")
	}
	return id, nil
}

func noMessageID(reason string) *Error {
	return newError(InvalidMessage, "deserialize message id: these bytes are no message id: "+reason)
}

// shownPartition is what ids of messages say: 0 also for a topic without partitions, as in pulsar-client-go, whose programs
// may count by it.
func shownPartition(number int32) int32 { return max(number, 0) }

// toMessageID returns an id of the library for any implementation of MessageID; nil for nil.
func toMessageID(id MessageID) *messageID {
	switch known := id.(type) {
	case nil:
		return nil
	case *messageID:
		return known
	}
	own := &messageID{
		ledgerID:     id.LedgerID(),
		entryID:      id.EntryID(),
		batchIdx:     id.BatchIdx(),
		partitionIdx: id.PartitionIdx(),
		batchSize:    id.BatchSize(),
	}
	if withTopic, ok := id.(TopicMessageID); ok {
		own.topic = withTopic.Topic()
	}
	return own
}
