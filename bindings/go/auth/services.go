package auth

import (
	"errors"
	"fmt"
	"net/http"
)

// Names and values of parameters for OAuth 2.0.
const (
	ConfigParamType                  = "type"               // the way to get a token
	ConfigParamTypeClientCredentials = "client_credentials" // with a client's id and secret: the only way there is
	ConfigParamIssuerURL             = "issuerUrl"          // where the issuer is
	ConfigParamAudience              = "audience"           // whom the token is for
	ConfigParamScope                 = "scope"              // what the token is for, separated by spaces
	ConfigParamKeyFile               = "privateKey"         // JSON file with client_id and client_secret, or its URL
	ConfigParamClientID              = "clientId"           // not needed: the file says it
)

// service is a provider whose tokens come from a service, which the library asks, not Go.
type service struct {
	common
	plugin, name string
	params       map[string]string
}

// NewAuthenticationOAuth2WithParams makes a provider that asks an OAuth 2.0 issuer for tokens. The parameters are the
// ConfigParam constants.
func NewAuthenticationOAuth2WithParams(params map[string]string) (Provider, error) {
	if kind := params[ConfigParamType]; kind != ConfigParamTypeClientCredentials {
		return nil, fmt.Errorf("authentication oauth2: the parameter type is %q: only %s is known",
			kind, ConfigParamTypeClientCredentials)
	}
	names := map[string]string{ // the library's for the parameters'
		"issuer_url":  ConfigParamIssuerURL,
		"private_key": ConfigParamKeyFile,
		"audience":    ConfigParamAudience,
		"scope":       ConfigParamScope,
	}
	own := make(map[string]string)
	for name, parameter := range names {
		if value := params[parameter]; value != "" {
			own[name] = value
		}
	}
	for _, name := range []string{"issuer_url", "private_key"} {
		if own[name] == "" {
			return nil, fmt.Errorf("authentication oauth2: the parameter %s is missing", names[name])
		}
	}
	return &service{plugin: "oauth2", name: "token", params: own}, nil
}

// NewAuthenticationAthenzWithParams makes a provider that asks an Athenz ZTS for role tokens, from parameters with the
// names of NewAuthenticationAthenz' arguments: providerDomain, tenantDomain, tenantService, privateKey, keyId,
// x509CertChain, caCert, principalHeader, roleHeader, ztsUrl and ztsProxyUrl.
func NewAuthenticationAthenzWithParams(params map[string]string) (Provider, error) {
	return NewAuthenticationAthenz(params["providerDomain"], params["tenantDomain"], params["tenantService"],
		params["privateKey"], params["keyId"], params["x509CertChain"], params["caCert"], params["principalHeader"],
		params["roleHeader"], params["ztsUrl"], params["ztsProxyUrl"]), nil
}

// NewAuthenticationAthenz makes a provider that asks an Athenz ZTS for role tokens. privateKey is a file (PEM), or its
// URL, or a data URL. keyID and the names of headers may be empty, for the usual ones. x509CertChain, caCert and
// ztsProxyURL must be empty: Init fails otherwise.
func NewAuthenticationAthenz(providerDomain string, tenantDomain string, tenantService string, privateKey string,
	keyID string, x509CertChain string, caCert string, principalHeader string, roleHeader string, ztsURL string,
	ztsProxyURL string) Provider {
	params := make(map[string]string)
	for name, value := range map[string]string{
		"providerDomain":  providerDomain,
		"tenantDomain":    tenantDomain,
		"tenantService":   tenantService,
		"privateKey":      privateKey,
		"keyId":           keyID,
		"x509CertChain":   x509CertChain,
		"caCert":          caCert,
		"principalHeader": principalHeader,
		"roleHeader":      roleHeader,
		"ztsUrl":          ztsURL,
		"ztsProxyUrl":     ztsProxyURL,
	} {
		if value != "" {
			params[name] = value
		}
	}
	return &service{plugin: "athenz", name: "athenz", params: params}
}

func (s *service) Init() error {
	if s.plugin != "athenz" {
		return nil
	}
	for _, name := range []string{"providerDomain", "tenantDomain", "tenantService", "privateKey", "ztsUrl"} {
		if s.params[name] == "" {
			return fmt.Errorf("authentication athenz: the parameter %s is missing", name)
		}
	}
	for _, name := range []string{"x509CertChain", "caCert", "ztsProxyUrl"} {
		if s.params[name] != "" {
			return fmt.Errorf("authentication athenz: the parameter %s is not supported: %w", name, errors.ErrUnsupported)
		}
	}
	return nil
}

func (s *service) Name() string       { return s.name }
func (s *service) Settings() Settings { return Settings{Plugin: s.plugin, Params: s.params} }

// errInLibrary is what asking for a token fails with: it never comes to Go.
func (s *service) errInLibrary() error {
	return fmt.Errorf("authentication %s: the library asks for tokens by itself, and keeps them: %w",
		s.plugin, errors.ErrUnsupported)
}

func (s *service) GetData() ([]byte, error) { return nil, s.errInLibrary() }

func (s *service) RoundTrip(*http.Request) (*http.Response, error) { return nil, s.errInLibrary() }
