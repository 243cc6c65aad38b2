package pulsartest

import (
	"fmt"
	"sync"
	"time"

	pulsar "github.com/pulsar-rs/pulsar_rs/bindings/go"
)

// Client is a mock of a client. It hands out the mocks that the test has told it to expect, once each and for each topic
// in the order in which they were expected. What it was not told of fails, and so does the test; expectations that were
// not met at the end of the test are reported.
type Client struct {
	t T

	mutex      sync.Mutex
	closed     bool
	expected   []*opening
	partitions map[string][]string
}

// opening is an expected call of the client.
type opening struct {
	call    string // create producer, subscribe, create reader
	topic   string
	options func(options interface{}) // takes what the program gave
	result  interface{}               // the mock
	err     error
	met     bool
}

var _ pulsar.Client = (*Client)(nil)

// NewClient makes a mock of a client.
func NewClient(t T) *Client {
	client := &Client{t: t, partitions: make(map[string][]string)}
	t.Cleanup(client.report)
	return client
}

// ExpectCreateProducer expects CreateProducer for a topic, which returns the mock that this does.
func (c *Client) ExpectCreateProducer(topic string) *Producer {
	producer := NewProducer(c.t, topic)
	c.expect(&opening{call: "create producer", topic: topic, result: producer, options: func(options interface{}) {
		producer.apply(options.(pulsar.ProducerOptions))
	}})
	return producer
}

// ExpectCreateProducerAndFail expects CreateProducer for a topic, which fails.
func (c *Client) ExpectCreateProducerAndFail(topic string, err error) {
	c.expect(&opening{call: "create producer", topic: topic, err: err})
}

// ExpectSubscribe expects Subscribe for a topic, which returns the mock that this does. The topic is that of the options,
// the first one of several, or the pattern.
func (c *Client) ExpectSubscribe(topic string) *Consumer {
	consumer := NewConsumer(c.t, topic)
	c.expect(&opening{call: "subscribe", topic: topic, result: consumer, options: func(options interface{}) {
		consumer.apply(options.(pulsar.ConsumerOptions))
	}})
	return consumer
}

// ExpectSubscribeAndFail expects Subscribe for a topic, which fails.
func (c *Client) ExpectSubscribeAndFail(topic string, err error) {
	c.expect(&opening{call: "subscribe", topic: topic, err: err})
}

// ExpectCreateReader expects CreateReader for a topic, which returns the mock that this does.
func (c *Client) ExpectCreateReader(topic string) *Reader {
	reader := NewReader(c.t, topic)
	c.expect(&opening{call: "create reader", topic: topic, result: reader, options: func(options interface{}) {
		reader.apply(options.(pulsar.ReaderOptions))
	}})
	return reader
}

// ExpectCreateReaderAndFail expects CreateReader for a topic, which fails.
func (c *Client) ExpectCreateReaderAndFail(topic string, err error) {
	c.expect(&opening{call: "create reader", topic: topic, err: err})
}

// SetPartitions has TopicPartitions return these for the topic. Others have themselves as their only partition.
func (c *Client) SetPartitions(topic string, partitions ...string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.partitions[topic] = partitions
}

// CreateProducer returns the next mock that was expected for the topic.
func (c *Client) CreateProducer(options pulsar.ProducerOptions) (pulsar.Producer, error) {
	c.t.Helper()
	return open[pulsar.Producer](c, "create producer", options.Topic, options)
}

// Subscribe returns the next mock that was expected for the topic.
func (c *Client) Subscribe(options pulsar.ConsumerOptions) (pulsar.Consumer, error) {
	c.t.Helper()
	return open[pulsar.Consumer](c, "subscribe", topicOf(options), options)
}

// CreateReader returns the next mock that was expected for the topic.
func (c *Client) CreateReader(options pulsar.ReaderOptions) (pulsar.Reader, error) {
	c.t.Helper()
	return open[pulsar.Reader](c, "create reader", options.Topic, options)
}

// CreateTableView fails, and so does the test: there are no mocks of table views.
func (c *Client) CreateTableView(options pulsar.TableViewOptions) (pulsar.TableView, error) {
	c.t.Helper()
	return open[pulsar.TableView](c, "create table view", options.Topic, options)
}

// TopicPartitions returns what SetPartitions has set, or the topic itself.
func (c *Client) TopicPartitions(topic string) ([]string, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.closed {
		return nil, closed("topic partitions")
	}
	if partitions := c.partitions[topic]; len(partitions) > 0 {
		return partitions, nil
	}
	return []string{topic}, nil
}

// NewTransaction fails, as that of every client does.
func (c *Client) NewTransaction(time.Duration) (pulsar.Transaction, error) {
	return nil, pulsar.ErrClientTransactionsNotEnabled
}

// Close closes the client, but none of the mocks that it returned.
func (c *Client) Close() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.closed = true
}

func (c *Client) expect(expected *opening) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.expected = append(c.expected, expected)
}

func open[Opened any](c *Client, call, topic string, options interface{}) (opened Opened, err error) {
	c.t.Helper()
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.closed {
		return opened, closed(call)
	}
	for _, expected := range c.expected {
		if expected.met || expected.call != call || expected.topic != topic {
			continue
		}
		expected.met = true
		if expected.err != nil {
			return opened, expected.err
		}
		expected.options(options)
		return expected.result.(Opened), nil
	}
	c.t.Errorf("pulsartest: %s %q was not expected", call, topic)
	return opened, NewError(pulsar.UnknownError, fmt.Sprintf("%s %q was not expected by the test", call, topic))
}

func (c *Client) report() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for _, expected := range c.expected {
		if !expected.met {
			c.t.Errorf("pulsartest: %s %q was expected, but did not come", expected.call, expected.topic)
		}
	}
}

func topicOf(options pulsar.ConsumerOptions) string {
	switch {
	case options.Topic != "":
		return options.Topic
	case len(options.Topics) > 0:
		return options.Topics[0]
	}
	return options.TopicsPattern
}

func closed(call string) error { return NewError(pulsar.AlreadyClosedError, call+": it was closed") }
