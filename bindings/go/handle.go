package pulsar

import (
	"sync"
	"unsafe"
)

// handle lends a C object to calls, and frees it when it was closed and the last call that uses it returned: a Close on one
// goroutine never pulls it from under another.
type handle struct {
	mu      sync.Mutex
	pointer unsafe.Pointer
	free    func()
	users   int // calls that run, and 1 until it is closed
	closed  bool
}

func newHandle(pointer unsafe.Pointer, free func()) *handle {
	return &handle{pointer: pointer, free: free, users: 1}
}

// acquire lends the object until release; nil when it is closed.
func (h *handle) acquire() unsafe.Pointer {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil
	}
	h.users++
	return h.pointer
}

func (h *handle) release() {
	h.mu.Lock()
	h.users--
	last := h.users == 0
	h.mu.Unlock()
	if last {
		h.free()
	}
}

// close ends lending; the object is freed with the last release.
func (h *handle) close() {
	h.mu.Lock()
	first := !h.closed
	h.closed = true
	h.mu.Unlock()
	if first {
		h.release()
	}
}
