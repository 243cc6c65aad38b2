package pulsar

/*
#include "bridge.h"
*/
import "C"

import (
	"strings"
	"unsafe"
)

// results are the Results of what the library returns; what is not here is an UnknownError.
var results = map[C.pulsar_result]Result{
	C.pulsar_result_InvalidConfiguration:                     InvalidConfiguration,
	C.pulsar_result_Timeout:                                  TimeoutError,
	C.pulsar_result_LookupError:                              LookupError,
	C.pulsar_result_ConnectError:                             ConnectError,
	C.pulsar_result_ReadError:                                ReadError,
	C.pulsar_result_AuthenticationError:                      AuthenticationError,
	C.pulsar_result_AuthorizationError:                       AuthorizationError,
	C.pulsar_result_ErrorGettingAuthenticationData:           ErrorGettingAuthenticationData,
	C.pulsar_result_BrokerMetadataError:                      BrokerMetadataError,
	C.pulsar_result_BrokerPersistenceError:                   BrokerPersistenceError,
	C.pulsar_result_ChecksumError:                            ChecksumError,
	C.pulsar_result_ConsumerBusy:                             ConsumerBusy,
	C.pulsar_result_NotConnected:                             NotConnectedError,
	C.pulsar_result_AlreadyClosed:                            AlreadyClosedError,
	C.pulsar_result_InvalidMessage:                           InvalidMessage,
	C.pulsar_result_ConsumerNotInitialized:                   ConsumerNotInitialized,
	C.pulsar_result_ProducerNotInitialized:                   ProducerNotInitialized,
	C.pulsar_result_ProducerBusy:                             BrokerMetadataError,
	C.pulsar_result_TooManyLookupRequestException:            TooManyLookupRequestException,
	C.pulsar_result_InvalidTopicName:                         InvalidTopicName,
	C.pulsar_result_InvalidUrl:                               InvalidURL,
	C.pulsar_result_ServiceUnitNotReady:                      ServiceUnitNotReady,
	C.pulsar_result_OperationNotSupported:                    OperationNotSupported,
	C.pulsar_result_ProducerBlockedQuotaExceededError:        ProducerBlockedQuotaExceededError,
	C.pulsar_result_ProducerBlockedQuotaExceededException:    ProducerBlockedQuotaExceededException,
	C.pulsar_result_ProducerQueueIsFull:                      ProducerQueueIsFull,
	C.pulsar_result_MessageTooBig:                            MessageTooBig,
	C.pulsar_result_TopicNotFound:                            TopicNotFound,
	C.pulsar_result_SubscriptionNotFound:                     SubscriptionNotFound,
	C.pulsar_result_ConsumerNotFound:                         ConsumerNotFound,
	C.pulsar_result_UnsupportedVersionError:                  UnsupportedVersionError,
	C.pulsar_result_TopicTerminated:                          TopicTerminated,
	C.pulsar_result_CryptoError:                              CryptoError,
	C.pulsar_result_IncompatibleSchema:                       SchemaFailure,
	C.pulsar_result_ConsumerAssignError:                      ConsumerBusy,
	C.pulsar_result_CumulativeAcknowledgementNotAllowedError: InvalidStatus,
	C.pulsar_result_NotAllowedError:                          InvalidStatus,
	C.pulsar_result_ProducerFenced:                           ProducerFenced,
	C.pulsar_result_MemoryBufferIsFull:                       ClientMemoryBufferIsFull,
	C.pulsar_result_Disconnected:                             NotConnectedError,
}

// failure is the error of a result, nil for Ok. The text is what the library says about it, and may be empty.
func failure(op string, code C.pulsar_result, text string) error {
	if code == C.pulsar_result_Ok {
		return nil
	}
	result, known := results[code]
	if !known {
		result = UnknownError
	}
	if text == "" {
		text = C.GoString(C.pulsar_result_str(code))
	}
	return newError(result, op+": "+text)
}

// checkText refuses what a C string would cut off.
func checkText(op string, result Result, texts ...string) error {
	for _, text := range texts {
		if strings.IndexByte(text, 0) >= 0 {
			return newError(result, op+": a text contains a NUL byte")
		}
	}
	return nil
}

// takeText copies a string of the library and frees it.
func takeText(text *C.char) string {
	defer C.free(unsafe.Pointer(text))
	return C.GoString(text)
}
