package pulsar

import (
	"context"
	"testing"
)

// One partition gives no outcome while others do: what is remembered must not grow with what gets on.
func TestWhatWaitsLongIsSetAside(t *testing.T) {
	var s sending
	const limit = 100
	s.init(nil, newMemoryLimit(0), limit, gatheredDelay)
	// As if a goroutine crossed all the time: nothing reaches the library.
	s.crossing = true
	accept := func(size int32) uint64 {
		t.Helper()
		o := outgoing{message: &ProducerMessage{}, payload: []byte{1}, partition: -1}
		if err := s.accept(context.Background(), &o, sent{size: size}, false); err != nil {
			t.Fatal(err)
		}
		s.gathered = s.gathered[:0]
		return s.next - 1
	}
	old := []uint64{accept(11), accept(22)}
	for round := range 100_000 {
		token := accept(3)
		if got := s.remembered(token).size; got != 3 {
			t.Fatalf("round %d: %d bytes are remembered", round, got)
		}
		s.vacate(1)
		s.forget(token, 1)
	}
	if len(s.ring) > 4*ringPlaces*limit || len(s.aside) != len(old) {
		t.Fatalf("the ring has %d places, %d messages are set aside", len(s.ring), len(s.aside))
	}
	for i, token := range old {
		if got := s.remembered(token).size; got != int32(11*(i+1)) {
			t.Fatalf("of message %d %d bytes are remembered", token, got)
		}
		s.vacate(1)
		s.forget(token, 1)
	}
	if s.aside != nil || s.pending != 0 || s.oldest != s.next {
		t.Fatalf("%d messages are set aside, %d pending, %d in the ring", len(s.aside), s.pending, s.next-s.oldest)
	}
}
