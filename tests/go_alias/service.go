// Package goalias is a program for pulsar-client-go, which uses pulsar_rs by the replace directives of its go.mod alone. It
// compiles without them, too.
package goalias

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/apache/pulsar-client-go/pulsar"
	"github.com/apache/pulsar-client-go/pulsar/auth"
	"github.com/apache/pulsar-client-go/pulsar/backoff"
	"github.com/apache/pulsar-client-go/pulsar/crypto"
	"github.com/apache/pulsar-client-go/pulsar/log"
)

type order struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
}

const schemaText = `{"type":"record","name":"order","fields":[{"name":"id","type":"int"},{"name":"name","type":"string"}]}`

// store is what a service calls its own types with those of the client in.
type store struct {
	producer pulsar.Producer
	failures chan error
}

func (s *store) confirmed(id pulsar.MessageID, message *pulsar.ProducerMessage, err error) {
	var failure *pulsar.Error
	switch {
	case errors.As(err, &failure):
		err = fmt.Errorf("%d: %w", failure.Result(), err)
	case err == nil && (id.EntryID() < 0 || message.Value == nil):
		err = fmt.Errorf("a strange message %v", id)
	}
	s.failures <- err
}

type counter struct{ seen int }

func (c *counter) BeforeConsume(pulsar.ConsumerMessage)                   { c.seen++ }
func (c *counter) OnAcknowledge(pulsar.Consumer, pulsar.MessageID)        {}
func (c *counter) OnNegativeAcksSend(pulsar.Consumer, []pulsar.MessageID) {}

var (
	_ pulsar.ConsumerInterceptor = (*counter)(nil)
	_ func() backoff.Policy      = backoff.NewDefaultBackoff
	_ crypto.KeyReader           = crypto.NewFileKeyReader("", "")
	_ auth.Provider              = auth.NewAuthDisabled()
)

// run sends orders and receives them.
func run(ctx context.Context, url string, count int) (err error) {
	client, err := pulsar.NewClient(pulsar.ClientOptions{
		URL:               url,
		ConnectionTimeout: 5 * time.Second,
		Authentication:    pulsar.NewAuthenticationToken("not looked at"),
		Logger:            log.NewLoggerWithSlog(slog.New(slog.NewTextHandler(io.Discard, nil))),
	})
	if err != nil {
		return err
	}
	defer client.Close()
	schema := pulsar.NewJSONSchema(schemaText, nil)
	interceptor := new(counter)
	consumer, err := client.Subscribe(pulsar.ConsumerOptions{
		Topic: "orders", SubscriptionName: "billing", Type: pulsar.Shared, Schema: schema,
		SubscriptionInitialPosition: pulsar.SubscriptionPositionEarliest,
		Interceptors:                pulsar.ConsumerInterceptors{interceptor},
	})
	if err != nil {
		return err
	}
	defer consumer.Close()
	producer, err := client.CreateProducer(pulsar.ProducerOptions{
		Topic: "orders", Schema: schema, CompressionType: pulsar.LZ4, BatchingMaxPublishDelay: time.Millisecond,
	})
	if err != nil {
		return err
	}
	defer producer.Close()

	own := &store{producer: producer, failures: make(chan error, count)}
	for i := range count {
		own.producer.SendAsync(ctx, &pulsar.ProducerMessage{
			Value: order{ID: i, Name: "a"}, Key: fmt.Sprint(i % 7), Properties: map[string]string{"i": fmt.Sprint(i)},
		}, own.confirmed)
	}
	if err := producer.FlushWithCtx(ctx); err != nil {
		return err
	}
	for range count {
		if err := <-own.failures; err != nil {
			return err
		}
	}
	for i := range count {
		message, err := consumer.Receive(ctx)
		if err != nil {
			return err
		}
		var got order
		if err := message.GetSchemaValue(&got); err != nil {
			return err
		}
		if got.ID != i || message.Key() != fmt.Sprint(i%7) || message.Properties()["i"] != fmt.Sprint(i) {
			return fmt.Errorf("message %d is %+v", i, got)
		}
		if err := consumer.Ack(message); err != nil {
			return err
		}
	}
	if interceptor.seen != count {
		return fmt.Errorf("the interceptor saw %d of %d messages", interceptor.seen, count)
	}
	return nil
}
