package pulsar

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/pulsar-rs/pulsar_rs/bindings/go/crypto"
)

func testReader(t testing.TB, client Client, options ReaderOptions) Reader {
	t.Helper()
	reader, err := client.CreateReader(options)
	must(t, err)
	t.Cleanup(reader.Close)
	return reader
}

func readNumbers(t testing.TB, reader Reader, first, count int) []Message {
	t.Helper()
	messages := make([]Message, count)
	for i := range messages {
		if !reader.HasNext() {
			t.Fatalf("behind %d messages there is no more", i)
		}
		var err error
		messages[i], err = reader.Next(limited(t))
		must(t, err)
		if got, want := string(messages[i].Payload()), strconv.Itoa(first+i); got != want {
			t.Fatalf("message %d is %q instead of %q", i, got, want)
		}
	}
	return messages
}

func TestReaders(t *testing.T) {
	client := testClient(t)
	for _, batching := range []bool{true, false} {
		topic := testTopic("read")
		producer := testProducer(t, client, ProducerOptions{Topic: topic, DisableBatching: !batching})
		empty := testReader(t, client, ReaderOptions{Topic: topic, StartMessageID: EarliestMessageID()})
		if empty.HasNext() || empty.Topic() != topic {
			t.Fatalf("%s is not empty", empty.Topic())
		}
		sendNumbers(t, producer, 0, 500)
		middle := time.Now().Add(20 * time.Millisecond)
		time.Sleep(40 * time.Millisecond)
		sendNumbers(t, producer, 500, 500)
		messages := readNumbers(t, empty, 0, 1000)
		if empty.HasNext() {
			t.Fatal("there is more than was sent")
		}
		last, err := empty.GetLastMessageID()
		must(t, err)
		if id := messages[999].ID(); last.EntryID() != id.EntryID() || last.LedgerID() != id.LedgerID() {
			t.Fatalf("the last id is %v instead of %v", last, id)
		}
		for _, inclusive := range []bool{false, true} {
			first := 301
			if inclusive {
				first = 300
			}
			reader := testReader(t, client, ReaderOptions{
				Topic: topic, StartMessageID: messages[300].ID(), StartMessageIDInclusive: inclusive, ReceiverQueueSize: 30,
				Name: "name", Properties: map[string]string{"a": "b"}, SubscriptionRolePrefix: "role",
			})
			readNumbers(t, reader, first, 200)
			must(t, reader.Seek(messages[300].ID()))
			readNumbers(t, reader, first, 40)
			must(t, reader.SeekByTime(middle))
			readNumbers(t, reader, 500, 5)
			must(t, reader.Seek(EarliestMessageID()))
			readNumbers(t, reader, 0, 5)
			must(t, reader.Seek(LatestMessageID()))
			if !inclusive && reader.HasNext() {
				t.Fatal("there is something behind the end")
			}
			reader.Close()
			reader.Close()
			_, err := reader.Next(context.Background())
			isResult(t, err, ConsumerClosed)
			if reader.HasNext() {
				t.Fatal("a closed reader has a message")
			}
			_, err = reader.GetLastMessageID()
			isResult(t, err, ConsumerClosed)
		}
		// Messages of before the end of a wait are not lost.
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
		_, err = empty.Next(ctx)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("the error is %v", err)
		}
		sendNumbers(t, producer, 1000, 10)
		for i := range 10 {
			m, err := empty.Next(limited(t))
			must(t, err)
			if string(m.Payload()) != strconv.Itoa(1000+i) {
				t.Fatalf("message %d is %q", i, m.Payload())
			}
		}
	}
}

func TestReadersWithChannels(t *testing.T) {
	client := testClient(t)
	topic := testTopic("read-channel")
	channel := make(chan ReaderMessage, 5)
	sendNumbers(t, testProducer(t, client, ProducerOptions{Topic: topic}), 0, 100)
	reader := testReader(t, client, ReaderOptions{Topic: topic, StartMessageID: EarliestMessageID(), MessageChannel: channel})
	for range 2 {
		for i := range 60 {
			if one := <-channel; string(one.Payload()) != strconv.Itoa(i) || one.Reader.Topic() != topic {
				t.Fatalf("message %d is %q", i, one.Payload())
			}
		}
		must(t, reader.Seek(EarliestMessageID()))
	}
}

func TestReaderOptionsThatCannotBe(t *testing.T) {
	client := testClient(t)
	for _, options := range []ReaderOptions{
		{}, {Topic: "t"}, {StartMessageID: EarliestMessageID()},
		{Topic: "t", StartMessageID: EarliestMessageID(), Name: "\x00"},
		{Topic: "t", StartMessageID: EarliestMessageID(), Decryption: &MessageDecryptionInfo{ConsumerCryptoFailureAction: -1}},
	} {
		_, err := client.CreateReader(options)
		isResult(t, err, InvalidConfiguration)
	}
}

// keys is a key reader with one pair of keys.
type keys struct {
	public, private []byte
	asked           chan map[string]string
}

func newKeys(t testing.TB) *keys {
	t.Helper()
	pair, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	public, err := x509.MarshalPKIXPublicKey(&pair.PublicKey)
	must(t, err)
	return &keys{
		public:  pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}),
		private: pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(pair)}),
		asked:   make(chan map[string]string, 10),
	}
}

func (k *keys) PublicKey(name string, _ map[string]string) (*crypto.EncryptionKeyInfo, error) {
	return crypto.NewEncryptionKeyInfo(name, k.public, map[string]string{"version": "1"}), nil
}

func (k *keys) PrivateKey(name string, metadata map[string]string) (*crypto.EncryptionKeyInfo, error) {
	if k.private == nil {
		return nil, errors.New("no key is there")
	}
	k.asked <- metadata
	return crypto.NewEncryptionKeyInfo(name, k.private, metadata), nil
}

func TestEncryptedMessages(t *testing.T) {
	client := testClient(t)
	topic := testTopic("secret")
	known := newKeys(t)
	producer := testProducer(t, client, ProducerOptions{
		Topic: topic, Encryption: &ProducerEncryptionInfo{KeyReader: known, Keys: []string{"k"}},
	})
	sendNumbers(t, producer, 0, 20)
	consumer := testConsumer(t, client, ConsumerOptions{Topic: topic, Decryption: &MessageDecryptionInfo{KeyReader: known}})
	for _, m := range receiveNumbers(t, consumer, 0, 20) {
		if m.GetEncryptionContext() != nil {
			t.Fatal("it was decrypted and has an encryption context")
		}
	}
	if metadata := <-known.asked; metadata["version"] != "1" {
		t.Errorf("the key's metadata are %v", metadata)
	}
	reader := testReader(t, client, ReaderOptions{
		Topic: topic, StartMessageID: EarliestMessageID(), Decryption: &MessageDecryptionInfo{KeyReader: known},
	})
	readNumbers(t, reader, 0, 20)
	ignorant := &MessageDecryptionInfo{
		KeyReader: &keys{}, ConsumerCryptoFailureAction: crypto.ConsumerCryptoFailureActionConsume,
	}
	sealed := receiveOne(t, testConsumer(t, client, ConsumerOptions{Topic: topic, SubscriptionName: "sealed", Decryption: ignorant}))
	about := sealed.GetEncryptionContext()
	if about == nil || len(about.Param) != 12 || len(about.Keys["k"].KeyValue) != 256 || about.Keys["k"].Metadata["version"] != "1" {
		t.Fatalf("the encryption context is %+v", about)
	}
	ignorant.ConsumerCryptoFailureAction = crypto.ConsumerCryptoFailureActionDiscard
	receiveNothing(t, testConsumer(t, client, ConsumerOptions{Topic: topic, SubscriptionName: "discarded", Decryption: ignorant}))
}

// point is what tests encode.
type point struct{ X, Y int }

const pointSchema = `{"type":"record","name":"point","fields":[{"name":"X","type":"int"},{"name":"Y","type":"int"}]}`

func TestValuesOfSchemas(t *testing.T) {
	client := testClient(t)
	topic := testTopic("schema")
	schema := NewJSONSchema(pointSchema, nil)
	producer := testProducer(t, client, ProducerOptions{Topic: topic, Schema: schema})
	_, err := producer.Send(limited(t), &ProducerMessage{Value: point{1, 2}})
	must(t, err)
	for i, options := range []ConsumerOptions{{Schema: schema}, {}} {
		options.Topic, options.SubscriptionName = topic, fmt.Sprint("s", i)
		m := receiveOne(t, testConsumer(t, client, options))
		var got point
		must(t, m.GetSchemaValue(&got))
		if got != (point{1, 2}) || len(m.SchemaVersion()) == 0 {
			t.Errorf("the value is %v of version %v", got, m.SchemaVersion())
		}
	}
	reader := testReader(t, client, ReaderOptions{Topic: topic, StartMessageID: EarliestMessageID(), Schema: schema})
	m, err := reader.Next(limited(t))
	must(t, err)
	var got point
	must(t, m.GetSchemaValue(&got))
	if got != (point{1, 2}) {
		t.Errorf("the value is %v", got)
	}
	_, err = client.Subscribe(ConsumerOptions{Topic: topic, SubscriptionName: "other", Schema: NewStringSchema(nil)})
	if err == nil {
		t.Error("another schema is accepted")
	}
	plain := testTopic("plain")
	sendNumbers(t, testProducer(t, client, ProducerOptions{Topic: plain}), 0, 1)
	isResult(t, receiveOne(t, testConsumer(t, client, ConsumerOptions{Topic: plain})).GetSchemaValue(&got), SchemaFailure)
}

func TestTableViews(t *testing.T) {
	client := testClient(t)
	topic := testTopic("table")
	schema := NewJSONSchema(pointSchema, nil)
	producer := testProducer(t, client, ProducerOptions{Topic: topic, Schema: schema})
	send := func(key string, value any) {
		t.Helper()
		_, err := producer.Send(limited(t), &ProducerMessage{Key: key, Value: value})
		must(t, err)
	}
	send("a", point{1, 1})
	send("b", point{2, 2})
	send("a", point{3, 3})
	send("", point{9, 9})
	view, err := client.CreateTableView(TableViewOptions{Topic: topic, Schema: schema, SchemaValueType: reflect.TypeFor[point]()})
	must(t, err)
	defer view.Close()
	keys := view.Keys()
	slices.Sort(keys)
	if view.Size() != 2 || view.IsEmpty() || !slices.Equal(keys, []string{"a", "b"}) || !view.ContainsKey("a") || view.ContainsKey("c") {
		t.Fatalf("the keys are %v", keys)
	}
	if want := map[string]any{"a": point{3, 3}, "b": point{2, 2}}; !maps.Equal(view.Entries(), want) {
		t.Fatalf("the table is %v", view.Entries())
	}
	if view.Get("a") != (point{3, 3}) || view.Get("c") != nil {
		t.Fatalf("a is %v", view.Get("a"))
	}
	isThere := errors.New("listening ends with the first error")
	err = view.ForEachAndListen(func(string, any) error { return isThere })
	if !errors.Is(err, isThere) {
		t.Errorf("the error is %v", err)
	}
}

func TestTableViewsTellOfChanges(t *testing.T) {
	client := testClient(t)
	topic := testTopic("changes")
	producer := testProducer(t, client, ProducerOptions{Topic: topic})
	send := func(key, value string) {
		t.Helper()
		_, err := producer.Send(limited(t), &ProducerMessage{Key: key, Payload: []byte(value)})
		must(t, err)
	}
	send("a", "1")
	view, err := client.CreateTableView(TableViewOptions{Topic: topic})
	must(t, err)
	heard := make(chan string, 10)
	must(t, view.ForEachAndListen(func(key string, value any) error {
		heard <- fmt.Sprintf("%s=%s", key, value)
		return nil
	}))
	stop := errors.New("stop")
	if err := view.ForEach(func(string, any) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the error is %v", err)
	}
	send("b", "2")
	send("a", "3")
	send("b", "")
	for _, want := range []string{"a=1", "b=2", "a=3", "b=%!s(<nil>)"} {
		select {
		case got := <-heard:
			if got != want {
				t.Fatalf("heard %q instead of %q", got, want)
			}
		case <-time.After(patience):
			t.Fatalf("did not hear %q", want)
		}
	}
	if view.Size() != 1 || string(view.Get("a").([]byte)) != "3" {
		t.Errorf("the table is %v", view.Entries())
	}
	view.Close()
	view.Close()
	for _, options := range []TableViewOptions{{}, {Topic: "t", Schema: NewStringSchema(nil)}} {
		if _, err := client.CreateTableView(options); err == nil {
			t.Errorf("%v is accepted", options)
		}
	}
}
