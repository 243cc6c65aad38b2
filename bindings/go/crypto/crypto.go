// Package crypto is what package pulsar encrypts and decrypts with. The library encrypts by itself, with AES-GCM and a
// data key that RSA keys protect, as all Pulsar clients do; programs give it the keys, with a KeyReader.
package crypto

// What becomes of a message that cannot be encrypted: values of ProducerEncryptionInfo.ProducerCryptoFailureAction.
const (
	ProducerCryptoFailureActionFail = iota // sending it fails
	ProducerCryptoFailureActionSend        // it is sent as it is
)

// What becomes of a message that cannot be decrypted: values of MessageDecryptionInfo.ConsumerCryptoFailureAction.
const (
	ConsumerCryptoFailureActionFail    = iota // it is not delivered and stays unacknowledged
	ConsumerCryptoFailureActionDiscard        // it is acknowledged and not delivered
	ConsumerCryptoFailureActionConsume        // it is delivered encrypted, with its EncryptionContext
)

// KeyReader finds the keys for names. The library calls it from goroutines of its own, and may call it from several at
// a time.
type KeyReader interface {
	// PublicKey returns the public key (PEM) that a producer encrypts with.
	PublicKey(keyName string, metadata map[string]string) (*EncryptionKeyInfo, error)

	// PrivateKey returns the private key (PEM) that a consumer decrypts with. metadata is what came with the message.
	PrivateKey(keyName string, metadata map[string]string) (*EncryptionKeyInfo, error)
}

// EncryptionKeyInfo is a key with its name and with what an application notes about it.
type EncryptionKeyInfo struct {
	name     string
	key      []byte
	metadata map[string]string
}

// NewEncryptionKeyInfo makes one. It keeps key and metadata, which the caller does not change any more.
func NewEncryptionKeyInfo(name string, key []byte, metadata map[string]string) *EncryptionKeyInfo {
	return &EncryptionKeyInfo{name: name, key: key, metadata: metadata}
}

// Name returns the key's name.
func (info *EncryptionKeyInfo) Name() string { return info.name }

// Key returns the key.
func (info *EncryptionKeyInfo) Key() []byte { return info.key }

// Metadata returns what the application notes about the key; it travels with each message.
func (info *EncryptionKeyInfo) Metadata() map[string]string { return info.metadata }

// String returns the name, without the key.
func (info EncryptionKeyInfo) String() string { return "encryption key " + info.name }

// GoString returns the name, without the key.
func (info EncryptionKeyInfo) GoString() string { return info.String() }
