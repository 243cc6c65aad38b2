package pulsar

/*
#include "consumer_bridge.h"
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
