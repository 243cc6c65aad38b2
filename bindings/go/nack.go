package pulsar

/*
#include "consumer_bridge.h"
*/
import "C"

import (
	"container/heap"
	"sync"
	"time"
)

// nacks are messages that the program refused, until the library hears of them. Delays are the library's, unless a policy or
// an interceptor of the program has to do with them, or the subscription is one whose messages all come again.
type nacks struct {
	consumer *subscribed
	policy   NackBackoffPolicy
	delay    time.Duration // without a policy, or by id
	isOwn    bool          // delays are counted here

	mu    sync.Mutex
	heap  nackHeap
	timer *time.Timer
	ended bool
}

// nack is one message.
type nack struct {
	due      time.Time
	source   *source
	position C.pulsar_rs_position_t
	id       MessageID // for interceptors
}

type nackHeap []nack

func (h nackHeap) Len() int           { return len(h) }
func (h nackHeap) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h nackHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *nackHeap) Push(one any)      { *h = append(*h, one.(nack)) }
func (h *nackHeap) Pop() any {
	last := len(*h) - 1
	one := (*h)[last]
	(*h)[last] = nack{}
	*h = (*h)[:last]
	return one
}

func (n *nacks) add(s *source, position C.pulsar_rs_position_t, id MessageID, delay time.Duration) {
	if !n.isOwn {
		// Just long enough that many cross together.
		delay = ackDelay
	}
	one := nack{due: time.Now().Add(delay), source: s, position: position, id: id}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ended {
		return
	}
	heap.Push(&n.heap, one)
	if n.heap[0].due == one.due {
		n.arm()
	}
}

// arm has the timer look when the first is due.
func (n *nacks) arm() {
	wait := time.Until(n.heap[0].due)
	if n.timer == nil {
		n.timer = time.AfterFunc(wait, n.cross)
	} else {
		n.timer.Reset(wait)
	}
}

// cross hands over what is due.
func (n *nacks) cross() {
	due := make(map[*source][]nack)
	n.mu.Lock()
	now := time.Now()
	for !n.ended && len(n.heap) > 0 && !n.heap[0].due.After(now) {
		one := heap.Pop(&n.heap).(nack)
		due[one.source] = append(due[one.source], one)
	}
	if !n.ended && len(n.heap) > 0 {
		n.arm()
	}
	n.mu.Unlock()
	for s, refused := range due {
		n.hand(s, refused)
	}
}

func (n *nacks) hand(s *source, refused []nack) {
	c := n.consumer
	pointer := c.acquire()
	if pointer == nil {
		return
	}
	defer c.handle.release()
	positions := make([]C.pulsar_rs_position_t, len(refused))
	for i := range refused {
		positions[i] = refused[i].position
	}
	// What is acknowledged must not come again.
	c.acks.flush()
	result := C.pulsar_rs_consumer_negative_acknowledge_positions(pointer, s.cName, &positions[0], C.size_t(len(positions)))
	if result != C.pulsar_result_Ok {
		c.client.logger.Warn(c.failed("refuse messages", result).Error())
	}
	if !c.isShared() && c.options.SubscriptionMode == Durable {
		// Everything that is not acknowledged comes again, in its order.
		c.filter(func(m *message) bool { return m.origin.topic != s })
	}
	if len(c.interceptors) > 0 {
		ids := make([]MessageID, len(refused))
		for i := range refused {
			ids[i] = refused[i].id
		}
		c.interceptors.OnNegativeAcksSend(c.self, ids)
	}
}

// end forgets what is not due: the broker delivers again what a consumer that is closed did not acknowledge.
func (n *nacks) end() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ended = true
	n.heap = nil
	if n.timer != nil {
		n.timer.Stop()
	}
}

// Nack has a message delivered again, after the time that the options say.
func (c *subscribed) Nack(given Message) {
	if given == nil {
		return
	}
	delay := c.nacks.delay
	if c.nacks.policy != nil {
		delay = c.nacks.policy.Next(given.RedeliveryCount())
	}
	if m, ok := given.(*message); ok && m.origin.receiver == &c.receiver {
		if !m.isStale() {
			c.nacks.add(m.origin.topic, m.position(), c.idFor(m), delay)
		}
		return
	}
	c.nackID(given.ID(), delay)
}

// idFor returns the id that interceptors get; nil when there are none.
func (c *subscribed) idFor(m *message) MessageID {
	if len(c.interceptors) == 0 {
		return nil
	}
	return m.ID()
}

// NackID has the message with this id delivered again, after NackRedeliveryDelay.
func (c *subscribed) NackID(given MessageID) { c.nackID(given, c.nacks.delay) }

func (c *subscribed) nackID(given MessageID, delay time.Duration) {
	s, id, err := c.known(given)
	if err != nil {
		c.client.logger.Warn("a message cannot be refused: " + err.Error())
		return
	}
	c.nacks.add(s, id.position(), given, delay)
}
