package pulsartest

/*
#include "../bridge.h"
#include <pulsar_rs/test_broker.h>
*/
import "C"

import (
	"time"
	"unsafe"
)

// CreateTopic creates a topic, with partitions when there are more than 0. One that is there already stays as it is.
func (b *Broker) CreateTopic(topic string, partitions uint32) {
	b.t.Helper()
	b.do("create topic", func(pointer *C.pulsar_rs_test_broker_t, texts []*C.char) C.pulsar_result {
		return C.pulsar_rs_test_broker_create_topic(pointer, texts[0], C.uint32_t(partitions))
	}, topic)
}

// AddPartitions gives a topic with partitions more of them: this many in all.
func (b *Broker) AddPartitions(topic string, partitions uint32) {
	b.t.Helper()
	b.do("add partitions", func(pointer *C.pulsar_rs_test_broker_t, texts []*C.char) C.pulsar_result {
		return C.pulsar_rs_test_broker_add_partitions(pointer, texts[0], C.uint32_t(partitions))
	}, topic)
}

// DeleteTopic deletes a topic, whoever uses it.
func (b *Broker) DeleteTopic(topic string) {
	b.t.Helper()
	b.do("delete topic", func(pointer *C.pulsar_rs_test_broker_t, texts []*C.char) C.pulsar_result {
		return C.pulsar_rs_test_broker_delete_topic(pointer, texts[0])
	}, topic)
}

// Compact compacts a topic: who reads it compacted gets the newest message of each key of those that are there now.
func (b *Broker) Compact(topic string) {
	b.t.Helper()
	b.do("compact", func(pointer *C.pulsar_rs_test_broker_t, texts []*C.char) C.pulsar_result {
		return C.pulsar_rs_test_broker_compact(pointer, texts[0])
	}, topic)
}

// Unload has a topic move away and back: its producers and consumers are closed and connect again, and messages get ids
// of another ledger.
func (b *Broker) Unload(topic string) {
	b.t.Helper()
	b.do("unload", func(pointer *C.pulsar_rs_test_broker_t, texts []*C.char) C.pulsar_result {
		return C.pulsar_rs_test_broker_unload(pointer, texts[0])
	}, topic)
}

// Backlog returns how many messages of a subscription are not acknowledged; -1 when there is no such subscription.
func (b *Broker) Backlog(topic, subscription string) (messages int64) {
	b.t.Helper()
	messages = -1
	b.with("backlog", []string{topic, subscription}, func(pointer *C.pulsar_rs_test_broker_t, texts []*C.char) {
		messages = int64(C.pulsar_rs_test_broker_backlog(pointer, texts[0], texts[1]))
	})
	return messages
}

// DropConnections ends every connection at once, as a broker that crashes does, and returns how many there were.
func (b *Broker) DropConnections() (connections int) {
	b.t.Helper()
	b.with("drop connections", nil, func(pointer *C.pulsar_rs_test_broker_t, _ []*C.char) {
		connections = int(C.pulsar_rs_test_broker_drop_connections(pointer))
	})
	return connections
}

// CloseProducers closes the producers of a topic from the broker's side, and returns how many there were. They connect
// again.
func (b *Broker) CloseProducers(topic string) (producers int) {
	b.t.Helper()
	b.with("close producers", []string{topic}, func(pointer *C.pulsar_rs_test_broker_t, texts []*C.char) {
		producers = int(C.pulsar_rs_test_broker_close_producers(pointer, texts[0]))
	})
	return producers
}

// CloseConsumers closes the consumers of a subscription from the broker's side, and returns how many there were. They
// connect again.
func (b *Broker) CloseConsumers(topic, subscription string) (consumers int) {
	b.t.Helper()
	b.with("close consumers", []string{topic, subscription}, func(pointer *C.pulsar_rs_test_broker_t, texts []*C.char) {
		consumers = int(C.pulsar_rs_test_broker_close_consumers(pointer, texts[0], texts[1]))
	})
	return consumers
}

// Freeze stops reading from clients and answering them, with connections open, or goes on.
func (b *Broker) Freeze(frozen bool) {
	b.t.Helper()
	b.do("freeze", func(pointer *C.pulsar_rs_test_broker_t, _ []*C.char) C.pulsar_result {
		return C.pulsar_rs_test_broker_freeze(pointer, flag(frozen))
	})
}

// DelayReceipts confirms messages this much later, from now on; whole milliseconds.
func (b *Broker) DelayReceipts(delay time.Duration) {
	b.t.Helper()
	b.do("delay receipts", func(pointer *C.pulsar_rs_test_broker_t, _ []*C.char) C.pulsar_result {
		return C.pulsar_rs_test_broker_delay_receipts(pointer, C.uint64_t(max(delay.Milliseconds(), 0)))
	})
}

// WithholdReceipts confirms no messages, or does so again, beginning with those that wait.
func (b *Broker) WithholdReceipts(withhold bool) {
	b.t.Helper()
	b.do("withhold receipts", func(pointer *C.pulsar_rs_test_broker_t, _ []*C.char) C.pulsar_result {
		return C.pulsar_rs_test_broker_withhold_receipts(pointer, flag(withhold))
	})
}

// FailNext answers the next commands of a kind, this many times, with an error instead of doing them.
func (b *Broker) FailNext(command Command, failure ServerError, text string, times uint32) {
	b.t.Helper()
	b.do("fail next", func(pointer *C.pulsar_rs_test_broker_t, texts []*C.char) C.pulsar_result {
		return C.pulsar_rs_test_broker_fail_next(pointer, C.pulsar_rs_test_broker_command(command), C.int(failure),
			texts[0], C.uint32_t(times))
	}, text)
}

// SetDeduplication drops messages with sequence ids that came before, or does not, as at the start.
func (b *Broker) SetDeduplication(enabled bool) {
	b.t.Helper()
	b.do("set deduplication", func(pointer *C.pulsar_rs_test_broker_t, _ []*C.char) C.pulsar_result {
		return C.pulsar_rs_test_broker_set_deduplication(pointer, flag(enabled))
	})
}

// SetEntryMetadata gives messages from now on an Index and a BrokerPublishTime, or does not, as at the start.
func (b *Broker) SetEntryMetadata(enabled bool) {
	b.t.Helper()
	b.do("set entry metadata", func(pointer *C.pulsar_rs_test_broker_t, _ []*C.char) C.pulsar_result {
		return C.pulsar_rs_test_broker_set_entry_metadata(pointer, flag(enabled))
	})
}

// RequireAuthentication lets only clients in that show a token of IssueToken or are a user of AddUser, or all, as at the
// start. Tokens and users from before are forgotten; connections stay.
func (b *Broker) RequireAuthentication(required bool) {
	b.t.Helper()
	b.do("require authentication", func(pointer *C.pulsar_rs_test_broker_t, _ []*C.char) C.pulsar_result {
		return C.pulsar_rs_test_broker_require_authentication(pointer, flag(required))
	})
}

// AddUser lets a user in with a password; the user's name is the role. It needs RequireAuthentication.
func (b *Broker) AddUser(user, password string) {
	b.t.Helper()
	// Not by do: a report must not show the password.
	b.with("add user", []string{user, password}, func(pointer *C.pulsar_rs_test_broker_t, texts []*C.char) {
		b.t.Helper()
		if result := C.pulsar_rs_test_broker_add_user(pointer, texts[0], texts[1]); result != C.pulsar_result_Ok {
			b.t.Errorf("pulsartest: add user %q: %s", user, C.GoString(C.pulsar_result_str(result)))
		}
	})
}

// IssueToken returns a token for a role, which is good for this long, in whole seconds; 0: for ever; negative: not any
// more. It needs RequireAuthentication.
func (b *Broker) IssueToken(role string, lifetime time.Duration) (token string) {
	b.t.Helper()
	b.with("issue token", []string{role}, func(pointer *C.pulsar_rs_test_broker_t, texts []*C.char) {
		b.t.Helper()
		text := C.pulsar_rs_test_broker_issue_token(pointer, texts[0], C.int64_t(lifetime/time.Second))
		if text == nil {
			b.t.Errorf("pulsartest: issue token for %q: call RequireAuthentication first", role)
			return
		}
		token = C.GoString(text)
		C.free(unsafe.Pointer(text))
	})
	return token
}

// SetPermissions says what a role may do. Before its first use everybody may do everything, and after it nobody what is
// not permitted.
func (b *Broker) SetPermissions(role string, produce, consume bool) {
	b.t.Helper()
	b.do("set permissions", func(pointer *C.pulsar_rs_test_broker_t, texts []*C.char) C.pulsar_result {
		return C.pulsar_rs_test_broker_set_permissions(pointer, texts[0], flag(produce), flag(consume))
	}, role)
}
