package auth

import (
	"errors"
	"net/http"
	"os"
	"strings"
)

var errNoToken = errors.New("authentication token: the token is empty")

type token struct {
	common
	supplier func() (string, error)
}

// NewAuthenticationToken makes a provider with a token.
func NewAuthenticationToken(text string) Provider {
	return NewAuthenticationTokenFromSupplier(func() (string, error) { return text, nil })
}

// NewAuthenticationTokenFromSupplier makes a provider that asks a function for the token: for each connection, and when
// a broker wants a new one. It may be called by several goroutines at a time.
func NewAuthenticationTokenFromSupplier(tokenSupplier func() (string, error)) Provider {
	return &token{supplier: func() (string, error) {
		if tokenSupplier == nil {
			return "", errors.New("authentication token: the function is nil")
		}
		text, err := tokenSupplier()
		if err == nil && text == "" {
			err = errNoToken
		}
		return text, err
	}}
}

// NewAuthenticationTokenFromFile makes a provider that reads the token from a file each time. Space and line ends around
// it do not count.
func NewAuthenticationTokenFromFile(tokenFilePath string) Provider {
	return NewAuthenticationTokenFromSupplier(func() (string, error) {
		text, err := os.ReadFile(tokenFilePath)
		return strings.TrimSpace(string(text)), err
	})
}

// NewAuthenticationTokenWithParams makes a provider from the parameter token or, without it, file.
func NewAuthenticationTokenWithParams(params map[string]string) (Provider, error) {
	switch {
	case params["token"] != "":
		return NewAuthenticationToken(params["token"]), nil
	case params["file"] != "":
		return NewAuthenticationTokenFromFile(params["file"]), nil
	}
	return nil, errors.New("authentication token: the parameter token or file is missing")
}

func (t *token) Init() error {
	_, err := t.supplier()
	return err
}

func (*token) Name() string         { return "token" }
func (t *token) Settings() Settings { return Settings{Plugin: "token", Token: t.supplier} }

func (t *token) GetData() ([]byte, error) {
	text, err := t.supplier()
	if err != nil {
		return nil, err
	}
	return []byte(text), nil
}

func (t *token) RoundTrip(request *http.Request) (*http.Response, error) {
	text, err := t.supplier()
	if err != nil {
		return nil, err
	}
	return t.roundTrip(request, "Authorization", "Bearer "+text)
}
