package pulsar

/*
#include "consumer_bridge.h"

// The library keeps no pointer of these.
#cgo noescape pulsar_rs_consumer_acknowledge_positions
#cgo noescape pulsar_rs_consumer_acknowledge_cumulative_position
*/
import "C"

import (
	"fmt"
	"runtime"
	"sync"
	"time"
	"unsafe"
)

// Acknowledgements cross when there are so many, or after this time; the library then gathers them as the program says.
const (
	acksPerCrossing = 1000
	ackDelay        = 5 * time.Millisecond
)

// acks gathers acknowledgements, so that each does not cross alone.
type acks struct {
	consumer *subscribed
	most     int // gathered at most

	mu       sync.Mutex
	waiting  []*source // that have something gathered
	gathered int
	timer    *time.Timer
	ended    bool
}

// sourceAcks are those of one topic.
type sourceAcks struct {
	positions  []C.pulsar_rs_position_t
	cumulative C.pulsar_rs_position_t
	has        bool // something in cumulative
	confirming *confirming
}

// add gathers the acknowledgement of a message.
func (a *acks) add(s *source, position C.pulsar_rs_position_t) error {
	a.mu.Lock()
	if a.ended {
		a.mu.Unlock()
		return errConsumerClosed("acknowledge")
	}
	of := &s.acks
	if len(of.positions) == 0 && !of.has {
		a.waiting = append(a.waiting, s)
	}
	of.positions = append(of.positions, position)
	a.gathered++
	a.gatheredOne()
	a.mu.Unlock()
	return nil
}

// addCumulative gathers the acknowledgement of a message and all before it.
func (a *acks) addCumulative(s *source, position C.pulsar_rs_position_t) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ended {
		return errConsumerClosed("acknowledge")
	}
	of := &s.acks
	if len(of.positions) == 0 && !of.has {
		a.waiting = append(a.waiting, s)
	}
	if !of.has || isBefore(&of.cumulative, &position) {
		of.cumulative, of.has = position, true
	}
	a.gathered++
	a.gatheredOne()
	return nil
}

func isBefore(one, other *C.pulsar_rs_position_t) bool {
	if one.ledger != other.ledger {
		return one.ledger < other.ledger
	}
	if one.entry != other.entry {
		return one.entry < other.entry
	}
	// The end of an entry is behind each of its messages.
	return one.batch_index >= 0 && (other.batch_index < 0 || one.batch_index < other.batch_index)
}

func (a *acks) gatheredOne() {
	switch {
	case a.gathered >= a.most:
		a.cross()
	case a.gathered > 1:
	case a.timer == nil:
		a.timer = time.AfterFunc(ackDelay, a.flush)
	default:
		a.timer.Reset(ackDelay)
	}
}

// flush hands over what is gathered.
func (a *acks) flush() {
	a.mu.Lock()
	a.cross()
	a.mu.Unlock()
}

// end hands over what is gathered, and refuses what comes later.
func (a *acks) end() {
	a.mu.Lock()
	a.cross()
	a.ended = true
	if a.timer != nil {
		a.timer.Stop()
	}
	a.mu.Unlock()
}

// cross hands over what is gathered; with the lock held, so that it stays in order.
func (a *acks) cross() {
	if a.gathered == 0 {
		return
	}
	pointer := a.consumer.acquire()
	for _, s := range a.waiting {
		of := &s.acks
		if pointer != nil && len(of.positions) > 0 {
			a.report(C.pulsar_rs_consumer_acknowledge_positions(pointer, s.cName, &of.positions[0], C.size_t(len(of.positions))))
		}
		if pointer != nil && of.has {
			a.report(C.pulsar_rs_consumer_acknowledge_cumulative_position(pointer, s.cName, &of.cumulative))
		}
		of.positions, of.has = of.positions[:0], false
	}
	if pointer != nil {
		a.consumer.handle.release()
	}
	a.waiting, a.gathered = a.waiting[:0], 0
}

func (a *acks) report(result C.pulsar_result) {
	if result != C.pulsar_result_Ok {
		a.consumer.client.logger.Warn(a.consumer.failed("acknowledge", result).Error())
	}
}

// confirming are acknowledgements of one topic that wait for the broker together.
type confirming struct {
	positions []C.pulsar_rs_position_t
	callers   int
	done      chan struct{}
	err       error
	next      *confirming // gathered meanwhile
}

// confirm acknowledges messages and waits until the broker has that. Those of many goroutines cross together.
func (a *acks) confirm(s *source, positions ...C.pulsar_rs_position_t) error {
	a.mu.Lock()
	if a.ended {
		a.mu.Unlock()
		return errConsumerClosed("acknowledge")
	}
	under := s.acks.confirming
	mine := under
	if under == nil {
		mine = &confirming{done: make(chan struct{})}
		s.acks.confirming = mine
	} else {
		if under.next == nil {
			under.next = &confirming{done: make(chan struct{})}
		}
		mine = under.next
	}
	mine.positions = append(mine.positions, positions...)
	mine.callers++
	a.mu.Unlock()
	if under == nil {
		a.confirmOn(s, mine)
	}
	<-mine.done
	if mine.err == nil || mine.callers == 1 {
		return mine.err
	}
	// Whose it was nobody knows: acknowledging again does no harm.
	return a.confirmAlone(s, positions)
}

// confirmOn crosses, and has what was gathered meanwhile cross next, on a goroutine of its own.
func (a *acks) confirmOn(s *source, mine *confirming) {
	mine.err = a.confirmAlone(s, mine.positions)
	a.mu.Lock()
	next := mine.next
	s.acks.confirming = next
	a.mu.Unlock()
	close(mine.done)
	if next != nil {
		go a.confirmOn(s, next)
	}
}

func (a *acks) confirmAlone(s *source, positions []C.pulsar_rs_position_t) error {
	return a.consumer.operate("acknowledge", func(pointer *C.pulsar_consumer_t, token C.uint64_t) C.pulsar_result {
		count := C.size_t(len(positions))
		return C.pulsar_rs_consumer_acknowledge_positions_queued(pointer, s.cName, &positions[0], count, token)
	})
}

func (a *acks) confirmCumulative(s *source, position C.pulsar_rs_position_t) error {
	return a.consumer.operate("acknowledge", func(pointer *C.pulsar_consumer_t, token C.uint64_t) C.pulsar_result {
		return C.pulsar_rs_consumer_acknowledge_cumulative_position_queued(pointer, s.cName, &position, token)
	})
}

// Ack acknowledges a message. It is gathered with others, unless AckWithResponse waits for the broker.
func (c *subscribed) Ack(given Message) error {
	m, ok := given.(*message)
	if !ok || m.origin.receiver != &c.receiver {
		if given == nil {
			return errorOf(ErrInvalidAck, "acknowledge: there is no message", nil)
		}
		return c.AckID(given.ID())
	}
	if !c.confirms && len(c.interceptors) == 0 {
		if m.isStale() {
			return nil
		}
		return c.acks.add(m.origin.topic, m.position())
	}
	return c.ack(m.origin.topic, m.position(), m.ID())
}

func (c *subscribed) ack(s *source, position C.pulsar_rs_position_t, id MessageID) error {
	var err error
	if c.confirms {
		err = c.acks.confirm(s, position)
	} else {
		err = c.acks.add(s, position)
	}
	if err == nil {
		c.interceptors.OnAcknowledge(c.self, id)
	}
	return err
}

// AckID acknowledges the message with this id, as Ack.
func (c *subscribed) AckID(given MessageID) error {
	s, id, err := c.known(given)
	if err != nil {
		return err
	}
	return c.ack(s, id.position(), given)
}

// AckIDList acknowledges the messages with these ids. With AckWithResponse those of each topic wait for the broker together.
func (c *subscribed) AckIDList(ids []MessageID) error {
	failed := AckError{}
	topics := make(map[*source][]MessageID)
	for _, given := range ids {
		s, id, err := c.known(given)
		if err == nil && !c.confirms {
			err = c.ack(s, id.position(), given)
		}
		if err != nil {
			failed[given] = err
		} else if c.confirms {
			topics[s] = append(topics[s], given)
		}
	}
	for s, ids := range topics {
		positions := make([]C.pulsar_rs_position_t, len(ids))
		for i, id := range ids {
			positions[i] = toMessageID(id).position()
		}
		err := c.acks.confirm(s, positions...)
		for _, id := range ids {
			if err != nil {
				failed[id] = err
			} else {
				c.interceptors.OnAcknowledge(c.self, id)
			}
		}
	}
	if len(failed) > 0 {
		return failed
	}
	return nil
}

// AckWithTxn fails: transactions are not supported yet.
func (c *subscribed) AckWithTxn(Message, Transaction) error {
	return newError(OperationNotSupported, "acknowledge in a transaction: transactions are not supported yet")
}

// AckCumulative acknowledges a message and all before it in its topic or partition.
func (c *subscribed) AckCumulative(given Message) error {
	if m, ok := given.(*message); ok && m.origin.receiver == &c.receiver {
		if m.isStale() && !c.confirms {
			return nil
		}
		return c.ackCumulative(m.origin.topic, m.position(), m)
	}
	if given == nil {
		return errorOf(ErrInvalidAck, "acknowledge: there is no message", nil)
	}
	return c.AckIDCumulative(given.ID())
}

// AckIDCumulative acknowledges the message with this id and all before it, as AckCumulative.
func (c *subscribed) AckIDCumulative(given MessageID) error {
	s, id, err := c.known(given)
	if err != nil {
		return err
	}
	return c.ackCumulative(s, id.position(), acknowledgedID{given})
}

// acknowledgedID is an id in place of a message.
type acknowledgedID struct{ given MessageID }

func (a acknowledgedID) ID() MessageID { return a.given }

func (c *subscribed) ackCumulative(s *source, position C.pulsar_rs_position_t, of interface{ ID() MessageID }) error {
	if c.options.Type == Shared || c.options.Type == KeyShared {
		return errorOf(ErrInvalidAck, "acknowledge: not cumulatively on Shared and KeyShared subscriptions", nil)
	}
	var err error
	if c.confirms {
		err = c.acks.confirmCumulative(s, position)
	} else {
		err = c.acks.addCumulative(s, position)
	}
	if err == nil && len(c.interceptors) > 0 {
		c.interceptors.OnAcknowledge(c.self, of.ID())
	}
	return err
}

// known finds the topic that an id is of.
func (c *subscribed) known(given MessageID) (*source, *messageID, error) {
	id := toMessageID(given)
	if id == nil || id.ledgerID < 0 || id.entryID < 0 {
		return nil, nil, errorOf(ErrInvalidAck, fmt.Sprintf("acknowledge: %v is the id of no message", given), nil)
	}
	if c.receiver.hasEnded() {
		return nil, nil, errConsumerClosed("acknowledge")
	}
	if id.topic == "" {
		return &c.unnamed, id, nil
	}
	s := c.findSource(id.topic)
	if s == nil {
		text := fmt.Sprintf("acknowledge: %v is of %s, which is none of the consumer's topics", given, id.topic)
		return nil, nil, errorOf(ErrInvalidAck, text, nil)
	}
	return s, id, nil
}

// operate has the library do something, and waits for it.
func (c *subscribed) operate(
	op string, start func(pointer *C.pulsar_consumer_t, token C.uint64_t) C.pulsar_result,
) error {
	_, err := c.operateFor(op, start)
	return err
}

func (c *subscribed) operateFor(
	op string, start func(pointer *C.pulsar_consumer_t, token C.uint64_t) C.pulsar_result,
) (unsafe.Pointer, error) {
	pointer := c.acquire()
	if pointer == nil {
		return nil, errConsumerClosed(op)
	}
	defer c.handle.release()
	object, result := c.completions.do(func(token C.uint64_t) C.pulsar_result { return start(pointer, token) })
	runtime.KeepAlive(c)
	if result != C.pulsar_result_Ok {
		return nil, c.failed(op, result)
	}
	return object, nil
}
