package pulsar

import (
	"crypto/tls"

	"github.com/pulsar-rs/pulsar_rs/bindings/go/auth"
)

// Authentication says who a client is; package auth says more. Its value is an auth.Provider.
type Authentication interface{}

// NewAuthentication makes an authentication from the name of its method (token, basic, tls, oauth2 or athenz, or the
// name of the Java client's class) and its parameters, as a JSON object of strings.
func NewAuthentication(name string, params string) (Authentication, error) {
	provider, err := auth.NewProvider(name, params)
	if err != nil {
		return nil, errAuthentication(err)
	}
	return provider, nil
}

// NewAuthenticationToken makes an authentication with a token.
func NewAuthenticationToken(token string) Authentication { return auth.NewAuthenticationToken(token) }

// NewAuthenticationTokenFromSupplier makes an authentication that asks a function for the token: for each connection, and
// when a broker wants a new one. It may be called by several goroutines at a time.
func NewAuthenticationTokenFromSupplier(tokenSupplier func() (string, error)) Authentication {
	return auth.NewAuthenticationTokenFromSupplier(tokenSupplier)
}

// NewAuthenticationTokenFromFile makes an authentication that reads the token from a file each time.
func NewAuthenticationTokenFromFile(tokenFilePath string) Authentication {
	return auth.NewAuthenticationTokenFromFile(tokenFilePath)
}

// NewAuthenticationTLS makes an authentication with a certificate and its private key, two files in PEM.
func NewAuthenticationTLS(certificatePath string, privateKeyPath string) Authentication {
	return auth.NewAuthenticationTLS(certificatePath, privateKeyPath)
}

// NewAuthenticationFromTLSCertSupplier makes an authentication that asks a function for the certificate, with its private
// key: in NewClient, and for each connection with TLS and each HTTPS lookup. The key must be one that
// x509.MarshalPKCS8PrivateKey knows: with a crypto.Signer that keeps its key, or without a certificate, NewClient fails,
// and so do connections.
func NewAuthenticationFromTLSCertSupplier(tlsCertSupplier func() (*tls.Certificate, error)) Authentication {
	return auth.NewAuthenticationFromTLSCertSupplier(tlsCertSupplier)
}

// NewAuthenticationAthenz makes an authentication with role tokens of Athenz, from the parameters of
// auth.NewAuthenticationAthenzWithParams.
func NewAuthenticationAthenz(authParams map[string]string) Authentication {
	provider, err := auth.NewAuthenticationAthenzWithParams(authParams)
	if err != nil {
		return failing{auth.NewAuthDisabled(), errAuthentication(err)}
	}
	return provider
}

// NewAuthenticationOAuth2 makes an authentication with tokens of an OAuth 2.0 issuer, from the parameters of
// auth.NewAuthenticationOAuth2WithParams. When they are wrong, NewClient says so.
func NewAuthenticationOAuth2(authParams map[string]string) Authentication {
	provider, err := auth.NewAuthenticationOAuth2WithParams(authParams)
	if err != nil {
		return failing{auth.NewAuthDisabled(), errAuthentication(err)}
	}
	return provider
}

// NewAuthenticationBasic makes an authentication with a user's name and password. They travel as they are: use it with
// TLS.
func NewAuthenticationBasic(username, password string) (Authentication, error) {
	provider, err := auth.NewAuthenticationBasic(username, password)
	if err != nil {
		return nil, errAuthentication(err)
	}
	return provider, nil
}

// errAuthentication makes an Error of one of package auth, which cannot make one.
func errAuthentication(err error) *Error {
	own := newError(AuthenticationError, err.Error())
	own.cause = err
	return own
}

// failing is an authentication that NewClient refuses, for functions that cannot return an error.
type failing struct {
	auth.Provider
	err error
}

func (f failing) Init() error { return f.err }
