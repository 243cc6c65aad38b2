package pulsar

import (
	"bufio"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pulsar-rs/pulsar_rs/bindings/go/auth"
	"github.com/pulsar-rs/pulsar_rs/bindings/go/log"
)

// authority issues certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	serial      int64
}

func ecKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key := ecKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{certificate: certificate, key: key, serial: 1}
}

// issue makes a certificate for the key, which is good for 127.0.0.1 and for clients.
func (a *authority) issue(t *testing.T, key crypto.Signer) *tls.Certificate {
	t.Helper()
	a.serial++
	template := &x509.Certificate{
		SerialNumber: big.NewInt(a.serial), Subject: pkix.Name{CommonName: fmt.Sprintf("number %d", a.serial)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der, a.certificate.Raw}, PrivateKey: key}
}

// tlsBroker is a test broker that wants certificates of clients.
type tlsBroker struct {
	authority *authority
	trust     string // its authority's certificate, a file
	urls      []string
	commands  io.Writer
	answers   *bufio.Scanner
}

func startTLSBroker(t *testing.T) *tlsBroker {
	t.Helper()
	b := &tlsBroker{authority: newAuthority(t)}
	folder := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	block := &pem.Block{Type: "CERTIFICATE", Bytes: b.authority.certificate.Raw}
	b.trust = write("ca.pem", pem.EncodeToMemory(block))
	server := b.authority.issue(t, ecKey(t))
	chain, key, err := certificateSupplier{func() (*tls.Certificate, error) { return server, nil }, nil}.pem()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join("..", "..", "target", "release", "pulsar-testbroker")
	broker := exec.Command(program, "--tls-port", "0", "--client-ca", b.trust, "--control",
		"--certificate", write("server.pem", chain), "--key", write("server.key", key))
	broker.Stderr = os.Stderr
	b.commands, err = broker.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := broker.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := broker.Start(); err != nil {
		t.Fatalf("the test broker does not start, run `make build`: %v", err)
	}
	t.Cleanup(func() {
		_ = broker.Process.Kill()
		_ = broker.Wait()
	})
	b.answers = bufio.NewScanner(output)
	for len(b.urls) < 2 && b.answers.Scan() {
		if line := b.answers.Text(); strings.HasPrefix(line, "pulsar+ssl:") || strings.HasPrefix(line, "https:") {
			b.urls = append(b.urls, line)
		}
	}
	if len(b.urls) < 2 {
		t.Fatal("the test broker does not start")
	}
	return b
}

func (b *tlsBroker) dropConnections(t *testing.T) {
	t.Helper()
	if _, err := io.WriteString(b.commands, "drop-connections\n"); err != nil {
		t.Fatal(err)
	}
	if !b.answers.Scan() || !strings.HasPrefix(b.answers.Text(), "ok ") || b.answers.Text() == "ok 0" {
		t.Fatalf("%q %v", b.answers.Text(), b.answers.Err())
	}
}

func (b *tlsBroker) client(url string, logger log.Logger, authentication Authentication) (Client, error) {
	return NewClient(ClientOptions{
		URL: url, Logger: logger, Authentication: authentication, TLSTrustCertsFilePath: b.trust,
		TLSValidateHostname: true, OperationTimeout: patience,
	})
}

// ownProvider is a provider that a program wrote.
type ownProvider struct {
	auth.Provider
	supply func() (*tls.Certificate, error)
}

func (ownProvider) Name() string                                   { return "tls" }
func (o ownProvider) GetTLSCertificate() (*tls.Certificate, error) { return o.supply() }

func TestCertificatesFromAFunction(t *testing.T) {
	b := startTLSBroker(t)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for i, url := range b.urls {
		for number, key := range []crypto.Signer{ecKey(t), rsaKey, edKey} {
			var given atomic.Pointer[tls.Certificate]
			given.Store(b.authority.issue(t, key))
			var asked atomic.Int64
			supply := func() (*tls.Certificate, error) {
				asked.Add(1)
				return given.Load(), nil
			}
			authentication := NewAuthenticationFromTLSCertSupplier(supply)
			if number == 0 {
				authentication = ownProvider{auth.NewAuthDisabled(), supply}
			}
			client, err := b.client(url, log.DefaultNopLogger(), authentication)
			if err != nil {
				t.Fatal(err)
			}
			before := asked.Load()
			producer := openProducer(t, client, ProducerOptions{Topic: uniqueTopic("certificates")})
			send(t, producer, "x")
			first := asked.Load()
			if first < before+int64(i)+1 {
				t.Errorf("%s: asked %d and %d times", url, before, first)
			}
			given.Store(b.authority.issue(t, ecKey(t)))
			b.dropConnections(t)
			send(t, producer, "x")
			if asked.Load() <= first {
				t.Errorf("%s: not asked again", url)
			}
			client.Close()
			if last := asked.Load(); last > first+20 {
				t.Errorf("%s: asked %d times", url, last)
			}
		}
	}
}

// heldKey is a key that others keep, such as one in a machine for that.
type heldKey struct{ crypto.Signer }

func TestCertificatesThatCannotBeHandedOver(t *testing.T) {
	b := startTLSBroker(t)
	key := ecKey(t)
	good, signer := b.authority.issue(t, key), b.authority.issue(t, heldKey{key})
	sealed := errors.New("the vault is sealed")
	for _, test := range []struct {
		certificate *tls.Certificate
		err         error
		want        string
	}{
		{nil, sealed, "the vault is sealed"},
		{nil, nil, "gives nil"},
		{signer, nil, "heldKey, cannot be handed over"},
		{&tls.Certificate{Certificate: good.Certificate}, nil, "cannot be handed over"},
	} {
		authentication := NewAuthenticationFromTLSCertSupplier(func() (*tls.Certificate, error) {
			return test.certificate, test.err
		})
		_, err := b.client(b.urls[0], log.DefaultNopLogger(), authentication)
		failure := new(Error)
		if !errors.As(err, &failure) || failure.Result() != AuthenticationError || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v instead of %q", err, test.want)
		}
		if test.err != nil && !errors.Is(err, test.err) {
			t.Errorf("%v is not %v", err, test.err)
		}

		// The same after the client was made.
		var changed atomic.Bool
		lines := &keptLines{Logger: log.DefaultNopLogger()}
		client, err := b.client(b.urls[0], lines, NewAuthenticationFromTLSCertSupplier(func() (*tls.Certificate, error) {
			if changed.Load() {
				return test.certificate, test.err
			}
			return good, nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		changed.Store(true)
		_, err = client.CreateProducer(ProducerOptions{Topic: uniqueTopic("certificates")})
		if !errors.As(err, &failure) || failure.Result() != AuthenticationError {
			t.Errorf("%q: %v", test.want, err)
		}
		client.Close()
		if !strings.Contains(lines.text(), test.want) {
			t.Errorf("%q is not in the log: %s", test.want, lines.text())
		}
	}

	// What is handed over is looked at on the other side.
	other := &tls.Certificate{Certificate: good.Certificate, PrivateKey: ecKey(t)}
	for _, test := range []struct {
		certificate *tls.Certificate
		want        string
	}{
		{other, "it is not that of the certificate"},
		{&tls.Certificate{PrivateKey: key}, "it has no certificate"},
	} {
		client, err := b.client(b.urls[0], log.DefaultNopLogger(),
			NewAuthenticationFromTLSCertSupplier(func() (*tls.Certificate, error) { return test.certificate, nil }))
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.CreateProducer(ProducerOptions{Topic: uniqueTopic("certificates")})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v instead of %q", err, test.want)
		}
		client.Close()
	}
}

// keptLines keeps errors.
type keptLines struct {
	log.Logger
	mu    sync.Mutex
	lines []string
}

func (k *keptLines) Errorf(format string, args ...any) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lines = append(k.lines, fmt.Sprintf(format, args...))
}

func (k *keptLines) text() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return strings.Join(k.lines, "\n")
}
