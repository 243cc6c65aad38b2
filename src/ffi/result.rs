//! `pulsar/c/result.h`

use std::ffi::{CStr, c_char, c_int};
use std::mem::MaybeUninit;

use pulsar_rs_client::Error;

use super::guard::guard;
use super::handle::{self, CEnum};
use pulsar_result as R;

/// What an operation came to.
#[allow(non_camel_case_types, non_upper_case_globals)]
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum pulsar_result {
    /// It worked.
    pulsar_result_Ok = 0,
    /// Something went wrong that has no code of its own.
    pulsar_result_UnknownError = 1,
    /// A configuration or argument makes no sense.
    pulsar_result_InvalidConfiguration = 2,
    /// It took longer than the timeout.
    pulsar_result_Timeout = 3,
    /// The broker of a topic could not be found.
    pulsar_result_LookupError = 4,
    /// The host name cannot be resolved, or the service URL names no address.
    pulsar_result_ConnectError = 5,
    /// Reading from the connection failed.
    pulsar_result_ReadError = 6,
    /// The broker does not accept the credentials.
    pulsar_result_AuthenticationError = 7,
    /// The role may not do this.
    pulsar_result_AuthorizationError = 8,
    /// The credentials could not be had.
    pulsar_result_ErrorGettingAuthenticationData = 9,
    /// The broker cannot reach, or refuses by, its metadata.
    pulsar_result_BrokerMetadataError = 10,
    /// The broker cannot store or read.
    pulsar_result_BrokerPersistenceError = 11,
    /// Data arrived damaged.
    pulsar_result_ChecksumError = 12,
    /// Another consumer is in the way.
    pulsar_result_ConsumerBusy = 13,
    /// There is no connection to a broker.
    pulsar_result_NotConnected = 14,
    /// The client, producer or consumer is closed.
    pulsar_result_AlreadyClosed = 15,
    /// The message cannot be used, or was sent before.
    pulsar_result_InvalidMessage = 16,
    /// The consumer handle is not usable.
    pulsar_result_ConsumerNotInitialized = 17,
    /// The producer handle is not usable.
    pulsar_result_ProducerNotInitialized = 18,
    /// Another producer is in the way.
    pulsar_result_ProducerBusy = 19,
    /// Too many lookups at the same time.
    pulsar_result_TooManyLookupRequestException = 20,
    /// The topic name is malformed.
    pulsar_result_InvalidTopicName = 21,
    /// The service URL is malformed.
    pulsar_result_InvalidUrl = 22,
    /// No broker serves the topic right now.
    pulsar_result_ServiceUnitNotReady = 23,
    /// This cannot be done here.
    pulsar_result_OperationNotSupported = 24,
    /// The backlog quota holds the producer.
    pulsar_result_ProducerBlockedQuotaExceededError = 25,
    /// The backlog quota refuses the producer.
    pulsar_result_ProducerBlockedQuotaExceededException = 26,
    /// Too many messages are pending.
    pulsar_result_ProducerQueueIsFull = 27,
    /// The message is larger than the broker accepts.
    pulsar_result_MessageTooBig = 28,
    /// The topic or its namespace does not exist.
    pulsar_result_TopicNotFound = 29,
    /// The subscription does not exist.
    pulsar_result_SubscriptionNotFound = 30,
    /// The broker does not know the consumer.
    pulsar_result_ConsumerNotFound = 31,
    /// The broker is too old for this.
    pulsar_result_UnsupportedVersionError = 32,
    /// The topic takes no more messages.
    pulsar_result_TopicTerminated = 33,
    /// Encryption or decryption failed.
    pulsar_result_CryptoError = 34,
    /// The schema does not fit the one of the topic.
    pulsar_result_IncompatibleSchema = 35,
    /// The dispatcher cannot take the consumer.
    pulsar_result_ConsumerAssignError = 36,
    /// Shared subscriptions acknowledge message by message.
    pulsar_result_CumulativeAcknowledgementNotAllowedError = 37,
    /// There is no transaction coordinator.
    pulsar_result_TransactionCoordinatorNotFoundError = 38,
    /// The transaction is in another state.
    pulsar_result_InvalidTxnStatusError = 39,
    /// The broker does not allow this.
    pulsar_result_NotAllowedError = 40,
    /// Another transaction acknowledged the message.
    pulsar_result_TransactionConflict = 41,
    /// The transaction does not exist.
    pulsar_result_TransactionNotFound = 42,
    /// Another producer took the topic over.
    pulsar_result_ProducerFenced = 43,
    /// The memory limit of the client is reached.
    pulsar_result_MemoryBufferIsFull = 44,
    /// The wait was interrupted.
    pulsar_result_Interrupted = 45,
    /// The connection ended.
    pulsar_result_Disconnected = 46,
}

/// Every constant with the text that `pulsar_result_str` has for it. The texts are irregular; programs print
/// and compare them, so they stay as they are in the established library.
const RESULTS: [(pulsar_result, &CStr); 47] = [
    (R::pulsar_result_Ok, c"Ok"),
    (R::pulsar_result_UnknownError, c"UnknownError"),
    (R::pulsar_result_InvalidConfiguration, c"InvalidConfiguration"),
    (R::pulsar_result_Timeout, c"TimeOut"),
    (R::pulsar_result_LookupError, c"LookupError"),
    (R::pulsar_result_ConnectError, c"ConnectError"),
    (R::pulsar_result_ReadError, c"ReadError"),
    (R::pulsar_result_AuthenticationError, c"AuthenticationError"),
    (R::pulsar_result_AuthorizationError, c"AuthorizationError"),
    (R::pulsar_result_ErrorGettingAuthenticationData, c"ErrorGettingAuthenticationData"),
    (R::pulsar_result_BrokerMetadataError, c"BrokerMetadataError"),
    (R::pulsar_result_BrokerPersistenceError, c"BrokerPersistenceError"),
    (R::pulsar_result_ChecksumError, c"ChecksumError"),
    (R::pulsar_result_ConsumerBusy, c"ConsumerBusy"),
    (R::pulsar_result_NotConnected, c"NotConnected"),
    (R::pulsar_result_AlreadyClosed, c"AlreadyClosed"),
    (R::pulsar_result_InvalidMessage, c"InvalidMessage"),
    (R::pulsar_result_ConsumerNotInitialized, c"ConsumerNotInitialized"),
    (R::pulsar_result_ProducerNotInitialized, c"ProducerNotInitialized"),
    (R::pulsar_result_ProducerBusy, c"ProducerBusy"),
    (R::pulsar_result_TooManyLookupRequestException, c"TooManyLookupRequestException"),
    (R::pulsar_result_InvalidTopicName, c"InvalidTopicName"),
    (R::pulsar_result_InvalidUrl, c"InvalidUrl"),
    (R::pulsar_result_ServiceUnitNotReady, c"ServiceUnitNotReady"),
    (R::pulsar_result_OperationNotSupported, c"OperationNotSupported"),
    (R::pulsar_result_ProducerBlockedQuotaExceededError, c"ProducerBlockedQuotaExceededError"),
    (R::pulsar_result_ProducerBlockedQuotaExceededException, c"ProducerBlockedQuotaExceededException"),
    (R::pulsar_result_ProducerQueueIsFull, c"ProducerQueueIsFull"),
    (R::pulsar_result_MessageTooBig, c"MessageTooBig"),
    (R::pulsar_result_TopicNotFound, c"TopicNotFound"),
    (R::pulsar_result_SubscriptionNotFound, c"SubscriptionNotFound"),
    (R::pulsar_result_ConsumerNotFound, c"ConsumerNotFound"),
    (R::pulsar_result_UnsupportedVersionError, c"UnsupportedVersionError"),
    (R::pulsar_result_TopicTerminated, c"TopicTerminated"),
    (R::pulsar_result_CryptoError, c"CryptoError"),
    (R::pulsar_result_IncompatibleSchema, c"IncompatibleSchema"),
    (R::pulsar_result_ConsumerAssignError, c"ResultConsumerAssignError"),
    (
        R::pulsar_result_CumulativeAcknowledgementNotAllowedError,
        c"ResultCumulativeAcknowledgementNotAllowedError",
    ),
    (R::pulsar_result_TransactionCoordinatorNotFoundError, c"ResultTransactionCoordinatorNotFoundError"),
    (R::pulsar_result_InvalidTxnStatusError, c"ResultInvalidTxnStatusError"),
    (R::pulsar_result_NotAllowedError, c"ResultNotAllowedError"),
    (R::pulsar_result_TransactionConflict, c"ResultTransactionConflict"),
    (R::pulsar_result_TransactionNotFound, c"ResultTransactionNotFound"),
    (R::pulsar_result_ProducerFenced, c"ResultProducerFenced"),
    (R::pulsar_result_MemoryBufferIsFull, c"ResultMemoryBufferIsFull"),
    (R::pulsar_result_Interrupted, c"ResultInterrupted"),
    (R::pulsar_result_Disconnected, c"ResultDisconnected"),
];

impl CEnum for pulsar_result {
    fn from_number(number: c_int) -> Option<Self> {
        let (result, _) = RESULTS.get(usize::try_from(number).ok()?)?;
        Some(*result)
    }
}

impl From<&Error> for pulsar_result {
    fn from(error: &Error) -> Self {
        match error {
            Error::Unknown(_) => R::pulsar_result_UnknownError,
            Error::InvalidConfiguration(_) => R::pulsar_result_InvalidConfiguration,
            Error::Timeout(_) => R::pulsar_result_Timeout,
            Error::Lookup(_) => R::pulsar_result_LookupError,
            Error::Connect(_) => R::pulsar_result_ConnectError,
            Error::Read(_) => R::pulsar_result_ReadError,
            Error::Authentication(_) => R::pulsar_result_AuthenticationError,
            Error::Authorization(_) => R::pulsar_result_AuthorizationError,
            Error::AuthenticationData(_) => R::pulsar_result_ErrorGettingAuthenticationData,
            Error::BrokerMetadata(_) => R::pulsar_result_BrokerMetadataError,
            Error::BrokerPersistence(_) => R::pulsar_result_BrokerPersistenceError,
            Error::Checksum(_) => R::pulsar_result_ChecksumError,
            Error::ConsumerBusy(_) => R::pulsar_result_ConsumerBusy,
            Error::NotConnected(_) => R::pulsar_result_NotConnected,
            Error::AlreadyClosed(_) => R::pulsar_result_AlreadyClosed,
            Error::InvalidMessage(_) => R::pulsar_result_InvalidMessage,
            Error::ConsumerNotInitialized(_) => R::pulsar_result_ConsumerNotInitialized,
            Error::ProducerNotInitialized(_) => R::pulsar_result_ProducerNotInitialized,
            Error::ProducerBusy(_) => R::pulsar_result_ProducerBusy,
            Error::TooManyLookups(_) => R::pulsar_result_TooManyLookupRequestException,
            Error::InvalidTopicName(_) => R::pulsar_result_InvalidTopicName,
            Error::InvalidUrl(_) => R::pulsar_result_InvalidUrl,
            Error::ServiceUnitNotReady(_) => R::pulsar_result_ServiceUnitNotReady,
            Error::NotSupported(_) => R::pulsar_result_OperationNotSupported,
            Error::ProducerBlockedQuotaExceeded(_) => R::pulsar_result_ProducerBlockedQuotaExceededError,
            Error::ProducerBlockedQuotaExceededException(_) => {
                R::pulsar_result_ProducerBlockedQuotaExceededException
            }
            Error::ProducerQueueIsFull(_) => R::pulsar_result_ProducerQueueIsFull,
            Error::MessageTooBig(_) => R::pulsar_result_MessageTooBig,
            Error::TopicNotFound(_) => R::pulsar_result_TopicNotFound,
            Error::SubscriptionNotFound(_) => R::pulsar_result_SubscriptionNotFound,
            Error::ConsumerNotFound(_) => R::pulsar_result_ConsumerNotFound,
            Error::UnsupportedVersion(_) => R::pulsar_result_UnsupportedVersionError,
            Error::TopicTerminated(_) => R::pulsar_result_TopicTerminated,
            Error::Crypto(_) => R::pulsar_result_CryptoError,
            Error::IncompatibleSchema(_) => R::pulsar_result_IncompatibleSchema,
            Error::ConsumerAssign(_) => R::pulsar_result_ConsumerAssignError,
            Error::CumulativeAcknowledgementNotAllowed(_) => {
                R::pulsar_result_CumulativeAcknowledgementNotAllowedError
            }
            Error::TransactionCoordinatorNotFound(_) => R::pulsar_result_TransactionCoordinatorNotFoundError,
            Error::InvalidTxnStatus(_) => R::pulsar_result_InvalidTxnStatusError,
            Error::NotAllowed(_) => R::pulsar_result_NotAllowedError,
            Error::TransactionConflict(_) => R::pulsar_result_TransactionConflict,
            Error::TransactionNotFound(_) => R::pulsar_result_TransactionNotFound,
            Error::ProducerFenced(_) => R::pulsar_result_ProducerFenced,
            Error::MemoryBufferIsFull(_) => R::pulsar_result_MemoryBufferIsFull,
            Error::Interrupted(_) => R::pulsar_result_Interrupted,
            Error::Disconnected(_) => R::pulsar_result_Disconnected,
        }
    }
}

impl<T> From<&Result<T, Error>> for pulsar_result {
    #[inline]
    fn from(outcome: &Result<T, Error>) -> Self {
        outcome.as_ref().err().map_or(R::pulsar_result_Ok, pulsar_result::from)
    }
}

/// Returns the name of a result, such as `Ok` or `TimeOut`.
///
/// Ownership: the string is static.
/// Errors: a number that is no result gives `UnknownErrorCode`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_result_str(result: MaybeUninit<pulsar_result>) -> *const c_char {
    guard(std::ptr::null(), || {
        let known = handle::enum_value(result).and_then(|result| RESULTS.get(result as usize));
        let text = match known {
            Some((_, text)) => *text,
            None if handle::enum_number(result) == RETRYABLE => c"Retryable",
            None => c"UnknownErrorCode",
        };
        text.as_ptr()
    })
}

/// Not one of the constants, but it has a name.
const RETRYABLE: c_int = -1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_stand_at_their_numbers() {
        for (number, (result, _)) in RESULTS.iter().enumerate() {
            assert_eq!(*result as usize, number);
            assert_eq!(pulsar_result::from_number(c_int::try_from(number).unwrap()), Some(*result));
        }
        assert_eq!(pulsar_result::from_number(47), None);
        assert_eq!(pulsar_result::from_number(-1), None);
    }
}
