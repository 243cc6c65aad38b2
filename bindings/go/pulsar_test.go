package pulsar

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"
)

// No test waits longer for something that has to happen.
const bound = 30 * time.Second

var serviceURL = os.Getenv("PULSAR_URL")

func TestMain(m *testing.M) {
	if serviceURL == "" {
		fmt.Fprintln(os.Stderr, "PULSAR_URL is not set; in the root of the repository: tests/pulsar/pulsar run -- make test-go")
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// connect gives a client, and a topic that no other test uses.
func connect(t *testing.T) (*Client, string) {
	t.Helper()
	client := must(NewClient(ClientOptions{URL: serviceURL}))(t)
	t.Cleanup(func() { check(t, client.Close()) })
	return client, fmt.Sprintf("go-%s-%d", t.Name(), time.Now().UnixNano())
}

// subscribe subscribes to all messages of a topic.
func subscribe(t *testing.T, client *Client, topic string) *Consumer {
	t.Helper()
	return must(client.Subscribe(ConsumerOptions{
		Topic:                       topic,
		SubscriptionName:            "s",
		SubscriptionInitialPosition: SubscriptionPositionEarliest,
	}))(t)
}

// soon ends long after what is waited for should have happened.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	t.Cleanup(cancel)
	return ctx
}

func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		check(t, err)
		return value
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wants an error with this result, and a text.
func wants(t *testing.T, err error, result int) {
	t.Helper()
	var failure *Error
	if !errors.As(err, &failure) || failure.Result != result || failure.Text == "" {
		t.Fatalf("got %v instead of result %d with a text", err, result)
	}
}
