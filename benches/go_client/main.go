// Command go_client does the same work as benches/c/bench.c with pulsar-client-go, and prints what it cost as one line
// of JSON.
//
//	go_client produce|paced|sync|consume URL TOPIC COUNT SIZE [PER_MS]
//
// Allocations are those of Go's heap.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/apache/pulsar-client-go/pulsar"
	"github.com/apache/pulsar-client-go/pulsar/log"
)

// As in benches/c/measure.h.
const (
	pending    = 10_000
	batch      = 1000
	batchBytes = 128 * 1024
	delay      = time.Millisecond
	queue      = 10_000
)

type job struct {
	mode, url, topic string
	count, size      int
	perMs            int
}

func main() {
	j, err := parse(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "go_client:", err)
		os.Exit(2)
	}
	figures, err := run(j)
	if err != nil {
		fmt.Fprintln(os.Stderr, "go_client:", err)
		os.Exit(1)
	}
	line, err := json.Marshal(figures)
	if err != nil {
		fmt.Fprintln(os.Stderr, "go_client:", err)
		os.Exit(1)
	}
	fmt.Println(string(line))
}

func parse(words []string) (job, error) {
	if len(words) < 5 {
		return job{}, errors.New("usage: go_client produce|paced|sync|consume URL TOPIC COUNT SIZE [PER_MS]")
	}
	j := job{mode: words[0], url: words[1], topic: words[2]}
	numbers := []*int{&j.count, &j.size, &j.perMs}
	for i, word := range words[3:min(len(words), 6)] {
		number, err := strconv.Atoi(word)
		if err != nil {
			return job{}, err
		}
		*numbers[i] = number
	}
	if j.count < 1 {
		return job{}, errors.New("nothing to send")
	}
	return j, nil
}

func run(j job) (map[string]float64, error) {
	client, err := pulsar.NewClient(pulsar.ClientOptions{URL: j.url, Logger: log.DefaultNopLogger()})
	if err != nil {
		return nil, err
	}
	defer client.Close()
	if j.mode == "consume" {
		return consume(client, j)
	}
	producer, err := client.CreateProducer(pulsar.ProducerOptions{
		Topic:                   j.topic,
		MaxPendingMessages:      pending,
		DisableBatching:         j.mode == "sync",
		BatchingMaxMessages:     batch,
		BatchingMaxSize:         batchBytes,
		BatchingMaxPublishDelay: delay,
	})
	if err != nil {
		return nil, err
	}
	defer producer.Close()
	content := []byte(strings.Repeat("x", j.size))
	figures := map[string]float64{}
	start := time.Now()
	if j.mode == "sync" {
		err = sendWaiting(producer, j, content, figures)
	} else {
		err = sendAll(producer, j, content, figures)
	}
	if err != nil {
		return nil, err
	}
	addUsage(figures, time.Since(start), float64(j.count))
	return figures, nil
}

func consume(client pulsar.Client, j job) (map[string]float64, error) {
	consumer, err := client.Subscribe(pulsar.ConsumerOptions{
		Topic:                       j.topic,
		SubscriptionName:            "bench",
		SubscriptionInitialPosition: pulsar.SubscriptionPositionEarliest,
		ReceiverQueueSize:           queue,
	})
	if err != nil {
		return nil, err
	}
	figures := map[string]float64{}
	start := time.Now()
	for i := range j.count {
		message, err := consumer.Receive(context.Background())
		if err != nil {
			return nil, err
		}
		if content := message.Payload(); len(content) != j.size || content[j.size-1] != 'x' {
			return nil, fmt.Errorf("message %d is not what was sent", i)
		}
		if err := consumer.Ack(message); err != nil {
			return nil, err
		}
		if i == j.count/2 {
			figures["threads"] = float64(threads())
		}
	}
	// It sends the acknowledgements that wait.
	consumer.Close()
	addUsage(figures, time.Since(start), float64(j.count))
	return figures, nil
}

func sendAll(producer pulsar.Producer, j job, content []byte, figures map[string]float64) error {
	var completed, failed atomic.Int64
	done := make(chan struct{})
	onSent := func(_ pulsar.MessageID, _ *pulsar.ProducerMessage, err error) {
		if err != nil {
			failed.Add(1)
		}
		if completed.Add(1) == int64(j.count) {
			close(done)
		}
	}
	start := time.Now()
	for i := range j.count {
		if j.perMs > 0 && i%j.perMs == 0 {
			time.Sleep(time.Until(start.Add(time.Duration(i/j.perMs) * time.Millisecond)))
		}
		producer.SendAsync(context.Background(), &pulsar.ProducerMessage{Payload: content}, onSent)
		if i == j.count/2 {
			figures["threads"] = float64(threads())
		}
	}
	if err := producer.Flush(); err != nil {
		return err
	}
	<-done
	if count := failed.Load(); count > 0 {
		return fmt.Errorf("%d sends failed", count)
	}
	return nil
}

func sendWaiting(producer pulsar.Producer, j job, content []byte, figures map[string]float64) error {
	took := make([]time.Duration, j.count)
	for i := range took {
		start := time.Now()
		if _, err := producer.Send(context.Background(), &pulsar.ProducerMessage{Payload: content}); err != nil {
			return err
		}
		took[i] = time.Since(start)
	}
	figures["threads"] = float64(threads())
	slices.Sort(took)
	figures["p50_us"] = float64(took[j.count/2]) / 1e3
	figures["p99_us"] = float64(took[j.count-1-j.count/100]) / 1e3
	return nil
}

func addUsage(figures map[string]float64, wall time.Duration, count float64) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	figures["wall_ns"] = float64(wall) / count
	figures["cpu_ns"] = float64(usage.Utime.Nano()+usage.Stime.Nano()) / count
	figures["system_ns"] = float64(usage.Stime.Nano()) / count
	figures["switches"] = float64(usage.Nvcsw + usage.Nivcsw)
	figures["allocations"] = float64(memory.Mallocs) / count
	figures["rss_kb"] = peakKilobytes()
}

func threads() int {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return 0
	}
	return len(tasks)
}

// peakKilobytes is the most memory that was resident. ru_maxrss would include that of the program that started this one.
func peakKilobytes() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.SplitSeq(string(status), "\n") {
		var kilobytes float64
		if _, err := fmt.Sscanf(line, "VmHWM: %f", &kilobytes); err == nil {
			return kilobytes
		}
	}
	return 0
}
