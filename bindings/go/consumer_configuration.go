package pulsar

/*
#include "consumer_bridge.h"
*/
import "C"

import (
	"math"
	"reflect"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/pulsar-rs/pulsar_rs/bindings/go/crypto"
)

// Defaults of consumers and readers.
const (
	defaultReceiverQueueSize = 1000
	defaultNackDelay         = time.Minute
	defaultPendingChunked    = 100
	defaultChunkExpiry       = time.Minute
)

type forwarderPointer = atomic.Pointer[forwarder[ConsumerMessage]]

// completeConsumerOptions fills in defaults, and refuses what is wrong or cannot be done.
func completeConsumerOptions(op string, o *ConsumerOptions) error {
	if err := checkConsumerOptions(op, o); err != nil {
		return err
	}
	// The first that is given counts.
	switch {
	case o.Topic != "":
		o.Topics, o.TopicsPattern = nil, ""
	case len(o.Topics) == 1:
		o.Topic, o.Topics, o.TopicsPattern = o.Topics[0], nil, ""
	case len(o.Topics) > 1:
		o.TopicsPattern = ""
	}
	if o.ReceiverQueueSize <= 0 {
		o.ReceiverQueueSize = defaultReceiverQueueSize
	}
	if o.EnableZeroQueueConsumer {
		o.ReceiverQueueSize = 0
	}
	if o.Name == "" {
		o.Name = randomName()
	}
	if o.NackRedeliveryDelay == 0 {
		o.NackRedeliveryDelay = defaultNackDelay
	}
	if o.NackBackoffPolicy == nil && o.EnableDefaultNackBackoffPolicy {
		o.NackBackoffPolicy = defaultNackBackoffPolicy{}
	}
	if o.MaxPendingChunkedMessage == 0 {
		o.MaxPendingChunkedMessage = defaultPendingChunked
	}
	if o.ExpireTimeOfIncompleteChunk == 0 {
		o.ExpireTimeOfIncompleteChunk = defaultChunkExpiry
	}
	return nil
}

func checkConsumerOptions(op string, o *ConsumerOptions) error {
	refuse := func(result Result, text string) error { return newError(result, op+": "+text) }
	switch {
	case o.Topic == "" && len(o.Topics) == 0 && o.TopicsPattern == "":
		return refuse(TopicNotFound, "Topic, Topics or TopicsPattern is required")
	case o.SubscriptionName == "":
		return refuse(SubscriptionNotFound, "SubscriptionName is required")
	case o.Type < Exclusive || o.Type > KeyShared:
		return refuse(InvalidConfiguration, "Type is none of the constants")
	case o.EnableZeroQueueConsumer && o.RetryEnable:
		return refuse(InvalidConfiguration, "EnableZeroQueueConsumer is not possible with RetryEnable")
	case o.EnableZeroQueueConsumer && o.Topic == "" && len(o.Topics) != 1:
		return refuse(InvalidConfiguration, "EnableZeroQueueConsumer is for one topic")
	case o.EnableZeroQueueConsumer && o.MessageChannel != nil:
		return refuse(InvalidConfiguration, "EnableZeroQueueConsumer is not possible with MessageChannel")
	case o.RetryEnable && o.Type != Shared && o.Type != KeyShared:
		return refuse(OperationNotSupported, "RetryEnable is for Shared and KeyShared subscriptions")
	case o.NackPrecisionBit != nil && *o.NackPrecisionBit < 0:
		return refuse(InvalidConfiguration, "NackPrecisionBit must not be negative")
	case o.KeySharedPolicy != nil && o.Type != KeyShared:
		return refuse(InvalidConfiguration, "KeySharedPolicy is for KeyShared subscriptions")
	}
	if err := checkDecryption(op, o.Decryption); err != nil {
		return err
	}
	if err := checkDLQ(op, o.DLQ); err != nil {
		return err
	}
	if policy := o.KeySharedPolicy; policy != nil && policy.Mode == KeySharedPolicyModeSticky {
		if err := checkHashRanges(policy.HashRanges); err != nil {
			return err
		}
	}
	if err := checkText(op, InvalidTopicName, append([]string{o.Topic, o.TopicsPattern}, o.Topics...)...); err != nil {
		return err
	}
	texts := []string{o.SubscriptionName, o.Name}
	for _, pairs := range []map[string]string{o.Properties, o.SubscriptionProperties} {
		for name, value := range pairs {
			texts = append(texts, name, value)
		}
	}
	return checkText(op, InvalidConfiguration, texts...)
}

func checkDecryption(op string, d *MessageDecryptionInfo) error {
	switch {
	case d == nil:
		return nil
	case d.MessageCrypto != nil:
		return newError(OperationNotSupported, op+": Decryption.MessageCrypto: the library decrypts by itself")
	case d.ConsumerCryptoFailureAction < crypto.ConsumerCryptoFailureActionFail ||
		d.ConsumerCryptoFailureAction > crypto.ConsumerCryptoFailureActionConsume:
		return newError(InvalidConfiguration, op+": Decryption.ConsumerCryptoFailureAction is none of the constants")
	}
	return nil
}

func checkDLQ(op string, policy *DLQPolicy) error {
	switch {
	case policy == nil:
		return nil
	case policy.MaxDeliveries == 0:
		return newError(InvalidConfiguration, op+": DLQ.MaxDeliveries must be more than 0")
	case policy.DeadLetterTopicProducerName != "":
		return newError(OperationNotSupported, op+": DLQ.DeadLetterTopicProducerName: the broker names the producer")
	case !reflect.ValueOf(policy.ProducerOptions).IsZero():
		return newError(OperationNotSupported, op+": DLQ.ProducerOptions: the library knows how to send letters")
	}
	return checkText(op, InvalidConfiguration,
		policy.DeadLetterTopic, policy.RetryLetterTopic, policy.InitialSubscriptionName)
}

// configuration makes a C configuration, which the caller frees, and prepares the receiver for it.
func (c *subscribed) configuration(op string) (*C.pulsar_consumer_configuration_t, error) {
	o := &c.options
	schema, err := newSchemaTexts(op, o.Schema)
	if err != nil {
		return nil, err
	}
	defer schema.free()
	config := C.pulsar_consumer_configuration_create()
	if c.reconnects = newReconnecting(o.BackOffPolicyFunc, o.MaxReconnectToBroker); c.reconnects != 0 {
		C.pulsar_go_set_consumer_reconnect_delay(config, C.uintptr_t(c.reconnects))
	}
	C.pulsar_consumer_configuration_set_consumer_type(config, C.pulsar_consumer_type(o.Type))
	C.pulsar_consumer_set_subscription_initial_position(config, C.initial_position(o.SubscriptionInitialPosition))
	C.pulsar_rs_consumer_configuration_set_durable(config, truth(o.SubscriptionMode == Durable))
	withText(o.Name, func(name *C.char) { C.pulsar_consumer_set_consumer_name(config, name) })
	C.pulsar_consumer_configuration_set_receiver_queue_size(config, C.int(min(c.prepare(o.ReceiverQueueSize), math.MaxInt32)))
	C.pulsar_rs_consumer_configuration_set_auto_scaled_receiver_queue(config, truth(o.EnableAutoScaledReceiverQueueSize))
	for name, value := range o.Properties {
		withTexts(name, value, func(name, value *C.char) { C.pulsar_consumer_configuration_set_property(config, name, value) })
	}
	for name, value := range o.SubscriptionProperties {
		withTexts(name, value, func(name, value *C.char) {
			C.pulsar_rs_consumer_configuration_set_subscription_property(config, name, value)
		})
	}
	C.pulsar_consumer_set_read_compacted(config, truth(o.ReadCompacted))
	C.pulsar_rs_consumer_configuration_set_replicate_subscription_state(config, truth(o.ReplicateSubscriptionState))
	C.pulsar_consumer_configuration_set_start_message_id_inclusive(config, truth(o.StartMessageIDInclusive))
	C.pulsar_consumer_configuration_set_batch_index_ack_enabled(config, truth(o.EnableBatchIndexAcknowledgment))
	C.pulsar_rs_consumer_configuration_set_ack_receipt_enabled(config, truth(o.AckWithResponse))
	C.pulsar_consumer_configuration_set_max_pending_chunked_message(config, C.int(min(max(o.MaxPendingChunkedMessage, 0), math.MaxInt32)))
	C.pulsar_consumer_configuration_set_auto_ack_oldest_chunked_message_on_queue_full(config, truth(o.AutoAckIncompleteChunk))
	C.pulsar_rs_consumer_configuration_set_chunk_expiry_ms(config, C.uint(units(max(o.ExpireTimeOfIncompleteChunk, 0), time.Millisecond)))
	if o.AutoDiscoveryPeriod > 0 {
		period := C.uint(units(o.AutoDiscoveryPeriod, time.Millisecond))
		C.pulsar_rs_consumer_configuration_set_pattern_discovery_interval_ms(config, period)
	}
	if grouping := o.AckGroupingOptions; grouping != nil {
		C.pulsar_configure_set_ack_grouping_max_size(config, C.long(max(grouping.MaxSize, 1)))
		if grouping.MaxTime > 0 {
			C.pulsar_configure_set_ack_grouping_time_ms(config, C.long(units(grouping.MaxTime, time.Millisecond)))
		} else if grouping.MaxSize > 1 {
			C.pulsar_configure_set_ack_grouping_time_ms(config, math.MaxInt32)
		}
	}
	delay := C.long(0)
	if !c.nacks.isOwn {
		delay = C.long(units(max(o.NackRedeliveryDelay, 0), time.Millisecond))
	}
	C.pulsar_configure_set_negative_ack_redelivery_delay_ms(config, delay)
	setKeyShared(config, o.KeySharedPolicy)
	setDLQ(config, o)
	if o.Decryption != nil {
		setDecryption(config, o.Decryption, c)
	}
	if schema.kind != 0 {
		C.pulsar_consumer_configuration_set_schema_info(config, schema.kind, schema.name, schema.definition, schema.properties)
	}
	c.listener = newActiveListener(o.EventListener)
	if c.listener != nil {
		C.pulsar_go_set_event_listener(config, C.uintptr_t(c.listener.number))
	}
	return config, nil
}

func setKeyShared(config *C.pulsar_consumer_configuration_t, policy *KeySharedPolicy) {
	if policy == nil {
		return
	}
	if policy.Mode == KeySharedPolicyModeSticky {
		bounds := make([]C.int, len(policy.HashRanges))
		for i, bound := range policy.HashRanges {
			bounds[i] = C.int(bound)
		}
		C.pulsar_rs_consumer_configuration_set_sticky_hash_ranges(config, &bounds[0], C.size_t(len(bounds)/2))
	}
	C.pulsar_rs_consumer_configuration_set_allow_out_of_order_delivery(config, truth(policy.AllowOutOfOrderDelivery))
}

// setDLQ counts redeliveries, of which there is one less than deliveries, but at least one. How often a message can be put
// off is the same number in the library, and counts there.
func setDLQ(config *C.pulsar_consumer_configuration_t, o *ConsumerOptions) {
	C.pulsar_rs_consumer_configuration_set_retry_enabled(config, truth(o.RetryEnable))
	if o.DLQ == nil {
		return
	}
	most := o.DLQ.MaxDeliveries
	if !o.RetryEnable {
		most = max(most-1, 1)
	}
	withTexts(o.DLQ.DeadLetterTopic, o.DLQ.InitialSubscriptionName, func(topic, initial *C.char) {
		policy := C.pulsar_consumer_config_dead_letter_policy_t{max_redeliver_count: C.int(min(most, math.MaxInt32-1))}
		if o.DLQ.DeadLetterTopic != "" {
			policy.dead_letter_topic = topic
		}
		if o.DLQ.InitialSubscriptionName != "" {
			policy.initial_subscription_name = initial
		}
		C.pulsar_consumer_configuration_set_dlq_policy(config, &policy)
	})
	withText(o.DLQ.RetryLetterTopic, func(topic *C.char) {
		C.pulsar_rs_consumer_configuration_set_retry_letter_topic(config, topic)
	})
}

func setDecryption(config *C.pulsar_consumer_configuration_t, d *MessageDecryptionInfo, c *subscribed) {
	action := C.pulsar_consumer_crypto_failure_action(d.ConsumerCryptoFailureAction)
	C.pulsar_consumer_configuration_set_crypto_failure_action(config, action)
	if d.KeyReader != nil {
		reader := newKeyReader(d.KeyReader, c.client.logger)
		C.pulsar_rs_consumer_configuration_set_crypto_key_reader(config, reader)
		C.pulsar_rs_crypto_key_reader_free(reader)
	}
}

// activeListener hears which consumer is served, and tells the program, in the same order, on a goroutine.
type activeListener struct {
	listener ConsumerEventListener
	number   uintptr

	mu       sync.Mutex
	consumer Consumer // nil while subscribing
	changes  []activeChange
	isBusy   bool
}

type activeChange struct {
	topic     string
	partition int32
	isActive  bool
}

var activeListeners registry[*activeListener]

// newActiveListener returns nil for no listener.
func newActiveListener(listener ConsumerEventListener) *activeListener {
	if listener == nil {
		return nil
	}
	l := &activeListener{listener: listener}
	l.number = activeListeners.add(l)
	return l
}

func (l *activeListener) remove() {
	if l != nil {
		activeListeners.remove(l.number)
	}
}

// begin tells what came while subscribing.
func (l *activeListener) begin(consumer Consumer) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.consumer = consumer
	l.start()
}

func (l *activeListener) start() {
	if l.consumer != nil && !l.isBusy && len(l.changes) > 0 {
		l.isBusy = true
		go l.tell()
	}
}

func (l *activeListener) tell() {
	for {
		l.mu.Lock()
		if len(l.changes) == 0 {
			l.isBusy = false
			l.mu.Unlock()
			return
		}
		change := l.changes[0]
		l.changes = l.changes[1:]
		l.mu.Unlock()
		if change.isActive {
			l.listener.BecameActive(l.consumer, change.topic, change.partition)
		} else {
			l.listener.BecameInactive(l.consumer, change.topic, change.partition)
		}
	}
}

//export pulsarGoActive
func pulsarGoActive(topic *C.char, partition, isActive C.int, number C.uintptr_t) {
	l, ok := activeListeners.get(uintptr(number))
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.changes = append(l.changes, activeChange{C.GoString(topic), int32(partition), isActive != 0})
	l.start()
}

// schemaTexts is a schema as the library takes it.
type schemaTexts struct {
	kind             C.pulsar_schema_type // 0: none
	name, definition *C.char
	properties       *C.pulsar_string_map_t
}

func newSchemaTexts(op string, schema Schema) (*schemaTexts, error) {
	made := &schemaTexts{}
	if schema == nil {
		return made, nil
	}
	info := schema.GetSchemaInfo()
	if info == nil || info.Type == NONE {
		return made, nil
	}
	if err := checkText(op, SchemaFailure, info.Name, info.Schema); err != nil {
		return nil, err
	}
	made.kind = C.pulsar_schema_type(info.Type)
	made.name, made.definition = C.CString(info.Name), C.CString(info.Schema)
	made.properties = C.pulsar_string_map_create()
	for name, value := range info.Properties {
		withTexts(name, value, func(name, value *C.char) { C.pulsar_string_map_put(made.properties, name, value) })
	}
	return made, nil
}

func (s *schemaTexts) free() {
	C.free(unsafe.Pointer(s.name))
	C.free(unsafe.Pointer(s.definition))
	C.pulsar_string_map_free(s.properties)
}
