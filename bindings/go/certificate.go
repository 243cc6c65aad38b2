package pulsar

/*
#include "bridge.h"
*/
import "C"

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"github.com/pulsar-rs/pulsar_rs/bindings/go/log"
)

// certificateSupplier is a function of the program that gives certificates.
type certificateSupplier struct {
	supply func() (*tls.Certificate, error)
	logger log.Logger
}

var certificateSuppliers registry[certificateSupplier]

// certificates makes a C authentication, which the caller frees. What cannot be handed over is refused here, with the
// reason: connections that fail later leave that to the log.
func (c *callbacks) certificates(
	supply func() (*tls.Certificate, error), logger log.Logger,
) (*C.pulsar_authentication_t, error) {
	supplier := certificateSupplier{supply, logger}
	_, key, err := supplier.pem()
	if err != nil {
		return nil, errAuthentication(fmt.Errorf("the certificate supplier failed: %w", err))
	}
	clear(key)
	c.certificate = certificateSuppliers.add(supplier)
	return C.pulsar_go_certificate_supplier(C.uintptr_t(c.certificate)), nil
}

//export pulsarGoCertificate
func pulsarGoCertificate(certificate *C.pulsar_rs_certificate_t, number C.uintptr_t) C.int {
	supplier, ok := certificateSuppliers.get(uintptr(number))
	if !ok {
		return C.pulsar_result_AuthenticationError
	}
	chain, key, err := supplier.pem()
	if err != nil {
		supplier.logger.Errorf("the certificate supplier failed: %v", err)
		return C.pulsar_result_AuthenticationError
	}
	C.pulsar_rs_certificate_set_pem(certificate, unsafe.Pointer(unsafe.SliceData(chain)), C.size_t(len(chain)))
	C.pulsar_rs_certificate_set_private_key_pem(certificate, unsafe.Pointer(unsafe.SliceData(key)), C.size_t(len(key)))
	runtime.KeepAlive(chain)
	clear(key)
	return C.pulsar_result_Ok
}

// pem asks for a certificate, and writes it and its key as PEM. Whoever takes the key clears it.
func (s certificateSupplier) pem() (chain, key []byte, err error) {
	certificate, err := s.supply()
	if err != nil {
		return nil, nil, err
	}
	if certificate == nil {
		return nil, nil, errors.New("it gives nil")
	}
	var written bytes.Buffer
	for _, one := range certificate.Certificate {
		if err := pem.Encode(&written, &pem.Block{Type: "CERTIFICATE", Bytes: one}); err != nil {
			return nil, nil, err
		}
	}
	der, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		// The handshake is the library's: it cannot ask a crypto.Signer that keeps its key.
		return nil, nil, fmt.Errorf("the private key, a %T, cannot be handed over: it has to be one that "+
			"x509.MarshalPKCS8PrivateKey knows, such as *rsa.PrivateKey, *ecdsa.PrivateKey or ed25519.PrivateKey",
			certificate.PrivateKey)
	}
	defer clear(der)
	return written.Bytes(), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
