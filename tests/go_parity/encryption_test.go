package goparity

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	theirs "github.com/apache/pulsar-client-go/pulsar"
	theircrypto "github.com/apache/pulsar-client-go/pulsar/crypto"

	ours "github.com/pulsar-rs/pulsar_rs/bindings/go"
	ourcrypto "github.com/pulsar-rs/pulsar_rs/bindings/go/crypto"
	"github.com/pulsar-rs/pulsar_rs/bindings/go/pulsartest"
)

// keyPair writes an RSA key pair to files.
func keyPair(t *testing.T) (public, private string) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	publicKey, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	public, private = filepath.Join(folder, "public"), filepath.Join(folder, "private")
	for path, block := range map[string]*pem.Block{
		public:  {Type: "PUBLIC KEY", Bytes: publicKey},
		private: {Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return public, private
}

func TestEncryptedMessagesCanBeReadByBoth(t *testing.T) {
	own, other := clients(t, pulsartest.Start(t).URL())
	public, private := keyPair(t)
	earliest := ours.SubscriptionPositionEarliest
	for _, topic := range []string{"ours", "theirs"} {
		reading, err := own.Subscribe(ours.ConsumerOptions{
			Topic: topic, SubscriptionName: "ours", SubscriptionInitialPosition: earliest,
			Decryption: &ours.MessageDecryptionInfo{KeyReader: ourcrypto.NewFileKeyReader("", private)},
		})
		if err != nil {
			t.Fatal(err)
		}
		alsoReading, err := other.Subscribe(theirs.ConsumerOptions{
			Topic: topic, SubscriptionName: "theirs",
			SubscriptionInitialPosition: theirs.SubscriptionPositionEarliest,
			Decryption:                  &theirs.MessageDecryptionInfo{KeyReader: theircrypto.NewFileKeyReader("", private)},
		})
		if err != nil {
			t.Fatal(err)
		}
		// Without a key it gets what the broker has.
		spying, err := own.Subscribe(ours.ConsumerOptions{
			Topic: topic, SubscriptionName: "spy", SubscriptionInitialPosition: earliest,
			Decryption: &ours.MessageDecryptionInfo{
				ConsumerCryptoFailureAction: ourcrypto.ConsumerCryptoFailureActionConsume,
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		send := sendEncrypted(t, own, other, topic, public)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		for i := range 5 {
			payload := fmt.Sprintf("secret %d", i)
			send(ctx, payload)
			first, err := reading.Receive(ctx)
			if err != nil {
				t.Fatal(err)
			}
			second, err := alsoReading.Receive(ctx)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := spying.Receive(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if string(first.Payload()) != payload || string(second.Payload()) != payload {
				t.Errorf("%s: %q and %q instead of %q", topic, first.Payload(), second.Payload(), payload)
			}
			if bytes.Contains(raw.Payload(), []byte("secret")) || raw.GetEncryptionContext() == nil ||
				len(raw.GetEncryptionContext().Keys["k"].KeyValue) == 0 {
				t.Errorf("%s: the broker has %q, %v", topic, raw.Payload(), raw.GetEncryptionContext())
			}
		}
	}
}

// sendEncrypted returns a function that sends with the package after which the topic is named.
func sendEncrypted(
	t *testing.T, own ours.Client, other theirs.Client, topic, public string,
) func(context.Context, string) {
	if topic == "ours" {
		producer, err := own.CreateProducer(ours.ProducerOptions{
			Topic: topic, DisableBatching: true,
			Encryption: &ours.ProducerEncryptionInfo{
				KeyReader: ourcrypto.NewFileKeyReader(public, ""), Keys: []string{"k"},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		return func(ctx context.Context, payload string) {
			if _, err := producer.Send(ctx, &ours.ProducerMessage{Payload: []byte(payload)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	producer, err := other.CreateProducer(theirs.ProducerOptions{
		Topic: topic, DisableBatching: true,
		Encryption: &theirs.ProducerEncryptionInfo{
			KeyReader: theircrypto.NewFileKeyReader(public, ""), Keys: []string{"k"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return func(ctx context.Context, payload string) {
		if _, err := producer.Send(ctx, &theirs.ProducerMessage{Payload: []byte(payload)}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhatWouldNotBeEncryptedIsRefused(t *testing.T) {
	own, _ := clients(t, pulsartest.Start(t).URL())
	reader := ourcrypto.NewFileKeyReader("/nowhere", "")
	for want, encryption := range map[ours.Result]*ours.ProducerEncryptionInfo{
		ours.InvalidConfiguration:  {KeyReader: reader},
		ours.OperationNotSupported: {KeyReader: reader, Keys: []string{"k"}, MessageCrypto: new(ourcrypto.DefaultMessageCrypto)},
	} {
		_, err := own.CreateProducer(ours.ProducerOptions{Topic: "t", Encryption: encryption})
		if failure := new(ours.Error); !errors.As(err, &failure) || failure.Result() != want {
			t.Errorf("%v instead of %d", err, want)
		}
	}
	// The key cannot be read: the producer cannot be made, or sending fails, but nothing is sent in the clear.
	producer, err := own.CreateProducer(ours.ProducerOptions{
		Topic: "t", Encryption: &ours.ProducerEncryptionInfo{KeyReader: reader, Keys: []string{"k"}},
	})
	if err == nil {
		_, err = producer.Send(t.Context(), &ours.ProducerMessage{Payload: []byte("secret")})
	}
	if failure := new(ours.Error); !errors.As(err, &failure) || failure.Result() != ours.CryptoError {
		t.Errorf("without a key: %v", err)
	}
}
