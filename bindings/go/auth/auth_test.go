package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func settings(t *testing.T, provider Provider) Settings {
	t.Helper()
	own, ok := provider.(interface{ Settings() Settings })
	if !ok {
		t.Fatalf("%T has no settings", provider)
	}
	return own.Settings()
}

func TestWhatTheLibraryGets(t *testing.T) {
	basic, err := NewAuthenticationBasic("me", "secret")
	if err != nil {
		t.Fatal(err)
	}
	oauth2, err := NewAuthenticationOAuth2WithParams(map[string]string{
		ConfigParamType:      ConfigParamTypeClientCredentials,
		ConfigParamIssuerURL: "https://issuer", ConfigParamKeyFile: "file:///key", ConfigParamAudience: "pulsar",
		ConfigParamClientID: "not needed",
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		provider Provider
		want     Settings
	}{
		{NewAuthDisabled(), Settings{}},
		{basic, Settings{Plugin: "basic", Params: map[string]string{"username": "me", "password": "secret"}}},
		{NewAuthenticationTLS("c", "k"), Settings{
			Plugin: "tls", Params: map[string]string{"tlsCertFile": "c", "tlsKeyFile": "k"},
		}},
		{oauth2, Settings{Plugin: "oauth2", Params: map[string]string{
			"issuer_url": "https://issuer", "private_key": "file:///key", "audience": "pulsar",
		}}},
		{NewAuthenticationAthenz("pd", "td", "ts", "pk", "", "", "", "", "rh", "url", ""), Settings{
			Plugin: "athenz", Params: map[string]string{
				"providerDomain": "pd", "tenantDomain": "td", "tenantService": "ts", "privateKey": "pk",
				"roleHeader": "rh", "ztsUrl": "url",
			},
		}},
	} {
		if got := settings(t, test.provider); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%#v instead of %#v", got.Params, test.want.Params)
		}
		if err := test.provider.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestTokens(t *testing.T) {
	next := ""
	provider := NewAuthenticationTokenFromSupplier(func() (string, error) {
		if next == "" {
			return "", errors.New("no token today")
		}
		return next, nil
	})
	if err := provider.Init(); err == nil || err.Error() != "no token today" {
		t.Error(err)
	}
	for _, next = range []string{"first", "second"} {
		if token, err := settings(t, provider).Token(); token != next || err != nil {
			t.Errorf("%s %v", token, err)
		}
	}
	for _, provider := range []Provider{NewAuthenticationToken(""), NewAuthenticationTokenFromSupplier(nil)} {
		if err := provider.Init(); err == nil {
			t.Errorf("%v has a token", provider)
		}
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	provider, err := NewAuthenticationBasic("me", "secret")
	if err != nil {
		t.Fatal(err)
	}
	own := settings(t, provider)
	text := fmt.Sprintf("%v %+v %#v %s", own, own, own, own)
	if _, err := NewProvider("token", `{"token":secret}`); err == nil || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
	if strings.Contains(text, "secret") {
		t.Error(text)
	}
}

func TestAthenzRefusesWhatTheLibraryCannotDo(t *testing.T) {
	for i := range 3 {
		var extra [3]string
		extra[i] = "file:///x"
		provider := NewAuthenticationAthenz("pd", "td", "ts", "pk", "", extra[0], extra[1], "", "", "url", extra[2])
		if err := provider.Init(); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%v: %v", extra, err)
		}
	}
	whole := NewAuthenticationAthenz("pd", "td", "ts", "pk", "", "", "", "", "", "url", "")
	if err := whole.Init(); err != nil {
		t.Error(err)
	}
	if _, err := whole.GetData(); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
}

func TestCertificates(t *testing.T) {
	certificatePath, keyPath := makeCertificate(t)
	fromFiles := NewAuthenticationTLS(certificatePath, keyPath)
	if err := fromFiles.Init(); err != nil {
		t.Fatal(err)
	}
	asked := 0
	fromFunction := NewAuthenticationFromTLSCertSupplier(func() (*tls.Certificate, error) {
		asked++
		return fromFiles.GetTLSCertificate()
	})
	if pair, err := settings(t, fromFunction).Certificate(); err != nil || len(pair.Certificate) != 1 || asked != 1 {
		t.Error(err, asked)
	}

	// A server that asks for a certificate says whose it got.
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(r.TLS.PeerCertificates[0].Subject.CommonName))
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	defer server.Close()
	for _, provider := range []Provider{fromFiles, fromFunction} {
		if err := provider.WithTransport(server.Client().Transport.(*http.Transport).Clone()); err != nil {
			t.Fatal(err)
		}
		response, err := (&http.Client{Transport: provider}).Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		name := make([]byte, 10)
		n, _ := response.Body.Read(name)
		if err := response.Body.Close(); err != nil || string(name[:n]) != "client" {
			t.Errorf("%s %v", name[:n], err)
		}
	}
	if err := NewAuthenticationTLS("/nowhere", keyPath).Init(); err == nil {
		t.Error("there is a certificate at /nowhere")
	}
}

func makeCertificate(t *testing.T) (certificatePath, keyPath string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "client"}, NotAfter: time.Now().Add(time.Hour),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyBytes, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for name, block := range map[string]*pem.Block{
		"certificate": {Type: "CERTIFICATE", Bytes: certificate},
		"key":         {Type: "PRIVATE KEY", Bytes: keyBytes},
	} {
		if err := os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(folder, "certificate"), filepath.Join(folder, "key")
}
