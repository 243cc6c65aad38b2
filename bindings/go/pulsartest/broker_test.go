package pulsartest_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	pulsar "github.com/pulsar-rs/pulsar_rs/bindings/go"
	"github.com/pulsar-rs/pulsar_rs/bindings/go/log"
	"github.com/pulsar-rs/pulsar_rs/bindings/go/pulsartest"
)

const orders = "persistent://public/default/orders"

func connect(t *testing.T, options pulsar.ClientOptions) pulsar.Client {
	t.Helper()
	options.Logger = log.DefaultNopLogger()
	if options.OperationTimeout == 0 {
		options.OperationTimeout = 10 * time.Second
	}
	client, err := pulsar.NewClient(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func produce(t *testing.T, client pulsar.Client, topic string, count int) {
	t.Helper()
	producer, err := client.CreateProducer(pulsar.ProducerOptions{Topic: topic})
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	for i := range count {
		if _, err := producer.Send(t.Context(), &pulsar.ProducerMessage{Payload: fmt.Append(nil, i)}); err != nil {
			t.Fatal(err)
		}
	}
}

func subscribe(t *testing.T, client pulsar.Client, topic, subscription string) pulsar.Consumer {
	t.Helper()
	consumer, err := client.Subscribe(pulsar.ConsumerOptions{
		Topic: topic, SubscriptionName: subscription,
		SubscriptionInitialPosition: pulsar.SubscriptionPositionEarliest,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(consumer.Close)
	return consumer
}

func receive(t *testing.T, consumer pulsar.Consumer) pulsar.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	message, err := consumer.Receive(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return message
}

// eventually waits for a condition, 10 s at the most.
func eventually(t *testing.T, what string, met func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !met(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 10 s", what)
		}
	}
}

func resultOf(err error) pulsar.Result {
	failure := new(pulsar.Error)
	if errors.As(err, &failure) {
		return failure.Result()
	}
	return -1
}

func TestTopicsOfTheBroker(t *testing.T) {
	broker := pulsartest.Start(t)
	client := connect(t, pulsar.ClientOptions{URL: broker.URL()})
	broker.CreateTopic("parts", 3)
	broker.AddPartitions("parts", 5)
	partitions, err := client.TopicPartitions("parts")
	if err != nil || len(partitions) != 5 {
		t.Error(partitions, err)
	}
	if messages := broker.Backlog(orders, "s"); messages != -1 {
		t.Errorf("nobody subscribed, but there are %d messages", messages)
	}
	consumer := subscribe(t, client, orders, "s")
	produce(t, client, orders, 10)
	if messages := broker.Backlog(orders, "s"); messages != 10 {
		t.Errorf("10 messages were sent, but there are %d", messages)
	}
	if err := consumer.AckCumulative(func() (last pulsar.Message) {
		for range 7 {
			last = receive(t, consumer)
		}
		return last
	}()); err != nil {
		t.Error(err)
	}
	eventually(t, "3 messages are left", func() bool { return broker.Backlog(orders, "s") == 3 })
	broker.DeleteTopic(orders)
	eventually(t, "the subscription is gone", func() bool { return broker.Backlog(orders, "s") <= 0 })
}

func TestBrokersAreApart(t *testing.T) {
	first, second := pulsartest.Start(t), pulsartest.Start(t)
	if first.URL() == second.URL() || first.HTTPURL() == second.HTTPURL() {
		t.Fatal(first.URL(), second.URL(), first.HTTPURL())
	}
	response, err := http.Get(first.HTTPURL() + "/lookup/v2/topic/persistent/public/default/t")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Error(response.Status)
	}
	first.Stop()
	first.Stop()
	if connection, err := net.Dial("tcp", address(t, first.URL())); err == nil {
		_ = connection.Close()
		t.Error("the broker is stopped, but it accepts connections")
	}
	first.Restart()
	produce(t, connect(t, pulsar.ClientOptions{URL: first.URL()}), orders, 1)
	if connections := second.DropConnections(); connections != 0 {
		t.Errorf("the second broker has %d connections", connections)
	}
}

func address(t *testing.T, text string) string {
	parsed, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Host
}

func TestProducersGetOverFaults(t *testing.T) {
	broker := pulsartest.Start(t)
	client := connect(t, pulsar.ClientOptions{URL: broker.URL()})
	producer, err := client.CreateProducer(pulsar.ProducerOptions{Topic: orders})
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	send := func() (pulsar.MessageID, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		return producer.Send(ctx, &pulsar.ProducerMessage{Payload: []byte("x")})
	}
	before, err := send()
	if err != nil {
		t.Fatal(err)
	}
	for name, fault := range map[string]func() bool{
		"connections are dropped": func() bool { return broker.DropConnections() > 0 },
		"producers are closed":    func() bool { return broker.CloseProducers(orders) == 1 },
		"the topic is unloaded":   func() bool { broker.Unload(orders); return true },
	} {
		if !fault() {
			t.Errorf("%s: there were none", name)
		}
		if _, err := send(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after, err := send(); err != nil || after.LedgerID() == before.LedgerID() {
		t.Errorf("%v after %v: the topic was not unloaded; %v", after, before, err)
	}
}

func TestReceiptsThatComeLateOrNotAtAll(t *testing.T) {
	broker := pulsartest.Start(t)
	client := connect(t, pulsar.ClientOptions{URL: broker.URL()})
	producer, err := client.CreateProducer(pulsar.ProducerOptions{Topic: orders, SendTimeout: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	send := func() (time.Duration, error) {
		began := time.Now()
		_, err := producer.Send(t.Context(), &pulsar.ProducerMessage{Payload: []byte("x")})
		return time.Since(began), err
	}
	broker.DelayReceipts(150 * time.Millisecond)
	if took, err := send(); err != nil || took < 150*time.Millisecond {
		t.Error(took, err)
	}
	broker.DelayReceipts(0)
	for what, hold := range map[string]func(bool){"receipts": broker.WithholdReceipts, "everything": broker.Freeze} {
		hold(true)
		if _, err := send(); !errors.Is(err, pulsar.ErrSendTimeout) {
			t.Errorf("%s is held back: %v", what, err)
		}
		hold(false)
		if _, err := send(); err != nil {
			t.Errorf("%s is not held back any more: %v", what, err)
		}
	}
}

func TestCommandsThatFail(t *testing.T) {
	broker := pulsartest.Start(t)
	client := connect(t, pulsar.ClientOptions{URL: broker.URL()})
	broker.FailNext(pulsartest.CommandProducer, pulsartest.ServerTopicTerminatedError, "closed for good", 1)
	_, err := client.CreateProducer(pulsar.ProducerOptions{Topic: orders})
	if resultOf(err) != pulsar.TopicTerminated || !strings.Contains(err.Error(), "closed for good") {
		t.Error(err)
	}
	broker.FailNext(pulsartest.CommandSubscribe, pulsartest.ServerConsumerBusy, "", 1)
	_, err = client.Subscribe(pulsar.ConsumerOptions{Topic: orders, SubscriptionName: "s"})
	if resultOf(err) != pulsar.ConsumerBusy {
		t.Error(err)
	}
	produce(t, client, orders, 1)
	subscribe(t, client, orders, "s")
}

func TestClientsThatAreNotLetIn(t *testing.T) {
	broker := pulsartest.Start(t)
	broker.RequireAuthentication(true)
	broker.AddUser("me", "secret")
	broker.SetPermissions("me", true, false)
	broker.SetPermissions("reader", false, true)
	basic, err := pulsar.NewAuthenticationBasic("me", "secret")
	if err != nil {
		t.Fatal(err)
	}
	produce(t, connect(t, pulsar.ClientOptions{URL: broker.URL(), Authentication: basic}), orders, 3)
	for _, test := range []struct {
		token string
		want  pulsar.Result
	}{
		{broker.IssueToken("reader", 0), pulsar.AuthorizationError},
		{broker.IssueToken("reader", -time.Second), pulsar.AuthenticationError},
		{"no token", pulsar.AuthenticationError},
	} {
		client := connect(t, pulsar.ClientOptions{
			URL: broker.URL(), Authentication: pulsar.NewAuthenticationToken(test.token),
			OperationTimeout: 2 * time.Second,
		})
		if _, err := client.CreateProducer(pulsar.ProducerOptions{Topic: orders}); resultOf(err) != test.want {
			t.Errorf("%v instead of %d", err, test.want)
		}
	}
	token := pulsar.NewAuthenticationToken(broker.IssueToken("reader", time.Hour))
	consumer := subscribe(t, connect(t, pulsar.ClientOptions{URL: broker.URL(), Authentication: token}), orders, "s")
	receive(t, consumer)
}

func TestConsumersGetOverFaults(t *testing.T) {
	broker := pulsartest.Start(t)
	broker.SetEntryMetadata(true)
	client := connect(t, pulsar.ClientOptions{URL: broker.URL()})
	consumer := subscribe(t, client, orders, "s")
	for i, fault := range []func() bool{
		func() bool { return true },
		func() bool { return broker.DropConnections() > 0 },
		func() bool { return broker.CloseConsumers(orders, "s") == 1 },
		func() bool { broker.Unload(orders); return true },
	} {
		if !fault() {
			t.Errorf("fault %d hit nobody", i)
		}
		produce(t, client, orders, 1)
		message := receive(t, consumer)
		if index := message.Index(); index == nil || *index != uint64(i) || message.BrokerPublishTime() == nil {
			t.Errorf("message %d has no index: %v", i, index)
		}
		if err := consumer.Ack(message); err != nil {
			t.Error(err)
		}
	}
}

func TestWhatGoesWrongIsReported(t *testing.T) {
	test := new(failures)
	broker := pulsartest.Start(test)
	t.Cleanup(broker.Stop)
	broker.CreateTopic("no://topic", 1)
	broker.Unload("persistent://public/default/nowhere")
	broker.IssueToken("me", 0)
	broker.AddUser("me", "secret")
	broker.Stop()
	broker.Freeze(true)
	if len(test.texts) != 5 || strings.Contains(fmt.Sprint(test.texts), "secret") {
		t.Errorf("%q", test.texts)
	}
}

// failures is a test whose failures are not those of the test that looks at it.
type failures struct{ texts []string }

func (f *failures) Helper()        {}
func (f *failures) Cleanup(func()) {}

func (f *failures) Errorf(format string, args ...interface{}) {
	f.texts = append(f.texts, fmt.Sprintf(format, args...))
}

func (f *failures) Fatalf(format string, args ...interface{}) { f.Errorf(format, args...) }
