package goparity

import (
	"errors"
	"fmt"
	"testing"
	"time"

	theirs "github.com/apache/pulsar-client-go/pulsar"
	"github.com/apache/pulsar-client-go/pulsar/backoff"
	"github.com/spaolacci/murmur3"

	ours "github.com/pulsar-rs/pulsar_rs/bindings/go"
	ourbackoff "github.com/pulsar-rs/pulsar_rs/bindings/go/backoff"
)

type partitions uint32

func (p partitions) NumPartitions() uint32 { return uint32(p) }

func TestSinglePartitionRouter(t *testing.T) {
	own, other := ours.NewSinglePartitionRouter(), theirs.NewSinglePartitionRouter()
	for i := range 2000 {
		key := fmt.Sprintf("key-%d-ß", i*i)
		a := own(&ours.ProducerMessage{Key: key}, partitions(7))
		b := other(&theirs.ProducerMessage{Key: key}, partitions(7))
		if a != b {
			t.Fatalf("%s goes to %d; pulsar-client-go sends it to %d", key, a, b)
		}
	}
	chosen := own(&ours.ProducerMessage{}, partitions(7))
	for range 100 {
		if next := own(&ours.ProducerMessage{}, partitions(7)); next != chosen || next < 0 || next >= 7 {
			t.Fatalf("%d after %d", next, chosen)
		}
	}
}

func TestDefaultRouterSendsKeysToTheSamePartitions(t *testing.T) {
	own := ours.NewDefaultRouter(murmur3String, 1000, 1<<17, time.Millisecond, false)
	other := theirs.NewDefaultRouter(murmur3String, 1000, 1<<17, time.Millisecond, false)
	for i := range 2000 {
		key, ordering := fmt.Sprint("key", i), ""
		if i%2 == 0 {
			ordering = fmt.Sprint("order", i)
		}
		a := own(&ours.ProducerMessage{Key: key, OrderingKey: ordering}, 11)
		b := other(&theirs.ProducerMessage{Key: key, OrderingKey: ordering}, 11)
		if a != b {
			t.Fatalf("%s %s goes to %d; pulsar-client-go sends it to %d", key, ordering, a, b)
		}
	}
}

func murmur3String(key string) uint32 { return murmur3.Sum32([]byte(key)) & 0x7fffffff }

// Without keys both begin anywhere: what is compared is after how many messages they move on, and how far.
func TestDefaultRouterStaysWithAPartitionForABatch(t *testing.T) {
	for _, test := range []struct {
		messages, bytes uint
		delay           time.Duration
		noBatching      bool
		payload         int
	}{
		{messages: 10, bytes: 1 << 20, delay: time.Hour},
		{messages: 1000, bytes: 100, delay: time.Hour, payload: 9},
		{messages: 1000, bytes: 100, delay: time.Hour, payload: 200},
		{messages: 5, bytes: 1 << 20, delay: time.Hour},
		{messages: 1000, bytes: 1 << 20, delay: time.Hour, noBatching: true},
		{messages: 20, bytes: 1 << 20, delay: -1},
	} {
		own := ours.NewDefaultRouter(murmur3String, test.messages, test.bytes, test.delay, test.noBatching)
		other := theirs.NewDefaultRouter(murmur3String, test.messages, test.bytes, test.delay, test.noBatching)
		payload := make([]byte, test.payload)
		var a, b []int
		for range 100 {
			a = append(a, own(&ours.ProducerMessage{Payload: payload}, 4))
			b = append(b, other(&theirs.ProducerMessage{Payload: payload}, 4))
		}
		for i := range a {
			if (a[i]-a[0]+4)%4 != (b[i]-b[0]+4)%4 {
				t.Fatalf("%+v: message %d\n%v; pulsar-client-go has\n%v", test, i, a, b)
			}
		}
	}
	if own := ours.NewDefaultRouter(nil, 10, 10, time.Hour, false); own(&ours.ProducerMessage{Key: "k"}, 1) != 0 {
		t.Error("a topic with one partition has another")
	}
}

func TestBackoff(t *testing.T) {
	for _, first := range []time.Duration{0, 100 * time.Millisecond, 3 * time.Second, time.Hour} {
		own, other := ourbackoff.NewDefaultBackoff(), backoff.NewDefaultBackoff()
		if first != 0 {
			own, other = ourbackoff.NewDefaultBackoffWithInitialBackOff(first), backoff.NewDefaultBackoffWithInitialBackOff(first)
		}
		for range 2 {
			for attempt := range 15 {
				a, b := own.Next(), other.Next()
				// Each adds up to a fifth by chance.
				if a*10 > b*12 || b*10 > a*12 || own.IsMaxBackoffReached() != other.IsMaxBackoffReached() {
					t.Fatalf("attempt %d after %v: %v; pulsar-client-go waits %v", attempt, first, a, b)
				}
			}
			own.Reset()
			other.Reset()
		}
	}
}

func TestKeySharedPolicies(t *testing.T) {
	for _, ranges := range [][]int{
		nil, {1}, {0, 65535}, {0, 65536}, {-1, 5}, {5, 5}, {7, 5}, {0, 10, 11, 20}, {0, 10, 10, 20}, {30, 40, 0, 29},
		{30, 40, 0, 35}, {0, 100, 20, 30}, {20, 30, 0, 100},
	} {
		own, err := ours.NewKeySharedPolicySticky(ranges)
		_, otherErr := theirs.NewKeySharedPolicySticky(ranges)
		if (err == nil) != (otherErr == nil) || (own == nil) != (err != nil) {
			t.Errorf("%v: %v; pulsar-client-go says %v", ranges, err, otherErr)
		}
		if failure := new(ours.Error); err != nil && (!errors.As(err, &failure) || failure.Result() != ours.InvalidConfiguration) {
			t.Errorf("%v: %v", ranges, err)
		}
	}
}
