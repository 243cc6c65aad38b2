// Sends each line of standard input as one message.
//
//	produce pulsar://localhost:6650 my-topic < file
//
// Lines are sent without waiting; the outcome of each comes to a callback. At the end it prints how many were
// stored, how fast, and how long a line took from sending to its receipt. SIGTERM and SIGINT end the input: what was
// sent by then is stored before the program ends.
package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	pulsar "github.com/pulsar-rs/pulsar_rs/bindings/go"
	"github.com/pulsar-rs/pulsar_rs/bindings/go/log"
)

// outcomes is written by callbacks, which come one after the other, and read when all are through.
type outcomes struct {
	took        []time.Duration // of stored lines
	failed      int
	lastFailure error
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintf(os.Stderr, "usage: %s SERVICE_URL TOPIC < FILE\n", os.Args[0])
		os.Exit(2)
	}
	if err := produce(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func produce(url, topic string) error {
	warnings := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	client, err := pulsar.NewClient(pulsar.ClientOptions{URL: url, Logger: log.NewLoggerWithSlog(warnings)})
	if err != nil {
		return err
	}
	defer client.Close()
	options := pulsar.ProducerOptions{Topic: topic, BatchingMaxPublishDelay: time.Millisecond}
	producer, err := client.CreateProducer(options)
	if err != nil {
		return err
	}
	defer producer.Close()

	var outcomes outcomes
	start := time.Now()
	sendError := sendLines(producer, &outcomes)
	// When it returns, every callback has run. What failed was told to its callback.
	_ = producer.Flush()
	if err := outcomes.report(time.Since(start)); err != nil {
		return err
	}
	return sendError
}

func sendLines(producer pulsar.Producer, outcomes *outcomes) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	lines, failure := readLines()
	for sent := 0; ; sent++ {
		var line []byte
		var more bool
		select {
		case line, more = <-lines:
		case <-ctx.Done():
		}
		if !more {
			break
		}
		sentAt := time.Now()
		message := &pulsar.ProducerMessage{Payload: line}
		producer.SendAsync(context.Background(), message, func(_ pulsar.MessageID, _ *pulsar.ProducerMessage, err error) {
			outcomes.add(time.Since(sentAt), err)
		})
		if (sent+1)%20000 == 0 {
			fmt.Fprintf(os.Stderr, "  sent %d lines\n", sent+1)
		}
	}
	select {
	case err := <-failure:
		return err
	default:
		return nil
	}
}

// readLines reads on a goroutine of its own, because nothing interrupts a read. Lines end with the input, or with a
// failure, which is there before.
func readLines() (<-chan []byte, <-chan error) {
	lines, failure := make(chan []byte, 1024), make(chan error, 1)
	go func() {
		defer close(lines)
		input := bufio.NewReader(os.Stdin)
		for {
			line, err := input.ReadBytes('\n')
			if line, _ = bytes.CutSuffix(line, []byte("\n")); err == nil || len(line) > 0 {
				lines <- line
			}
			if err != nil {
				if err != io.EOF {
					failure <- err
				}
				return
			}
		}
	}()
	return lines, failure
}

func (o *outcomes) add(took time.Duration, err error) {
	if err != nil {
		o.failed++
		o.lastFailure = err
		return
	}
	o.took = append(o.took, took)
}

func (o *outcomes) report(elapsed time.Duration) error {
	count := len(o.took)
	fmt.Fprintf(os.Stderr, "produced %d lines in %.2f s: %.0f lines/s",
		count, elapsed.Seconds(), float64(count)/elapsed.Seconds())
	if count > 0 {
		slices.Sort(o.took)
		fmt.Fprintf(os.Stderr, ", latency p50 %.2f ms, p99 %.2f ms",
			milliseconds(o.took[count/2]), milliseconds(o.took[count-1-count/100]))
	}
	fmt.Fprintln(os.Stderr)
	if o.failed > 0 {
		return fmt.Errorf("%d lines failed, the last with: %w", o.failed, o.lastFailure)
	}
	return nil
}

func milliseconds(duration time.Duration) float64 {
	return float64(duration.Microseconds()) / 1000
}
