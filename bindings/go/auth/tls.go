package auth

import (
	"crypto/tls"
	"errors"
	"net/http"
)

type certificate struct {
	common
	certificatePath, privateKeyPath string
	supplier                        func() (*tls.Certificate, error) // nil when there are files
}

// NewAuthenticationTLS makes a provider with a certificate and its private key, two files in PEM. They are read for each
// connection.
func NewAuthenticationTLS(certificatePath string, privateKeyPath string) Provider {
	return &certificate{certificatePath: certificatePath, privateKeyPath: privateKeyPath}
}

// NewAuthenticationFromTLSCertSupplier makes a provider that asks a function for the certificate, with its private key,
// for each connection. It may be called by several goroutines at a time.
func NewAuthenticationFromTLSCertSupplier(tlsCertSupplier func() (*tls.Certificate, error)) Provider {
	return &certificate{supplier: func() (*tls.Certificate, error) {
		if tlsCertSupplier == nil {
			return nil, errors.New("authentication tls: the function is nil")
		}
		return tlsCertSupplier()
	}}
}

// NewAuthenticationTLSWithParams makes a provider from the parameters tlsCertFile and tlsKeyFile.
func NewAuthenticationTLSWithParams(params map[string]string) Provider {
	return NewAuthenticationTLS(params["tlsCertFile"], params["tlsKeyFile"])
}

func (c *certificate) Init() error {
	_, err := c.GetTLSCertificate()
	return err
}

func (*certificate) Name() string { return "tls" }

func (c *certificate) Settings() Settings {
	if c.supplier != nil {
		return Settings{Plugin: "tls", Certificate: c.supplier}
	}
	return Settings{
		Plugin: "tls",
		Params: map[string]string{"tlsCertFile": c.certificatePath, "tlsKeyFile": c.privateKeyPath},
	}
}

func (c *certificate) GetTLSCertificate() (*tls.Certificate, error) {
	if c.supplier != nil {
		return c.supplier()
	}
	pair, err := tls.LoadX509KeyPair(c.certificatePath, c.privateKeyPath)
	if err != nil {
		return nil, err
	}
	return &pair, nil
}

// WithTransport has the transport show the certificate, if it is an *http.Transport, which is changed.
func (c *certificate) WithTransport(transport http.RoundTripper) error {
	own, ok := transport.(*http.Transport)
	if !ok {
		return errors.New("authentication tls: only an *http.Transport can show a certificate")
	}
	pair, err := c.GetTLSCertificate()
	if err != nil {
		return err
	}
	if pair == nil {
		return errors.New("authentication tls: there is no certificate")
	}
	if own.TLSClientConfig == nil {
		own.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	own.TLSClientConfig.Certificates = []tls.Certificate{*pair}
	return c.common.WithTransport(transport)
}
