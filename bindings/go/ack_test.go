package pulsar

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// acking are the ways to acknowledge.
var acking = map[string]func(Consumer, []Message) error{
	"each": func(c Consumer, messages []Message) error {
		for _, m := range messages {
			if err := c.Ack(m); err != nil {
				return err
			}
		}
		return nil
	},
	"ids": func(c Consumer, messages []Message) error {
		for _, m := range messages {
			if err := c.AckID(m.ID()); err != nil {
				return err
			}
		}
		return nil
	},
	"list": func(c Consumer, messages []Message) error {
		ids := make([]MessageID, len(messages))
		for i, m := range messages {
			ids[i] = m.ID()
		}
		return c.AckIDList(ids)
	},
	"cumulative": func(c Consumer, messages []Message) error { return c.AckCumulative(messages[len(messages)-1]) },
	"cumulative id": func(c Consumer, messages []Message) error {
		return c.AckIDCumulative(messages[len(messages)-1].ID())
	},
}

func TestAcknowledgedMessagesDoNotComeAgain(t *testing.T) {
	client := testClient(t)
	for _, batching := range []bool{true, false} {
		topic := testTopic("acks")
		sendNumbers(t, testProducer(t, client, ProducerOptions{Topic: topic, DisableBatching: !batching}), 0, 200)
		for name, acknowledge := range acking {
			for i, options := range []ConsumerOptions{
				{}, {AckWithResponse: true}, {AckGroupingOptions: &AckGroupingOptions{MaxSize: 1}},
				{AckGroupingOptions: &AckGroupingOptions{MaxSize: 7, MaxTime: time.Hour}},
			} {
				options.Topic, options.SubscriptionName = topic, fmt.Sprint(name, i)
				options.EnableBatchIndexAcknowledgment = true
				consumer := testConsumer(t, client, options)
				messages := receiveNumbers(t, consumer, 0, 200)
				must(t, acknowledge(consumer, messages[:120]))
				consumer.Close()
				consumer = testConsumer(t, client, options)
				receiveNumbers(t, consumer, 120, 80)
				consumer.Close()
			}
		}
	}
}

func TestManyGoroutinesWaitForReceipts(t *testing.T) {
	client := testClient(t)
	topic := testTopic("receipts")
	consumer := testConsumer(t, client, ConsumerOptions{Topic: topic, Type: Shared, AckWithResponse: true})
	sendNumbers(t, testProducer(t, client, ProducerOptions{Topic: topic}), 0, 1000)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			for range 50 {
				m, err := consumer.Receive(t.Context())
				if err == nil {
					err = consumer.Ack(m)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	consumer.Close()
	receiveNothing(t, testConsumer(t, client, ConsumerOptions{Topic: topic, Type: Shared}))
}

func TestWhatCannotBeAcknowledged(t *testing.T) {
	client := testClient(t)
	topic := testTopic("wrong")
	sendNumbers(t, testProducer(t, client, ProducerOptions{Topic: topic}), 0, 5)
	for _, confirms := range []bool{false, true} {
		consumer := testConsumer(t, client, ConsumerOptions{
			Topic: topic, Type: Shared, AckWithResponse: confirms, SubscriptionName: fmt.Sprint(confirms),
		})
		m := receiveOne(t, consumer)
		isInvalidAck(t, consumer.AckCumulative(m))
		isInvalidAck(t, consumer.AckIDCumulative(m.ID()))
		isInvalidAck(t, consumer.Ack(nil))
		isInvalidAck(t, consumer.AckID(nil))
		isInvalidAck(t, consumer.AckID(EarliestMessageID()))
		isInvalidAck(t, consumer.AckID(&messageID{ledgerID: 1, entryID: 1, batchIdx: -1, topic: topic + "x"}))
		isResult(t, consumer.AckWithTxn(m, nil), OperationNotSupported)
		// Ids of the program's own are as good as any.
		must(t, consumer.AckID(foreignID{m.ID()}))
		var failed AckError
		if err := consumer.AckIDList([]MessageID{m.ID(), EarliestMessageID()}); !errors.As(err, &failed) || len(failed) != 1 {
			t.Fatalf("the error is %v", err)
		}
		if confirms {
			id := toMessageID(m.ID())
			isResult(t, consumer.AckID(&messageID{
				ledgerID: id.ledgerID, entryID: id.entryID, batchIdx: id.batchSize, batchSize: id.batchSize, topic: topic,
			}), InvalidMessage)
		}
	}
}

type foreignID struct{ MessageID }

// noted notes what interceptors hear.
type noted struct {
	mu                       sync.Mutex
	consumed, acked, refused []string
}

func (n *noted) note(list *[]string, text string) {
	n.mu.Lock()
	*list = append(*list, text)
	n.mu.Unlock()
}

func (n *noted) BeforeConsume(m ConsumerMessage) { n.note(&n.consumed, string(m.Payload())) }

func (n *noted) OnAcknowledge(c Consumer, id MessageID) {
	n.note(&n.acked, c.Subscription()+id.String())
}

func (n *noted) OnNegativeAcksSend(c Consumer, ids []MessageID) {
	for _, id := range ids {
		n.note(&n.refused, c.Subscription()+id.String())
	}
}

func (n *noted) count(list *[]string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(*list)
}

func TestInterceptorsHearEverything(t *testing.T) {
	client := testClient(t)
	topic := testTopic("interceptors")
	heard := &noted{}
	consumer := testConsumer(t, client, ConsumerOptions{
		Topic: topic, Type: Shared, Interceptors: ConsumerInterceptors{heard}, NackRedeliveryDelay: 50 * time.Millisecond,
	})
	sendNumbers(t, testProducer(t, client, ProducerOptions{Topic: topic, DisableBatching: true}), 0, 3)
	messages := receiveNumbers(t, consumer, 0, 3)
	must(t, consumer.Ack(messages[0]))
	must(t, consumer.AckID(messages[1].ID()))
	consumer.Nack(messages[2])
	if again := receiveNumbers(t, consumer, 2, 1)[0]; again.RedeliveryCount() != 1 {
		t.Errorf("it came %d times before", again.RedeliveryCount())
	}
	if want := []string{"0", "1", "2", "2"}; !slices.Equal(heard.consumed, want) {
		t.Errorf("consumed: %v", heard.consumed)
	}
	if want := []string{"s" + messages[0].ID().String(), "s" + messages[1].ID().String()}; !slices.Equal(heard.acked, want) {
		t.Errorf("acknowledged: %v", heard.acked)
	}
	// It is told behind sending, which may have had its effect by then.
	for begin := time.Now(); heard.count(&heard.refused) == 0 && time.Since(begin) < patience; {
		time.Sleep(time.Millisecond)
	}
	if want := "s" + messages[2].ID().String(); heard.count(&heard.refused) != 1 || heard.refused[0] != want {
		t.Errorf("refused: %v", heard.refused)
	}
}

// lengths is a policy that notes how often it was asked.
type lengths struct {
	mu    sync.Mutex
	asked []uint32
}

func (l *lengths) Next(redeliveries uint32) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = append(l.asked, redeliveries)
	return time.Duration(redeliveries+1) * 30 * time.Millisecond
}

func TestRefusedMessagesComeAgain(t *testing.T) {
	client := testClient(t)
	for name, options := range map[string]ConsumerOptions{
		"delay":     {Type: Shared, NackRedeliveryDelay: 100 * time.Millisecond},
		"policy":    {Type: Shared, NackBackoffPolicy: &lengths{}},
		"keys":      {Type: KeyShared, NackBackoffPolicy: &lengths{}},
		"exclusive": {NackRedeliveryDelay: 100 * time.Millisecond},
	} {
		for _, batching := range []bool{true, false} {
			options.Topic = testTopic("nack")
			consumer := testConsumer(t, client, options)
			sendNumbers(t, testProducer(t, client, ProducerOptions{Topic: options.Topic, DisableBatching: !batching}), 0, 30)
			begin := time.Now()
			messages := receiveNumbers(t, consumer, 0, 20)
			for _, m := range messages[:10] {
				must(t, consumer.Ack(m))
			}
			for i, m := range messages[10:] {
				if i%2 == 0 || options.NackBackoffPolicy != nil {
					consumer.Nack(m)
				} else {
					consumer.NackID(m.ID())
				}
			}
			// Those that were not refused come once more on subscriptions that are not shared.
			seen := make(map[string]int)
			for len(seen) < 20 || seen["10"] < 1 || seen["29"] < 1 {
				m := receiveOne(t, consumer)
				seen[string(m.Payload())]++
				must(t, consumer.Ack(m))
			}
			if took := time.Since(begin); took < 30*time.Millisecond {
				t.Errorf("%s: they came again after %v", name, took)
			}
			for text := range seen {
				if len(text) == 1 {
					t.Errorf("%s: %s was acknowledged and came again", name, text)
				}
			}
			consumer.Close()
			receiveNothing(t, testConsumer(t, client, ConsumerOptions{Topic: options.Topic, Type: options.Type}))
		}
		if policy, ok := options.NackBackoffPolicy.(*lengths); ok && (len(policy.asked) != 20 || policy.asked[0] != 0) {
			t.Errorf("%s: the policy was asked for %v", name, policy.asked)
		}
	}
}

func TestDeadLetters(t *testing.T) {
	client := testClient(t)
	topic, dead := testTopic("alive"), testTopic("dead")
	letters := testConsumer(t, client, ConsumerOptions{Topic: dead})
	consumer := testConsumer(t, client, ConsumerOptions{
		Topic: topic, Type: Shared, NackRedeliveryDelay: 20 * time.Millisecond,
		DLQ: &DLQPolicy{MaxDeliveries: 3, DeadLetterTopic: dead},
	})
	sendNumbers(t, testProducer(t, client, ProducerOptions{Topic: topic}), 0, 1)
	for i := range uint32(3) {
		m := receiveOne(t, consumer)
		if m.RedeliveryCount() != i {
			t.Fatalf("it came %d times before instead of %d", m.RedeliveryCount(), i)
		}
		consumer.Nack(m)
	}
	m := receiveOne(t, letters)
	if string(m.Payload()) != "0" || m.Properties()[SysPropertyRealTopic] != topic || m.Properties()["number"] != "0" {
		t.Errorf("the dead letter is %q with %v", m.Payload(), m.Properties())
	}
	receiveNothing(t, consumer)
}

func TestReconsumingLater(t *testing.T) {
	client := testClient(t)
	topic := testTopic("later")
	consumer := testConsumer(t, client, ConsumerOptions{
		Topic: topic, Type: Shared, RetryEnable: true, DLQ: &DLQPolicy{MaxDeliveries: 2, DeadLetterTopic: topic + "-dead"},
	})
	letters := testConsumer(t, client, ConsumerOptions{Topic: topic + "-dead"})
	sendNumbers(t, testProducer(t, client, ProducerOptions{Topic: topic}), 0, 5)
	messages := receiveNumbers(t, consumer, 0, 5)
	for _, m := range messages[1:] {
		must(t, consumer.Ack(m))
	}
	m := messages[0]
	for i := range 2 {
		consumer.ReconsumeLaterWithCustomProperties(m, map[string]string{"why": "busy"}, 50*time.Millisecond)
		m = receiveOne(t, consumer)
		properties := m.Properties()
		if string(m.Payload()) != "0" || properties[SysPropertyReconsumeTimes] != fmt.Sprint(i+1) ||
			properties["why"] != "busy" || properties["number"] != "0" || properties[SysPropertyRealTopic] != topic {
			t.Fatalf("it is %q with %v", m.Payload(), properties)
		}
	}
	consumer.ReconsumeLater(m, 0)
	if letter := receiveOne(t, letters); string(letter.Payload()) != "0" {
		t.Errorf("the letter is %q", letter.Payload())
	}
	receiveNothing(t, consumer)
	// What cannot be put off is logged.
	plain := testConsumer(t, client, ConsumerOptions{Topic: topic, SubscriptionName: "plain"})
	plain.ReconsumeLater(receiveOne(t, plain), 0)
	plain.ReconsumeLater(m, 0)
}

func TestUnsubscribing(t *testing.T) {
	client := testClient(t)
	topic := testTopic("gone")
	sendNumbers(t, testProducer(t, client, ProducerOptions{Topic: topic}), 0, 3)
	one := testConsumer(t, client, ConsumerOptions{Topic: topic, Type: Shared})
	other := testConsumer(t, client, ConsumerOptions{Topic: topic, Type: Shared})
	isResult(t, one.Unsubscribe(), BrokerMetadataError)
	must(t, one.UnsubscribeForce())
	_, err := one.Receive(limited(t))
	isResult(t, err, ConsumerClosed)
	other.Close()
	last := testConsumer(t, client, ConsumerOptions{Topic: topic, SubscriptionName: "last"})
	receiveNumbers(t, last, 0, 1)
	must(t, last.Unsubscribe())
	last.Close()
	receiveNumbers(t, testConsumer(t, client, ConsumerOptions{Topic: topic, SubscriptionName: "last"}), 0, 3)
}

// changes notes who is active.
type changes struct{ heard chan string }

func (c changes) BecameActive(consumer Consumer, topic string, partition int32) {
	c.heard <- fmt.Sprint("active ", consumer.Name(), topic, partition)
}

func (c changes) BecameInactive(consumer Consumer, topic string, partition int32) {
	c.heard <- fmt.Sprint("inactive ", consumer.Name(), topic, partition)
}

func TestListenersHearWhoIsActive(t *testing.T) {
	client := testClient(t)
	topic := testTopic("active")
	heard := changes{make(chan string, 10)}
	open := func(name string) Consumer {
		return testConsumer(t, client, ConsumerOptions{Topic: topic, Type: Failover, Name: name, EventListener: heard})
	}
	// Until one of them is the one that is served, and all others are not.
	active := make(map[string]bool)
	await := func(names ...string) (served string) {
		t.Helper()
		for {
			served, count := "", 0
			for _, name := range names {
				if active[name] {
					served = name
					count++
				}
			}
			if count == 1 && len(active) >= len(names) {
				return served
			}
			select {
			case got := <-heard.heard:
				word, rest, _ := strings.Cut(got, " ")
				name, ok := strings.CutSuffix(rest, topic+"-1")
				if !ok {
					t.Fatalf("heard %q", got)
				}
				active[name] = word == "active"
			case <-time.After(patience):
				t.Fatalf("of %v these are active: %v", names, active)
			}
		}
	}
	consumers := map[string]Consumer{"a": open("a")}
	await("a")
	consumers["b"] = open("b")
	served := await("a", "b")
	consumers[served].Close()
	delete(active, served)
	other := "a"
	if served == "a" {
		other = "b"
	}
	await(other)
}

func TestOptionsThatCannotBe(t *testing.T) {
	client := testClient(t)
	negative := int64(-1)
	for i, wrong := range []struct {
		options ConsumerOptions
		result  Result
	}{
		{ConsumerOptions{}, TopicNotFound},
		{ConsumerOptions{Topic: "t"}, SubscriptionNotFound},
		{ConsumerOptions{Topic: "a/b", SubscriptionName: "s"}, InvalidTopicName},
		{ConsumerOptions{Topic: "t\x00", SubscriptionName: "s"}, InvalidTopicName},
		{ConsumerOptions{Topic: "t", SubscriptionName: "s", Type: 9}, InvalidConfiguration},
		{ConsumerOptions{Topic: "t", SubscriptionName: "s", EnableZeroQueueConsumer: true, RetryEnable: true}, InvalidConfiguration},
		{ConsumerOptions{Topic: "t", SubscriptionName: "s", RetryEnable: true}, OperationNotSupported},
		{ConsumerOptions{Topic: "t", SubscriptionName: "s", NackPrecisionBit: &negative}, InvalidConfiguration},
		{ConsumerOptions{Topic: "t", SubscriptionName: "s", DLQ: &DLQPolicy{}}, InvalidConfiguration},
		{ConsumerOptions{Topic: "t", SubscriptionName: "s", DLQ: &DLQPolicy{MaxDeliveries: 1, ProducerOptions: ProducerOptions{Name: "n"}}}, OperationNotSupported},
		{ConsumerOptions{Topic: "t", SubscriptionName: "s", KeySharedPolicy: &KeySharedPolicy{}}, InvalidConfiguration},
		{ConsumerOptions{Topic: "t", SubscriptionName: "s", Type: KeyShared, KeySharedPolicy: &KeySharedPolicy{Mode: KeySharedPolicyModeSticky}}, InvalidConfiguration},
		{ConsumerOptions{Topics: []string{"t", "u"}, SubscriptionName: "s", EnableZeroQueueConsumer: true}, InvalidConfiguration},
		{ConsumerOptions{Topic: "t", SubscriptionName: "s", Decryption: &MessageDecryptionInfo{ConsumerCryptoFailureAction: 9}}, InvalidConfiguration},
	} {
		consumer, err := client.Subscribe(wrong.options)
		if err == nil {
			consumer.Close()
			t.Fatalf("number %d is accepted", i)
		}
		isResult(t, err, wrong.result)
	}
	exclusive := ConsumerOptions{Topic: testTopic("exclusive"), SubscriptionName: "s"}
	testConsumer(t, client, exclusive)
	_, err := client.Subscribe(exclusive)
	isResult(t, err, ConsumerBusy)
}

func TestStickyKeysAndPropertiesAreAccepted(t *testing.T) {
	client := testClient(t)
	topic := testTopic("sticky")
	options := func(first, last int) ConsumerOptions {
		policy, err := NewKeySharedPolicySticky([]int{first, last})
		must(t, err)
		return ConsumerOptions{
			Topic: topic, Type: KeyShared, KeySharedPolicy: policy, Properties: map[string]string{"a": "b"},
			SubscriptionProperties: map[string]string{"c": "d"}, Name: fmt.Sprint("from", first), ReplicateSubscriptionState: true,
		}
	}
	low, high := testConsumer(t, client, options(0, 32767)), testConsumer(t, client, options(32768, 65535))
	sendNumbers(t, testProducer(t, client, ProducerOptions{Topic: topic, DisableBatching: true}), 0, 100)
	got := make(chan string, 100)
	for _, consumer := range []Consumer{low, high} {
		go func() {
			for {
				if _, err := consumer.Receive(t.Context()); err != nil {
					return
				}
				got <- consumer.Name()
			}
		}()
	}
	count := make(map[string]int)
	for range 100 {
		count[<-got]++
	}
	if count["from0"] == 0 || count["from32768"] == 0 {
		t.Errorf("the consumers got %v", count)
	}
	_, err := client.Subscribe(ConsumerOptions{Topic: topic, SubscriptionName: "s", Type: KeyShared, KeySharedPolicy: options(100, 200).KeySharedPolicy})
	isResult(t, err, ConsumerBusy)
}

func TestNonDurableSubscriptionsEnd(t *testing.T) {
	client := testClient(t)
	topic := testTopic("passing")
	sendNumbers(t, testProducer(t, client, ProducerOptions{Topic: topic}), 0, 10)
	for range 2 {
		consumer := testConsumer(t, client, ConsumerOptions{Topic: topic, SubscriptionMode: NonDurable})
		for _, m := range receiveNumbers(t, consumer, 0, 10) {
			must(t, consumer.Ack(m))
		}
		consumer.Close()
	}
}
