package crypto

import (
	"errors"
	"fmt"

	"github.com/pulsar-rs/pulsar_rs/bindings/go/log"
)

// errLibrary is what everything fails with that would encrypt in Go.
var errLibrary = fmt.Errorf("messages are encrypted and decrypted by the library itself: "+
	"leave MessageCrypto nil and give it a KeyReader: %w", errors.ErrUnsupported)

// MessageCrypto encrypts and decrypts messages. The library does this by itself: CreateProducer, Subscribe and
// CreateReader fail when they are given a MessageCrypto.
type MessageCrypto interface {
	// AddPublicKeyCipher encrypts the data key with these public keys.
	AddPublicKeyCipher(keyNames []string, keyReader KeyReader) error

	// RemoveKeyCipher forgets the data key that was encrypted with this public key.
	RemoveKeyCipher(keyName string) bool

	// Encrypt encrypts a payload, and notes in the metadata what is needed to decrypt it.
	Encrypt(encKeys []string, KeyReader KeyReader, msgMetadata MessageMetadataSupplier, payload []byte) ([]byte, error)

	// Decrypt decrypts a payload.
	Decrypt(msgMetadata MessageMetadataSupplier, payload []byte, KeyReader KeyReader) ([]byte, error)
}

// MessageMetadataSupplier is the part of a message's metadata that is about its encryption.
type MessageMetadataSupplier interface {
	// EncryptionKeys returns the data key, encrypted with each of the public keys.
	EncryptionKeys() []EncryptionKeyInfo

	// UpsertEncryptionKey adds a data key, in place of one with the same name.
	UpsertEncryptionKey(EncryptionKeyInfo)

	// EncryptionParam returns the initialisation vector.
	EncryptionParam() []byte

	// SetEncryptionParam sets the initialisation vector.
	SetEncryptionParam([]byte)
}

// MessageMetadata is a MessageMetadataSupplier that holds what it is given. The zero value is empty and ready for use.
type MessageMetadata struct {
	keys  []EncryptionKeyInfo
	param []byte
}

// EncryptionKeys returns the data key, encrypted with each of the public keys.
func (m *MessageMetadata) EncryptionKeys() []EncryptionKeyInfo { return m.keys }

// UpsertEncryptionKey adds a data key, in place of one with the same name.
func (m *MessageMetadata) UpsertEncryptionKey(keyInfo EncryptionKeyInfo) {
	for i := range m.keys {
		if m.keys[i].name == keyInfo.name {
			m.keys[i] = keyInfo
			return
		}
	}
	m.keys = append(m.keys, keyInfo)
}

// EncryptionParam returns the initialisation vector.
func (m *MessageMetadata) EncryptionParam() []byte { return m.param }

// SetEncryptionParam sets the initialisation vector.
func (m *MessageMetadata) SetEncryptionParam(param []byte) { m.param = param }

// DefaultMessageCrypto stands for the way in which all Pulsar clients encrypt. It cannot be used outside the library.
type DefaultMessageCrypto struct{}

// NewDefaultMessageCrypto fails with errors.ErrUnsupported: leave MessageCrypto nil to encrypt in this way.
func NewDefaultMessageCrypto(_ string, _ bool, _ log.Logger) (*DefaultMessageCrypto, error) {
	return nil, errLibrary
}

// AddPublicKeyCipher fails with errors.ErrUnsupported.
func (*DefaultMessageCrypto) AddPublicKeyCipher(_ []string, _ KeyReader) error { return errLibrary }

// RemoveKeyCipher returns false: there are no keys.
func (*DefaultMessageCrypto) RemoveKeyCipher(_ string) bool { return false }

// Encrypt fails with errors.ErrUnsupported.
func (*DefaultMessageCrypto) Encrypt(
	_ []string, _ KeyReader, _ MessageMetadataSupplier, _ []byte,
) ([]byte, error) {
	return nil, errLibrary
}

// Decrypt fails with errors.ErrUnsupported.
func (*DefaultMessageCrypto) Decrypt(_ MessageMetadataSupplier, _ []byte, _ KeyReader) ([]byte, error) {
	return nil, errLibrary
}
