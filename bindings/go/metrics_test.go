package pulsar

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// metric finds a metric of a registry; nil when there is none.
func metric(t *testing.T, registry *prometheus.Registry, name string, labels map[string]string) *dto.Metric {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
	next:
		for _, one := range family.GetMetric() {
			has := make(map[string]string)
			for _, pair := range one.GetLabel() {
				has[pair.GetName()] = pair.GetValue()
			}
			for name, value := range labels {
				if has[name] != value {
					continue next
				}
			}
			return one
		}
	}
	return nil
}

func TestMetricsSumWhatClientsCount(t *testing.T) {
	registry := prometheus.NewRegistry()
	options := ClientOptions{
		URL: brokerURL(t), MetricsRegisterer: registry, MetricsCardinality: MetricsCardinalityTopic,
		CustomMetricsLabels: map[string]string{"service": "test"},
	}
	topic := "persistent://public/default/" + uniqueTopic("metrics")
	labels := map[string]string{
		"service": "test", "topic": topic, "pulsar_tenant": "public", "pulsar_namespace": "public/default",
	}
	var clients [2]Client
	var producers [2]Producer
	for i := range clients {
		var err error
		if clients[i], err = NewClient(options); err != nil {
			t.Fatal(err)
		}
		producers[i] = openProducer(t, clients[i], ProducerOptions{Topic: topic})
		send(t, producers[i], "12345")
	}
	value := func(name string) float64 {
		one := metric(t, registry, "pulsar_client_"+name, labels)
		return one.GetCounter().GetValue() + one.GetGauge().GetValue()
	}
	expect := func(name string, want float64) {
		t.Helper()
		if got := value(name); got != want {
			t.Fatalf("%s is %v, not %v", name, got, want)
		}
	}
	expect("messages_published", 2)
	expect("bytes_published", 10)
	expect("producers_partitions_active", 2)
	latency := metric(t, registry, "pulsar_client_producer_latency_seconds", labels).GetHistogram()
	buckets := latency.GetBucket()
	if latency.GetSampleCount() != 2 || latency.GetSampleSum() <= 0 || buckets[len(buckets)-1].GetCumulativeCount() != 2 {
		t.Fatalf("%v", latency)
	}
	// Counters do not fall when something is closed, and know what it did last.
	send(t, producers[0], "12345")
	producers[0].Close()
	expect("messages_published", 3)
	expect("producers_partitions_active", 1)
	clients[0].Close()
	expect("messages_published", 1)
	clients[1].Close()
	if one := metric(t, registry, "pulsar_client_messages_published", nil); one != nil {
		t.Fatalf("of closed clients: %v", one)
	}
}
