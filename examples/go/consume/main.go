// Prints each message of a subscription as one line.
//
//	consume pulsar://localhost:6650 my-topic my-subscription [COUNT]
//
// Each message is acknowledged when it is printed. It ends after COUNT messages, or with SIGTERM or SIGINT.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	pulsar "github.com/pulsar-rs/pulsar_rs/bindings/go"
	"github.com/pulsar-rs/pulsar_rs/bindings/go/log"
)

func main() {
	if len(os.Args) < 4 || len(os.Args) > 5 {
		usage()
	}
	count := 0 // no end
	if len(os.Args) == 5 {
		var err error
		if count, err = strconv.Atoi(os.Args[4]); err != nil || count < 1 {
			usage()
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := consume(ctx, os.Args[1], os.Args[2], os.Args[3], count); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func usage() {
	fmt.Fprintf(os.Stderr, "usage: %s SERVICE_URL TOPIC SUBSCRIPTION [COUNT]\n", os.Args[0])
	os.Exit(2)
}

func consume(ctx context.Context, url, topic, subscription string, count int) error {
	warnings := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	client, err := pulsar.NewClient(pulsar.ClientOptions{URL: url, Logger: log.NewLoggerWithSlog(warnings)})
	if err != nil {
		return err
	}
	defer client.Close()
	consumer, err := client.Subscribe(pulsar.ConsumerOptions{
		Topic:                       topic,
		SubscriptionName:            subscription,
		SubscriptionInitialPosition: pulsar.SubscriptionPositionEarliest,
	})
	if err != nil {
		return err
	}
	// Sends the acknowledgements that wait.
	defer consumer.Close()
	return printMessages(ctx, consumer, count)
}

func printMessages(ctx context.Context, consumer pulsar.Consumer, count int) error {
	received := 0
	var first, last time.Time
	for count == 0 || received < count {
		message, err := consumer.Receive(ctx)
		if errors.Is(err, context.Canceled) {
			break
		}
		if err != nil {
			return err
		}
		if _, err := os.Stdout.Write(append(message.Payload(), '\n')); err != nil {
			return err
		}
		if err := consumer.Ack(message); err != nil {
			return err
		}
		last = time.Now()
		if received++; received == 1 {
			first = last
		}
		if received%20000 == 0 {
			fmt.Fprintf(os.Stderr, "  received %d lines\n", received)
		}
	}
	seconds := max(last.Sub(first).Seconds(), 1e-9)
	fmt.Fprintf(os.Stderr, "consumed %d lines in %.2f s: %.0f lines/s\n", received, seconds, float64(received)/seconds)
	return nil
}
