package pulsar

/*
#include "bridge.h"
*/
import "C"

import (
	"sync"
	"time"

	"github.com/pulsar-rs/pulsar_rs/bindings/go/backoff"
)

// reconnecting has the program's policies say how long to wait before each attempt to come back to a broker.
type reconnecting struct {
	policy func() backoff.Policy
	most   *uint // attempts; nil: without end

	mu       sync.Mutex
	policies map[string]backoff.Policy // by topic or partition, since each lost its place
}

var reconnectings registry[*reconnecting]

// newReconnecting returns the number under which C knows the policies; 0 where the library's own do.
func newReconnecting(policy func() backoff.Policy, most *uint) uintptr {
	if policy == nil && most == nil {
		return 0
	}
	if policy == nil {
		policy = backoff.NewDefaultBackoff
	}
	return reconnectings.add(&reconnecting{policy: policy, most: most, policies: make(map[string]backoff.Policy)})
}

// pause is how long to wait before an attempt, counted from 0; negative: there is to be none.
func (r *reconnecting) pause(topic string, attempt uint) time.Duration {
	if r.most != nil && attempt >= *r.most {
		return -1
	}
	r.mu.Lock()
	if attempt == 0 || r.policies[topic] == nil {
		r.policies[topic] = r.policy()
	}
	policy := r.policies[topic]
	r.mu.Unlock()
	return max(0, policy.Next())
}

//export pulsarGoReconnectDelay
func pulsarGoReconnectDelay(topic *C.char, attempt C.uint32_t, number C.uintptr_t) C.int64_t {
	r, ok := reconnectings.get(uintptr(number))
	if !ok {
		return -1
	}
	pause := r.pause(C.GoString(topic), uint(attempt))
	if pause < 0 {
		return -1
	}
	return C.int64_t(pause.Milliseconds())
}
