package pulsar

/*
#include "bridge.h"
*/
import "C"

import (
	"runtime/cgo"
	"time"
	"unsafe"
)

// ProducerOptions says how to produce. What is 0 has the library's default.
type ProducerOptions struct {
	Topic string
	// Name of the producer, unique on the topic. By default the broker gives one.
	Name string
	// SendTimeout is how long a message may wait for its receipt, counted in milliseconds. Default 30 s.
	SendTimeout time.Duration
	// MaxPendingMessages may be accepted and not completed. Default 1000.
	MaxPendingMessages int
	// DisableBlockIfQueueFull makes sending fail with ResultProducerQueueIsFull when as many are pending, instead
	// of waiting.
	DisableBlockIfQueueFull bool
	// BatchingMaxPublishDelay is how long a message may wait for others in its batch. Default 10 ms.
	BatchingMaxPublishDelay time.Duration
	// DisableBatching sends each message alone.
	DisableBatching bool
}

// Producer sends messages to a topic. All methods may be called on any goroutine, and in callbacks.
type Producer struct {
	handle *handle
	client *Client // lives as long as its producers
}

// CreateProducer creates a producer, within the operation timeout.
func (c *Client) CreateProducer(options ProducerOptions) (*Producer, error) {
	const op = "create producer"
	if err := checkText(op, ResultInvalidConfiguration, options.Topic, options.Name); err != nil {
		return nil, err
	}
	client := c.acquire()
	if client == nil {
		return nil, closed(op)
	}
	defer c.handle.release()
	config := options.pointer()
	defer C.pulsar_producer_configuration_free(config)
	topic := C.CString(options.Topic)
	defer C.free(unsafe.Pointer(topic))

	var pointer *C.pulsar_producer_t
	result := C.pulsar_client_create_producer(client, topic, config, &pointer)
	if err := clientFailure(op, result, client); err != nil {
		return nil, err
	}
	producer := &Producer{client: c}
	own(producer, &producer.handle, unsafe.Pointer(pointer), func(pointer unsafe.Pointer) {
		C.pulsar_producer_free((*C.pulsar_producer_t)(pointer))
	})
	return producer, nil
}

// Send sends a message and waits until the broker stored it, at most the send timeout.
func (p *Producer) Send(message *ProducerMessage) (MessageID, error) {
	const op = "send"
	if err := message.check(op); err != nil {
		return MessageID{}, err
	}
	producer := p.acquire()
	if producer == nil {
		return MessageID{}, closed(op)
	}
	defer p.handle.release()
	pointer := message.pointer()
	defer C.pulsar_message_free(pointer)
	if err := producerFailure(op, C.pulsar_producer_send(producer, pointer), producer); err != nil {
		return MessageID{}, err
	}
	return takeMessageID(C.pulsar_message_get_message_id(pointer)), nil
}

// pendingSend waits for its outcome. It keeps the producer from being collected meanwhile.
type pendingSend struct {
	producer *Producer
	done     func(MessageID, error)
}

// SendAsync sends a message and calls done, once, with the outcome; in the order of sending for one producer.
// The payload is copied. done runs on a thread of the client, which runs no other callback meanwhile; when the
// message is not accepted, before SendAsync returns.
func (p *Producer) SendAsync(message *ProducerMessage, done func(MessageID, error)) {
	const op = "send"
	if err := message.check(op); err != nil {
		done(MessageID{}, err)
		return
	}
	producer := p.acquire()
	if producer == nil {
		done(MessageID{}, closed(op))
		return
	}
	defer p.handle.release()
	pointer := message.pointer()
	defer C.pulsar_message_free(pointer)
	handle := cgo.NewHandle(pendingSend{producer: p, done: done})
	C.pulsar_go_send_async(producer, pointer, C.uintptr_t(handle))
}

//export pulsarGoSent
func pulsarGoSent(result C.pulsar_result, id *C.pulsar_message_id_t, context C.uintptr_t) {
	handle := cgo.Handle(context)
	send := handle.Value().(pendingSend)
	handle.Delete()
	if result == C.pulsar_result_Ok {
		send.done(takeMessageID(id), nil)
		return
	}
	producer := send.producer.acquire()
	err := producerFailure("send", result, producer)
	if producer != nil {
		send.producer.handle.release()
	}
	send.done(MessageID{}, err)
}

// Flush sends what is gathered, and waits until everything sent so far is stored or failed and its callbacks
// have run.
func (p *Producer) Flush() error {
	const op = "flush"
	producer := p.acquire()
	if producer == nil {
		return closed(op)
	}
	defer p.handle.release()
	return producerFailure(op, C.pulsar_producer_flush(producer), producer)
}

// Close closes the producer. What is pending fails with ResultAlreadyClosed, and its callbacks have run when
// this returns; Flush first to have it sent. Closing again does nothing.
func (p *Producer) Close() error {
	return p.handle.close(func(pointer unsafe.Pointer) error {
		producer := (*C.pulsar_producer_t)(pointer)
		return producerFailure("close producer", C.pulsar_producer_close(producer), producer)
	})
}

// acquire lends the producer until p.handle.release; nil when it is closed.
func (p *Producer) acquire() *C.pulsar_producer_t {
	return (*C.pulsar_producer_t)(p.handle.acquire())
}

func producerFailure(op string, result C.pulsar_result, producer *C.pulsar_producer_t) error {
	return failure(op, result, func() *C.char { return C.pulsar_rs_producer_last_error(producer) })
}

// pointer makes a C configuration, which the caller frees.
func (o *ProducerOptions) pointer() *C.pulsar_producer_configuration_t {
	config := C.pulsar_producer_configuration_create()
	if o.Name != "" {
		name := C.CString(o.Name)
		defer C.free(unsafe.Pointer(name))
		C.pulsar_producer_configuration_set_producer_name(config, name)
	}
	if o.SendTimeout != 0 {
		C.pulsar_producer_configuration_set_send_timeout(config, units(o.SendTimeout, time.Millisecond))
	}
	if o.MaxPendingMessages != 0 {
		C.pulsar_producer_configuration_set_max_pending_messages(config, C.int(o.MaxPendingMessages))
	}
	if o.BatchingMaxPublishDelay != 0 {
		delay := C.ulong(units(o.BatchingMaxPublishDelay, time.Millisecond))
		C.pulsar_producer_configuration_set_batching_max_publish_delay_ms(config, delay)
	}
	if !o.DisableBlockIfQueueFull {
		C.pulsar_producer_configuration_set_block_if_queue_full(config, 1)
	}
	if o.DisableBatching {
		C.pulsar_producer_configuration_set_batching_enabled(config, 0)
	}
	return config
}
