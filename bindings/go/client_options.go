package pulsar

import (
	"crypto/tls"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pulsar-rs/pulsar_rs/bindings/go/log"
)

// ClientOptions says what NewClient connects to, and how. Only URL is required.
type ClientOptions struct {
	// URL is where the brokers are: pulsar://host:6650 or, with TLS, pulsar+ssl://host:6651; several hosts are separated
	// by commas. http:// and https:// look topics up by HTTP.
	URL string

	// ConnectionTimeout is not looked at: making a connection may take 10 s.
	ConnectionTimeout time.Duration

	// OperationTimeout is how long creating producers, subscribing and the like may take, with all attempts.
	// Default: 30 s.
	OperationTimeout time.Duration

	// KeepAliveInterval is how often an idle connection is looked after. Default: 30 s.
	KeepAliveInterval time.Duration

	// Authentication says who the client is: what one of the NewAuthentication functions returns. Default: nobody.
	Authentication

	// TLSKeyFilePath is the file with the client's private key (PEM), together with TLSCertificateFile.
	TLSKeyFilePath string

	// TLSCertificateFile is the file with the client's certificate (PEM).
	TLSCertificateFile string

	// TLSTrustCertsFilePath is the file with the certificates (PEM) that are trusted. Default: those of the system.
	TLSTrustCertsFilePath string

	// TLSAllowInsecureConnection accepts every certificate of a broker.
	TLSAllowInsecureConnection bool

	// TLSValidateHostname refuses a broker whose certificate is for another host.
	TLSValidateHostname bool

	// TLSCipherSuites must be empty: the library takes those that are safe.
	TLSCipherSuites []uint16

	// TLSMinVersion is the oldest version of TLS that may be used, as in crypto/tls: at most TLS 1.2, which is the oldest in
	// any case.
	TLSMinVersion uint16

	// TLSMaxVersion is the newest version of TLS that may be used, as in crypto/tls: TLS 1.3, or 0 for the same.
	TLSMaxVersion uint16

	// TLSConfig must be nil: connections are not made by crypto/tls.
	TLSConfig *tls.Config

	// ListenerName is the broker's advertised listener whose addresses the client uses.
	ListenerName string

	// MaxConnectionsPerBroker is how many connections there are to one broker at the most. Default: 1.
	MaxConnectionsPerBroker int

	// Logger takes the client's log. Default: logrus' standard logger.
	Logger log.Logger

	// MetricsCardinality says which labels the metrics have. Default: MetricsCardinalityNamespace.
	MetricsCardinality MetricsCardinality

	// CustomMetricsLabels are added to all of the client's metrics.
	CustomMetricsLabels map[string]string

	// MetricsRegisterer is where the client's metrics are registered. Default: prometheus.DefaultRegisterer.
	MetricsRegisterer prometheus.Registerer

	// ConnectionMaxIdleTime is not looked at: connections stay as long as the client.
	ConnectionMaxIdleTime time.Duration

	// EnableTransaction must be false: the library has no transactions yet.
	EnableTransaction bool

	// MemoryLimitBytes is how many bytes of messages may wait to be sent, over all producers; negative for no limit.
	// Default: 64 MiB.
	MemoryLimitBytes int64

	// LookupProperties must be empty: the library looks up without.
	LookupProperties map[string]string

	// Description is not looked at.
	Description string
}

// Client is a connection to a Pulsar cluster, from which producers, consumers, readers and table views are made. All of
// its methods may be called by many goroutines. A program usually has one for its whole life.
type Client interface {
	// CreateProducer makes a producer, and waits until the broker has confirmed it.
	CreateProducer(ProducerOptions) (Producer, error)

	// Subscribe makes a consumer, and waits until the broker has confirmed it. A subscription that does not exist is
	// made; the topic keeps its messages from then on until they are acknowledged, consumer or not.
	Subscribe(ConsumerOptions) (Consumer, error)

	// CreateReader makes a reader, and waits until the broker has confirmed it.
	CreateReader(ReaderOptions) (Reader, error)

	// CreateTableView makes a table view, and waits until it has read the topic to its end.
	CreateTableView(TableViewOptions) (TableView, error)

	// TopicPartitions returns the names of the topic's partitions, or the topic's own when it has none.
	TopicPartitions(topic string) ([]string, error)

	// NewTransaction fails with OperationNotSupported: the library has no transactions yet.
	NewTransaction(duration time.Duration) (Transaction, error)

	// Close closes everything that was made from the client and frees it. It may be called more than once.
	Close()
}

// MetricsCardinality says which labels the metrics have; the more, the more time series.
type MetricsCardinality int

// The sets of labels.
const (
	MetricsCardinalityNone      MetricsCardinality = iota + 1 // the client's own alone
	MetricsCardinalityTenant                                  // and the tenant
	MetricsCardinalityNamespace                               // and the namespace
	MetricsCardinalityTopic                                   // and the topic
)
