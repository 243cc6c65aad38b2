package main

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
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/apache/pulsar-client-go/pulsar"
	"github.com/apache/pulsar-client-go/pulsar/crypto"
)

// keys are files with a pair of RSA keys.
type keys struct{ folder, public, private string }

func makeKeys() (keys, error) {
	folder, err := os.MkdirTemp("", "pulsar_rs-keys")
	if err != nil {
		return keys{}, err
	}
	k := keys{folder, filepath.Join(folder, "public.pem"), filepath.Join(folder, "private.pem")}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return k, err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return k, err
	}
	// The only form that this client reads.
	private := x509.MarshalPKCS1PrivateKey(key)
	write := func(file, kind string, bytes []byte) error {
		return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}), 0o600)
	}
	return k, errors.Join(write(k.public, "PUBLIC KEY", public), write(k.private, "RSA PRIVATE KEY", private))
}

func (k keys) reader() crypto.KeyReader { return crypto.NewFileKeyReader(k.public, k.private) }

// lines runs the program that sends and receives lines with our library.
func (s *setting) lines(k keys, input string, arguments ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, s.linesProgram, arguments...)
	command.Env = append(os.Environ(), "PUBLIC_KEY="+k.public, "PRIVATE_KEY="+k.private)
	command.Stdin = strings.NewReader(input)
	var output, failure bytes.Buffer
	command.Stdout, command.Stderr = &output, &failure
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("%w: %s", err, failure.String())
	}
	return output.String(), nil
}

// errWithoutUs says why a check with our library does not run.
var errWithoutUs = errors.New("there is no -lines PROGRAM that uses our library")

// withKeys is a check with new keys, on a topic of its own.
func withKeys(check func(s *setting, k keys, topic string, texts []string) error) func(*setting) error {
	return func(s *setting) error {
		if s.linesProgram == "" {
			return errWithoutUs
		}
		k, err := makeKeys()
		defer os.RemoveAll(k.folder)
		if err != nil {
			return err
		}
		return check(s, k, s.topic(), numbered(100, "line "))
	}
}

// encryptedByUs checks that this client reads what our library encrypts.
func encryptedByUs(batching bool) func(*setting) error {
	return withKeys(func(s *setting, k keys, topic string, texts []string) error {
		consumer, err := s.client.Subscribe(pulsar.ConsumerOptions{
			Topic:                       topic,
			SubscriptionName:            "s",
			SubscriptionInitialPosition: pulsar.SubscriptionPositionEarliest,
			Decryption:                  &pulsar.MessageDecryptionInfo{KeyReader: k.reader()},
		})
		if err != nil {
			return err
		}
		defer consumer.Close()
		input := strings.Join(texts, "\n") + "\n"
		lz4, batches := "1", "0"
		if batching {
			batches = "1"
		}
		if _, err := s.lines(k, input, "produce", s.url, topic, lz4, batches); err != nil {
			return err
		}
		_, err = expect(consumer, texts)
		return err
	})
}

// encryptedByThem checks that our library reads what this client encrypts.
func encryptedByThem(batching bool) func(*setting) error {
	return withKeys(func(s *setting, k keys, topic string, texts []string) error {
		// From here on the broker keeps messages for it.
		early, err := s.client.Subscribe(pulsar.ConsumerOptions{
			Topic:                       topic,
			SubscriptionName:            "lines",
			SubscriptionInitialPosition: pulsar.SubscriptionPositionEarliest,
		})
		if err != nil {
			return err
		}
		early.Close()
		producer, err := s.client.CreateProducer(pulsar.ProducerOptions{
			Topic:           topic,
			CompressionType: pulsar.ZSTD,
			DisableBatching: !batching,
			Encryption:      &pulsar.ProducerEncryptionInfo{KeyReader: k.reader(), Keys: []string{"go"}},
		})
		if err != nil {
			return err
		}
		defer producer.Close()
		for _, text := range texts {
			producer.SendAsync(context.Background(), &pulsar.ProducerMessage{Payload: []byte(text)},
				func(pulsar.MessageID, *pulsar.ProducerMessage, error) {})
		}
		if err := producer.FlushWithCtx(context.Background()); err != nil {
			return err
		}
		output, err := s.lines(k, "", "consume", s.url, topic, strconv.Itoa(len(texts)))
		if err != nil {
			return err
		}
		return same(strings.Split(strings.TrimSuffix(output, "\n"), "\n"), texts)
	})
}
