// Package auth says who a client is: with a token, a password, a certificate, or by asking a service.
package auth

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// Provider says who a client is. The ones that this package makes work. Others have to be named token or tls, or to have a
// Settings method like these: they make NewClient fail else. Of one named token the library asks for GetData, of one named
// tls for GetTLSCertificate, for each connection.
type Provider interface {
	// Init checks what can be checked before there is a connection. NewClient calls it.
	Init() error

	// Name returns the name of the method, as brokers know it.
	Name() string

	// GetTLSCertificate returns the certificate to show in TLS handshakes; nil when there is none.
	GetTLSCertificate() (*tls.Certificate, error)

	// GetData returns what is sent to brokers to say who the client is; nil when that is nothing.
	GetData() ([]byte, error)

	io.Closer

	HTTPAuthProvider
}

// HTTPAuthProvider says who a client is in HTTP requests.
type HTTPAuthProvider interface {
	// RoundTrip adds to the request who the client is and hands it to the transport.
	RoundTrip(req *http.Request) (*http.Response, error)

	// Transport returns the transport; nil when there is none.
	Transport() http.RoundTripper

	// WithTransport sets the transport.
	WithTransport(tripper http.RoundTripper) error
}

// HTTPTransport holds a transport.
type HTTPTransport struct {
	T http.RoundTripper
}

// Settings is what the library needs to know of a Provider. It holds secrets; printing it shows none.
type Settings struct {
	// Plugin is the method: token, basic, tls, oauth2 or athenz; empty for none.
	Plugin string

	// Params are the method's parameters, under the names that the library has for them.
	Params map[string]string

	// Token returns the token for each connection; for the method token.
	Token func() (string, error)

	// Certificate returns the certificate for each connection; for the method tls when it has no parameters.
	Certificate func() (*tls.Certificate, error)
}

// String returns the method alone.
func (settings Settings) String() string { return "authentication " + settings.Plugin }

// GoString returns the method alone.
func (settings Settings) GoString() string { return settings.String() }

// NewProvider makes a provider from the name of its method (token, basic, tls, oauth2, athenz, or the name of the Java
// client's class; empty for none) and its parameters, as a JSON object of strings.
func NewProvider(name string, params string) (Provider, error) {
	var parameters map[string]string
	if err := json.Unmarshal([]byte(params), &parameters); err != nil {
		// Its text would show a piece of the parameters.
		return nil, errors.New("authentication " + name + ": the parameters are no JSON object of strings")
	}
	const class = "org.apache.pulsar.client.impl.auth."
	switch name {
	case "":
		return NewAuthDisabled(), nil
	case "tls", class + "AuthenticationTls":
		return NewAuthenticationTLSWithParams(parameters), nil
	case "token", class + "AuthenticationToken":
		return NewAuthenticationTokenWithParams(parameters)
	case "athenz", class + "AuthenticationAthenz":
		return NewAuthenticationAthenzWithParams(parameters)
	case "oauth2", class + "oauth2.AuthenticationOAuth2":
		return NewAuthenticationOAuth2WithParams(parameters)
	case "basic", class + "AuthenticationBasic":
		return NewAuthenticationBasicWithParams(parameters)
	}
	return nil, fmt.Errorf("authentication: there is no method %q; the methods are token, basic, tls, oauth2 and athenz",
		name)
}

// common is what most providers do: nothing.
type common struct {
	transport http.RoundTripper
}

func (*common) Init() error                                  { return nil }
func (*common) Close() error                                 { return nil }
func (*common) GetData() ([]byte, error)                     { return nil, nil }
func (*common) GetTLSCertificate() (*tls.Certificate, error) { return nil, nil }
func (c *common) Transport() http.RoundTripper               { return c.transport }

func (c *common) WithTransport(transport http.RoundTripper) error {
	c.transport = transport
	return nil
}

func (c *common) RoundTrip(request *http.Request) (*http.Response, error) {
	return c.roundTrip(request, "", "")
}

// roundTrip sends the request, with a header unless its name is empty. A RoundTripper must not change its request.
func (c *common) roundTrip(request *http.Request, header, value string) (*http.Response, error) {
	if c.transport == nil {
		return nil, errors.New("authentication: there is no transport for HTTP: call WithTransport first")
	}
	if header != "" {
		request = request.Clone(request.Context())
		request.Header.Set(header, value)
	}
	return c.transport.RoundTrip(request)
}

type disabled struct{ common }

// NewAuthDisabled makes a provider for clients that do not say who they are.
func NewAuthDisabled() Provider { return &disabled{} }

func (*disabled) Name() string       { return "" }
func (*disabled) Settings() Settings { return Settings{} }
