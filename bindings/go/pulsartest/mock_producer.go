package pulsartest

import (
	"context"
	"fmt"
	"sync"

	pulsar "github.com/pulsar-rs/pulsar_rs/bindings/go"
)

// Checker looks at a message that a program sends. An error makes the test fail, and sending, too.
type Checker func(*pulsar.ProducerMessage) error

// Producer is a mock of a producer. Each message that is sent meets the next expectation, in their order; one that was not
// expected fails, and so does the test. Expectations that were not met at the end of the test are reported.
//
// Confirmed messages have ids with the ledger 1 and entries from 0. Functions given to SendAsync are called in order, by
// another goroutine.
type Producer struct {
	t     T
	topic string

	sending sync.Mutex // one message at a time; taken before mutex, and held while the test's functions run

	mutex        sync.Mutex
	options      pulsar.ProducerOptions
	closed       bool
	expected     []expectation
	sent         []*pulsar.ProducerMessage
	lastSequence int64
	called       chan struct{} // closed when the last function given to SendAsync has returned; nil at first
}

// expectation is what becomes of a message.
type expectation struct {
	checkers []Checker
	err      error
}

var _ pulsar.Producer = (*Producer)(nil)

// NewProducer makes a mock of a producer for programs that are given one. Programs that create it get it from
// Client.ExpectCreateProducer.
func NewProducer(t T, topic string) *Producer {
	producer := &Producer{t: t, topic: topic, lastSequence: -1}
	producer.options.Name = "pulsartest"
	t.Cleanup(producer.report)
	return producer
}

func (p *Producer) apply(options pulsar.ProducerOptions) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if options.Name == "" {
		options.Name = p.options.Name
	}
	p.options = options
}

// ExpectSendAndSucceed expects a message, which the checkers look at and which is confirmed.
func (p *Producer) ExpectSendAndSucceed(checkers ...Checker) {
	p.expect(expectation{checkers: checkers})
}

// ExpectSendAndFail expects a message, which the checkers look at and which fails with this error.
func (p *Producer) ExpectSendAndFail(err error, checkers ...Checker) {
	p.expect(expectation{checkers: checkers, err: err})
}

// Sent returns the messages that were confirmed.
func (p *Producer) Sent() []*pulsar.ProducerMessage {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return append([]*pulsar.ProducerMessage(nil), p.sent...)
}

// Options returns what the program created the producer with.
func (p *Producer) Options() pulsar.ProducerOptions {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.options
}

// Closed says whether the program has closed the producer.
func (p *Producer) Closed() bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.closed
}

// Topic returns the topic.
func (p *Producer) Topic() string { return p.topic }

// Name returns the name of the options, or pulsartest.
func (p *Producer) Name() string { return p.Options().Name }

// Send meets the next expectation.
func (p *Producer) Send(ctx context.Context, message *pulsar.ProducerMessage) (pulsar.MessageID, error) {
	p.t.Helper()
	p.sending.Lock()
	defer p.sending.Unlock()
	return p.send(ctx, message)
}

// SendAsync meets the next expectation.
func (p *Producer) SendAsync(ctx context.Context, message *pulsar.ProducerMessage,
	done func(pulsar.MessageID, *pulsar.ProducerMessage, error)) {
	p.t.Helper()
	p.sending.Lock()
	defer p.sending.Unlock()
	id, err := p.send(ctx, message)
	if done == nil {
		return
	}
	called := make(chan struct{})
	p.mutex.Lock()
	before := p.called
	p.called = called
	p.mutex.Unlock()
	go func() {
		if before != nil {
			<-before
		}
		defer close(called)
		done(id, message, err)
	}()
}

// send meets the next expectation; one message at a time.
func (p *Producer) send(ctx context.Context, message *pulsar.ProducerMessage) (pulsar.MessageID, error) {
	p.t.Helper()
	switch err := ctx.Err(); {
	case p.Closed():
		return nil, pulsar.ErrProducerClosed
	case err != nil:
		return nil, fmt.Errorf("%w: %w", pulsar.ErrContextExpired, err)
	case message == nil:
		return nil, pulsar.ErrInvalidMessage
	}
	interceptors := p.Options().Interceptors
	interceptors.BeforeSend(p, message)
	next, ok := p.nextExpected()
	if !ok {
		p.t.Errorf("pulsartest: a message to %q was not expected: %q", p.topic, message.Payload)
		return nil, NewError(pulsar.UnknownError, "send: the message was not expected by the test")
	}
	for _, check := range next.checkers {
		if err := check(message); err != nil {
			p.t.Errorf("pulsartest: a message to %q is not as expected: %v", p.topic, err)
			return nil, err
		}
	}
	if next.err != nil {
		return nil, next.err
	}
	id := p.confirm(message)
	interceptors.OnSendAcknowledgement(p, message, id)
	return id, nil
}

func (p *Producer) nextExpected() (next expectation, ok bool) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if len(p.expected) == 0 {
		return next, false
	}
	next = p.expected[0]
	p.expected = p.expected[1:]
	return next, true
}

func (p *Producer) confirm(message *pulsar.ProducerMessage) pulsar.MessageID {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	id := pulsar.NewMessageID(1, int64(len(p.sent)), -1, -1)
	p.sent = append(p.sent, message)
	p.lastSequence++
	if message.SequenceID != nil {
		p.lastSequence = *message.SequenceID
	}
	return id
}

// LastSequenceID returns that of the last message that was confirmed; -1 at first.
func (p *Producer) LastSequenceID() int64 {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.lastSequence
}

// Flush waits until all functions given to SendAsync have returned.
func (p *Producer) Flush() error { return p.FlushWithCtx(context.Background()) }

// FlushWithCtx waits until all functions given to SendAsync have returned, or until the context ends.
func (p *Producer) FlushWithCtx(ctx context.Context) error {
	p.mutex.Lock()
	called, isClosed := p.called, p.closed
	p.mutex.Unlock()
	if isClosed {
		return pulsar.ErrProducerClosed
	}
	if called == nil {
		return nil
	}
	select {
	case <-called:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close waits until all functions given to SendAsync have returned, and closes the producer.
func (p *Producer) Close() {
	p.mutex.Lock()
	p.closed = true
	called := p.called
	p.mutex.Unlock()
	if called != nil {
		<-called
	}
}

func (p *Producer) expect(expected expectation) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.expected = append(p.expected, expected)
}

func (p *Producer) report() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if len(p.expected) > 0 {
		p.t.Errorf("pulsartest: %d more messages to %q were expected", len(p.expected), p.topic)
	}
}
