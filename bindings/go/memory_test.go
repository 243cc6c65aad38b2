package pulsar

import (
	"context"
	"syscall"
	"testing"
	"time"
)

// cpuTime is what the process has used of its processors.
func cpuTime(t testing.TB) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	must(t, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func TestWaitingForMemoryUsesNoProcessor(t *testing.T) {
	m := newMemoryLimit(10)
	if !m.tryTake(10) {
		t.Fatal("there is no memory in an empty limit")
	}
	taken := make(chan bool)
	for range 2 {
		go func() { taken <- m.take(context.Background(), nil, 6) }()
	}
	for m.waiting.Load() != 2 {
		time.Sleep(time.Millisecond)
	}
	before := cpuTime(t)
	time.Sleep(300 * time.Millisecond)
	if used := cpuTime(t) - before; used > 150*time.Millisecond {
		t.Errorf("two goroutines that waited 300 ms for memory used %v of the processors", used)
	}
	m.give(10)
	for range 2 {
		if !<-taken {
			t.Fatal("a wait for memory ended without any")
		}
		m.give(6)
	}
	if used := m.used.Load(); used != 0 {
		t.Fatalf("%d bytes are taken at the end", used)
	}
}

func TestCallbacksSendWithTheMemoryOfTheirMessage(t *testing.T) {
	client, err := NewClient(ClientOptions{URL: brokerURL(t), MemoryLimitBytes: 1000})
	must(t, err)
	defer client.Close()
	producer, err := client.CreateProducer(ProducerOptions{Topic: uniqueTopic("callback-memory")})
	must(t, err)
	outcomes := make(chan error, 2)
	message := &ProducerMessage{Payload: make([]byte, 900)}
	producer.SendAsync(context.Background(), message, func(_ MessageID, _ *ProducerMessage, err error) {
		outcomes <- err
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		producer.SendAsync(ctx, message, func(_ MessageID, _ *ProducerMessage, err error) { outcomes <- err })
	})
	for range 2 {
		select {
		case err := <-outcomes:
			must(t, err)
		case <-time.After(patience):
			t.Fatal("the callback waits for the memory of its own message")
		}
	}
}
