package pulsartest

import (
	"cmp"
	"slices"

	pulsar "github.com/pulsar-rs/pulsar_rs/bindings/go"
)

// topicID is an id with its topic.
type topicID struct {
	pulsar.MessageID
	topic string
}

func (id topicID) Topic() string { return id.topic }

// compareIDs is negative, 0 or positive when a is before b, b itself or behind it.
func compareIDs(a, b pulsar.MessageID) int {
	return cmp.Or(
		cmp.Compare(a.LedgerID(), b.LedgerID()),
		cmp.Compare(a.EntryID(), b.EntryID()),
		cmp.Compare(a.BatchIdx(), b.BatchIdx()),
	)
}

func containsID(ids []pulsar.MessageID, id pulsar.MessageID) bool {
	return slices.ContainsFunc(ids, func(other pulsar.MessageID) bool { return compareIDs(id, other) == 0 })
}
