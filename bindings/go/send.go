package pulsar

/*
#include "bridge.h"
#include <pulsar_rs/bulk.h>
#include <pulsar_rs/completion.h>
#include <pulsar_rs/producer.h>

// The library keeps nothing of what it is handed.
#cgo noescape pulsar_rs_producer_send_packed
#cgo noescape pulsar_rs_producer_send_packed_at_once
*/
import "C"

import (
	"context"
	"sync"
	"time"
	"unsafe"
)

// What is gathered in Go crosses to the library when it is this much, or this old. A crossing costs about as much as
// gathering two messages, so it is worth little to gather more.
const (
	gatheredBytes = 512 << 10
	gatheredCount = 1000
	gatheredDelay = time.Millisecond
)

// While one goroutine crosses, others may gather much more. Buffers of up to keptBytes are used again while messages flow,
// and of up to idleBytes afterwards.
const (
	keptBytes = 32 << 20
	idleBytes = 1 << 20
)

// turns is how often one goroutine crosses for others before it goes on with its own work.
const turns = 4

// sending is the way of a producer's messages into the library and of their outcomes back.
//
// Messages are appended to a buffer and cross to the library together. Their tokens are numbers in a row, and what is
// remembered of them stands in a ring, at its token. A goroutine that crosses does not hold the lock meanwhile.
type sending struct {
	pointer *C.pulsar_producer_t
	memory  *memoryLimit
	delay   time.Duration // how long a message waits for others in Go, at most
	limit   int           // messages without outcome
	enough  int           // gathered messages that cross

	mu        sync.Mutex
	gathered  []byte
	spare     []byte          // the other buffer, while it is not on its way
	ring      []sent          // its length is a power of 2
	oldest    uint64          // token of the oldest message in the ring without outcome, or next
	aside     map[uint64]sent // older ones: they wait for a partition while others get on; nil as a rule
	inTelling tokens          // whose outcomes are being told, out of the ring
	handed    uint64          // token of the first message that did not cross
	next      uint64          // token of the next message
	pending   int             // messages that were accepted, or are about to be, and have no outcome
	inside    int             // messages that the library has
	crossing  bool            // a goroutine crosses
	urgent    bool            // somebody waits for what is gathered
	waiters   []*waiter
	closed    bool
	timer     *time.Timer
	ticking   bool // the timer will cross

	refused []refusal // that nobody was told of
	telling int       // goroutines that tell of refusals

	crossed sync.Cond     // crossing has become false, or telling less
	closing chan struct{} // closed with closed
}

// sent is what is remembered of a message without outcome.
type sent struct {
	message  *ProducerMessage
	callback func(MessageID, *ProducerMessage, error)
	wait     *sendWait
	size     int32
	over     bool // it has its outcome, but an older message has none
}

// refusal is a message that the library did not take.
type refusal struct {
	entry sent
	err   error
}

// sendWait is a goroutine that waits for the outcome of its message.
type sendWait struct {
	done chan struct{} // has room for one
	id   MessageID
	err  error
}

// waiter is a goroutine that waits for room.
type waiter struct {
	granted chan struct{} // has room for one
}

func (s *sending) init(pointer *C.pulsar_producer_t, memory *memoryLimit, limit int, delay time.Duration) {
	s.pointer, s.memory, s.limit = pointer, memory, limit
	s.delay = min(delay, gatheredDelay)
	// So that the library has something to do while the next messages are gathered.
	s.enough = max(1, min(gatheredCount, limit/4))
	s.ring = make([]sent, 256)
	s.closing = make(chan struct{})
	s.timer = time.AfterFunc(time.Hour, s.tick)
	s.timer.Stop()
	s.crossed.L = &s.mu
}

// accept takes a message, when there is room for it. It waits for room, unless that is not wanted, as long as ctx. On an
// error nothing was taken, and nobody is told of an outcome.
func (s *sending) accept(ctx context.Context, o *outgoing, entry sent, mayWait bool) error {
	s.mu.Lock()
	if s.pending < s.limit && len(s.waiters) == 0 && !s.closed && s.memory.tryTake(int(entry.size)) {
		s.pending++
	} else if err := s.waitForRoom(ctx, int(entry.size), mayWait); err != nil {
		s.mu.Unlock()
		return err
	}
	if o.partition < 0 && !o.isNull && isPlain(o.message) {
		s.gathered = appendPlain(s.gathered, o.payload)
	} else {
		s.gathered = appendRecord(s.gathered, o)
	}
	if int(s.next-s.oldest) == len(s.ring) {
		s.grow()
	}
	s.ring[s.next&uint64(len(s.ring)-1)] = entry
	s.next++
	switch {
	case entry.wait != nil:
		s.cross(true)
	case s.inside == 0 || int(s.next-s.handed) >= s.enough || len(s.gathered) >= gatheredBytes:
		s.cross(false)
	case !s.ticking:
		s.ticking = true
		s.timer.Reset(s.delay)
	}
	s.mu.Unlock()
	return nil
}

// tick crosses with what waited long enough.
func (s *sending) tick() {
	s.mu.Lock()
	s.ticking = false
	s.cross(false)
	s.mu.Unlock()
}

// waitForRoom waits until a place and the memory of a message are free, and takes them. It is called with the lock, and
// returns with it.
func (s *sending) waitForRoom(ctx context.Context, size int, mayWait bool) error {
	if s.closed {
		return ErrProducerClosed
	}
	if !mayWait {
		if s.pending >= s.limit {
			return ErrSendQueueIsFull
		}
		return ErrMemoryBufferIsFull
	}
	// What this waits for may itself wait for more to be gathered.
	s.cross(true)
	if s.pending < s.limit && len(s.waiters) == 0 && !s.closed {
		s.pending++
	} else if err := s.waitForPlace(ctx); err != nil {
		return err
	}
	if s.memory.tryTake(size) {
		return nil
	}
	s.mu.Unlock()
	taken := s.memory.take(ctx, s.closing, size)
	s.mu.Lock()
	if taken && !s.closed {
		return nil
	}
	if taken {
		s.memory.give(size)
	}
	s.vacate(1)
	if s.closed {
		return ErrProducerClosed
	}
	return ErrContextExpired
}

// waitForPlace waits in turn for one of the places; with the lock, like waitForRoom.
func (s *sending) waitForPlace(ctx context.Context) error {
	if s.closed {
		return ErrProducerClosed
	}
	w := &waiter{granted: make(chan struct{}, 1)}
	s.waiters = append(s.waiters, w)
	s.mu.Unlock()
	var err error
	select {
	case <-w.granted:
	case <-ctx.Done():
		err = ErrContextExpired
	case <-s.closing:
		err = ErrProducerClosed
	}
	s.mu.Lock()
	if err == nil {
		return nil
	}
	for i, other := range s.waiters {
		if other == w {
			s.waiters = append(s.waiters[:i], s.waiters[i+1:]...)
			return err
		}
	}
	// It was granted at the same moment.
	s.vacate(1)
	return err
}

// vacate gives places back, first to those who wait.
func (s *sending) vacate(places int) {
	s.pending -= places
	granted := 0
	for granted < len(s.waiters) && s.pending < s.limit {
		s.pending++
		s.waiters[granted].granted <- struct{}{}
		s.waiters[granted] = nil
		granted++
	}
	if granted == len(s.waiters) {
		s.waiters = nil
	} else {
		s.waiters = s.waiters[granted:]
	}
}

// grow makes room in the ring, which is full. A ring that has many times as many places as messages may be pending is not made
// larger: what keeps it full are a few old messages, which are set aside.
func (s *sending) grow() {
	half := uint64(len(s.ring) / 2)
	if len(s.ring)/ringPlaces >= s.limit && !s.inTelling.overlap(s.oldest, half) {
		s.setAside(half)
		return
	}
	larger := make([]sent, 2*len(s.ring))
	for token := s.oldest; token != s.next; token++ {
		larger[token&uint64(len(larger)-1)] = s.ring[token&uint64(len(s.ring)-1)]
	}
	s.ring = larger
}

// cross hands what is gathered to the library, unless a goroutine does so already: then that one crosses once more, if it is
// urgent. It is called with the lock and returns with it, but lets it go meanwhile.
func (s *sending) cross(urgent bool) {
	s.urgent = s.urgent || urgent
	if s.crossing {
		return
	}
	s.crossing = true
	for turn := 0; len(s.gathered) > 0 || s.urgent; turn++ {
		if turn > 0 && !s.urgent && int(s.next-s.handed) < s.enough && len(s.gathered) < gatheredBytes {
			break
		}
		if turn == turns {
			go s.crossOn()
			return
		}
		s.hand()
	}
	s.crossing = false
	s.crossed.Broadcast()
	if len(s.refused) > 0 {
		// Callbacks may send, and wait for it: not on a goroutine that others wait for.
		s.telling++
		go s.tell(s.refused)
		s.refused = nil
	}
}

// tell tells of refusals.
func (s *sending) tell(refused []refusal) {
	for i := range refused {
		refused[i].entry.tell(nil, refused[i].err)
	}
	s.mu.Lock()
	s.telling--
	s.crossed.Broadcast()
	s.mu.Unlock()
}

// crossOn takes over from a goroutine that crossed often enough.
func (s *sending) crossOn() {
	s.mu.Lock()
	s.crossing = false
	s.cross(true)
	s.mu.Unlock()
}

// hand hands over what is there. The library has room for it: it takes more messages than this side does.
func (s *sending) hand() {
	buffer, first, count, urgent := s.gathered, s.handed, int(s.next-s.handed), s.urgent
	s.gathered, s.spare, s.handed, s.urgent = s.spare[:0], nil, s.next, false
	s.inside += count
	left := buffer
	for {
		s.mu.Unlock()
		var accepted C.size_t
		start := unsafe.Pointer(unsafe.SliceData(left))
		var result C.pulsar_result
		if urgent {
			result = C.pulsar_rs_producer_send_packed_at_once(s.pointer, start, C.size_t(len(left)), C.uint64_t(first), &accepted)
		} else {
			result = C.pulsar_rs_producer_send_packed(s.pointer, start, C.size_t(len(left)), C.uint64_t(first), &accepted)
		}
		err := producerFailure(opSend, result, s.pointer)
		s.mu.Lock()
		if err == nil {
			break
		}
		// It stopped at one that it does not take.
		left = skipRecords(left, int(accepted)+1)
		first += uint64(accepted)
		count -= int(accepted) + 1
		s.refuse(first, err)
		first++
		if count == 0 {
			break
		}
	}
	if cap(buffer) <= keptBytes {
		s.spare = buffer[:0]
	}
}

// refuse ends a message that the library did not take; with the lock.
func (s *sending) refuse(token uint64, err error) {
	entry := s.remembered(token)
	s.refused = append(s.refused, refusal{entry, err})
	s.inside--
	s.vacate(1)
	s.memory.give(int(entry.size))
	s.forget(token, 1)
}

// ringPlaces is how many places a full ring has for each message that may be pending, before old ones are set aside.
const ringPlaces = 8

// setAside takes the oldest places out of the ring.
func (s *sending) setAside(places uint64) {
	mask := uint64(len(s.ring) - 1)
	if s.aside == nil {
		s.aside = make(map[uint64]sent)
	}
	for end := s.oldest + places; s.oldest != end; s.oldest++ {
		place := &s.ring[s.oldest&mask]
		if !place.over {
			s.aside[s.oldest] = *place
		}
		*place = sent{}
	}
	s.advance()
}

// advance passes by what is over.
func (s *sending) advance() {
	mask := uint64(len(s.ring) - 1)
	for s.oldest != s.next && s.ring[s.oldest&mask].over {
		s.ring[s.oldest&mask].over = false
		s.oldest++
	}
}

// tokens are some in a row.
type tokens struct {
	first uint64
	count uint64
}

func (t tokens) overlap(first, count uint64) bool {
	return t.count > 0 && t.first < first+count && first < t.first+t.count
}

// remembered returns what is remembered of a message; with the lock.
func (s *sending) remembered(token uint64) sent {
	if token < s.oldest {
		return s.aside[token]
	}
	return s.ring[token&uint64(len(s.ring)-1)]
}

// forget ends what is remembered of messages; with the lock.
func (s *sending) forget(first uint64, count int) {
	mask := uint64(len(s.ring) - 1)
	for token := first; token != first+uint64(count); token++ {
		if token < s.oldest {
			delete(s.aside, token)
		} else {
			s.ring[token&mask] = sent{over: true}
		}
	}
	if len(s.aside) == 0 {
		s.aside = nil
	}
	s.advance()
}

// outcome takes an outcome of messages, on the goroutine of the producer's completions, and tells who wants to know.
func (s *sending) outcome(c *C.pulsar_rs_completion_t) {
	first, count := uint64(c.token), int(c.count)
	s.mu.Lock()
	// What it has at these tokens changes only here.
	ring := s.ring
	s.inTelling = tokens{first, uint64(count)}
	var aside []sent
	for token := first; token < s.oldest && len(aside) < count; token++ {
		aside = append(aside, s.aside[token])
	}
	s.inside -= count
	s.vacate(count)
	if s.inside == 0 {
		// The connection has nothing to do.
		s.cross(false)
	}
	if s.inside == 0 && len(s.gathered) == 0 && cap(s.gathered)+cap(s.spare) > idleBytes {
		s.gathered, s.spare = nil, nil
	}
	s.mu.Unlock()
	mask := uint64(len(ring) - 1)
	message := func(i int) *sent {
		if i < len(aside) {
			return &aside[i]
		}
		return &ring[(first+uint64(i))&mask]
	}
	size := 0
	for i := range count {
		size += int(message(i).size)
	}
	// Callbacks may send.
	s.memory.give(size)
	err := producerFailure(opSend, c.result, s.pointer)
	// Ids come from blocks: few allocations, and one that is kept holds no more than its block.
	var block []sentID
	for i := range count {
		entry := message(i)
		if err != nil {
			entry.tell(nil, err)
			continue
		}
		if len(block) == 0 {
			block = make([]sentID, min(idBlock, count-i))
		}
		id := &block[0]
		block = block[1:]
		*id = sentID{
			ledgerID: int64(c.ledger), entryID: int64(c.entry),
			batchIdx: int32(c.batch_index), batchSize: int32(c.batch_size), partitionIdx: shownPartition(int32(c.partition)),
		}
		if id.batchIdx >= 0 {
			id.batchIdx += int32(i)
		}
		entry.tell(id, nil)
	}
	s.mu.Lock()
	s.inTelling = tokens{}
	s.forget(first, count)
	s.mu.Unlock()
}

// idBlock is how many ids are allocated together.
const idBlock = 16

// tell tells the outcome to who wants to know.
func (e *sent) tell(id *sentID, err error) {
	if e.wait != nil {
		if id != nil {
			e.wait.id = id
		}
		e.wait.err = err
		e.wait.done <- struct{}{}
		return
	}
	if e.callback == nil {
		return
	}
	if id != nil {
		e.callback(id, e.message, nil)
	} else {
		e.callback(nil, e.message, err)
	}
}

// drain crosses with everything that was accepted, and returns when the library has it.
func (s *sending) drain() {
	s.mu.Lock()
	for len(s.gathered) > 0 || s.crossing {
		if s.crossing {
			s.urgent = s.urgent || len(s.gathered) > 0
			s.crossed.Wait()
		} else {
			s.cross(true)
		}
	}
	s.mu.Unlock()
}

// drainAll does so, and waits until everybody was told of refusals.
func (s *sending) drainAll() {
	s.drain()
	s.mu.Lock()
	for s.telling > 0 {
		s.crossed.Wait()
	}
	s.mu.Unlock()
}

// close ends accepting; once.
func (s *sending) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	close(s.closing)
	s.timer.Stop()
}
