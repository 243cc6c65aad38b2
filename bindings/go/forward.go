package pulsar

import (
	"context"
	"sync"
)

// forwarder sends the messages of a receiver to a channel, on a goroutine of its own.
type forwarder[M any] struct {
	receiver *receiver
	channel  chan M
	wrap     func(*message) M
	// unwrap returns the message of one in the channel; nil for one of another receiver.
	unwrap func(M) *message
	ended  <-chan struct{}

	mu   sync.Mutex
	left chan struct{} // not nil while the goroutine waits for room in the channel; closed when it does not any more
	wake chan struct{}
}

func newForwarder[M any](
	r *receiver, channel chan M, ended <-chan struct{}, wrap func(*message) M, unwrap func(M) *message,
) *forwarder[M] {
	return &forwarder[M]{
		receiver: r, channel: channel, wrap: wrap, unwrap: unwrap, ended: ended, wake: make(chan struct{}),
	}
}

// run ends with the receiver.
func (f *forwarder[M]) run() {
	for {
		m, err := f.receiver.receive(context.Background())
		if err != nil {
			return
		}
		if m.isStale() {
			continue
		}
		wrapped := f.wrap(m)
		for !f.send(m, wrapped) {
			select {
			case <-f.ended:
				return
			default:
			}
		}
	}
}

// send sends a message unless a seek made it stale; false when it has to be looked at again.
func (f *forwarder[M]) send(m *message, wrapped M) bool {
	f.mu.Lock()
	if m.isStale() {
		f.mu.Unlock()
		return true
	}
	select {
	case f.channel <- wrapped:
		f.mu.Unlock()
		return true
	default:
	}
	left := make(chan struct{})
	f.left = left
	f.mu.Unlock()
	defer close(left)
	select {
	case f.channel <- wrapped:
		return true
	case <-f.wake:
		return false
	case <-f.ended:
		return false
	}
}

// moved takes what is of before a seek out of the channel.
func (f *forwarder[M]) moved() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left != nil {
		select {
		case f.wake <- struct{}{}:
		case <-f.left:
		}
		f.left = nil
	}
	for range len(f.channel) {
		select {
		case one := <-f.channel:
			if m := f.unwrap(one); m == nil || !m.isStale() {
				f.again(one)
			}
		default:
			return
		}
	}
}

// again puts back what is not stale. There is room, unless others send to the same channel.
func (f *forwarder[M]) again(one M) {
	select {
	case f.channel <- one:
	default:
		go func() {
			select {
			case f.channel <- one:
			case <-f.ended:
			}
		}()
	}
}
