package goparity

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	theirs "github.com/apache/pulsar-client-go/pulsar/auth"

	ours "github.com/pulsar-rs/pulsar_rs/bindings/go/auth"
)

// capture is a transport that keeps the header of the last request.
type capture struct{ header http.Header }

func (c *capture) RoundTrip(request *http.Request) (*http.Response, error) {
	c.header = request.Header.Clone()
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
}

func TestProviders(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(" secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const class = "org.apache.pulsar.client.impl.auth."
	for _, test := range [][2]string{
		{"", "{}"},
		{"token", `{"token":"secret"}`},
		{"token", `{"file":"` + file + `"}`},
		{"token", `{"file":"/nowhere"}`},
		{"token", `{}`},
		{"token", `secret`},
		{"basic", `{"username":"me","password":"pass:word"}`},
		{"basic", `{"username":"me"}`},
		{"basic", `{"password":"me"}`},
		{"tls", `{"tlsCertFile":"/nowhere","tlsKeyFile":"/nowhere"}`},
		{"athenz", `{}`},
		{"oauth2", `{"type":"device"}`},
		{"nothing", `{}`},
		{class + "AuthenticationToken", `{"token":"secret"}`},
		{class + "AuthenticationTls", `{}`},
		{class + "AuthenticationBasic", `{"username":"me","password":"pass"}`},
		{class + "AuthenticationAthenz", `{}`},
		{class + "oauth2.AuthenticationOAuth2", `{"type":"device"}`},
	} {
		own, err := ours.NewProvider(test[0], test[1])
		other, otherErr := theirs.NewProvider(test[0], test[1])
		if (err == nil) != (otherErr == nil) {
			t.Fatalf("%v: %v; pulsar-client-go says %v", test, err, otherErr)
		}
		if err != nil {
			continue
		}
		err, otherErr = own.Init(), other.Init()
		if (err == nil) != (otherErr == nil) || own.Name() != other.Name() {
			t.Fatalf("%v: %s %v; pulsar-client-go says %s %v", test, own.Name(), err, other.Name(), otherErr)
		}
		if err != nil || own.Name() == "" {
			continue
		}
		data, err := own.GetData()
		otherData, otherErr := other.GetData()
		if string(data) != string(otherData) || err != nil || otherErr != nil {
			t.Errorf("%v: %s %v; pulsar-client-go says %s %v", test, data, err, otherData, otherErr)
		}
		if a, b := sent(t, own), sent(t, other); a != b || a == "" {
			t.Errorf("%v: %s; pulsar-client-go sends %s", test, a, b)
		}
	}
}

func sent(t *testing.T, provider ours.HTTPAuthProvider) string {
	transport := new(capture)
	if err := provider.WithTransport(transport); err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequest(http.MethodGet, "http://localhost/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.RoundTrip(request); err != nil {
		t.Fatal(err)
	}
	return transport.header.Get("Authorization")
}
