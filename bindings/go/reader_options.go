package pulsar

import (
	"context"
	"time"

	"github.com/pulsar-rs/pulsar_rs/bindings/go/backoff"
)

// ReaderOptions says what CreateReader reads, and from where. Topic and StartMessageID are required.
type ReaderOptions struct {
	// Topic is the name of the topic.
	Topic string

	// Name is the reader's name. Default: the library makes one.
	Name string

	// Properties are the application's own names and values; the topic's stats show them.
	Properties map[string]string

	// StartMessageID is where reading begins: EarliestMessageID, LatestMessageID, or behind the message with this id.
	StartMessageID MessageID

	// StartMessageIDInclusive begins with the message StartMessageID itself. It holds for Seek, too.
	StartMessageIDInclusive bool

	// MessageChannel takes the messages in place of Next. Default: nil.
	MessageChannel chan ReaderMessage

	// ReceiverQueueSize is how many messages are fetched ahead of Next. Default: 1000.
	ReceiverQueueSize int

	// SubscriptionRolePrefix is what the name of the reader's subscription begins with. Default: reader.
	SubscriptionRolePrefix string

	// SubscriptionName is the name of the reader's subscription. Default: the library makes one.
	SubscriptionName string

	// ReadCompacted reads the latest message of each key only, of the part of the topic that is compacted. For persistent
	// topics.
	ReadCompacted bool

	// Decryption decrypts payloads. Default: nil, for none.
	Decryption *MessageDecryptionInfo

	// Schema decodes payloads, and is what the broker checks the topic's schema against. Default: none.
	Schema Schema

	// BackoffPolicyFunc must be nil: the library knows how long to wait before it connects anew.
	BackoffPolicyFunc func() backoff.Policy

	// MaxPendingChunkedMessage is how many messages in chunks may be incomplete at the same time. Default: 100.
	MaxPendingChunkedMessage int

	// ExpireTimeOfIncompleteChunk is after how long a message is dropped whose chunks did not all come. Default: 1 min.
	ExpireTimeOfIncompleteChunk time.Duration

	// AutoAckIncompleteChunk acknowledges what is dropped so.
	AutoAckIncompleteChunk bool
}

// ReaderMessage is a message together with the reader that read it.
type ReaderMessage struct {
	Reader
	Message
}

// Reader reads a topic from a position on, without acknowledging. All of its methods may be called by many goroutines.
type Reader interface {
	// Topic returns the name of the topic.
	Topic() string

	// Next waits for the next message, or until the context ends.
	Next(context.Context) (Message, error)

	// HasNext asks the broker whether there are messages behind the last one that Next returned; false, too, when asking
	// fails.
	HasNext() bool

	// Close closes the reader and frees it. It may be called more than once.
	Close()

	// Seek moves the reader to a message: by its id, or to EarliestMessageID or LatestMessageID.
	Seek(MessageID) error

	// SeekByTime moves the reader to the first message that was sent at this time or later.
	SeekByTime(time time.Time) error

	// GetLastMessageID asks the broker for the id of the topic's last message.
	GetLastMessageID() (MessageID, error)
}
