package pulsar

/*
#include "consumer_bridge.h"
#include <pulsar_rs/producer_configuration.h>
*/
import "C"

import (
	"runtime"
	"unsafe"

	"github.com/pulsar-rs/pulsar_rs/bindings/go/crypto"
	"github.com/pulsar-rs/pulsar_rs/bindings/go/log"
)

// encryptionOf reads how a message of a list is encrypted.
func encryptionOf(received *C.pulsar_rs_received_t, index int) *EncryptionContext {
	one := C.pulsar_rs_received_message(received, C.size_t(index))
	if one == nil {
		return nil
	}
	defer C.pulsar_message_free(one)
	bytesOf := func(get func(size *C.size_t) unsafe.Pointer) []byte {
		var size C.size_t
		data := get(&size)
		return append([]byte(nil), bytesAt(data, size)...)
	}
	context := &EncryptionContext{
		Keys: make(map[string]EncryptionKey),
		Param: bytesOf(func(size *C.size_t) unsafe.Pointer {
			return C.pulsar_rs_message_encryption_param(one, size)
		}),
		Algorithm: string(bytesOf(func(size *C.size_t) unsafe.Pointer {
			return C.pulsar_rs_message_encryption_algorithm(one, size)
		})),
		CompressionType:  CompressionType(C.pulsar_rs_message_encryption_compression(one)),
		UncompressedSize: int(C.pulsar_rs_message_encryption_uncompressed_size(one)),
		BatchSize:        max(int(C.pulsar_rs_message_encryption_batch_size(one)), 0),
	}
	for i := range C.pulsar_rs_message_encryption_key_count(one) {
		name := bytesOf(func(size *C.size_t) unsafe.Pointer {
			return C.pulsar_rs_message_encryption_key_name(one, i, size)
		})
		value := bytesOf(func(size *C.size_t) unsafe.Pointer {
			return C.pulsar_rs_message_encryption_key_value(one, i, size)
		})
		metadata := C.pulsar_rs_message_encryption_key_metadata(one, i)
		context.Keys[string(name)] = EncryptionKey{KeyValue: value, Metadata: mapOf(metadata)}
		C.pulsar_string_map_free(metadata)
	}
	return context
}

func mapOf(pairs *C.pulsar_string_map_t) map[string]string {
	count := C.pulsar_string_map_size(pairs)
	if count <= 0 {
		return nil
	}
	made := make(map[string]string, count)
	for i := range count {
		made[C.GoString(C.pulsar_string_map_get_key(pairs, i))] = C.GoString(C.pulsar_string_map_get_value(pairs, i))
	}
	return made
}

// keySource is a key reader of the program.
type keySource struct {
	reader crypto.KeyReader
	logger log.Logger
}

var keySources registry[keySource]

// newKeyReader makes a C key reader, which the caller frees.
func newKeyReader(reader crypto.KeyReader, logger log.Logger) *C.pulsar_rs_crypto_key_reader_t {
	return C.pulsar_go_key_reader(C.uintptr_t(keySources.add(keySource{reader, logger})))
}

// setEncryption has a producer encrypt.
func (c *producerConfig) setEncryption(op string, e *ProducerEncryptionInfo, logger log.Logger) error {
	switch {
	case e == nil:
		return nil
	case e.MessageCrypto != nil:
		return newError(OperationNotSupported, op+": Encryption.MessageCrypto: the library encrypts by itself")
	case e.KeyReader == nil || len(e.Keys) == 0:
		return newError(InvalidConfiguration, op+": Encryption needs a KeyReader and names of Keys")
	case e.ProducerCryptoFailureAction != crypto.ProducerCryptoFailureActionFail &&
		e.ProducerCryptoFailureAction != crypto.ProducerCryptoFailureActionSend:
		return newError(InvalidConfiguration, op+": Encryption.ProducerCryptoFailureAction is none of the constants")
	}
	if err := checkText(op, InvalidConfiguration, e.Keys...); err != nil {
		return err
	}
	reader := newKeyReader(e.KeyReader, logger)
	C.pulsar_rs_producer_configuration_set_crypto_key_reader(c.pointer, reader)
	C.pulsar_rs_crypto_key_reader_free(reader)
	for _, name := range e.Keys {
		withText(name, func(name *C.char) { C.pulsar_producer_configuration_set_encryption_key(c.pointer, name) })
	}
	action := C.pulsar_producer_crypto_failure_action(e.ProducerCryptoFailureAction)
	C.pulsar_producer_configuration_set_crypto_failure_action(c.pointer, action)
	return nil
}

//export pulsarGoForgetKeys
func pulsarGoForgetKeys(number C.uintptr_t) { keySources.remove(uintptr(number)) }

//export pulsarGoKey
func pulsarGoKey(
	isPublic C.int, name *C.char, metadata *C.pulsar_string_map_t, key *C.pulsar_rs_crypto_key_t, number C.uintptr_t,
) C.int {
	source, ok := keySources.get(uintptr(number))
	if !ok {
		return C.pulsar_result_CryptoError
	}
	read := source.reader.PrivateKey
	if isPublic != 0 {
		read = source.reader.PublicKey
	}
	found, err := read(C.GoString(name), mapOf(metadata))
	if err != nil || found == nil || len(found.Key()) == 0 {
		source.logger.Errorf("the key reader has no key %s: %v", C.GoString(name), err)
		return C.pulsar_result_CryptoError
	}
	pem := found.Key()
	C.pulsar_rs_crypto_key_set_pem(key, unsafe.Pointer(unsafe.SliceData(pem)), C.size_t(len(pem)))
	runtime.KeepAlive(pem)
	if isPublic != 0 {
		for name, value := range found.Metadata() {
			withTexts(name, value, func(name, value *C.char) { C.pulsar_rs_crypto_key_set_metadata(key, name, value) })
		}
	}
	return C.pulsar_result_Ok
}
