package pulsar

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/pulsar-rs/pulsar_rs/bindings/go/crypto"
)

// keyFiles makes a pair of keys, and a reader of their files.
func keyFiles(t testing.TB) crypto.KeyReader {
	t.Helper()
	pair, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	folder := t.TempDir()
	write := func(name, kind string, der []byte, err error) string {
		must(t, err)
		path := filepath.Join(folder, name)
		must(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
		return path
	}
	public, err := x509.MarshalPKIXPublicKey(&pair.PublicKey)
	publicPath := write("public.pem", "PUBLIC KEY", public, err)
	private, err := x509.MarshalPKCS8PrivateKey(pair)
	return crypto.NewFileKeyReader(publicPath, write("private.pem", "PRIVATE KEY", private, err))
}

func TestProducersEncrypt(t *testing.T) {
	client := testClient(t)
	topic, keys := testTopic("encrypted"), keyFiles(t)
	const secret = "a secret that nobody but the owner of the key may read"
	opening := testConsumer(t, client, ConsumerOptions{
		Topic: topic, SubscriptionName: "opening", Decryption: &MessageDecryptionInfo{KeyReader: keys},
	})
	looking := testConsumer(t, client, ConsumerOptions{
		Topic: topic, SubscriptionName: "looking",
		Decryption: &MessageDecryptionInfo{ConsumerCryptoFailureAction: crypto.ConsumerCryptoFailureActionConsume},
	})
	producer := testProducer(t, client, ProducerOptions{
		Topic: topic, Encryption: &ProducerEncryptionInfo{KeyReader: keys, Keys: []string{"mine"}},
	})
	send(t, producer, secret)
	if m := receiveOne(t, opening); string(m.Payload()) != secret || m.GetEncryptionContext() != nil {
		t.Errorf("whoever has the key reads %q", m.Payload())
	}
	m := receiveOne(t, looking)
	context := m.GetEncryptionContext()
	if string(m.Payload()) == secret || context == nil {
		t.Fatalf("without a key there is %q with %v", m.Payload(), context)
	}
	if _, ok := context.Keys["mine"]; !ok {
		t.Errorf("the message is not encrypted for its key, but for %v", context.Keys)
	}
}

func TestEncryptionThatIsNoneIsRefused(t *testing.T) {
	client := testClient(t)
	keys := keyFiles(t)
	for name, encryption := range map[string]ProducerEncryptionInfo{
		"no reader":      {Keys: []string{"mine"}},
		"no keys":        {KeyReader: keys},
		"an empty key":   {KeyReader: keys, Keys: []string{""}},
		"a wrong action": {KeyReader: keys, Keys: []string{"mine"}, ProducerCryptoFailureAction: 2},
		"half a name":    {KeyReader: keys, Keys: []string{"a\x00b"}},
	} {
		_, err := client.CreateProducer(ProducerOptions{Topic: testTopic("refused"), Encryption: &encryption})
		if err == nil {
			t.Errorf("%s: a producer is made", name)
			continue
		}
		isResult(t, err, InvalidConfiguration)
	}
}
