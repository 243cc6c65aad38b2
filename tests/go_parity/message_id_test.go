package goparity

import (
	"bytes"
	"errors"
	"math"
	"testing"

	theirs "github.com/apache/pulsar-client-go/pulsar"
	"google.golang.org/protobuf/encoding/protowire"

	ours "github.com/pulsar-rs/pulsar_rs/bindings/go"
)

// messageID is what both packages' ids have in common.
type messageID interface {
	LedgerID() int64
	EntryID() int64
	BatchIdx() int32
	PartitionIdx() int32
	BatchSize() int32
	Serialize() []byte
	String() string
}

func sameID(t *testing.T, own, other messageID) {
	t.Helper()
	if own.LedgerID() != other.LedgerID() || own.EntryID() != other.EntryID() || own.BatchIdx() != other.BatchIdx() ||
		own.PartitionIdx() != other.PartitionIdx() || own.BatchSize() != other.BatchSize() ||
		own.String() != other.String() || !bytes.Equal(own.Serialize(), other.Serialize()) {
		t.Errorf("%v %x; pulsar-client-go has %v %x", own, own.Serialize(), other, other.Serialize())
	}
}

func TestMessageIDs(t *testing.T) {
	sameID(t, ours.EarliestMessageID(), theirs.EarliestMessageID())
	sameID(t, ours.LatestMessageID(), theirs.LatestMessageID())
	for _, id := range [][4]int64{
		{0, 0, -1, -1}, {1, 2, 3, 4}, {math.MaxInt64, 0, math.MaxInt32, 0}, {-1, -1, -1, 7}, {300, 70000, 0, 1 << 20},
	} {
		own := ours.NewMessageID(id[0], id[1], int32(id[2]), int32(id[3]))
		other := theirs.NewMessageID(id[0], id[1], int32(id[2]), int32(id[3]))
		sameID(t, own, other)

		read, err := ours.DeserializeMessageID(other.Serialize())
		if err != nil {
			t.Fatal(err)
		}
		sameID(t, read, other)
		back, err := theirs.DeserializeMessageID(own.Serialize())
		if err != nil {
			t.Fatal(err)
		}
		sameID(t, own, back)
	}
}

func TestSerializedIDs(t *testing.T) {
	field := func(data []byte, number protowire.Number, value uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(data, number, protowire.VarintType), value)
	}
	short := field(field(nil, 2, 9), 1, 7) // without what has defaults
	batch := field(field(field(short, 4, 2), 6, 10), 3, 1)
	acks := protowire.AppendVarint(protowire.AppendTag(batch, 5, protowire.VarintType), 1<<63)
	unknown := protowire.AppendString(protowire.AppendTag(batch, 99, protowire.BytesType), "new")
	for _, data := range [][]byte{short, batch, acks, unknown} {
		own, err := ours.DeserializeMessageID(data)
		other, otherErr := theirs.DeserializeMessageID(data)
		if err != nil || otherErr != nil {
			t.Fatalf("%x: %v; pulsar-client-go says %v", data, err, otherErr)
		}
		sameID(t, own, other)
	}
	for _, data := range [][]byte{nil, {}, field(nil, 1, 7), field(nil, 2, 7), []byte("text"), short[:3], {0xff}} {
		own, err := ours.DeserializeMessageID(data)
		_, otherErr := theirs.DeserializeMessageID(data)
		if own != nil || otherErr == nil {
			t.Errorf("%x: %v; pulsar-client-go says %v", data, own, otherErr)
		}
		if failure := new(ours.Error); !errors.As(err, &failure) || failure.Result() != ours.InvalidMessage {
			t.Errorf("%x: %v", data, err)
		}
	}
}

// A message in chunks keeps the id of its first one, which pulsar-client-go does not read back.
func TestIDsOfChunks(t *testing.T) {
	first := ours.NewMessageID(5, 6, -1, 2).Serialize()
	data := protowire.AppendTag(ours.NewMessageID(5, 9, -1, 2).Serialize(), 7, protowire.BytesType)
	data = protowire.AppendBytes(data, first)
	id, err := ours.DeserializeMessageID(data)
	if err != nil {
		t.Fatal(err)
	}
	if id.String() != "5:6:2;5:9:2" {
		t.Errorf("%v", id)
	}
	again, err := ours.DeserializeMessageID(id.Serialize())
	if err != nil || again.String() != id.String() {
		t.Errorf("%v, %v", again, err)
	}
	other, err := theirs.DeserializeMessageID(id.Serialize())
	if err != nil || other.EntryID() != 9 {
		t.Errorf("%v, %v", other, err)
	}
}
