package pulsartest

import (
	"time"

	pulsar "github.com/pulsar-rs/pulsar_rs/bindings/go"
)

// NewMessage makes a received message with the content of one to send. Its publish time is now; a Value is encoded with
// the message's Schema.
func NewMessage(topic string, id pulsar.MessageID, content *pulsar.ProducerMessage) (pulsar.Message, error) {
	payload := content.Payload
	if content.Value != nil {
		if content.Schema == nil {
			return nil, NewError(pulsar.SchemaFailure, "new message: there is a value, but no schema")
		}
		encoded, err := content.Schema.Encode(content.Value)
		if err != nil {
			return nil, err
		}
		payload = encoded
	}
	event := content.EventTime
	if event.IsZero() {
		event = time.Unix(0, 0)
	}
	return &message{
		topic: topic, id: id, payload: payload, key: content.Key, orderingKey: content.OrderingKey,
		properties: content.Properties, publishTime: time.Now(), eventTime: event, schema: content.Schema,
	}, nil
}

type message struct {
	topic, key, orderingKey string
	id                      pulsar.MessageID
	payload                 []byte
	properties              map[string]string
	publishTime, eventTime  time.Time
	schema                  pulsar.Schema
	redelivered             uint32
}

func (m *message) Topic() string                                   { return m.topic }
func (m *message) ProducerName() string                            { return "pulsartest" }
func (m *message) Properties() map[string]string                   { return m.properties }
func (m *message) Payload() []byte                                 { return m.payload }
func (m *message) ID() pulsar.MessageID                            { return m.id }
func (m *message) PublishTime() time.Time                          { return m.publishTime }
func (m *message) EventTime() time.Time                            { return m.eventTime }
func (m *message) Key() string                                     { return m.key }
func (m *message) OrderingKey() string                             { return m.orderingKey }
func (m *message) RedeliveryCount() uint32                         { return m.redelivered }
func (m *message) IsReplicated() bool                              { return false }
func (m *message) GetReplicatedFrom() string                       { return "" }
func (m *message) SchemaVersion() []byte                           { return nil }
func (m *message) GetEncryptionContext() *pulsar.EncryptionContext { return nil }
func (m *message) Index() *uint64                                  { return nil }
func (m *message) BrokerPublishTime() *time.Time                   { return nil }

func (m *message) GetSchemaValue(v interface{}) error {
	if m.schema == nil {
		return NewError(pulsar.SchemaFailure, "get schema value: the message has no schema")
	}
	return m.schema.Decode(m.payload, v)
}
