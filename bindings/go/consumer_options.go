package pulsar

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pulsar-rs/pulsar_rs/bindings/go/backoff"
	"github.com/pulsar-rs/pulsar_rs/bindings/go/crypto"
)

// SubscriptionType says how the consumers of a subscription share its messages.
type SubscriptionType int

// The subscription types.
const (
	Exclusive SubscriptionType = iota // one consumer gets all; a second one is refused
	Shared                            // each message goes to one of the consumers
	Failover                          // one consumer gets all; the others stand by
	KeyShared                         // messages with the same key go to the same consumer
)

// SubscriptionInitialPosition is where a new subscription begins.
type SubscriptionInitialPosition int

// The positions.
const (
	SubscriptionPositionLatest   SubscriptionInitialPosition = iota // behind the last message
	SubscriptionPositionEarliest                                    // with the first message that the topic has
)

// SubscriptionMode says whether the broker remembers the subscription.
type SubscriptionMode int

// The subscription modes.
const (
	Durable    SubscriptionMode = iota // the broker keeps it until it is unsubscribed
	NonDurable                         // it goes with its last consumer
)

// Names of topics and properties that retry and dead letter topics use.
const (
	DlqTopicSuffix    = "-DLQ"   // end of a dead letter topic's name
	RetryTopicSuffix  = "-RETRY" // end of a retry topic's name
	MaxReconsumeTimes = 16       // deliveries before the dead letter topic, when DLQPolicy says nothing

	SysPropertyDelayTime       = "DELAY_TIME"              // milliseconds that the message was held back
	SysPropertyRealTopic       = "REAL_TOPIC"              // topic that the message was received from at first
	SysPropertyRetryTopic      = "RETRY_TOPIC"             // retry topic of the subscription
	SysPropertyReconsumeTimes  = "RECONSUMETIMES"          // how often the message went through the retry topic
	SysPropertyOriginMessageID = "ORIGIN_MESSAGE_IDY_TIME" // id of the message at first, for Java
	PropertyOriginMessageID    = "ORIGIN_MESSAGE_ID"       // id of the message at first
)

// RetryMessage is a message on its way to a retry topic.
type RetryMessage struct {
	producerMsg ProducerMessage
	consumerMsg ConsumerMessage
}

// DLQPolicy says when messages that are not acknowledged go to other topics, and to which.
type DLQPolicy struct {
	// MaxDeliveries is how often a message is delivered before it goes to the dead letter topic; more than 0. At least two
	// deliveries are made, and with RetryEnable one more than this.
	MaxDeliveries uint32

	// DeadLetterTopic is the name of the dead letter topic. Default: TOPIC-SUBSCRIPTION-DLQ.
	DeadLetterTopic string

	// DeadLetterTopicProducerName must be empty: the broker names the producer.
	DeadLetterTopicProducerName string

	// ProducerOptions must be empty: the library knows how to send to dead letter and retry topics.
	ProducerOptions ProducerOptions

	// RetryLetterTopic is the name of the retry topic. Default: TOPIC-SUBSCRIPTION-RETRY.
	RetryLetterTopic string

	// InitialSubscriptionName is a subscription that is made together with the dead letter topic, so that it keeps its
	// messages. Default: none.
	InitialSubscriptionName string
}

// AckGroupingOptions says for how long acknowledgements are gathered before they are sent together.
type AckGroupingOptions struct {
	// MaxSize is how many are gathered at the most; 0 and 1 send each at once.
	MaxSize uint32

	// MaxTime is how long they are gathered at the most; 0 gathers until MaxSize.
	MaxTime time.Duration
}

// NackBackoffPolicy says how long to wait before a message is delivered again that was not acknowledged with Nack.
// The library may call it from several goroutines at a time.
type NackBackoffPolicy interface {
	// Next returns how long to wait, for a message that was delivered again this many times already.
	Next(redeliveryCount uint32) time.Duration
}

// defaultNackBackoffPolicy doubles the time with each delivery, from 1 s to 10 min.
type defaultNackBackoffPolicy struct{}

func (defaultNackBackoffPolicy) Next(redeliveryCount uint32) time.Duration {
	const longest = 10 * time.Minute
	if redeliveryCount >= 10 { // 2^10 s is more than the longest already
		return longest
	}
	return min(time.Second<<redeliveryCount, longest)
}

// ConsumerOptions says what Subscribe receives, and how. SubscriptionName and one of Topic, Topics and TopicsPattern are
// required.
type ConsumerOptions struct {
	// Topic is the name of the topic.
	Topic string

	// Topics are the names of several topics.
	Topics []string

	// TopicsPattern is a regular expression for the names of topics of one namespace, such as
	// persistent://public/default/orders-.*
	TopicsPattern string

	// AutoDiscoveryPeriod is how often the consumer looks for new topics and partitions. Default: 1 min.
	AutoDiscoveryPeriod time.Duration

	// SubscriptionName is the name of the subscription.
	SubscriptionName string

	// Properties are the application's own names and values for the consumer; the topic's stats show them.
	Properties map[string]string

	// SubscriptionProperties are the application's own names and values for the subscription. They are set when it is
	// made and stay as they are.
	SubscriptionProperties map[string]string

	// Type says how the consumers of the subscription share its messages. Default: Exclusive.
	Type SubscriptionType

	// SubscriptionInitialPosition is where a new subscription begins. Default: SubscriptionPositionLatest.
	SubscriptionInitialPosition

	// EventListener hears when the consumer of a Failover subscription becomes the one that gets messages. Default: nil.
	EventListener ConsumerEventListener

	// DLQ says when messages go to a dead letter topic. Default: nil, for never.
	DLQ *DLQPolicy

	// KeySharedPolicy says which keys the consumer of a KeyShared subscription gets. Default: nil, for the broker's
	// choice.
	KeySharedPolicy *KeySharedPolicy

	// RetryEnable makes ReconsumeLater possible: the consumer subscribes to its retry topic as well.
	RetryEnable bool

	// MessageChannel takes the messages, and is what Chan returns. Default: the consumer makes one.
	MessageChannel chan ConsumerMessage

	// ReceiverQueueSize is how many messages are fetched ahead of Receive. Default: 1000.
	ReceiverQueueSize int

	// EnableZeroQueueConsumer fetches each message when Receive asks for it. For topics without partitions, and without
	// Chan.
	EnableZeroQueueConsumer bool

	// EnableAutoScaledReceiverQueueSize begins with a queue of one message and lets it grow to ReceiverQueueSize when it
	// runs empty.
	EnableAutoScaledReceiverQueueSize bool

	// NackRedeliveryDelay is after how long a message is delivered again that was not acknowledged with Nack.
	// Default: 1 min.
	NackRedeliveryDelay time.Duration

	// NackPrecisionBit is how many of the lowest bits of that time, in milliseconds, are dropped to save memory.
	// Default: 8, for 256 ms.
	NackPrecisionBit *int64

	// Name is the consumer's name. Default: the library makes one.
	Name string

	// ReadCompacted receives the latest message of each key only, of the part of the topic that is compacted. For
	// Exclusive and Failover subscriptions to persistent topics.
	ReadCompacted bool

	// ReplicateSubscriptionState keeps the subscription the same in all clusters that the topic is replicated to.
	ReplicateSubscriptionState bool

	// Interceptors see each message before the program does, and each acknowledgement, in this order.
	Interceptors ConsumerInterceptors

	// Schema decodes payloads, and is what the broker checks the topic's schema against. Default: none.
	Schema Schema

	// MaxReconnectToBroker is how often the consumer tries to come back to a broker each time it lost its place there, before it
	// gives up. Default: without end.
	MaxReconnectToBroker *uint

	// BackOffPolicyFunc makes the policy that says how long to wait before each of these attempts; each time the place is
	// lost, and for each partition, a new one. Default: the library's own.
	BackOffPolicyFunc func() backoff.Policy

	// Decryption decrypts payloads. Default: nil, for none.
	Decryption *MessageDecryptionInfo

	// EnableDefaultNackBackoffPolicy waits from 1 s to 10 min after a Nack, twice as long each time.
	EnableDefaultNackBackoffPolicy bool

	// NackBackoffPolicy says how long to wait after a Nack, by how often the message was delivered. It takes the place of
	// NackRedeliveryDelay for Nack; NackID does not know how often.
	NackBackoffPolicy NackBackoffPolicy

	// AckWithResponse makes acknowledging wait for the broker, and fail when the broker does.
	AckWithResponse bool

	// MaxPendingChunkedMessage is how many messages in chunks may be incomplete at the same time. Default: 100.
	MaxPendingChunkedMessage int

	// ExpireTimeOfIncompleteChunk is after how long a message is dropped whose chunks did not all come. Default: 1 min.
	ExpireTimeOfIncompleteChunk time.Duration

	// AutoAckIncompleteChunk acknowledges what is dropped so. Otherwise the broker delivers it again.
	AutoAckIncompleteChunk bool

	// EnableBatchIndexAcknowledgment acknowledges single messages of a batch, if the broker is set up for it. Otherwise
	// the broker hears of a batch when all of its messages are acknowledged.
	EnableBatchIndexAcknowledgment bool

	// AckGroupingOptions says for how long acknowledgements are gathered. Not looked at with AckWithResponse.
	// Default: nil, for 1000 acknowledgements or 100 ms.
	AckGroupingOptions *AckGroupingOptions

	// SubscriptionMode says whether the broker remembers the subscription. Default: Durable.
	SubscriptionMode SubscriptionMode

	// StartMessageIDInclusive makes Seek go to the message itself, not behind it.
	StartMessageIDInclusive bool
}

// MessageDecryptionInfo says how a consumer or reader decrypts.
type MessageDecryptionInfo struct {
	// KeyReader returns the private keys.
	KeyReader crypto.KeyReader

	// MessageCrypto must be nil: the library decrypts by itself.
	MessageCrypto crypto.MessageCrypto

	// ConsumerCryptoFailureAction is what becomes of a message that cannot be decrypted, one of the constants in package
	// crypto. Default: it is not delivered and stays unacknowledged.
	ConsumerCryptoFailureAction int
}

// ConsumerEventListener hears which consumer of a Failover subscription gets the messages. Its methods must not block.
type ConsumerEventListener interface {
	// BecameActive is called when the consumer begins to get the messages of a topic or partition.
	BecameActive(consumer Consumer, topicName string, partition int32)

	// BecameInactive is called when another consumer gets them.
	BecameInactive(consumer Consumer, topicName string, partition int32)
}

// ConsumerMessage is a message together with the consumer that received it.
type ConsumerMessage struct {
	Consumer
	Message
}

// AckError says which ids of an AckIDList failed, and why. The others are acknowledged.
type AckError map[MessageID]error

// Error returns a line for each reason, with its ids.
func (e AckError) Error() string {
	ids := make(map[string][]string)
	for id, err := range e {
		text := "<nil>"
		if id != nil {
			text = id.String()
		}
		ids[err.Error()] = append(ids[err.Error()], text)
	}
	lines := make([]string, 0, len(ids))
	for reason, failed := range ids {
		slices.Sort(failed)
		lines = append(lines, fmt.Sprintf("error: %s, failed message IDs: %v\n", reason, failed))
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// Consumer receives the messages of a subscription. All of its methods may be called by many goroutines.
type Consumer interface {
	// Subscription returns the name of the subscription.
	Subscription() string

	// Unsubscribe deletes the subscription. It fails while the subscription has other consumers.
	Unsubscribe() error

	// UnsubscribeForce deletes the subscription and disconnects its other consumers.
	UnsubscribeForce() error

	// GetLastMessageIDs asks the brokers for the id of the last message of each topic.
	GetLastMessageIDs() ([]TopicMessageID, error)

	// Receive waits for the next message, or until the context ends.
	Receive(context.Context) (Message, error)

	// Chan returns a channel with the messages. It is not closed: a consumer that has it lives until Close. Not for consumers
	// with EnableZeroQueueConsumer: it panics.
	Chan() <-chan ConsumerMessage

	// Ack acknowledges a message: it is not delivered again.
	Ack(Message) error

	// AckID acknowledges the message with this id. Without EnableBatchIndexAcknowledgment the broker hears of a message
	// of a batch when all of the batch are acknowledged.
	AckID(MessageID) error

	// AckIDList acknowledges the messages with these ids. With AckWithResponse the error may be an AckError.
	AckIDList([]MessageID) error

	// AckWithTxn fails: the library has no transactions yet.
	AckWithTxn(Message, Transaction) error

	// AckCumulative acknowledges a message and all before it. For Exclusive and Failover subscriptions.
	AckCumulative(msg Message) error

	// AckIDCumulative acknowledges the message with this id and all before it.
	AckIDCumulative(msgID MessageID) error

	// ReconsumeLater sends the message to the retry topic, from where it is delivered again after the delay. It needs
	// RetryEnable.
	ReconsumeLater(msg Message, delay time.Duration)

	// ReconsumeLaterWithCustomProperties is ReconsumeLater with more properties for the message.
	ReconsumeLaterWithCustomProperties(msg Message, customProperties map[string]string, delay time.Duration)

	// Nack says that a message could not be dealt with: it is delivered again after NackRedeliveryDelay, or when
	// NackBackoffPolicy says. It does not wait.
	Nack(Message)

	// NackID is Nack for the message with this id.
	NackID(MessageID)

	// Close closes the consumer and frees it. It may be called more than once.
	Close()

	// Seek moves the subscription to a message: by its id, or to EarliestMessageID or LatestMessageID.
	Seek(MessageID) error

	// SeekByTime moves the subscription to the first message that was sent at this time or later.
	SeekByTime(time time.Time) error

	// Name returns the consumer's name.
	Name() string
}
