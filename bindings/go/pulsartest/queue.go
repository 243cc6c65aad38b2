package pulsartest

import (
	"context"
	"sync"

	pulsar "github.com/pulsar-rs/pulsar_rs/bindings/go"
)

// queue holds what mocks of consumers and readers yield.
type queue struct {
	t     T
	topic string

	mutex   sync.Mutex
	items   []item
	more    chan struct{} // closed, and made anew, when there are more items
	done    chan struct{} // closed by close
	isOver  bool
	next    int64 // entry of the next message
	drained bool  // everything has to be received
}

type item struct {
	message pulsar.Message
	err     error
}

func newQueue(t T, topic string) *queue {
	q := &queue{t: t, topic: topic, more: make(chan struct{}), done: make(chan struct{})}
	t.Cleanup(q.report)
	return q
}

// add makes a message with the next id.
func (q *queue) add(content *pulsar.ProducerMessage, schema pulsar.Schema) pulsar.Message {
	q.t.Helper()
	if content.Schema == nil && schema != nil {
		copied := *content
		copied.Schema = schema
		content = &copied
	}
	q.mutex.Lock()
	id := pulsar.NewMessageID(1, q.next, -1, -1)
	q.next++
	q.mutex.Unlock()
	message, err := NewMessage(q.topic, id, content)
	if err != nil {
		q.t.Fatalf("pulsartest: yield message to %q: %v", q.topic, err)
	}
	q.put(item{message: message})
	return message
}

func (q *queue) put(next item) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	q.items = append(q.items, next)
	close(q.more)
	q.more = make(chan struct{})
}

// take waits for the next item.
func (q *queue) take(ctx context.Context) (pulsar.Message, error) {
	for {
		q.mutex.Lock()
		if q.isOver {
			q.mutex.Unlock()
			return nil, NewError(pulsar.ConsumerClosed, "receive: it was closed")
		}
		if len(q.items) > 0 {
			next := q.items[0]
			q.items = q.items[1:]
			q.mutex.Unlock()
			return next.message, next.err
		}
		more := q.more
		q.mutex.Unlock()
		select {
		case <-more:
		case <-q.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// replace puts those of the messages in place of what waits that are wanted.
func (q *queue) replace(messages []pulsar.Message, wanted func(pulsar.Message) bool) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	q.items = nil
	for _, message := range messages {
		if wanted(message) {
			q.items = append(q.items, item{message: message})
		}
	}
	close(q.more)
	q.more = make(chan struct{})
}

func (q *queue) size() int {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	return len(q.items)
}

func (q *queue) close() {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if !q.isOver {
		q.isOver = true
		close(q.done)
	}
}

func (q *queue) closed() bool {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	return q.isOver
}

func (q *queue) expectDrained() {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	q.drained = true
}

func (q *queue) report() {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if q.drained && len(q.items) > 0 {
		q.t.Errorf("pulsartest: %d messages from %q were not received", len(q.items), q.topic)
	}
}
