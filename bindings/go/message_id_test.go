package pulsar

import "testing"

// foreign is an id that a program made by itself.
type foreign struct{ MessageID }

func (foreign) LedgerID() int64 { return 7 }
func (foreign) Topic() string   { return "persistent://public/default/t" }

func TestForeignIDsBecomeOurs(t *testing.T) {
	if toMessageID(nil) != nil {
		t.Error("nil has an id")
	}
	own := NewMessageID(1, 2, 3, 4)
	if toMessageID(own) != own {
		t.Error("an own id was copied")
	}
	id := toMessageID(foreign{own})
	if *id != (messageID{
		ledgerID: 7, entryID: 2, batchIdx: 3, partitionIdx: 4, topic: "persistent://public/default/t",
	}) {
		t.Errorf("%+v", id)
	}
	var _ TopicMessageID = id
}

func TestNackBackoff(t *testing.T) {
	policy := defaultNackBackoffPolicy{}
	for count, want := range map[uint32]string{0: "1s", 3: "8s", 9: "8m32s", 10: "10m0s", 1 << 31: "10m0s"} {
		if got := policy.Next(count).String(); got != want {
			t.Errorf("%d: %s", count, got)
		}
	}
}
