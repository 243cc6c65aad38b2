package auth

import (
	"encoding/base64"
	"errors"
	"net/http"
)

type basic struct {
	common
	username, password string
}

// NewAuthenticationBasic makes a provider with a user's name and password. They travel as they are: use it with TLS.
func NewAuthenticationBasic(username, password string) (Provider, error) {
	if username == "" {
		return nil, errors.New("authentication basic: the user's name is empty")
	}
	if password == "" {
		return nil, errors.New("authentication basic: the password is empty")
	}
	return &basic{username: username, password: password}, nil
}

// NewAuthenticationBasicWithParams makes a provider from the parameters username and password.
func NewAuthenticationBasicWithParams(params map[string]string) (Provider, error) {
	return NewAuthenticationBasic(params["username"], params["password"])
}

func (*basic) Name() string { return "basic" }

func (b *basic) Settings() Settings {
	return Settings{Plugin: "basic", Params: map[string]string{"username": b.username, "password": b.password}}
}

func (b *basic) GetData() ([]byte, error) { return []byte(b.username + ":" + b.password), nil }

func (b *basic) RoundTrip(request *http.Request) (*http.Response, error) {
	value := base64.StdEncoding.EncodeToString([]byte(b.username + ":" + b.password))
	return b.roundTrip(request, "Authorization", "Basic "+value)
}
