// Package pulsartest helps to test programs that use package pulsar: with a broker in the test's own process, which can
// be made to fail, and with mocks of clients, producers, consumers and readers, which need no broker at all.
package pulsartest

import (
	pulsar "github.com/pulsar-rs/pulsar_rs/bindings/go"
	"github.com/pulsar-rs/pulsar_rs/bindings/go/internal/made"
)

// T is what this package needs of a *testing.T, a *testing.B or a *testing.F.
type T interface {
	Helper()
	Cleanup(func())
	Errorf(format string, args ...interface{})
	Fatalf(format string, args ...interface{})
}

// NewError makes an error as package pulsar returns it, for mocks to fail with. For those that have a name, such as
// pulsar.ErrSendTimeout, there is no need to.
func NewError(result pulsar.Result, text string) error { return made.Error(int(result), text) }
