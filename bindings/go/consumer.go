package pulsar

/*
#include "consumer_bridge.h"
*/
import "C"

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"runtime"
	"sync"
	"time"
	"unsafe"
)

// consumer is what a program holds of a consumer; when the program forgets it without Close, that is closed.
type consumer struct {
	*subscribed
	parent *client // which lives as long as what it made
}

// Receive waits for the next message, or until ctx ends; then no message is lost.
func (c *consumer) Receive(ctx context.Context) (Message, error) {
	m, err := c.receive(ctx)
	// Waiting is use.
	runtime.KeepAlive(c)
	if err != nil {
		return nil, err
	}
	if len(c.interceptors) > 0 {
		c.interceptors.BeforeConsume(ConsumerMessage{c.self, m})
	}
	return m, nil
}

// Chan returns a channel with the messages. It is not closed.
func (c *consumer) Chan() <-chan ConsumerMessage {
	if c.options.EnableZeroQueueConsumer {
		panic("pulsar: consumers with EnableZeroQueueConsumer have no Chan")
	}
	c.forward.Do(func() { c.startForwarding(c, make(chan ConsumerMessage, forwardedAhead)) })
	return c.forwarder.Load().channel
}

// forwardedAhead is how many messages wait in the channel of a consumer.
const forwardedAhead = 10

// startForwarding has the messages go to a channel. Whoever has the channel may not have the consumer, which then lives until
// it is closed.
func (c *subscribed) startForwarding(held *consumer, channel chan ConsumerMessage) {
	wrap := func(m *message) ConsumerMessage {
		wrapped := ConsumerMessage{held, m}
		if len(c.interceptors) > 0 {
			c.interceptors.BeforeConsume(wrapped)
		}
		return wrapped
	}
	unwrap := func(one ConsumerMessage) *message {
		if m, ok := one.Message.(*message); ok && m.origin.receiver == &c.receiver {
			return m
		}
		return nil
	}
	f := newForwarder(&c.receiver, channel, c.closing, wrap, unwrap)
	c.forwarder.Store(f)
	go f.run()
}

// subscribed is a consumer of the library with what belongs to it.
type subscribed struct {
	receiver
	client       *connected
	options      ConsumerOptions
	handle       *handle
	completions  *completions
	interceptors ConsumerInterceptors
	self         Consumer // for interceptors and listeners
	confirms     bool
	unnamed      source // of ids that know no topic
	acks         acks
	nacks        nacks
	forward      sync.Once
	forwarder    forwarderPointer
	listener     *activeListener
	reconnects   uintptr // the number of its policy; 0: there is none
	seeking      sync.Mutex
	closing      chan struct{}
	once         sync.Once
	closed       chan struct{}
}

// Subscribe creates a consumer, within the operation timeout.
func (c *client) Subscribe(options ConsumerOptions) (Consumer, error) {
	const op = "subscribe"
	if err := completeConsumerOptions(op, &options); err != nil {
		return nil, err
	}
	s := &subscribed{
		client: c.connected, options: options, interceptors: options.Interceptors, confirms: options.AckWithResponse,
		closing: make(chan struct{}), closed: make(chan struct{}),
	}
	s.self = &consumer{subscribed: s}
	s.prepareReceiving()
	config, err := s.configuration(op)
	if err != nil {
		return nil, err
	}
	defer C.pulsar_consumer_configuration_free(config)
	if s.completions, err = newCompletions(clientOperations); err != nil {
		s.listener.remove()
		return nil, err
	}
	s.completions.run(s.outcome)
	pointer, err := s.subscribe(op, config)
	if err != nil {
		s.listener.remove()
		s.completions.stop()
		s.completions.free()
		reconnectings.remove(s.reconnects)
		return nil, err
	}
	s.handle = newHandle(unsafe.Pointer(pointer), func() {
		C.pulsar_consumer_free(pointer)
		s.completions.free()
		reconnectings.remove(s.reconnects)
		s.receiver.free()
	})
	if !c.adopt(s) {
		s.Close()
		return nil, newError(AlreadyClosedError, op+": the client is closed")
	}
	held := &consumer{subscribed: s, parent: c}
	runtime.AddCleanup(held, func(s *subscribed) { go s.Close() }, s)
	s.listener.begin(s.self)
	if options.MessageChannel != nil {
		s.forward.Do(func() { s.startForwarding(held, options.MessageChannel) })
	}
	return held, nil
}

func (c *subscribed) prepareReceiving() {
	c.logger = c.client.logger
	c.failed = c.failure
	c.keepsLists = c.options.RetryEnable
	c.schemas.own = c.options.Schema
	c.schemas.fetch = c.fetchSchema
	c.fetch = func(done *C.pulsar_rs_received_t, opened *C.pulsar_go_list_t) C.pulsar_result {
		pointer := c.acquire()
		if pointer == nil {
			C.pulsar_rs_received_free(done)
			return C.pulsar_result_AlreadyClosed
		}
		defer c.handle.release()
		return C.pulsar_go_receive(pointer, done, truth(c.isLazy), C.size_t(c.room), bytesPerList, tokenOfList, opened)
	}
	c.readingOf = func(name *C.char) (uint64, bool) {
		pointer := c.acquire()
		if pointer == nil {
			return 0, false
		}
		defer c.handle.release()
		var reading C.uint64_t
		result := C.pulsar_rs_consumer_get_reading(pointer, name, &reading)
		return uint64(reading), result == C.pulsar_result_Ok
	}
	c.acks.consumer, c.nacks.consumer = c, c
	c.acks.most = acksPerCrossing
	if grouping := c.options.AckGroupingOptions; grouping != nil {
		c.acks.most = int(min(max(grouping.MaxSize, 1), acksPerCrossing))
	}
	c.nacks.policy = c.options.NackBackoffPolicy
	c.nacks.delay = c.options.NackRedeliveryDelay
	c.nacks.isOwn = c.nacks.policy != nil || len(c.interceptors) > 0 || !c.isShared()
}

func (c *subscribed) isShared() bool { return c.options.Type == Shared || c.options.Type == KeyShared }

// subscribe has the library subscribe.
func (c *subscribed) subscribe(
	op string, config *C.pulsar_consumer_configuration_t,
) (*C.pulsar_consumer_t, error) {
	name := C.CString(c.options.SubscriptionName)
	defer C.free(unsafe.Pointer(name))
	if len(c.options.Topics) > 0 || c.options.TopicsPattern != "" {
		return c.subscribeToSeveral(op, name, config)
	}
	topic := C.CString(c.options.Topic)
	defer C.free(unsafe.Pointer(topic))
	pointer, err := c.client.do(op+" to "+c.options.Topic, c.completions,
		func(client *C.pulsar_client_t, token C.uint64_t) C.pulsar_result {
			return C.pulsar_rs_client_subscribe_queued(client, topic, name, config, c.completions.queue, token)
		})
	return (*C.pulsar_consumer_t)(pointer), err
}

// subscribeToSeveral blocks a thread.
func (c *subscribed) subscribeToSeveral(
	op string, name *C.char, config *C.pulsar_consumer_configuration_t,
) (*C.pulsar_consumer_t, error) {
	client := c.client.acquire()
	if client == nil {
		return nil, newError(AlreadyClosedError, op+": the client is closed")
	}
	defer c.client.release()
	var pointer *C.pulsar_consumer_t
	var result C.pulsar_result
	if pattern := c.options.TopicsPattern; pattern != "" {
		cPattern := C.CString(pattern)
		defer C.free(unsafe.Pointer(cPattern))
		result = C.pulsar_client_subscribe_pattern(client, cPattern, name, config, &pointer)
	} else {
		count := len(c.options.Topics)
		topics := (**C.char)(C.calloc(C.size_t(count), C.size_t(unsafe.Sizeof(uintptr(0)))))
		defer C.free(unsafe.Pointer(topics))
		for i, topic := range c.options.Topics {
			cTopic := C.CString(topic)
			defer C.free(unsafe.Pointer(cTopic))
			unsafe.Slice(topics, count)[i] = cTopic
		}
		result = C.pulsar_client_subscribe_multi_topics(client, topics, C.int(count), name, config, &pointer)
	}
	if result != C.pulsar_result_Ok {
		return nil, c.client.failure(op, result, client)
	}
	if result := C.pulsar_rs_consumer_set_completion_queue(pointer, c.completions.queue); result != C.pulsar_result_Ok {
		defer C.pulsar_consumer_free(pointer)
		return nil, failure(op, result, takeText(C.pulsar_rs_consumer_last_error(pointer)))
	}
	return pointer, nil
}

// acquire lends the consumer until c.handle.release; nil when it is closed.
func (c *subscribed) acquire() *C.pulsar_consumer_t {
	if c.handle == nil {
		return nil
	}
	return (*C.pulsar_consumer_t)(c.handle.acquire())
}

// failure makes an error of what the library answered.
func (c *subscribed) failure(op string, result C.pulsar_result) error {
	if result == C.pulsar_result_AlreadyClosed {
		return errConsumerClosed(op)
	}
	text := ""
	if pointer := c.acquire(); pointer != nil {
		text = takeText(C.pulsar_rs_consumer_last_error(pointer))
		c.handle.release()
	}
	return failure(op, result, text)
}

// Subscription returns the name of the subscription.
func (c *subscribed) Subscription() string { return c.options.SubscriptionName }

// Name returns the consumer's name.
func (c *subscribed) Name() string { return c.options.Name }

// Unsubscribe deletes the subscription, and ends the consumer; it fails while the subscription has others.
func (c *subscribed) Unsubscribe() error {
	return c.unsubscribe(func(pointer *C.pulsar_consumer_t, token C.uint64_t) C.pulsar_result {
		return C.pulsar_rs_consumer_unsubscribe_queued(pointer, token)
	})
}

// UnsubscribeForce deletes the subscription also while it has other consumers.
func (c *subscribed) UnsubscribeForce() error {
	return c.unsubscribe(func(pointer *C.pulsar_consumer_t, token C.uint64_t) C.pulsar_result {
		return C.pulsar_rs_consumer_unsubscribe_by_force_queued(pointer, token)
	})
}

func (c *subscribed) unsubscribe(start func(*C.pulsar_consumer_t, C.uint64_t) C.pulsar_result) error {
	const op = "unsubscribe"
	c.acks.flush()
	if err := c.operate(op, start); err != nil {
		return err
	}
	c.end(errConsumerClosed(op))
	return nil
}

// GetLastMessageIDs asks the brokers for the id of the last message of each topic and partition.
func (c *subscribed) GetLastMessageIDs() ([]TopicMessageID, error) {
	found, err := c.operateFor("get last message ids",
		func(pointer *C.pulsar_consumer_t, token C.uint64_t) C.pulsar_result {
			return C.pulsar_rs_consumer_get_last_positions_queued(pointer, token)
		})
	if err != nil {
		return nil, err
	}
	last := takeIDs(found)
	ids := make([]TopicMessageID, len(last))
	for i, id := range last {
		ids[i] = id
	}
	return ids, nil
}

// takeIDs copies positions of the library, and frees them.
func takeIDs(object unsafe.Pointer) []*messageID {
	found := (*C.pulsar_rs_positions_t)(object)
	defer C.pulsar_rs_positions_free(found)
	ids := make([]*messageID, int(C.pulsar_rs_positions_count(found)))
	for i := range ids {
		var at C.pulsar_rs_position_t
		C.pulsar_rs_positions_get(found, C.size_t(i), &at)
		ids[i] = &messageID{
			ledgerID: int64(at.ledger), entryID: int64(at.entry), batchIdx: int32(at.batch_index),
			partitionIdx: int32(at.partition), batchSize: int32(at.batch_size),
			topic: C.GoString(C.pulsar_rs_positions_topic(found, C.size_t(i))),
		}
	}
	return ids
}

// Seek moves the subscription behind the message with this id, or to an end of the topic. Of several topics and partitions
// it moves the one that the id is of; to their ends it moves all. What was fetched from before is dropped.
func (c *subscribed) Seek(given MessageID) error {
	const op = "seek"
	id := toMessageID(given)
	if id == nil {
		return newError(InvalidMessage, op+": there is no message id")
	}
	position, topic, free := seekPosition(id, c.options.StartMessageIDInclusive)
	defer free()
	return c.seek(op, func(pointer *C.pulsar_consumer_t, token C.uint64_t) C.pulsar_result {
		return C.pulsar_rs_consumer_seek_position_queued(pointer, topic, &position, token)
	})
}

// seekPosition is the place of an id for the library; free frees the topic's name.
func seekPosition(id *messageID, isInclusive bool) (position C.pulsar_rs_position_t, topic *C.char, free func()) {
	if id.firstChunk != nil && isInclusive {
		position = id.firstChunk.position()
		position.partition = C.int32_t(id.partitionIdx)
	} else {
		position = id.position()
	}
	if id.topic == "" {
		return position, nil, func() {}
	}
	topic = C.CString(id.topic)
	return position, topic, func() { C.free(unsafe.Pointer(topic)) }
}

// SeekByTime moves the subscription to the first message that was sent at this time or later. What was fetched from before
// is dropped.
func (c *subscribed) SeekByTime(at time.Time) error {
	return c.seek("seek by time", func(pointer *C.pulsar_consumer_t, token C.uint64_t) C.pulsar_result {
		return C.pulsar_rs_consumer_seek_by_timestamp_queued(pointer, C.uint64_t(max(at.UnixMilli(), 0)), token)
	})
}

func (c *subscribed) seek(op string, start func(*C.pulsar_consumer_t, C.uint64_t) C.pulsar_result) error {
	c.seeking.Lock()
	defer c.seeking.Unlock()
	c.acks.flush()
	err := c.operate(op, start)
	// Also if it failed: of several topics some may have been moved.
	c.moved()
	if f := c.forwarder.Load(); f != nil {
		f.moved()
	}
	return err
}

// Close closes the consumer, after sending the acknowledgements that are gathered. Closing again only waits.
func (c *subscribed) Close() {
	c.once.Do(func() {
		defer close(c.closed)
		c.client.forget(c)
		c.end(errConsumerClosed("receive"))
		c.acks.end()
		c.nacks.end()
		close(c.closing)
		c.client.aboutToClose()
		_ = c.operate("close", func(pointer *C.pulsar_consumer_t, token C.uint64_t) C.pulsar_result {
			return C.pulsar_rs_consumer_close_queued(pointer, token)
		})
		c.completions.stop()
		c.handle.close()
		c.listener.remove()
	})
	<-c.closed
}

// randomName is as long as those of the other clients.
func randomName() string {
	var bytes [5]byte
	_, _ = rand.Read(bytes[:])
	return hex.EncodeToString(bytes[:])
}
