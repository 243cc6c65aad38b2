package pulsar

import "time"

// ProducerMessage is a message to send. Send and SendAsync read it, its payload and its properties, until they return:
// after that it may be changed and used again, unless a callback or an interceptor still looks at it.
type ProducerMessage struct {
	// Payload is the content. Either Payload or Value is set.
	Payload []byte

	// Value is the content as a value, which Schema, or the producer's schema, turns into bytes.
	Value interface{}

	// Key decides the partition, and on a KeyShared subscription the consumer. None when empty.
	Key string

	// OrderingKey takes the place of Key for both decisions when it is set.
	OrderingKey string

	// Properties are the application's own names and values.
	Properties map[string]string

	// EventTime is when what the message tells of happened, in whole milliseconds. None when it is the zero time.
	EventTime time.Time

	// ReplicationClusters are the clusters that the message is replicated to, in place of the namespace's.
	ReplicationClusters []string

	// DisableReplication keeps the message in this cluster.
	DisableReplication bool

	// SequenceID is the message's number, which the broker's deduplication looks at; each is to be larger than the one
	// before. When nil the producer counts by itself.
	SequenceID *int64

	// DeliverAfter holds the message back for this time, on Shared and KeyShared subscriptions; others get it at once.
	// A message that is held back is never part of a batch.
	DeliverAfter time.Duration

	// DeliverAt holds the message back until this time. It is not looked at when DeliverAfter is set.
	DeliverAt time.Time

	// Schema takes the place of the producer's schema for this message.
	Schema Schema

	// Transaction must be nil: sending in transactions fails with ErrTransaction.
	Transaction Transaction
}

// Message is a received message. It is a copy that belongs to the program and stays valid for as long as it is kept,
// and it may be used by many goroutines as long as none of them changes the slices and maps that it returns.
type Message interface {
	// Topic returns the full name of the topic, or partition, that the message was received from.
	Topic() string

	// ProducerName returns the name of the producer that sent the message.
	ProducerName() string

	// Properties returns the application's own names and values.
	Properties() map[string]string

	// Payload returns the content.
	Payload() []byte

	// ID returns the message's id.
	ID() MessageID

	// PublishTime returns when the producer's client sent the message.
	PublishTime() time.Time

	// EventTime returns the time that the sender set; the zero of Unix time when it set none.
	EventTime() time.Time

	// Key returns the key; the empty string when there is none.
	Key() string

	// OrderingKey returns the ordering key; the empty string when there is none.
	OrderingKey() string

	// RedeliveryCount returns how often the broker has sent the message to this subscription before. The broker counts
	// in memory: it starts again from zero when another broker takes over the topic.
	RedeliveryCount() uint32

	// IsReplicated says whether the message came from another cluster.
	IsReplicated() bool

	// GetReplicatedFrom returns the cluster that the message came from; the empty string when it was this one.
	GetReplicatedFrom() string

	// GetSchemaValue writes the content, decoded by the schema that it was sent with, to what v points at.
	GetSchemaValue(v interface{}) error

	// SchemaVersion returns the version of the schema that the message was sent with; nil when there is none.
	SchemaVersion() []byte

	// GetEncryptionContext returns what is needed to decrypt the content, when the message was delivered encrypted;
	// nil otherwise.
	GetEncryptionContext() *EncryptionContext

	// Index returns the message's number in its topic; nil when the broker does not count.
	Index() *uint64

	// BrokerPublishTime returns when the broker stored the message; nil when the broker does not say.
	BrokerPublishTime() *time.Time
}

// EncryptionContext is what is needed to decrypt a message outside this package.
type EncryptionContext struct {
	Keys             map[string]EncryptionKey // by the name of the key pair
	Param            []byte                   // the initialisation vector
	Algorithm        string
	CompressionType  CompressionType
	UncompressedSize int // bytes
	BatchSize        int // messages; 0 when the message is no batch
}

// EncryptionKey is a data key, encrypted with the public key of a pair.
type EncryptionKey struct {
	KeyValue []byte
	Metadata map[string]string
}
