package pulsar

/*
#include "consumer_bridge.h"
*/
import "C"

import (
	"context"
	"math"
	"runtime"
	"sync"
	"time"
	"unsafe"
)

// reader is what a program holds of a reader; when the program forgets it without Close, that is closed.
type reader struct {
	*reading
	parent *client // which lives as long as what it made
}

// Next waits for the next message, or until ctx ends; then no message is lost.
func (r *reader) Next(ctx context.Context) (Message, error) {
	m, err := r.receive(ctx)
	// Waiting is use.
	runtime.KeepAlive(r)
	if err != nil {
		return nil, err
	}
	return m, nil
}

// reading is a reader of the library with what belongs to it.
type reading struct {
	receiver
	client      *connected
	options     ReaderOptions
	topic       string
	handle      *handle
	completions *completions
	forwarder   *forwarder[ReaderMessage]
	seeking     sync.Mutex
	asking      sync.Mutex
	answer      chan C.pulsar_rs_completion_t // of HasNext
	closing     chan struct{}
	once        sync.Once
	reconnects  uintptr // the number of its policy; 0: there is none
	closed      chan struct{}
}

// CreateReader creates a reader, within the operation timeout.
func (c *client) CreateReader(options ReaderOptions) (Reader, error) {
	const op = "create reader"
	if err := completeReaderOptions(op, &options); err != nil {
		return nil, err
	}
	r := &reading{
		client: c.connected, options: options, answer: make(chan C.pulsar_rs_completion_t, 1), closing: make(chan struct{}),
		closed: make(chan struct{}),
	}
	r.prepareReceiving()
	config, err := r.configuration(op)
	if err != nil {
		return nil, err
	}
	defer C.pulsar_reader_configuration_free(config)
	if r.completions, err = newCompletions(clientOperations); err != nil {
		return nil, err
	}
	r.completions.run(r.completed)
	pointer, err := r.open(op, config)
	if err != nil {
		r.completions.stop()
		r.completions.free()
		reconnectings.remove(r.reconnects)
		return nil, err
	}
	r.topic = C.GoString(C.pulsar_reader_get_topic(pointer))
	r.handle = newHandle(unsafe.Pointer(pointer), func() {
		C.pulsar_reader_free(pointer)
		r.completions.free()
		reconnectings.remove(r.reconnects)
		r.receiver.free()
	})
	if !c.adopt(r) {
		r.Close()
		return nil, newError(AlreadyClosedError, op+": the client is closed")
	}
	held := &reader{reading: r, parent: c}
	runtime.AddCleanup(held, func(r *reading) { go r.Close() }, r)
	if options.MessageChannel != nil {
		r.forwarder = newForwarder(&r.receiver, options.MessageChannel, r.closing,
			func(m *message) ReaderMessage { return ReaderMessage{held, m} },
			func(one ReaderMessage) *message {
				if m, ok := one.Message.(*message); ok && m.origin.receiver == &r.receiver {
					return m
				}
				return nil
			})
		go r.forwarder.run()
	}
	return held, nil
}

func completeReaderOptions(op string, o *ReaderOptions) error {
	switch {
	case o.Topic == "":
		return newError(InvalidConfiguration, op+": Topic is required")
	case o.StartMessageID == nil:
		return newError(InvalidConfiguration, op+": StartMessageID is required")
	}
	if err := checkDecryption(op, o.Decryption); err != nil {
		return err
	}
	if o.ReceiverQueueSize <= 0 {
		o.ReceiverQueueSize = defaultReceiverQueueSize
	}
	if o.SubscriptionRolePrefix == "" {
		o.SubscriptionRolePrefix = "reader"
	}
	if o.MaxPendingChunkedMessage == 0 {
		o.MaxPendingChunkedMessage = defaultPendingChunked
	}
	if o.ExpireTimeOfIncompleteChunk == 0 {
		o.ExpireTimeOfIncompleteChunk = defaultChunkExpiry
	}
	texts := []string{o.Name, o.SubscriptionRolePrefix, o.SubscriptionName}
	for name, value := range o.Properties {
		texts = append(texts, name, value)
	}
	if err := checkText(op, InvalidTopicName, o.Topic); err != nil {
		return err
	}
	return checkText(op, InvalidConfiguration, texts...)
}

func (r *reading) configuration(op string) (*C.pulsar_reader_configuration_t, error) {
	o := &r.options
	schema, err := newSchemaTexts(op, o.Schema)
	if err != nil {
		return nil, err
	}
	defer schema.free()
	config := C.pulsar_reader_configuration_create()
	if r.reconnects = newReconnecting(o.BackoffPolicyFunc, nil); r.reconnects != 0 {
		C.pulsar_go_set_reader_reconnect_delay(config, C.uintptr_t(r.reconnects))
	}
	C.pulsar_reader_configuration_set_receiver_queue_size(config, C.int(min(r.prepare(o.ReceiverQueueSize), math.MaxInt32)))
	withText(o.Name, func(name *C.char) { C.pulsar_reader_configuration_set_reader_name(config, name) })
	withText(o.SubscriptionRolePrefix, func(prefix *C.char) {
		C.pulsar_reader_configuration_set_subscription_role_prefix(config, prefix)
	})
	withText(o.SubscriptionName, func(name *C.char) {
		C.pulsar_rs_reader_configuration_set_subscription_name(config, name)
	})
	for name, value := range o.Properties {
		withTexts(name, value, func(name, value *C.char) { C.pulsar_rs_reader_configuration_set_property(config, name, value) })
	}
	C.pulsar_reader_configuration_set_read_compacted(config, truth(o.ReadCompacted))
	C.pulsar_rs_reader_configuration_set_start_message_id_inclusive(config, truth(o.StartMessageIDInclusive))
	C.pulsar_rs_reader_configuration_set_max_pending_chunked_message(
		config, C.uint(min(max(o.MaxPendingChunkedMessage, 0), math.MaxInt32)), truth(o.AutoAckIncompleteChunk))
	expiry := C.uint(units(max(o.ExpireTimeOfIncompleteChunk, 0), time.Millisecond))
	C.pulsar_rs_reader_configuration_set_chunk_expiry_ms(config, expiry)
	if d := o.Decryption; d != nil {
		action := C.pulsar_consumer_crypto_failure_action(d.ConsumerCryptoFailureAction)
		C.pulsar_reader_configuration_set_crypto_failure_action(config, action)
		if d.KeyReader != nil {
			keys := newKeyReader(d.KeyReader, r.client.logger)
			C.pulsar_rs_reader_configuration_set_crypto_key_reader(config, keys)
			C.pulsar_rs_crypto_key_reader_free(keys)
		}
	}
	if schema.kind != 0 {
		C.pulsar_rs_reader_configuration_set_schema_info(config, schema.kind, schema.name, schema.definition, schema.properties)
	}
	return config, nil
}

func (r *reading) prepareReceiving() {
	r.logger = r.client.logger
	r.failed = r.failure
	r.schemas.own = r.options.Schema
	r.fetch = func(done *C.pulsar_rs_received_t, opened *C.pulsar_go_list_t) C.pulsar_result {
		pointer := r.acquire()
		if pointer == nil {
			C.pulsar_rs_received_free(done)
			return C.pulsar_result_AlreadyClosed
		}
		defer r.handle.release()
		return C.pulsar_go_read(pointer, done, C.size_t(r.room), bytesPerList, tokenOfList, opened)
	}
	r.readingOf = func(name *C.char) (uint64, bool) {
		pointer := r.acquire()
		if pointer == nil {
			return 0, false
		}
		defer r.handle.release()
		var number C.uint64_t
		result := C.pulsar_rs_reader_get_reading(pointer, name, &number)
		return uint64(number), result == C.pulsar_result_Ok
	}
}

// open has the library create a reader.
func (r *reading) open(op string, config *C.pulsar_reader_configuration_t) (*C.pulsar_reader_t, error) {
	topic := C.CString(r.options.Topic)
	defer C.free(unsafe.Pointer(topic))
	bytes := toMessageID(r.options.StartMessageID).Serialize()
	start := C.pulsar_message_id_deserialize(unsafe.Pointer(unsafe.SliceData(bytes)), C.uint32_t(len(bytes)))
	defer C.pulsar_message_id_free(start)
	pointer, err := r.client.do(op+" on "+r.options.Topic, r.completions,
		func(client *C.pulsar_client_t, token C.uint64_t) C.pulsar_result {
			return C.pulsar_rs_client_create_reader_queued(client, topic, start, config, r.completions.queue, token)
		})
	return (*C.pulsar_reader_t)(pointer), err
}

// completed takes what comes without an operation.
func (r *reading) completed(c *C.pulsar_rs_completion_t) {
	if c.token == tokenOfAnswer {
		r.answer <- *c
		return
	}
	r.outcome(c)
}

// acquire lends the reader until r.handle.release; nil when it is closed.
func (r *reading) acquire() *C.pulsar_reader_t {
	if r.handle == nil {
		return nil
	}
	return (*C.pulsar_reader_t)(r.handle.acquire())
}

// failure makes an error of what the library answered.
func (r *reading) failure(op string, result C.pulsar_result) error {
	if result == C.pulsar_result_AlreadyClosed {
		return newError(ConsumerClosed, op+": the reader is closed")
	}
	text := ""
	if pointer := r.acquire(); pointer != nil {
		text = takeText(C.pulsar_rs_reader_last_error(pointer))
		r.handle.release()
	}
	return failure(op, result, text)
}

// Topic returns the full name of the topic.
func (r *reading) Topic() string { return r.topic }

// HasNext says whether there is a message to read; false, too, when the broker cannot be asked.
func (r *reading) HasNext() bool {
	if r.hasMessage() {
		return true
	}
	r.asking.Lock()
	defer r.asking.Unlock()
	pointer := r.acquire()
	if pointer == nil {
		return false
	}
	defer r.handle.release()
	if C.pulsar_rs_reader_has_message_available_queued(pointer, tokenOfAnswer) != C.pulsar_result_Ok {
		return false
	}
	select {
	case answer := <-r.answer:
		// What the library gave away while it was asked is here by now.
		return answer.answer != 0 || r.hasMessage()
	case <-r.completions.ended:
		return false
	}
}

// Seek moves the reader behind the message with this id, or to an end of the topic. What was fetched from before is dropped.
func (r *reading) Seek(given MessageID) error {
	const op = "seek"
	id := toMessageID(given)
	if id == nil {
		return newError(InvalidMessage, op+": there is no message id")
	}
	position, topic, free := seekPosition(id, r.options.StartMessageIDInclusive)
	defer free()
	return r.seek(op, func(pointer *C.pulsar_reader_t, token C.uint64_t) C.pulsar_result {
		return C.pulsar_rs_reader_seek_position_queued(pointer, topic, &position, token)
	})
}

// SeekByTime moves the reader to the first message that was sent at this time or later. What was fetched from before is
// dropped.
func (r *reading) SeekByTime(at time.Time) error {
	return r.seek("seek by time", func(pointer *C.pulsar_reader_t, token C.uint64_t) C.pulsar_result {
		return C.pulsar_rs_reader_seek_by_timestamp_queued(pointer, C.uint64_t(max(at.UnixMilli(), 0)), token)
	})
}

func (r *reading) seek(op string, start func(*C.pulsar_reader_t, C.uint64_t) C.pulsar_result) error {
	r.seeking.Lock()
	defer r.seeking.Unlock()
	_, err := r.operate(op, start)
	// Also if it failed: of several partitions some may have been moved.
	r.moved()
	if r.forwarder != nil {
		r.forwarder.moved()
	}
	return err
}

// GetLastMessageID asks the broker for the id of the topic's last message. Of several partitions there is none.
func (r *reading) GetLastMessageID() (MessageID, error) {
	const op = "get last message id"
	found, err := r.operate(op, func(pointer *C.pulsar_reader_t, token C.uint64_t) C.pulsar_result {
		return C.pulsar_rs_reader_get_last_positions_queued(pointer, token)
	})
	if err != nil {
		return nil, err
	}
	ids := takeIDs(found)
	if len(ids) != 1 {
		return nil, newError(OperationNotSupported, op+": the topic has partitions, each with a last message")
	}
	return ids[0], nil
}

// operate has the library do something, and waits for it.
func (r *reading) operate(
	op string, start func(pointer *C.pulsar_reader_t, token C.uint64_t) C.pulsar_result,
) (unsafe.Pointer, error) {
	pointer := r.acquire()
	if pointer == nil {
		return nil, newError(ConsumerClosed, op+": the reader is closed")
	}
	defer r.handle.release()
	object, result := r.completions.do(func(token C.uint64_t) C.pulsar_result { return start(pointer, token) })
	if result != C.pulsar_result_Ok {
		return nil, r.failure(op, result)
	}
	return object, nil
}

// Close closes the reader. Closing again only waits.
func (r *reading) Close() {
	r.once.Do(func() {
		defer close(r.closed)
		r.client.forget(r)
		r.end(newError(ConsumerClosed, "read: the reader is closed"))
		close(r.closing)
		r.client.aboutToClose()
		_, _ = r.operate("close", func(pointer *C.pulsar_reader_t, token C.uint64_t) C.pulsar_result {
			return C.pulsar_rs_reader_close_queued(pointer, token)
		})
		r.completions.stop()
		r.handle.close()
	})
	<-r.closed
}
