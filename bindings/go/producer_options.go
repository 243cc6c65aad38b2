package pulsar

import (
	"context"
	"time"

	"github.com/pulsar-rs/pulsar_rs/bindings/go/backoff"
	"github.com/pulsar-rs/pulsar_rs/bindings/go/crypto"
)

// HashingScheme is how a key becomes the number of a partition.
type HashingScheme int

// The hashing schemes.
const (
	JavaStringHash HashingScheme = iota // that of Java's String.hashCode, over the key's bytes
	Murmur3_32Hash                      // Murmur3 with 32 bits, of which the sign is dropped
)

// CompressionType is how payloads are compressed.
type CompressionType int

// The ways to compress.
const (
	NoCompression CompressionType = iota
	LZ4
	ZLib
	ZSTD
	SNAPPY
)

// CompressionLevel trades size for time.
type CompressionLevel int

// The levels.
const (
	Default CompressionLevel = iota // the library's choice
	Faster                          // larger, in less time
	Better                          // smaller, in more time
)

// ProducerAccessMode says how many producers a topic may have.
type ProducerAccessMode int

// The access modes.
const (
	ProducerAccessModeShared           ProducerAccessMode = iota // any number
	ProducerAccessModeExclusive                                  // one; a second one fails at once
	ProducerAccessModeWaitForExclusive                           // one; others wait until it is gone
)

// BatcherBuilderType says which messages go into a batch together.
type BatcherBuilderType int

// The kinds of batches.
const (
	DefaultBatchBuilder  BatcherBuilderType = iota // messages in the order in which they are sent
	KeyBasedBatchBuilder                           // messages with the same key, for KeyShared subscriptions
)

// TopicMetadata is what a message router knows of its topic.
type TopicMetadata interface {
	// NumPartitions returns how many partitions the topic has at present.
	NumPartitions() uint32
}

// ProducerOptions says which topic CreateProducer sends to, and how. Only Topic is required.
type ProducerOptions struct {
	// Topic is the name of the topic, such as persistent://public/default/orders, or orders alone.
	Topic string

	// Name is the producer's name, which no other producer of the topic may have at the same time. Default: the broker
	// makes one.
	Name string

	// Properties are the application's own names and values; the topic's stats show them.
	Properties map[string]string

	// SendTimeout is how long the broker may take to confirm a message before it fails with ErrSendTimeout; negative for
	// no limit. Default: 30 s.
	SendTimeout time.Duration

	// DisableBlockIfQueueFull makes Send and SendAsync fail with ErrSendQueueIsFull or ErrMemoryBufferIsFull where they
	// would wait for room.
	DisableBlockIfQueueFull bool

	// MaxPendingMessages is how many messages may wait to be confirmed. Default: 1000.
	MaxPendingMessages int

	// HashingScheme is how a key becomes the number of a partition. Default: JavaStringHash.
	HashingScheme

	// CompressionType is how payloads are compressed. Default: not at all.
	CompressionType

	// CompressionLevel is not looked at: the library has one level.
	CompressionLevel

	// MessageRouter returns the number of the partition, from 0, that a message goes to. It is called by the goroutine
	// that sends and must not block. Default: the hash of the ordering key or key; without, one partition after the other,
	// batch by batch.
	MessageRouter func(*ProducerMessage, TopicMetadata) int

	// DisableBatching sends each message by itself.
	DisableBatching bool

	// BatchingMaxPublishDelay is how long a message may wait for others to be sent with. Default: 10 ms.
	BatchingMaxPublishDelay time.Duration

	// BatchingMaxMessages is how many messages a batch has at the most. Default: 1000.
	BatchingMaxMessages uint

	// BatchingMaxSize is how many bytes a batch has at the most. Default: 128 KiB.
	BatchingMaxSize uint

	// Interceptors see each message before it is sent and after it is confirmed, in this order.
	Interceptors ProducerInterceptors

	// Schema turns values into payloads, and is what the broker checks the topic's schema against. Default: none, for
	// payloads.
	Schema Schema

	// MaxReconnectToBroker must be nil: producers come back until they are closed.
	MaxReconnectToBroker *uint

	// BackOffPolicyFunc must be nil: the library knows how long to wait before it connects anew.
	BackOffPolicyFunc func() backoff.Policy

	// BatcherBuilderType says which messages go into a batch together. Default: DefaultBatchBuilder.
	BatcherBuilderType

	// PartitionsAutoDiscoveryInterval is not looked at: producers look for new partitions every minute.
	PartitionsAutoDiscoveryInterval time.Duration

	// DisableMultiSchema is not looked at: messages whose schema is not the producer's are refused in any case.
	DisableMultiSchema bool

	// Encryption encrypts payloads. Default: nil, for none.
	Encryption *ProducerEncryptionInfo

	// EnableChunking sends a message that is larger than the broker takes in several parts. It needs DisableBatching.
	EnableChunking bool

	// ChunkMaxMessageSize must be 0: parts are as large as the broker takes.
	ChunkMaxMessageSize uint

	// ProducerAccessMode says how many producers the topic may have. Default: ProducerAccessModeShared.
	ProducerAccessMode

	// initialSubscriptionName is the subscription that the broker makes with the topic; for dead letters.
	initialSubscriptionName string
}

// ProducerEncryptionInfo says how a producer encrypts.
type ProducerEncryptionInfo struct {
	// KeyReader returns the public keys.
	KeyReader crypto.KeyReader

	// MessageCrypto must be nil: the library encrypts by itself.
	MessageCrypto crypto.MessageCrypto

	// Keys are the names of the public keys that the data key is encrypted with; whoever has one of the private keys can
	// read.
	Keys []string

	// ProducerCryptoFailureAction is what becomes of a message that cannot be encrypted, one of the constants in package
	// crypto. Default: sending it fails.
	ProducerCryptoFailureAction int
}

// Producer sends messages to a topic. All of its methods may be called by many goroutines; messages that one goroutine
// sends keep their order in each partition.
type Producer interface {
	// Topic returns the full name of the topic.
	Topic() string

	// Name returns the producer's name.
	Name() string

	// Send sends a message and waits until the broker has confirmed it, or until the context ends: the message may then
	// have been stored or not.
	Send(context.Context, *ProducerMessage) (MessageID, error)

	// SendAsync sends a message and calls the function, which may be nil, with the outcome. It waits when the queue is
	// full: the context is for this wait. Each message's function is called exactly once, by a goroutine of the
	// producer, in the order in which messages were sent to a partition; it must not block.
	SendAsync(context.Context, *ProducerMessage, func(MessageID, *ProducerMessage, error))

	// LastSequenceID returns the largest SequenceID that the broker confirmed, also to a producer with the same name
	// before; -1 when there is none.
	LastSequenceID() int64

	// Flush is FlushWithCtx with a context that does not end.
	//
	// Deprecated: use FlushWithCtx.
	Flush() error

	// FlushWithCtx sends what waits in a batch, and waits until all that was sent before is confirmed or has failed.
	FlushWithCtx(ctx context.Context) error

	// Close flushes, closes the producer and frees it. It may be called more than once.
	Close()
}
