package pulsar

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pulsar-rs/pulsar_rs/bindings/go/log"
)

func selfSigned(t *testing.T, name string) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// A server that asks for certificates says whose it got; it is no broker, so that connections end then.
func TestEachConnectionShowsTheCertificateOfTheFunction(t *testing.T) {
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{*selfSigned(t, "localhost")}, ClientAuth: tls.RequireAnyClientCert,
		MinVersion: tls.VersionTLS12,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	names := make(chan string, 100)
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go greet(connection.(*tls.Conn), names)
		}
	}()
	asked := make(chan int, 100)
	made := 0
	client, err := NewClient(ClientOptions{
		URL: "pulsar+ssl://" + listener.Addr().String(), TLSAllowInsecureConnection: true,
		Logger: log.DefaultNopLogger(), MetricsRegisterer: prometheus.NewRegistry(), OperationTimeout: 3 * time.Second,
		Authentication: NewAuthenticationFromTLSCertSupplier(func() (*tls.Certificate, error) {
			made++
			asked <- made
			return selfSigned(t, fmt.Sprint("client ", made)), nil
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.TopicPartitions("t"); err == nil {
		t.Error("the server is no broker")
	}
	first := <-asked // NewClient looks whether there is one
	second := <-asked
	select {
	case name := <-names:
		if first != 1 || name != fmt.Sprint("client ", second) {
			t.Errorf("the server saw %q", name)
		}
	case <-time.After(10 * time.Second):
		t.Error("the server saw no certificate")
	}
}

func greet(connection *tls.Conn, names chan<- string) {
	defer func(c net.Conn) { _ = c.Close() }(connection)
	if connection.Handshake() == nil {
		names <- connection.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
}

func TestCertificatesThatCannotBeUsed(t *testing.T) {
	whole := selfSigned(t, "whole")
	chain, key, err := encodeCertificate(whole)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := tls.X509KeyPair(chain, key); err != nil || len(again.Certificate) != 1 {
		t.Error(err)
	}
	for _, certificate := range []*tls.Certificate{
		nil, {PrivateKey: whole.PrivateKey}, {Certificate: whole.Certificate},
	} {
		if _, _, err := encodeCertificate(certificate); err == nil {
			t.Errorf("%v can be used", certificate)
		}
	}
	missing := errors.New("no certificate today")
	if _, err := NewClient(ClientOptions{
		URL: "pulsar+ssl://127.0.0.1:1", Logger: log.DefaultNopLogger(), MetricsRegisterer: prometheus.NewRegistry(),
		Authentication: NewAuthenticationFromTLSCertSupplier(func() (*tls.Certificate, error) { return nil, missing }),
	}); !errors.Is(err, missing) {
		t.Error(err)
	}
}
