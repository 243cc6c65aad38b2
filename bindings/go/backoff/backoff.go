// Package backoff says how long to wait between attempts to do the same thing.
package backoff

import (
	"math/rand/v2"
	"time"
)

const (
	shortest = 100 * time.Millisecond
	longest  = 60 * time.Second
	jitter   = 0.2
)

// Policy says how long to wait before each attempt. A policy belongs to one producer or consumer, which does not call
// it from several goroutines at a time.
type Policy interface {
	// Next returns how long to wait before the next attempt.
	Next() time.Duration

	// IsMaxBackoffReached says whether Next returns the longest time already.
	IsMaxBackoffReached() bool

	// Reset is called after an attempt succeeded: Next starts anew.
	Reset()
}

// DefaultBackoff doubles the time with each attempt, from 100 ms to 60 s, and adds up to a fifth by chance, so that
// clients do not all come back at the same time. The zero value is ready for use.
type DefaultBackoff struct {
	wait time.Duration // without chance; 0 before the first attempt
}

// NewDefaultBackoff returns a DefaultBackoff.
func NewDefaultBackoff() Policy { return &DefaultBackoff{} }

// NewDefaultBackoffWithInitialBackOff returns a DefaultBackoff whose first time is this one, between 100 ms and 60 s.
// Once reset it starts with 100 ms.
func NewDefaultBackoffWithInitialBackOff(backoff time.Duration) Policy {
	return &DefaultBackoff{wait: backoff / 2}
}

// Next returns how long to wait before the next attempt.
func (b *DefaultBackoff) Next() time.Duration {
	b.wait = min(max(2*b.wait, shortest), longest)
	return b.wait + time.Duration(rand.Float64()*jitter*float64(b.wait))
}

// IsMaxBackoffReached says whether the time is 60 s already.
func (b *DefaultBackoff) IsMaxBackoffReached() bool { return b.wait >= longest }

// Reset starts anew, with 100 ms.
func (b *DefaultBackoff) Reset() { b.wait = 0 }
