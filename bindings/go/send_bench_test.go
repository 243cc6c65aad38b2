package pulsar

import (
	"context"
	"syscall"
	"testing"
	"time"
)

// clientCPU is the CPU time that this process has used.
func clientCPU() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func benchmarkSendAsync(b *testing.B, size int, pending int) {
	client := openClient(b)
	producer := openProducer(b, client, ProducerOptions{Topic: uniqueTopic("bench"), MaxPendingMessages: pending})
	message := &ProducerMessage{Payload: make([]byte, size)}
	ctx := context.Background()
	failed := 0
	b.ReportAllocs()
	b.ResetTimer()
	before := clientCPU()
	for i := range b.N {
		producer.SendAsync(ctx, message, func(_ MessageID, _ *ProducerMessage, err error) {
			if err != nil {
				failed = i
			}
		})
	}
	if err := producer.Flush(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(clientCPU()-before)/float64(b.N), "cpu-ns/op")
	b.StopTimer()
	if failed != 0 {
		b.Fatal("a send failed")
	}
	producer.Close()
}

func BenchmarkSendAsync64(b *testing.B)       { benchmarkSendAsync(b, 64, 10000) }
func BenchmarkSendAsync64Of1000(b *testing.B) { benchmarkSendAsync(b, 64, 1000) }
func BenchmarkSendAsync1K(b *testing.B)       { benchmarkSendAsync(b, 1024, 10000) }

func BenchmarkSend(b *testing.B) {
	client := openClient(b)
	producer := openProducer(b, client, ProducerOptions{Topic: uniqueTopic("bench")})
	payload := make([]byte, 64)
	b.ReportAllocs()
	for range b.N {
		if _, err := producer.Send(context.Background(), &ProducerMessage{Payload: payload}); err != nil {
			b.Fatal(err)
		}
	}
}
