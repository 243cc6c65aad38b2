package pulsar

/*
#include "consumer_bridge.h"
#include <pulsar_rs/producer_configuration.h>
*/
import "C"

import (
	"math"
	"slices"
	"time"
	"unsafe"

	"github.com/pulsar-rs/pulsar_rs/bindings/go/crypto"
	"github.com/pulsar-rs/pulsar_rs/bindings/go/log"
)

// producerConfig is a C configuration of a producer.
type producerConfig struct {
	pointer    *C.pulsar_producer_configuration_t
	reconnects uintptr // the number of its policy; 0: there is none
}

func (c *producerConfig) free() { C.pulsar_producer_configuration_free(c.pointer) }

// producerConfiguration makes a C configuration, which the caller frees. This side limits what is pending, so that the
// library never makes a thread wait.
func producerConfiguration(op string, o *ProducerOptions, limit int, logger log.Logger) (*producerConfig, error) {
	if err := unsupportedByProducers(op, o); err != nil {
		return nil, err
	}
	config := C.pulsar_producer_configuration_create()
	made := &producerConfig{pointer: config, reconnects: newReconnecting(o.BackOffPolicyFunc, o.MaxReconnectToBroker)}
	if made.reconnects != 0 {
		C.pulsar_go_set_producer_reconnect_delay(config, C.uintptr_t(made.reconnects))
	}
	C.pulsar_producer_configuration_set_block_if_queue_full(config, 0)
	// Twice as many, for outcomes that were fetched while others are on their way.
	most := C.int(min(2*limit, math.MaxInt32))
	C.pulsar_producer_configuration_set_max_pending_messages(config, most)
	// All may be for the same partition, which must not get a share of them only.
	C.pulsar_producer_configuration_set_max_pending_messages_across_partitions(config, 0)
	C.pulsar_producer_configuration_set_partitions_routing_mode(config, C.pulsar_RoundRobinDistribution)
	withText(o.Name, func(text *C.char) { C.pulsar_producer_configuration_set_producer_name(config, text) })
	for name, value := range o.Properties {
		withTexts(name, value, func(name, value *C.char) {
			C.pulsar_producer_configuration_set_property(config, name, value)
		})
	}
	timeout := o.SendTimeout
	if timeout == 0 {
		timeout = defaultSendTimeout
	}
	C.pulsar_producer_configuration_set_send_timeout(config, units(max(timeout, 0), time.Millisecond))
	hashing := C.pulsar_hashing_scheme(C.pulsar_JavaStringHash)
	if o.HashingScheme == Murmur3_32Hash {
		hashing = C.pulsar_Murmur3_32Hash
	}
	C.pulsar_producer_configuration_set_hashing_scheme(config, hashing)
	C.pulsar_producer_configuration_set_compression_type(config, C.pulsar_compression_type(o.CompressionType))
	C.pulsar_producer_configuration_set_access_mode(config, C.pulsar_producer_access_mode(o.ProducerAccessMode))
	C.pulsar_producer_configuration_set_chunking_enabled(config, truth(o.EnableChunking))
	made.setBatching(o)
	if o.Schema != nil {
		made.setSchema(o.Schema.GetSchemaInfo())
	}
	if o.Encryption != nil {
		made.setEncryption(o.Encryption, logger)
	}
	return made, nil
}

func (c *producerConfig) setBatching(o *ProducerOptions) {
	C.pulsar_producer_configuration_set_batching_enabled(c.pointer, truth(!o.DisableBatching))
	count, size, delay := o.BatchingMaxMessages, o.BatchingMaxSize, o.BatchingMaxPublishDelay
	if count == 0 {
		count = defaultBatchingCount
	}
	if size == 0 {
		size = defaultBatchingSize
	}
	if delay <= 0 {
		delay = defaultBatchingDelay
	}
	// The library has no batches of one message.
	C.pulsar_producer_configuration_set_batching_max_messages(c.pointer, C.uint(min(max(count, 2), math.MaxInt32)))
	C.pulsar_producer_configuration_set_batching_max_allowed_size_in_bytes(c.pointer, C.ulong(size))
	milliseconds := C.ulong(units(delay, time.Millisecond))
	C.pulsar_producer_configuration_set_batching_max_publish_delay_ms(c.pointer, milliseconds)
	if o.BatcherBuilderType == KeyBasedBatchBuilder {
		C.pulsar_rs_producer_configuration_set_batching_by_key(c.pointer, 1)
	}
}

func (c *producerConfig) setSchema(info *SchemaInfo) {
	if info == nil || info.Type == NONE {
		return
	}
	properties := C.pulsar_string_map_create()
	defer C.pulsar_string_map_free(properties)
	for name, value := range info.Properties {
		withTexts(name, value, func(name, value *C.char) { C.pulsar_string_map_put(properties, name, value) })
	}
	withTexts(info.Name, info.Schema, func(name, schema *C.char) {
		kind := C.pulsar_schema_type(info.Type)
		C.pulsar_producer_configuration_set_schema_info(c.pointer, kind, name, schema, properties)
	})
}

func (c *producerConfig) setEncryption(e *ProducerEncryptionInfo, logger log.Logger) {
	for _, name := range e.Keys {
		withText(name, func(name *C.char) { C.pulsar_producer_configuration_set_encryption_key(c.pointer, name) })
	}
	action := C.pulsar_producer_crypto_failure_action(e.ProducerCryptoFailureAction)
	C.pulsar_producer_configuration_set_crypto_failure_action(c.pointer, action)
	keys := newKeyReader(e.KeyReader, logger)
	C.pulsar_rs_producer_configuration_set_crypto_key_reader(c.pointer, keys)
	C.pulsar_rs_crypto_key_reader_free(keys)
}

// checkEncryption refuses what would send in the clear what is meant to be encrypted.
func checkEncryption(op string, e *ProducerEncryptionInfo) error {
	refuse := func(text string) error { return newError(InvalidConfiguration, op+": Encryption."+text) }
	switch {
	case e == nil:
		return nil
	case e.MessageCrypto != nil:
		return newError(OperationNotSupported, op+": Encryption.MessageCrypto: the library encrypts by itself")
	case e.KeyReader == nil:
		return refuse("KeyReader is required")
	case len(e.Keys) == 0:
		return refuse("Keys are required")
	case slices.Contains(e.Keys, ""):
		return refuse("Keys has a name that is empty")
	case e.ProducerCryptoFailureAction < crypto.ProducerCryptoFailureActionFail ||
		e.ProducerCryptoFailureAction > crypto.ProducerCryptoFailureActionSend:
		return refuse("ProducerCryptoFailureAction is none of the constants")
	}
	return checkText(op, InvalidConfiguration, e.Keys...)
}

// unsupportedByProducers refuses what is wrong or what the library cannot do.
func unsupportedByProducers(op string, o *ProducerOptions) error {
	refuse := func(text string) error { return newError(InvalidConfiguration, op+": "+text) }
	switch {
	case o.EnableChunking && !o.DisableBatching:
		return refuse("EnableChunking needs DisableBatching")
	case o.ChunkMaxMessageSize != 0:
		return refuse("ChunkMaxMessageSize is not supported: chunks are as large as the broker takes")
	case o.CompressionType < NoCompression || o.CompressionType > SNAPPY:
		return refuse("CompressionType is none of the constants")
	}
	if err := checkEncryption(op, o.Encryption); err != nil {
		return err
	}
	texts := []string{o.Name}
	for name, value := range o.Properties {
		texts = append(texts, name, value)
	}
	return checkText(op, InvalidConfiguration, texts...)
}

// withTexts calls set with two C strings.
func withTexts(one, other string, set func(one, other *C.char)) {
	first, second := C.CString(one), C.CString(other)
	defer C.free(unsafe.Pointer(first))
	defer C.free(unsafe.Pointer(second))
	set(first, second)
}
