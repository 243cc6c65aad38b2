package pulsar

import (
	"strconv"

	"github.com/pulsar-rs/pulsar_rs/bindings/go/internal/made"
)

// Result says what kind of failure an Error is.
type Result int

// The values that Error.Result returns.
const (
	Ok                                    Result = iota // nothing failed
	UnknownError                                        // the reason has no value of its own: see the text
	InvalidConfiguration                                // an option, or a combination of options, is not possible
	TimeoutError                                        // the time for the operation ran out
	LookupError                                         // no broker could be found for the topic
	ConnectError                                        // no connection to the broker could be made
	ReadError                                           // reading from the connection failed
	AuthenticationError                                 // the broker did not accept who the client says it is
	AuthorizationError                                  // the broker does not allow the operation to this client
	ErrorGettingAuthenticationData                      // the token or the certificate could not be had
	BrokerMetadataError                                 // the broker could not read or write its metadata
	BrokerPersistenceError                              // the broker could not store the message
	ChecksumError                                       // the message was damaged on its way
	ConsumerBusy                                        // another consumer holds the subscription
	NotConnectedError                                   // there is no connection to the broker at present
	AlreadyClosedError                                  // the client, producer, consumer or reader was closed
	InvalidMessage                                      // the message, or its id, cannot be used
	ConsumerNotInitialized                              // the consumer is not ready
	ProducerNotInitialized                              // the producer is not ready
	TooManyLookupRequestException                       // the broker refuses more lookups at present
	InvalidTopicName                                    // the topic's name is not well-formed
	InvalidURL                                          // the service URL is not well-formed
	ServiceUnitNotReady                                 // the topic moves to another broker at present
	OperationNotSupported                               // the library, or the broker, cannot do this
	ProducerBlockedQuotaExceededError                   // the topic's backlog is full: producers are held
	ProducerBlockedQuotaExceededException               // the topic's backlog is full: producers are refused
	ProducerQueueIsFull                                 // MaxPendingMessages messages wait already
	MessageTooBig                                       // the message is larger than the broker takes
	TopicNotFound                                       // there is no such topic
	SubscriptionNotFound                                // there is no such subscription
	ConsumerNotFound                                    // there is no such consumer
	UnsupportedVersionError                             // the broker is too old for this
	TopicTerminated                                     // the topic takes no more messages, for ever
	CryptoError                                         // encrypting or decrypting failed
	ConsumerClosed                                      // the consumer was closed
	InvalidBatchBuilderType                             // BatcherBuilderType is none of the constants
	AddToBatchFailed                                    // the message could not be put into a batch
	SeekFailed                                          // the subscription could not be moved
	ProducerClosed                                      // the producer was closed
	SchemaFailure                                       // the value does not fit the schema, or the schema not the topic
	InvalidStatus                                       // the transaction is in another state than the operation needs
	TransactionNoFoundError                             // there is no such transaction, or it ended
	ClientMemoryBufferIsFull                            // the client's memory limit is reached
	ProducerFenced                                      // another producer got exclusive access: make a new producer
	MaxConcurrentOperationsReached                      // too many operations run already
	TransactionCoordinatorNotEnabled                    // the broker does no transactions
)

var resultNames = [...]string{
	"OK", "UnknownError", "InvalidConfiguration", "TimeoutError", "LookupError", "ConnectError", "ReadError",
	"AuthenticationError", "AuthorizationError", "ErrorGettingAuthenticationData", "BrokerMetadataError",
	"BrokerPersistenceError", "ChecksumError", "ConsumerBusy", "NotConnectedError", "AlreadyClosedError",
	"InvalidMessage", "ConsumerNotInitialized", "ProducerNotInitialized", "TooManyLookupRequestException",
	"InvalidTopicName", "InvalidURL", "ServiceUnitNotReady", "OperationNotSupported",
	"ProducerBlockedQuotaExceededError", "ProducerBlockedQuotaExceededException", "ProducerQueueIsFull",
	"MessageTooBig", "TopicNotFound", "SubscriptionNotFound", "ConsumerNotFound", "UnsupportedVersionError",
	"TopicTerminated", "CryptoError", "ConsumerClosed", "InvalidBatchBuilderType", "AddToBatchFailed", "SeekFailed",
	"ProducerClosed", "SchemaFailure", "InvalidStatus", "TransactionNoFoundError", "ClientMemoryBufferIsFull",
	"ProducerFenced", "MaxConcurrentOperationsReached", "TransactionCoordinatorNotEnabled",
}

func resultName(result Result) string {
	if result >= 0 && int(result) < len(resultNames) {
		return resultNames[result]
	}
	return "Result(" + strconv.Itoa(int(result)) + ")"
}

// Error is what every operation of this package fails with. Errors are immutable and can be kept and compared.
//
// errors.Is(err, ErrX) is true when err has the Result of ErrX, unless err is known to be of another kind with the same
// Result: ErrSendTimeout and ErrContextExpired are both TimeoutError, but neither is the other. When a context ended
// the operation, errors.Is(err, context.Canceled) or errors.Is(err, context.DeadlineExceeded) is true, too.
type Error struct {
	msg    string
	result Result
	kind   *Error // the Err variable that this is an instance of; nil when only the result is known
	cause  error  // may be nil
}

// Result returns what kind of failure this is.
func (e *Error) Result() Result { return e.result }

// Error returns what failed and why, and ends with the name of the Result.
func (e *Error) Error() string { return e.msg }

// Is says whether target is an Error of the same kind, for errors.Is.
func (e *Error) Is(target error) bool {
	other, ok := target.(*Error)
	if !ok || other.result != e.result {
		return false
	}
	return e.kind == nil || other.kind == nil || e.kind == other.kind
}

// Unwrap returns the error that caused this one, such as that of a context; nil when there is none.
func (e *Error) Unwrap() error { return e.cause }

// newError makes an error of which no more is known than its result. The text says operation, topic and reason.
func newError(result Result, text string) *Error {
	return &Error{msg: text + ": " + resultName(result), result: result}
}

// errorOf makes an error that is kind, one of the Err variables, for errors.Is, with a text that says more, and with
// the error that caused it, which may be nil.
func errorOf(kind error, text string, cause error) *Error {
	parent := kind.(*Error)
	if cause != nil {
		text += ": " + cause.Error()
	}
	err := newError(parent.result, text)
	err.kind, err.cause = parent.kind, cause
	return err
}

// newKind makes an Err variable.
func newKind(result Result, text string) error {
	err := newError(result, text)
	err.kind = err
	return err
}

// The failures that programs look for with errors.Is. All are *Error.
var (
	ErrFailAddToBatch               = newKind(AddToBatchFailed, "the message could not be put into a batch")
	ErrSendTimeout                  = newKind(TimeoutError, "the broker did not confirm the message within SendTimeout")
	ErrSendQueueIsFull              = newKind(ProducerQueueIsFull, "MaxPendingMessages messages wait to be confirmed")
	ErrContextExpired               = newKind(TimeoutError, "the context ended before the message was sent")
	ErrMessageTooLarge              = newKind(MessageTooBig, "the message is larger than the broker takes")
	ErrMetaTooLarge                 = newKind(InvalidMessage, "the message's metadata are larger than the broker takes")
	ErrProducerClosed               = newKind(ProducerClosed, "the producer was closed")
	ErrMemoryBufferIsFull           = newKind(ClientMemoryBufferIsFull, "the client's memory limit is reached")
	ErrSchema                       = newKind(SchemaFailure, "the value does not fit the schema")
	ErrTransaction                  = newKind(OperationNotSupported, "messages cannot be sent in transactions")
	ErrInvalidMessage               = newKind(InvalidMessage, "the message cannot be sent")
	ErrInvalidAck                   = newKind(InvalidMessage, "this cannot be acknowledged so")
	ErrTopicNotfound                = newKind(TopicNotFound, "the topic does not exist")
	ErrTopicTerminated              = newKind(TopicTerminated, "the topic was terminated")
	ErrProducerBlockedQuotaExceeded = newKind(ProducerBlockedQuotaExceededException, "the topic's backlog is full")
	ErrProducerFenced               = newKind(ProducerFenced, "another producer got exclusive access")
	ErrMaxConcurrentOpsReached      = newKind(MaxConcurrentOperationsReached, "too many operations run at present")

	ErrClientTransactionsNotEnabled = newKind(
		OperationNotSupported, "transactions are not supported by this client")
	ErrTransactionCoordinatorNotEnabled = newKind(
		TransactionCoordinatorNotEnabled, "the broker does no transactions, or is not ready to")
)

func init() {
	made.Error = func(result int, text string) error { return newError(Result(result), text) }
}
