package pulsartest

// Command is a command of clients that can be made to fail. The values are those of the protocol.
type Command int

// The commands.
const (
	CommandConnect              Command = 2  // the first one on a connection
	CommandSubscribe            Command = 4  // creating a consumer
	CommandProducer             Command = 5  // creating a producer
	CommandSend                 Command = 6  // sending a message or batch
	CommandAck                  Command = 10 // acknowledging messages, with AckWithResponse
	CommandUnsubscribe          Command = 12 // deleting a subscription
	CommandCloseProducer        Command = 15 // closing a producer
	CommandCloseConsumer        Command = 16 // closing a consumer
	CommandPartitionedMetadata  Command = 21 // asking for the number of partitions
	CommandLookup               Command = 23 // asking which broker serves a topic
	CommandSeek                 Command = 28 // moving a subscription
	CommandGetLastMessageID     Command = 29 // asking for the last message of a topic
	CommandGetTopicsOfNamespace Command = 32 // asking for the topics of a namespace
	CommandGetSchema            Command = 34 // asking for a schema
	CommandWatchTopicList       Command = 64 // asking to be told which topics come and go
)

// ServerError is what a broker fails with. The values are those of the protocol.
type ServerError int

// The errors of brokers.
const (
	ServerUnknownError                          ServerError = 0
	ServerMetadataError                         ServerError = 1
	ServerPersistenceError                      ServerError = 2
	ServerAuthenticationError                   ServerError = 3
	ServerAuthorizationError                    ServerError = 4
	ServerConsumerBusy                          ServerError = 5
	ServerServiceNotReady                       ServerError = 6
	ServerProducerBlockedQuotaExceededError     ServerError = 7
	ServerProducerBlockedQuotaExceededException ServerError = 8
	ServerChecksumError                         ServerError = 9
	ServerUnsupportedVersionError               ServerError = 10
	ServerTopicNotFound                         ServerError = 11
	ServerSubscriptionNotFound                  ServerError = 12
	ServerConsumerNotFound                      ServerError = 13
	ServerTooManyRequests                       ServerError = 14
	ServerTopicTerminatedError                  ServerError = 15
	ServerProducerBusy                          ServerError = 16
	ServerInvalidTopicName                      ServerError = 17
	ServerIncompatibleSchema                    ServerError = 18
	ServerConsumerAssignError                   ServerError = 19
	ServerNotAllowedError                       ServerError = 22
	ServerProducerFenced                        ServerError = 25
)
