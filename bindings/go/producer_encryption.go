package pulsar

/*
#include "consumer_bridge.h"
#include <pulsar_rs/producer_configuration.h>
*/
import "C"

import (
	"github.com/pulsar-rs/pulsar_rs/bindings/go/crypto"
	"github.com/pulsar-rs/pulsar_rs/bindings/go/log"
)

// checkEncryption refuses what would leave messages in the clear.
func checkEncryption(op string, e *ProducerEncryptionInfo) error {
	switch {
	case e == nil:
		return nil
	case e.MessageCrypto != nil:
		return newError(OperationNotSupported, op+": Encryption.MessageCrypto: the library encrypts by itself")
	case e.KeyReader == nil || len(e.Keys) == 0:
		return newError(InvalidConfiguration, op+": Encryption needs a KeyReader, and Keys")
	case e.ProducerCryptoFailureAction != crypto.ProducerCryptoFailureActionFail &&
		e.ProducerCryptoFailureAction != crypto.ProducerCryptoFailureActionSend:
		return newError(InvalidConfiguration, op+": Encryption.ProducerCryptoFailureAction is none of the constants")
	}
	return checkText(op, InvalidConfiguration, e.Keys...)
}

// setEncryption is for what checkEncryption has let through.
func (c *producerConfig) setEncryption(e *ProducerEncryptionInfo, logger log.Logger) {
	if e == nil {
		return
	}
	reader := newKeyReader(e.KeyReader, logger)
	defer C.pulsar_rs_crypto_key_reader_free(reader)
	C.pulsar_rs_producer_configuration_set_crypto_key_reader(c.pointer, reader)
	for _, name := range e.Keys {
		withText(name, func(name *C.char) { C.pulsar_producer_configuration_set_encryption_key(c.pointer, name) })
	}
	action := C.pulsar_producer_crypto_failure_action(C.pulsar_ProducerFail)
	if e.ProducerCryptoFailureAction == crypto.ProducerCryptoFailureActionSend {
		action = C.pulsar_ProducerSend
	}
	C.pulsar_producer_configuration_set_crypto_failure_action(c.pointer, action)
}
