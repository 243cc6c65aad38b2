package bench

import (
	"context"
	"sync/atomic"
	"testing"

	native "github.com/apache/pulsar-client-go/pulsar"
	ours "github.com/pulsar-rs/pulsar_rs/bindings/go"
)

// sending sends b.N messages, waits for all outcomes, and says how many failed.
type sending struct {
	name string
	run  func(b *testing.B, payload []byte, parallel bool) (failed int64)
}

var sendings = []sending{{"pulsar_rs", sendOurs}, {"pulsar-client-go", sendNative}}

// BenchmarkSendAsync sends one message again and again, each time with a new closure for its outcome.
func BenchmarkSendAsync(b *testing.B) { benchmarkSendAsync(b, false) }

// BenchmarkSendAsyncParallel does so on as many goroutines as there are processors.
func BenchmarkSendAsyncParallel(b *testing.B) { benchmarkSendAsync(b, true) }

func benchmarkSendAsync(b *testing.B, parallel bool) {
	for _, p := range payloads {
		for _, s := range sendings {
			b.Run(p.name+"/"+s.name, func(b *testing.B) {
				if failed := s.run(b, p.payload, parallel); failed > 0 {
					b.Fatalf("%d messages failed", failed)
				}
			})
		}
	}
}

func loop(b *testing.B, parallel bool, send func()) {
	if !parallel {
		for range b.N {
			send()
		}
		return
	}
	b.RunParallel(func(loop *testing.PB) {
		for loop.Next() {
			send()
		}
	})
}

func sendOurs(b *testing.B, payload []byte, parallel bool) int64 {
	client, err := ours.NewClient(ours.ClientOptions{URL: brokerURL(b)})
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	options := ours.ProducerOptions{Topic: uniqueTopic(), MaxPendingMessages: maxPending}
	producer, err := client.CreateProducer(options)
	if err != nil {
		b.Fatal(err)
	}
	defer producer.Close()
	ctx, message := context.Background(), &ours.ProducerMessage{Payload: payload}
	var failed atomic.Int64
	m := begin(b)
	loop(b, parallel, func() {
		producer.SendAsync(ctx, message, func(_ ours.MessageID, _ *ours.ProducerMessage, err error) {
			if err != nil {
				failed.Add(1)
			}
		})
	})
	if err := producer.Flush(); err != nil {
		b.Fatal(err)
	}
	m.end(b)
	return failed.Load()
}

func sendNative(b *testing.B, payload []byte, parallel bool) int64 {
	client, err := native.NewClient(native.ClientOptions{URL: brokerURL(b)})
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	options := native.ProducerOptions{Topic: uniqueTopic(), MaxPendingMessages: maxPending}
	producer, err := client.CreateProducer(options)
	if err != nil {
		b.Fatal(err)
	}
	defer producer.Close()
	ctx, message := context.Background(), &native.ProducerMessage{Payload: payload}
	var failed atomic.Int64
	m := begin(b)
	loop(b, parallel, func() {
		producer.SendAsync(ctx, message, func(_ native.MessageID, _ *native.ProducerMessage, err error) {
			if err != nil {
				failed.Add(1)
			}
		})
	})
	if err := producer.Flush(); err != nil {
		b.Fatal(err)
	}
	m.end(b)
	return failed.Load()
}
