package pulsar

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// collector gives Prometheus what the clients of one registerer count. Its names and labels are those of pulsar-client-go,
// where the same is counted.
type collector struct {
	mu      sync.Mutex
	clients map[*connected]*metered
	bounds  []time.Duration
}

// metered is what is remembered of a client from the last time.
type metered struct {
	last map[countedKey]*series // of what is still there
	gone map[string]*series     // of what was closed, by label set
}

// countedKey tells producers and consumers from each other.
type countedKey struct {
	topic, name, subscription string
	isProducer                bool
}

// series are the numbers of one set of labels.
type series struct {
	labels prometheus.Labels

	published, publishedBytes, failed, timedOut, producerReconnects uint64
	pending, pendingBytes, producers                                uint64
	latencies                                                       []uint64
	latencyTotal                                                    time.Duration
	latencyCount                                                    uint64

	received, receivedBytes, acks, nacks, deadLetters, consumerReconnects uint64
	queued, queuedBytes, consumers                                        uint64
}

var (
	collectorsMu sync.Mutex
	collectors   = make(map[prometheus.Registerer]*collector)
)

// register has a client's counts collected until the first function that it returns is called. The second one has them noted
// now, before something of the client is closed and takes its counts along.
func (c *connected) register() (remove, note func()) {
	registerer := c.options.MetricsRegisterer
	if registerer == nil {
		registerer = prometheus.DefaultRegisterer
	}
	// Only such a one can be found again.
	shared := reflect.TypeOf(registerer).Comparable()
	collectorsMu.Lock()
	defer collectorsMu.Unlock()
	own := collectors[registerer]
	if !shared || own == nil {
		own = &collector{clients: make(map[*connected]*metered), bounds: latencyBounds()}
		if err := registerer.Register(own); err != nil && !errors.As(err, &prometheus.AlreadyRegisteredError{}) {
			c.logger.Warnf("the client's metrics are not collected: %v", err)
		}
		if shared {
			collectors[registerer] = own
		}
	}
	own.mu.Lock()
	own.clients[c] = &metered{last: make(map[countedKey]*series), gone: make(map[string]*series)}
	own.mu.Unlock()
	note = func() {
		own.mu.Lock()
		defer own.mu.Unlock()
		if known := own.clients[c]; known != nil {
			known.update(c, c.snapshot())
		}
	}
	return func() {
		collectorsMu.Lock()
		defer collectorsMu.Unlock()
		own.mu.Lock()
		delete(own.clients, c)
		unused := len(own.clients) == 0
		own.mu.Unlock()
		if unused {
			registerer.Unregister(own)
			if shared && collectors[registerer] == own {
				delete(collectors, registerer)
			}
		}
	}, note
}

// Describe describes nothing: the sets of labels differ from client to client.
func (*collector) Describe(chan<- *prometheus.Desc) {}

// Collect takes a snapshot of each client and sends the sums of each set of labels.
func (c *collector) Collect(metrics chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make(map[string]*series)
	var connections uint64
	for client, known := range c.clients {
		taken := client.snapshot()
		connections += taken.connections
		for key, sum := range known.update(client, taken) {
			into(all, key, sum.labels).add(sum)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		c.send(metrics, all[key])
	}
	gauge(metrics, nil, "connections", "Open connections to brokers.", connections)
}

// into returns the series of a set of labels.
func into[K comparable](all map[K]*series, key K, labels prometheus.Labels) *series {
	if all[key] == nil {
		all[key] = &series{labels: labels}
	}
	return all[key]
}

// update returns a client's numbers by label set, with those of what was closed: counters never fall.
func (m *metered) update(client *connected, taken snapshot) map[string]*series {
	now := make(map[countedKey]*series)
	for i := range taken.producers {
		p := &taken.producers[i]
		key := countedKey{topic: p.topic, name: p.name, isProducer: true}
		into(now, key, client.labels(p.topic)).addProducer(p)
	}
	for i := range taken.consumers {
		p := &taken.consumers[i]
		key := countedKey{topic: p.topic, name: p.name, subscription: p.subscription}
		into(now, key, client.labels(p.topic)).addConsumer(p)
	}
	for key, old := range m.last {
		if now[key] == nil {
			old.forgetGauges()
			into(m.gone, labelKey(old.labels), old.labels).add(old)
		}
	}
	m.last = now
	sums := make(map[string]*series)
	for key, gone := range m.gone {
		into(sums, key, gone.labels).add(gone)
	}
	for _, one := range now {
		into(sums, labelKey(one.labels), one.labels).add(one)
	}
	return sums
}

// labels are those of a topic, as many as the client wants.
func (c *connected) labels(topic string) prometheus.Labels {
	labels := maps.Clone(c.options.CustomMetricsLabels)
	if labels == nil {
		labels = make(map[string]string)
	}
	_, path, _ := strings.Cut(topic, "://")
	tenant, rest, _ := strings.Cut(path, "/")
	namespace, _, _ := strings.Cut(rest, "/")
	switch c.options.MetricsCardinality {
	case MetricsCardinalityNone:
	case MetricsCardinalityTenant:
		labels["pulsar_tenant"] = tenant
	case MetricsCardinalityTopic:
		if at := strings.LastIndex(topic, "-partition-"); at >= 0 {
			topic = topic[:at]
		}
		labels["topic"] = topic
		fallthrough
	default:
		labels["pulsar_tenant"] = tenant
		labels["pulsar_namespace"] = tenant + "/" + namespace
	}
	return labels
}

func labelKey(labels prometheus.Labels) string {
	var key strings.Builder
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		key.WriteString(name + "\x00" + labels[name] + "\x00")
	}
	return key.String()
}

func (s *series) addProducer(p *producerCounts) {
	s.add(&series{
		published: p.acknowledgedCount, publishedBytes: p.bytes, failed: p.failed - min(p.failed, p.timedOut),
		timedOut: p.timedOut, producerReconnects: p.reconnects, pending: p.pending, pendingBytes: p.pendingBytes,
		producers: 1, latencies: p.latencies, latencyTotal: p.latencyTotal, latencyCount: p.acknowledgedCount,
	})
}

func (s *series) addConsumer(c *consumerCounts) {
	s.add(&series{
		received: c.messages, receivedBytes: c.bytes, acks: c.acks, nacks: c.nacks, deadLetters: c.deadLetters,
		consumerReconnects: c.reconnects, queued: c.queued, queuedBytes: c.queuedBytes, consumers: 1,
	})
}

func (s *series) add(o *series) {
	s.published += o.published
	s.publishedBytes += o.publishedBytes
	s.failed += o.failed
	s.timedOut += o.timedOut
	s.producerReconnects += o.producerReconnects
	s.pending += o.pending
	s.pendingBytes += o.pendingBytes
	s.producers += o.producers
	if len(s.latencies) < len(o.latencies) {
		s.latencies = append(s.latencies, make([]uint64, len(o.latencies)-len(s.latencies))...)
	}
	for i, count := range o.latencies {
		s.latencies[i] += count
	}
	s.latencyTotal += o.latencyTotal
	s.latencyCount += o.latencyCount
	s.received += o.received
	s.receivedBytes += o.receivedBytes
	s.acks += o.acks
	s.nacks += o.nacks
	s.deadLetters += o.deadLetters
	s.consumerReconnects += o.consumerReconnects
	s.queued += o.queued
	s.queuedBytes += o.queuedBytes
	s.consumers += o.consumers
}

func (s *series) forgetGauges() {
	s.pending, s.pendingBytes, s.producers, s.queued, s.queuedBytes, s.consumers = 0, 0, 0, 0, 0, 0
}

// send sends the metrics of one set of labels.
func (c *collector) send(metrics chan<- prometheus.Metric, s *series) {
	counter(metrics, s.labels, "messages_published", "Messages that a broker has stored.", s.published)
	counter(metrics, s.labels, "bytes_published", "Bytes of payload that were accepted.", s.publishedBytes)
	gauge(metrics, s.labels, "producer_pending_messages", "Messages without outcome.", s.pending)
	gauge(metrics, s.labels, "producer_pending_bytes", "Bytes in messages without outcome.", s.pendingBytes)
	gauge(metrics, s.labels, "producers_partitions_active", "Producers, one for each partition.", s.producers)
	counter(metrics, s.labels, "producers_reconnects", "How often producers came back to a broker.", s.producerReconnects)
	const errors, help = "producer_errors", "Messages that failed."
	counter(metrics, with(s.labels, "error", "timeout"), errors, help, s.timedOut)
	counter(metrics, with(s.labels, "error", "other"), errors, help, s.failed)
	c.latency(metrics, s)
	counter(metrics, s.labels, "messages_received", "Messages that the program took.", s.received)
	counter(metrics, s.labels, "bytes_received", "Bytes of payload in them.", s.receivedBytes)
	gauge(metrics, s.labels, "consumer_prefetched_messages", "Messages that wait for the program.", s.queued)
	gauge(metrics, s.labels, "consumer_prefetched_bytes", "Bytes of their entries.", s.queuedBytes)
	gauge(metrics, s.labels, "consumers_partitions_active", "Consumers, one for each partition.", s.consumers)
	counter(metrics, s.labels, "consumers_reconnects", "How often consumers came back to a broker.", s.consumerReconnects)
	counter(metrics, s.labels, "consumer_acks", "Acknowledged messages.", s.acks)
	counter(metrics, s.labels, "consumer_nacks", "Negatively acknowledged messages.", s.nacks)
	counter(metrics, s.labels, "consumer_dlq_messages", "Messages that went to a dead letter topic.", s.deadLetters)
}

// latency sends every fourth of the library's many buckets: each is twice the one before.
func (c *collector) latency(metrics chan<- prometheus.Metric, s *series) {
	buckets := make(map[float64]uint64)
	var below uint64
	for i, bound := range c.bounds {
		if i < len(s.latencies) {
			below += s.latencies[i]
		}
		if i%4 == 3 {
			buckets[bound.Seconds()] = below
		}
	}
	desc := describe(s.labels, "producer_latency_seconds", "Time from accepting messages to their receipts.")
	metric, err := prometheus.NewConstHistogram(desc, s.latencyCount, s.latencyTotal.Seconds(), buckets)
	deliver(metrics, desc, metric, err)
}

func with(labels prometheus.Labels, name, value string) prometheus.Labels {
	more := maps.Clone(labels)
	more[name] = value
	return more
}

func describe(labels prometheus.Labels, name, help string) *prometheus.Desc {
	return prometheus.NewDesc("pulsar_client_"+name, help, nil, labels)
}

func counter(metrics chan<- prometheus.Metric, labels prometheus.Labels, name, help string, value uint64) {
	desc := describe(labels, name, help)
	metric, err := prometheus.NewConstMetric(desc, prometheus.CounterValue, float64(value))
	deliver(metrics, desc, metric, err)
}

func gauge(metrics chan<- prometheus.Metric, labels prometheus.Labels, name, help string, value uint64) {
	desc := describe(labels, name, help)
	metric, err := prometheus.NewConstMetric(desc, prometheus.GaugeValue, float64(value))
	deliver(metrics, desc, metric, err)
}

// deliver sends a metric, or why it is none: the names of labels come from the program.
func deliver(metrics chan<- prometheus.Metric, desc *prometheus.Desc, metric prometheus.Metric, err error) {
	if err != nil {
		metric = prometheus.NewInvalidMetric(desc, err)
	}
	metrics <- metric
}
