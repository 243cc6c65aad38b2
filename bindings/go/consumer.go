package pulsar

/*
#include "bridge.h"
*/
import "C"

import (
	"context"
	"time"
	"unsafe"
)

// SubscriptionType says how the consumers of a subscription share its messages.
type SubscriptionType int

// Values of ConsumerOptions.Type.
const (
	Exclusive = SubscriptionType(C.pulsar_ConsumerExclusive) // one consumer; others are refused
	Shared    = SubscriptionType(C.pulsar_ConsumerShared)    // each message goes to one of them
	Failover  = SubscriptionType(C.pulsar_ConsumerFailover)  // one is active; another takes over when it goes
	KeyShared = SubscriptionType(C.pulsar_ConsumerKeyShared) // messages with the same key go to the same one
)

// SubscriptionInitialPosition says where a new subscription begins.
type SubscriptionInitialPosition int

// Values of ConsumerOptions.SubscriptionInitialPosition.
const (
	SubscriptionPositionLatest   = SubscriptionInitialPosition(C.initial_position_latest)
	SubscriptionPositionEarliest = SubscriptionInitialPosition(C.initial_position_earliest)
)

// ConsumerOptions says how to consume. What is 0 has the library's default.
type ConsumerOptions struct {
	Topic                       string
	SubscriptionName            string
	Type                        SubscriptionType
	SubscriptionInitialPosition SubscriptionInitialPosition
	// ReceiverQueueSize is how many messages are fetched ahead. Default 1000.
	ReceiverQueueSize int
}

// Consumer receives the messages of a subscription. All methods may be called on any goroutine.
type Consumer struct {
	handle *handle
	client *Client // lives as long as its consumers
}

// Subscribe subscribes to a topic, within the operation timeout.
func (c *Client) Subscribe(options ConsumerOptions) (*Consumer, error) {
	const op = "subscribe"
	if err := checkText(op, ResultInvalidConfiguration, options.Topic, options.SubscriptionName); err != nil {
		return nil, err
	}
	client := c.acquire()
	if client == nil {
		return nil, closed(op)
	}
	defer c.handle.release()
	config := options.pointer()
	defer C.pulsar_consumer_configuration_free(config)
	topic, name := C.CString(options.Topic), C.CString(options.SubscriptionName)
	defer C.free(unsafe.Pointer(topic))
	defer C.free(unsafe.Pointer(name))

	var pointer *C.pulsar_consumer_t
	result := C.pulsar_client_subscribe(client, topic, name, config, &pointer)
	if err := clientFailure(op, result, client); err != nil {
		return nil, err
	}
	consumer := &Consumer{client: c}
	own(consumer, &consumer.handle, unsafe.Pointer(pointer), func(pointer unsafe.Pointer) {
		C.pulsar_consumer_free((*C.pulsar_consumer_t)(pointer))
	})
	return consumer, nil
}

// patience is how long one wait in C lasts, and so how late a canceled context may be noticed.
const patience = 50 * time.Millisecond

// Receive waits for a message. When ctx ends it returns ctx.Err(): at the deadline, or within 50 ms of a
// cancellation.
//
// It waits in slices because a receive that is under way in C cannot be taken back: pulsar_consumer_receive_async
// would, after a cancellation, still take a message that nobody waits for; and its callback comes on the client's
// callback thread, so that Receive could not be called in a callback. The price is a thread for each goroutine
// that waits.
func (c *Consumer) Receive(ctx context.Context) (*Message, error) {
	const op = "receive"
	consumer := c.acquire()
	if consumer == nil {
		return nil, closed(op)
	}
	defer c.handle.release()
	var pointer *C.pulsar_message_t
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		wait := patience
		if deadline, ok := ctx.Deadline(); ok {
			wait = min(wait, time.Until(deadline))
		}
		if wait <= 0 {
			return nil, context.DeadlineExceeded
		}
		result := C.pulsar_consumer_receive_with_timeout(consumer, &pointer, units(wait, time.Millisecond))
		switch result {
		case C.pulsar_result_Ok:
			return takeMessage(pointer), nil
		case C.pulsar_result_Timeout:
		default:
			return nil, consumerFailure(op, result, consumer)
		}
	}
}

// Ack acknowledges a message. Acknowledgements are gathered and sent together; acknowledging twice does no harm.
func (c *Consumer) Ack(message *Message) error {
	return c.AckID(message.id)
}

// AckID acknowledges the message with this id.
func (c *Consumer) AckID(id MessageID) error {
	const op = "acknowledge"
	consumer := c.acquire()
	if consumer == nil {
		return closed(op)
	}
	defer c.handle.release()
	pointer := id.pointer()
	defer C.pulsar_message_id_free(pointer)
	return consumerFailure(op, C.pulsar_consumer_acknowledge_id(consumer, pointer), consumer)
}

// Close closes the consumer, after sending the acknowledgements that wait. The subscription stays. Closing again
// does nothing.
func (c *Consumer) Close() error {
	return c.handle.close(func(pointer unsafe.Pointer) error {
		consumer := (*C.pulsar_consumer_t)(pointer)
		return consumerFailure("close consumer", C.pulsar_consumer_close(consumer), consumer)
	})
}

// acquire lends the consumer until c.handle.release; nil when it is closed.
func (c *Consumer) acquire() *C.pulsar_consumer_t {
	return (*C.pulsar_consumer_t)(c.handle.acquire())
}

func consumerFailure(op string, result C.pulsar_result, consumer *C.pulsar_consumer_t) error {
	return failure(op, result, func() *C.char { return C.pulsar_rs_consumer_last_error(consumer) })
}

// pointer makes a C configuration, which the caller frees.
func (o *ConsumerOptions) pointer() *C.pulsar_consumer_configuration_t {
	config := C.pulsar_consumer_configuration_create()
	C.pulsar_consumer_configuration_set_consumer_type(config, C.pulsar_consumer_type(o.Type))
	position := C.initial_position(o.SubscriptionInitialPosition)
	C.pulsar_consumer_set_subscription_initial_position(config, position)
	if o.ReceiverQueueSize != 0 {
		C.pulsar_consumer_configuration_set_receiver_queue_size(config, C.int(o.ReceiverQueueSize))
	}
	return config
}
