package pulsar

/*
#include "bridge.h"
*/
import "C"

import (
	"strings"
	"unsafe"
)

// Error is a failure that the library reports.
type Error struct {
	Result int    // one of the Result constants
	Op     string // what failed, such as "subscribe"
	Text   string // what the library says about it
}

func (e *Error) Error() string {
	name := C.GoString(C.pulsar_result_str(C.pulsar_result(e.Result)))
	return strings.TrimSuffix("pulsar: "+e.Op+": "+name+": "+e.Text, ": ")
}

// failure is nil for Ok. The text is the library's last one for the object: when several operations on it fail
// at the same time, it may be that of another.
func failure(op string, result C.pulsar_result, lastError func() *C.char) error {
	if result == C.pulsar_result_Ok {
		return nil
	}
	return &Error{Result: int(result), Op: op, Text: take(lastError())}
}

func closed(op string) error {
	return &Error{Result: ResultAlreadyClosed, Op: op, Text: "it was closed by this program"}
}

// checkText refuses what a C string would cut off.
func checkText(op string, result int, texts ...string) error {
	for _, text := range texts {
		if strings.IndexByte(text, 0) >= 0 {
			return &Error{Result: result, Op: op, Text: "a text contains a NUL byte"}
		}
	}
	return nil
}

// take copies a string of the library and frees it.
func take(text *C.char) string {
	defer C.free(unsafe.Pointer(text))
	return C.GoString(text)
}

// Values of Error.Result.
const (
	ResultOk                                       = int(C.pulsar_result_Ok)
	ResultUnknownError                             = int(C.pulsar_result_UnknownError)
	ResultInvalidConfiguration                     = int(C.pulsar_result_InvalidConfiguration)
	ResultTimeout                                  = int(C.pulsar_result_Timeout)
	ResultLookupError                              = int(C.pulsar_result_LookupError)
	ResultConnectError                             = int(C.pulsar_result_ConnectError)
	ResultReadError                                = int(C.pulsar_result_ReadError)
	ResultAuthenticationError                      = int(C.pulsar_result_AuthenticationError)
	ResultAuthorizationError                       = int(C.pulsar_result_AuthorizationError)
	ResultErrorGettingAuthenticationData           = int(C.pulsar_result_ErrorGettingAuthenticationData)
	ResultBrokerMetadataError                      = int(C.pulsar_result_BrokerMetadataError)
	ResultBrokerPersistenceError                   = int(C.pulsar_result_BrokerPersistenceError)
	ResultChecksumError                            = int(C.pulsar_result_ChecksumError)
	ResultConsumerBusy                             = int(C.pulsar_result_ConsumerBusy)
	ResultNotConnected                             = int(C.pulsar_result_NotConnected)
	ResultAlreadyClosed                            = int(C.pulsar_result_AlreadyClosed)
	ResultInvalidMessage                           = int(C.pulsar_result_InvalidMessage)
	ResultConsumerNotInitialized                   = int(C.pulsar_result_ConsumerNotInitialized)
	ResultProducerNotInitialized                   = int(C.pulsar_result_ProducerNotInitialized)
	ResultProducerBusy                             = int(C.pulsar_result_ProducerBusy)
	ResultTooManyLookupRequestException            = int(C.pulsar_result_TooManyLookupRequestException)
	ResultInvalidTopicName                         = int(C.pulsar_result_InvalidTopicName)
	ResultInvalidUrl                               = int(C.pulsar_result_InvalidUrl)
	ResultServiceUnitNotReady                      = int(C.pulsar_result_ServiceUnitNotReady)
	ResultOperationNotSupported                    = int(C.pulsar_result_OperationNotSupported)
	ResultProducerBlockedQuotaExceededError        = int(C.pulsar_result_ProducerBlockedQuotaExceededError)
	ResultProducerBlockedQuotaExceededException    = int(C.pulsar_result_ProducerBlockedQuotaExceededException)
	ResultProducerQueueIsFull                      = int(C.pulsar_result_ProducerQueueIsFull)
	ResultMessageTooBig                            = int(C.pulsar_result_MessageTooBig)
	ResultTopicNotFound                            = int(C.pulsar_result_TopicNotFound)
	ResultSubscriptionNotFound                     = int(C.pulsar_result_SubscriptionNotFound)
	ResultConsumerNotFound                         = int(C.pulsar_result_ConsumerNotFound)
	ResultUnsupportedVersionError                  = int(C.pulsar_result_UnsupportedVersionError)
	ResultTopicTerminated                          = int(C.pulsar_result_TopicTerminated)
	ResultCryptoError                              = int(C.pulsar_result_CryptoError)
	ResultIncompatibleSchema                       = int(C.pulsar_result_IncompatibleSchema)
	ResultConsumerAssignError                      = int(C.pulsar_result_ConsumerAssignError)
	ResultCumulativeAcknowledgementNotAllowedError = int(C.pulsar_result_CumulativeAcknowledgementNotAllowedError)
	ResultTransactionCoordinatorNotFoundError      = int(C.pulsar_result_TransactionCoordinatorNotFoundError)
	ResultInvalidTxnStatusError                    = int(C.pulsar_result_InvalidTxnStatusError)
	ResultNotAllowedError                          = int(C.pulsar_result_NotAllowedError)
	ResultTransactionConflict                      = int(C.pulsar_result_TransactionConflict)
	ResultTransactionNotFound                      = int(C.pulsar_result_TransactionNotFound)
	ResultProducerFenced                           = int(C.pulsar_result_ProducerFenced)
	ResultMemoryBufferIsFull                       = int(C.pulsar_result_MemoryBufferIsFull)
	ResultInterrupted                              = int(C.pulsar_result_Interrupted)
	ResultDisconnected                             = int(C.pulsar_result_Disconnected)
)
