package pulsartest

import (
	"context"
	"sync"
	"time"

	pulsar "github.com/pulsar-rs/pulsar_rs/bindings/go"
)

// Consumer is a mock of a consumer. It yields the messages that the test gives it, and notes what is acknowledged.
// Nothing is delivered again by itself: the test may yield a message again.
type Consumer struct {
	t     T
	queue *queue

	mutex      sync.Mutex
	options    pulsar.ConsumerOptions
	yielded    []pulsar.Message
	acked      []pulsar.MessageID
	nacked     []pulsar.MessageID
	later      []pulsar.Message
	ackFailure error
	ackAll     bool
	channel    chan pulsar.ConsumerMessage // nil before Chan
}

var _ pulsar.Consumer = (*Consumer)(nil)

// NewConsumer makes a mock of a consumer for programs that are given one. Programs that subscribe get it from
// Client.ExpectSubscribe.
func NewConsumer(t T, topic string) *Consumer {
	consumer := &Consumer{t: t, queue: newQueue(t, topic)}
	consumer.options.Name, consumer.options.SubscriptionName = "pulsartest", "pulsartest"
	t.Cleanup(consumer.report)
	return consumer
}

func (c *Consumer) apply(options pulsar.ConsumerOptions) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if options.Name == "" {
		options.Name = c.options.Name
	}
	c.options = options
}

// YieldMessage gives the consumer a message with this content, and an id with the ledger 1 and entries from 0. A Value is
// encoded with the message's schema or, without one, that which the program subscribed with.
func (c *Consumer) YieldMessage(content *pulsar.ProducerMessage) pulsar.Message {
	c.t.Helper()
	message := c.queue.add(content, c.Options().Schema)
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.yielded = append(c.yielded, message)
	return message
}

// Yield gives the consumer a message, such as one that it yielded before.
func (c *Consumer) Yield(message pulsar.Message) {
	c.mutex.Lock()
	c.yielded = append(c.yielded, message)
	c.mutex.Unlock()
	c.queue.put(item{message: message})
}

// YieldError lets Receive fail once all that was yielded before is received. Chan leaves errors out.
func (c *Consumer) YieldError(err error) { c.queue.put(item{err: err}) }

// FailAcks lets everything that acknowledges fail with this error from now on; nil: succeed.
func (c *Consumer) FailAcks(err error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.ackFailure = err
}

// ExpectDrained expects all messages to be received before the end of the test.
func (c *Consumer) ExpectDrained() { c.queue.expectDrained() }

// ExpectAllAcked expects all messages to be received and acknowledged before the end of the test.
func (c *Consumer) ExpectAllAcked() {
	c.queue.expectDrained()
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.ackAll = true
}

// Acked returns the ids of what was acknowledged, in order. AckCumulative acknowledges all that was yielded before.
func (c *Consumer) Acked() []pulsar.MessageID {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return append([]pulsar.MessageID(nil), c.acked...)
}

// Nacked returns the ids of what was refused with Nack and NackID, in order.
func (c *Consumer) Nacked() []pulsar.MessageID {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return append([]pulsar.MessageID(nil), c.nacked...)
}

// Reconsumed returns what was put off with ReconsumeLater, in order.
func (c *Consumer) Reconsumed() []pulsar.Message {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return append([]pulsar.Message(nil), c.later...)
}

// Options returns what the program subscribed with.
func (c *Consumer) Options() pulsar.ConsumerOptions {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.options
}

// Closed says whether the program has closed or unsubscribed the consumer.
func (c *Consumer) Closed() bool { return c.queue.closed() }

// Subscription returns the name of the options, or pulsartest.
func (c *Consumer) Subscription() string { return c.Options().SubscriptionName }

// Name returns the name of the options, or pulsartest.
func (c *Consumer) Name() string { return c.Options().Name }

// Receive returns what was yielded, in order.
func (c *Consumer) Receive(ctx context.Context) (pulsar.Message, error) {
	message, err := c.queue.take(ctx)
	if err == nil {
		c.Options().Interceptors.BeforeConsume(pulsar.ConsumerMessage{Consumer: c, Message: message})
	}
	return message, err
}

// Chan returns a channel with what was yielded. As that of every consumer, it is not closed.
func (c *Consumer) Chan() <-chan pulsar.ConsumerMessage {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.channel == nil {
		if c.channel = c.options.MessageChannel; c.channel == nil {
			c.channel = make(chan pulsar.ConsumerMessage)
		}
		go c.feed(c.channel)
	}
	return c.channel
}

func (c *Consumer) feed(channel chan pulsar.ConsumerMessage) {
	for {
		message, err := c.Receive(context.Background())
		if c.queue.closed() {
			return
		}
		if err != nil {
			continue
		}
		select {
		case channel <- pulsar.ConsumerMessage{Consumer: c, Message: message}:
		case <-c.queue.done:
			return
		}
	}
}

// Ack notes that the message is acknowledged.
func (c *Consumer) Ack(message pulsar.Message) error { return c.AckID(message.ID()) }

// AckID notes that the message is acknowledged.
func (c *Consumer) AckID(id pulsar.MessageID) error { return c.AckIDList([]pulsar.MessageID{id}) }

// AckIDList notes that the messages are acknowledged.
func (c *Consumer) AckIDList(ids []pulsar.MessageID) error {
	if c.queue.closed() {
		return closed("acknowledge")
	}
	c.mutex.Lock()
	err, interceptors := c.ackFailure, c.options.Interceptors
	if err == nil {
		c.acked = append(c.acked, ids...)
	}
	c.mutex.Unlock()
	if err == nil {
		for _, id := range ids {
			interceptors.OnAcknowledge(c, id)
		}
	}
	return err
}

// AckWithTxn fails, as that of every consumer does.
func (c *Consumer) AckWithTxn(pulsar.Message, pulsar.Transaction) error { return pulsar.ErrTransaction }

// AckCumulative notes that the message and all that were yielded before it are acknowledged.
func (c *Consumer) AckCumulative(message pulsar.Message) error {
	return c.AckIDCumulative(message.ID())
}

// AckIDCumulative notes that the message and all that were yielded before it are acknowledged.
func (c *Consumer) AckIDCumulative(id pulsar.MessageID) error {
	c.mutex.Lock()
	var ids []pulsar.MessageID
	for _, message := range c.yielded {
		if compareIDs(message.ID(), id) <= 0 && !containsID(c.acked, message.ID()) {
			ids = append(ids, message.ID())
		}
	}
	c.mutex.Unlock()
	return c.AckIDList(ids)
}

// ReconsumeLater notes the message.
func (c *Consumer) ReconsumeLater(message pulsar.Message, delay time.Duration) {
	c.ReconsumeLaterWithCustomProperties(message, nil, delay)
}

// ReconsumeLaterWithCustomProperties notes the message. It counts as acknowledged.
func (c *Consumer) ReconsumeLaterWithCustomProperties(message pulsar.Message, _ map[string]string, _ time.Duration) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.later = append(c.later, message)
	c.acked = append(c.acked, message.ID())
}

// Nack notes that the message is refused.
func (c *Consumer) Nack(message pulsar.Message) { c.NackID(message.ID()) }

// NackID notes that the message is refused.
func (c *Consumer) NackID(id pulsar.MessageID) {
	c.mutex.Lock()
	c.nacked = append(c.nacked, id)
	interceptors := c.options.Interceptors
	c.mutex.Unlock()
	interceptors.OnNegativeAcksSend(c, []pulsar.MessageID{id})
}

// GetLastMessageIDs returns the id of the last message that was yielded, or one before the first.
func (c *Consumer) GetLastMessageIDs() ([]pulsar.TopicMessageID, error) {
	if c.queue.closed() {
		return nil, closed("get last message ids")
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	last := pulsar.NewMessageID(-1, -1, -1, -1)
	if len(c.yielded) > 0 {
		last = c.yielded[len(c.yielded)-1].ID()
	}
	return []pulsar.TopicMessageID{topicID{last, c.queue.topic}}, nil
}

// Seek yields again what the test yielded, from this message on.
func (c *Consumer) Seek(id pulsar.MessageID) error {
	inclusive := c.Options().StartMessageIDInclusive
	return c.seek(func(message pulsar.Message) bool {
		order := compareIDs(message.ID(), id)
		return order > 0 || inclusive && order == 0
	})
}

// SeekByTime yields again what the test yielded at this time or later.
func (c *Consumer) SeekByTime(at time.Time) error {
	return c.seek(func(message pulsar.Message) bool { return !message.PublishTime().Before(at) })
}

func (c *Consumer) seek(wanted func(pulsar.Message) bool) error {
	if c.queue.closed() {
		return closed("seek")
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.queue.replace(c.yielded, wanted)
	return nil
}

// Unsubscribe closes the consumer.
func (c *Consumer) Unsubscribe() error {
	if c.queue.closed() {
		return closed("unsubscribe")
	}
	c.Close()
	return nil
}

// UnsubscribeForce closes the consumer.
func (c *Consumer) UnsubscribeForce() error { return c.Unsubscribe() }

// Close closes the consumer.
func (c *Consumer) Close() { c.queue.close() }

func (c *Consumer) report() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if !c.ackAll {
		return
	}
	for _, message := range c.yielded {
		if !containsID(c.acked, message.ID()) {
			c.t.Errorf("pulsartest: the message %v from %q was not acknowledged: %q", message.ID(), c.queue.topic,
				message.Payload())
		}
	}
}
