/* pulsar/c/result.h */
#include <pulsar/c/result.h>

#include "check.h"

static void test_every_result_has_its_name(void) {
    static const char *const names[] = {
        "Ok",
        "UnknownError",
        "InvalidConfiguration",
        "TimeOut",
        "LookupError",
        "ConnectError",
        "ReadError",
        "AuthenticationError",
        "AuthorizationError",
        "ErrorGettingAuthenticationData",
        "BrokerMetadataError",
        "BrokerPersistenceError",
        "ChecksumError",
        "ConsumerBusy",
        "NotConnected",
        "AlreadyClosed",
        "InvalidMessage",
        "ConsumerNotInitialized",
        "ProducerNotInitialized",
        "ProducerBusy",
        "TooManyLookupRequestException",
        "InvalidTopicName",
        "InvalidUrl",
        "ServiceUnitNotReady",
        "OperationNotSupported",
        "ProducerBlockedQuotaExceededError",
        "ProducerBlockedQuotaExceededException",
        "ProducerQueueIsFull",
        "MessageTooBig",
        "TopicNotFound",
        "SubscriptionNotFound",
        "ConsumerNotFound",
        "UnsupportedVersionError",
        "TopicTerminated",
        "CryptoError",
        "IncompatibleSchema",
        "ResultConsumerAssignError",
        "ResultCumulativeAcknowledgementNotAllowedError",
        "ResultTransactionCoordinatorNotFoundError",
        "ResultInvalidTxnStatusError",
        "ResultNotAllowedError",
        "ResultTransactionConflict",
        "ResultTransactionNotFound",
        "ResultProducerFenced",
        "ResultMemoryBufferIsFull",
        "ResultInterrupted",
        "ResultDisconnected",
    };
    CHECK_INT(sizeof(names) / sizeof(*names), pulsar_result_Disconnected + 1);
    for (int i = 0; i <= pulsar_result_Disconnected; i++) {
        CHECK_TEXT(pulsar_result_str((pulsar_result)i), names[i]);
    }
    CHECK(pulsar_result_str(pulsar_result_Ok) == pulsar_result_str(pulsar_result_Ok));
}

static void test_numbers_that_are_no_result(void) {
    CHECK_TEXT(pulsar_result_str((pulsar_result)-1), "Retryable");
    CHECK_TEXT(pulsar_result_str((pulsar_result)47), "UnknownErrorCode");
    CHECK_TEXT(pulsar_result_str((pulsar_result)1000), "UnknownErrorCode");
    CHECK_TEXT(pulsar_result_str((pulsar_result)-2), "UnknownErrorCode");
    CHECK_TEXT(pulsar_result_str((pulsar_result)2147483647), "UnknownErrorCode");
}

CHECK_MAIN(TEST(test_every_result_has_its_name), TEST(test_numbers_that_are_no_result))
