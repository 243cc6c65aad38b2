package pulsar

/*
#include "bridge.h"
#include <pulsar_rs/completion.h>
#include <pulsar_rs/producer.h>
#include <pulsar_rs/producer_configuration.h>
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"
)

// producer is what a program holds of a producer; when the program forgets it without Close, that is closed. Its calls keep
// it from being forgotten.
type producer struct {
	*sender
	client *client // which lives as long as its producers
}

func (p *producer) Send(ctx context.Context, message *ProducerMessage) (MessageID, error) {
	id, err := p.sender.Send(ctx, message)
	runtime.KeepAlive(p)
	return id, err
}

func (p *producer) SendAsync(
	ctx context.Context, message *ProducerMessage, callback func(MessageID, *ProducerMessage, error),
) {
	p.sender.SendAsync(ctx, message, callback)
	runtime.KeepAlive(p)
}

func (p *producer) FlushWithCtx(ctx context.Context) error {
	err := p.sender.FlushWithCtx(ctx)
	runtime.KeepAlive(p)
	return err
}

// Flush sends what is gathered, and waits until everything that was accepted is stored or has failed.
func (p *producer) Flush() error { return p.FlushWithCtx(context.Background()) }

// sender is a producer of the library with what belongs to it.
type sender struct {
	sending
	client       *connected
	handle       *handle
	completions  *completions
	topic, name  string
	mayWait      bool
	schema       Schema
	schemaInfo   *SchemaInfo
	interceptors ProducerInterceptors
	router       func(*ProducerMessage, TopicMetadata) int // nil: the hash of the key, or as the library chooses
	hash         func(string) uint32
	partitions   partitions
	once         sync.Once
}

// Flush is for interceptors, which get the sender.
func (s *sender) Flush() error { return s.FlushWithCtx(context.Background()) }

// CreateProducer creates a producer, within the operation timeout; one that waits for exclusive access waits for that.
func (c *client) CreateProducer(options ProducerOptions) (Producer, error) {
	made, err := c.createProducer(options)
	if err != nil {
		return nil, err
	}
	held := &producer{made, c}
	runtime.AddCleanup(held, func(s *sender) { go s.Close() }, made)
	return held, nil
}

func (c *connected) createProducer(options ProducerOptions) (created *sender, err error) {
	const op = "create producer"
	if options.Topic == "" {
		return nil, newError(InvalidTopicName, op+": the topic is missing")
	}
	if err := checkText(op, InvalidTopicName, options.Topic); err != nil {
		return nil, err
	}
	op2 := op + " on " + options.Topic
	// A producer for each partition may have as many.
	names, err := c.topicPartitions(options.Topic)
	if err != nil {
		return nil, err
	}
	limit := options.MaxPendingMessages
	if limit <= 0 {
		limit = defaultMaxPending
	}
	limit = min(limit, mostPending) * max(1, len(names))
	delay := options.BatchingMaxPublishDelay
	if delay <= 0 {
		delay = defaultBatchingDelay
	}
	config, err := producerConfiguration(op2, &options, limit, c.logger)
	if err != nil {
		return nil, err
	}
	defer config.free()
	defer func() {
		if err != nil {
			reconnectings.remove(config.reconnects)
		}
	}()
	s := &sender{
		client: c, mayWait: !options.DisableBlockIfQueueFull, interceptors: options.Interceptors, router: options.MessageRouter,
		schema: options.Schema, hash: hashOf(options.HashingScheme),
	}
	if s.schema != nil {
		s.schemaInfo = s.schema.GetSchemaInfo()
	}
	// Besides messages there are flushes and closing.
	if s.completions, err = newCompletions(limit + clientOperations); err != nil {
		return nil, err
	}
	topic := C.CString(options.Topic)
	defer C.free(unsafe.Pointer(topic))
	s.completions.run(s.outcome)
	object, err := c.do(op2, s.completions, func(pointer *C.pulsar_client_t, token C.uint64_t) C.pulsar_result {
		return C.pulsar_rs_client_create_producer_queued(pointer, topic, config.pointer, s.completions.queue, token)
	})
	if err != nil {
		s.completions.stop()
		s.completions.free()
		return nil, err
	}
	pointer := (*C.pulsar_producer_t)(object)
	s.init(pointer, c.memory, limit, delay)
	s.topic = C.GoString(C.pulsar_producer_get_topic(pointer))
	s.name = C.GoString(C.pulsar_producer_get_producer_name(pointer))
	s.partitions.refresh(pointer)
	s.handle = newHandle(object, func() {
		C.pulsar_producer_free(pointer)
		reconnectings.remove(config.reconnects)
		s.completions.free()
	})
	if !c.adopt(s) {
		s.Close()
		return nil, newError(AlreadyClosedError, op2+": the client is closed")
	}
	return s, nil
}

// Topic returns the full name of the topic.
func (s *sender) Topic() string { return s.topic }

// Name returns the producer's name, as it was given or as the broker gave it.
func (s *sender) Name() string { return s.name }

// waits are the goroutines that wait in Send, used again.
var waits = sync.Pool{New: func() any { return &sendWait{done: make(chan struct{}, 1)} }}

// Send sends a message and waits until the broker has stored it. When ctx ends before, the message may be sent all the same.
func (s *sender) Send(ctx context.Context, message *ProducerMessage) (MessageID, error) {
	wait := waits.Get().(*sendWait)
	if err := s.send(ctx, message, sent{message: message, wait: wait}); err != nil {
		waits.Put(wait)
		return nil, err
	}
	select {
	case <-wait.done:
	case <-ctx.Done():
		// Its outcome comes later, and nobody may use it again.
		return nil, ctx.Err()
	}
	id, err := wait.id, wait.err
	wait.id, wait.err = nil, nil
	waits.Put(wait)
	if err == nil {
		s.interceptors.OnSendAcknowledgement(s, message, id)
	}
	return id, err
}

// SendAsync sends a message and calls callback with the outcome, once, in the order of sending unless the topic has
// partitions. The payload is copied before this returns.
//
// The callback runs on a goroutine of the producer, and holds up the outcomes behind it; when the message is not accepted,
// before this returns. While too many messages are pending this waits, unless that is disabled.
func (s *sender) SendAsync(
	ctx context.Context, message *ProducerMessage, callback func(MessageID, *ProducerMessage, error),
) {
	entry := sent{message: message, callback: callback}
	if len(s.interceptors) > 0 {
		entry.callback = s.intercepted(callback)
	}
	if err := s.send(ctx, message, entry); err != nil && callback != nil {
		callback(nil, message, err)
	}
}

func (s *sender) intercepted(
	callback func(MessageID, *ProducerMessage, error),
) func(MessageID, *ProducerMessage, error) {
	return func(id MessageID, message *ProducerMessage, err error) {
		if err == nil {
			s.interceptors.OnSendAcknowledgement(s, message, id)
		}
		if callback != nil {
			callback(id, message, err)
		}
	}
}

// send accepts a message for entry.
func (s *sender) send(ctx context.Context, message *ProducerMessage, entry sent) error {
	if message == nil {
		return errorOf(ErrInvalidMessage, "send: there is no message", nil)
	}
	if err := ctx.Err(); err != nil {
		return errorOf(ErrContextExpired, "send", err)
	}
	if len(s.interceptors) > 0 {
		s.interceptors.BeforeSend(s, message)
	}
	o := outgoing{message: message, payload: message.Payload, partition: -1}
	if message.Value != nil || message.Schema != nil || message.Transaction != nil || o.payload == nil {
		if err := s.fill(&o); err != nil {
			return err
		}
	}
	if s.router != nil || message.Key != "" || message.OrderingKey != "" {
		o.partition = s.route(message)
	}
	size := memoryOf(message, o.payload)
	if size > maxSize {
		return errorOf(ErrMessageTooLarge, fmt.Sprintf("send: the message has %d bytes", size), nil)
	}
	entry.size = int32(size)
	return s.accept(ctx, &o, entry, s.mayWait)
}

// maxSize is more than any message may have.
const maxSize = 1 << 30

// fill does what few messages need: values of a schema, and messages without a value.
func (s *sender) fill(o *outgoing) error {
	message := o.message
	if message.Transaction != nil {
		return newError(OperationNotSupported, "send: transactions are not supported yet")
	}
	schema := s.schema
	if message.Schema != nil {
		if !sameSchema(message.Schema.GetSchemaInfo(), s.schemaInfo) {
			return errorOf(ErrSchema, "send: a message with another schema than its producer's is not supported", nil)
		}
		schema = message.Schema
	}
	switch {
	case message.Value != nil && message.Payload != nil:
		return errorOf(ErrInvalidMessage, "send: a message has Payload or Value, not both", nil)
	case message.Value != nil && schema == nil:
		return errorOf(ErrSchema, "send: the message has a Value, but there is no schema", nil)
	case message.Value != nil:
		payload, err := schema.Encode(message.Value)
		if err != nil {
			return errorOf(ErrSchema, "send: the Value does not fit the schema", err)
		}
		o.payload = payload
	}
	return nil
}

func sameSchema(one, other *SchemaInfo) bool {
	return one == other || one != nil && other != nil && one.Type == other.Type && one.Schema == other.Schema
}

// partitions is how many partitions the topic has, as message routers see it. It is asked for now and then only.
type partitions struct {
	count atomic.Uint32
	uses  atomic.Uint32
}

// partitionsUses is how many messages are routed before the library is asked again.
const partitionsUses = 4096

func (p *partitions) refresh(pointer *C.pulsar_producer_t) {
	p.count.Store(uint32(C.pulsar_rs_producer_partitions(pointer)))
}

// NumPartitions is 1 for a topic without partitions, too.
func (p *partitions) NumPartitions() uint32 { return max(1, p.count.Load()) }

// route returns the partition of a message; -1: the topic has none, or as the library chooses. Keys are hashed here: the
// library takes ordering keys for less than keys, and knows no hashes above 2^31, both as libpulsar does and
// pulsar-client-go does not.
func (s *sender) route(message *ProducerMessage) int {
	count := s.partitions.count.Load()
	if count == 0 {
		return -1
	}
	if s.partitions.uses.Add(1)%partitionsUses == 0 {
		if pointer := s.acquire(); pointer != nil {
			s.partitions.refresh(pointer)
			s.handle.release()
			count = s.partitions.NumPartitions()
		}
	}
	switch {
	case s.router != nil:
		return s.router(message, &s.partitions)
	case message.OrderingKey != "":
		return int(s.hash(message.OrderingKey) % count)
	case message.Key != "":
		return int(s.hash(message.Key) % count)
	}
	return -1
}

// mostPending is more messages than fit into memory, and few enough to count.
const mostPending = 1 << 30

// acquire lends the producer until s.handle.release; nil when it is closed.
func (s *sender) acquire() *C.pulsar_producer_t { return (*C.pulsar_producer_t)(s.handle.acquire()) }

// LastSequenceID returns the highest sequence id that a broker has stored, or -1. What is accepted and has no outcome does not
// count.
func (s *sender) LastSequenceID() int64 {
	pointer := s.acquire()
	if pointer == nil {
		return -1
	}
	defer s.handle.release()
	s.drain()
	return int64(C.pulsar_producer_get_last_sequence_id(pointer))
}

// FlushWithCtx sends what is gathered, and waits until everything that was accepted is stored or has failed, or ctx ends.
func (s *sender) FlushWithCtx(ctx context.Context) error {
	const op = "flush"
	pointer := s.acquire()
	if pointer == nil {
		return errorOf(ErrProducerClosed, op, nil)
	}
	defer s.handle.release()
	s.drainAll()
	operation, result := s.completions.begin(func(token C.uint64_t) C.pulsar_result {
		return C.pulsar_rs_producer_flush_queued(pointer, token)
	})
	if result != C.pulsar_result_Ok {
		return producerFailure(op, result, pointer)
	}
	result, err := operation.wait(ctx)
	if err != nil {
		return err
	}
	return producerFailure(op, result, pointer)
}

// Close sends everything that was accepted, waits for the outcomes, at most the send timeout, and closes the producer. The
// callbacks have run when it returns. Closing again only waits.
//
// It must not be called in a callback of the same producer, which it waits for.
func (s *sender) Close() {
	s.once.Do(func() {
		s.close()
		_ = s.FlushWithCtx(context.Background())
		if pointer := s.acquire(); pointer != nil {
			s.client.aboutToClose()
			_, _ = s.completions.do(func(token C.uint64_t) C.pulsar_result {
				return C.pulsar_rs_producer_close_queued(pointer, token)
			})
			s.completions.stop()
			s.handle.release()
		}
		s.client.forget(s)
		s.handle.close()
	})
}

// producerFailure is the error of a result for a producer, nil for Ok.
func producerFailure(op string, code C.pulsar_result, pointer *C.pulsar_producer_t) error {
	if code == C.pulsar_result_Ok {
		return nil
	}
	text := takeText(C.pulsar_rs_producer_last_error(pointer))
	if code == C.pulsar_result_AlreadyClosed {
		return errorOf(ErrProducerClosed, op+": "+text, nil)
	}
	err := failure(op, code, text)
	if own := (*Error)(nil); op == opSend && errors.As(err, &own) && own.Result() == TimeoutError {
		return errorOf(ErrSendTimeout, op+": "+text, nil)
	}
	return err
}

const opSend = "send"
