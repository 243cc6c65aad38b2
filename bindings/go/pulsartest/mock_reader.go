package pulsartest

import (
	"context"
	"sync"
	"time"

	pulsar "github.com/pulsar-rs/pulsar_rs/bindings/go"
)

// Reader is a mock of a reader. It yields the messages that the test gives it.
type Reader struct {
	t     T
	queue *queue

	mutex   sync.Mutex
	options pulsar.ReaderOptions
	yielded []pulsar.Message
}

var _ pulsar.Reader = (*Reader)(nil)

// NewReader makes a mock of a reader for programs that are given one. Programs that create it get it from
// Client.ExpectCreateReader.
func NewReader(t T, topic string) *Reader { return &Reader{t: t, queue: newQueue(t, topic)} }

func (r *Reader) apply(options pulsar.ReaderOptions) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.options = options
}

// YieldMessage gives the reader a message, as Consumer.YieldMessage does. The position that the program created the
// reader with does not matter.
func (r *Reader) YieldMessage(content *pulsar.ProducerMessage) pulsar.Message {
	r.t.Helper()
	message := r.queue.add(content, r.Options().Schema)
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.yielded = append(r.yielded, message)
	return message
}

// YieldError lets Next fail once all that was yielded before is read.
func (r *Reader) YieldError(err error) { r.queue.put(item{err: err}) }

// ExpectDrained expects all messages to be read before the end of the test.
func (r *Reader) ExpectDrained() { r.queue.expectDrained() }

// Options returns what the program created the reader with.
func (r *Reader) Options() pulsar.ReaderOptions {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.options
}

// Closed says whether the program has closed the reader.
func (r *Reader) Closed() bool { return r.queue.closed() }

// Topic returns the topic.
func (r *Reader) Topic() string { return r.queue.topic }

// Next returns what was yielded, in order.
func (r *Reader) Next(ctx context.Context) (pulsar.Message, error) { return r.queue.take(ctx) }

// HasNext says whether Next would return at once.
func (r *Reader) HasNext() bool { return r.queue.size() > 0 && !r.queue.closed() }

// Close closes the reader.
func (r *Reader) Close() { r.queue.close() }

// Seek yields again what the test yielded, from this message on.
func (r *Reader) Seek(id pulsar.MessageID) error {
	inclusive := r.Options().StartMessageIDInclusive
	return r.seek(func(message pulsar.Message) bool {
		order := compareIDs(message.ID(), id)
		return order > 0 || inclusive && order == 0
	})
}

// SeekByTime yields again what the test yielded at this time or later.
func (r *Reader) SeekByTime(at time.Time) error {
	return r.seek(func(message pulsar.Message) bool { return !message.PublishTime().Before(at) })
}

func (r *Reader) seek(wanted func(pulsar.Message) bool) error {
	if r.queue.closed() {
		return closed("seek")
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.queue.replace(r.yielded, wanted)
	return nil
}

// GetLastMessageID returns the id of the last message that was yielded, or one before the first.
func (r *Reader) GetLastMessageID() (pulsar.MessageID, error) {
	if r.queue.closed() {
		return nil, closed("get last message id")
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if len(r.yielded) == 0 {
		return pulsar.NewMessageID(-1, -1, -1, -1), nil
	}
	return r.yielded[len(r.yielded)-1].ID(), nil
}
