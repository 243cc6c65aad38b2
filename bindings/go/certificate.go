package pulsar

/*
#include "bridge.h"
*/
import "C"

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"unsafe"

	"github.com/pulsar-rs/pulsar_rs/bindings/go/log"
)

// certificateSupplier is a function of the program that returns certificates.
type certificateSupplier struct {
	supply func() (*tls.Certificate, error)
	logger log.Logger
}

var certificateSuppliers registry[certificateSupplier]

// certificates makes a C authentication with the certificates of a function.
func (c *callbacks) certificates(supply func() (*tls.Certificate, error), logger log.Logger) *C.pulsar_authentication_t {
	c.certificate = certificateSuppliers.add(certificateSupplier{supply, logger})
	return C.pulsar_go_certificate_supplier(C.uintptr_t(c.certificate))
}

//export pulsarGoCertificate
func pulsarGoCertificate(to *C.pulsar_rs_certificate_t, number C.uintptr_t) C.int {
	supplier, ok := certificateSuppliers.get(uintptr(number))
	if !ok {
		return C.pulsar_result_AuthenticationError
	}
	certificate, err := supplier.supply()
	if err != nil {
		supplier.logger.Errorf("the certificate supplier failed: %v", err)
		return C.pulsar_result_AuthenticationError
	}
	chain, key, err := encodeCertificate(certificate)
	if err != nil {
		supplier.logger.Errorf("the certificate supplier's certificate cannot be used: %v", err)
		return C.pulsar_result_AuthenticationError
	}
	defer clear(key)
	C.pulsar_rs_certificate_set_pem(to, unsafe.Pointer(unsafe.SliceData(chain)), C.size_t(len(chain)))
	C.pulsar_rs_certificate_set_private_key_pem(to, unsafe.Pointer(unsafe.SliceData(key)), C.size_t(len(key)))
	return C.pulsar_result_Ok
}

// encodeCertificate returns certificate and private key in PEM.
func encodeCertificate(certificate *tls.Certificate) (chain, key []byte, err error) {
	if certificate == nil || len(certificate.Certificate) == 0 {
		return nil, nil, errors.New("there is no certificate")
	}
	der, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		// One that signs without showing itself, such as that of a security module.
		return nil, nil, errors.New("the private key is none that can be handed over: " + err.Error())
	}
	defer clear(der)
	for _, one := range certificate.Certificate {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: one})...)
	}
	return chain, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
