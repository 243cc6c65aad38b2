package pulsar

import (
	"errors"
	"runtime"
	"sync"
	"unsafe"
)

// handle owns a C object. It is freed when it was closed and the last call that uses it returned, so that a
// Close on one goroutine never pulls it from under another.
type handle struct {
	mu      sync.Mutex
	pointer unsafe.Pointer
	free    func(unsafe.Pointer)
	users   int // calls that run, and 1 until it is closed
	closed  bool
}

// own makes owner the owner of a C object, which goes with it at the latest.
func own[T any](owner *T, field **handle, pointer unsafe.Pointer, free func(unsafe.Pointer)) {
	h := &handle{pointer: pointer, free: free, users: 1}
	*field = h
	// On a goroutine: freeing may wait for a broker, and other cleanups shall not.
	runtime.AddCleanup(owner, func(h *handle) { go h.close(func(unsafe.Pointer) error { return nil }) }, h)
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
		h.free(h.pointer)
	}
}

// close ends the object's use. Only the first call does something; what the client closed before is no failure.
func (h *handle) close(say func(unsafe.Pointer) error) error {
	h.mu.Lock()
	first := !h.closed
	h.closed = true
	h.mu.Unlock()
	if !first {
		return nil
	}
	defer h.release()
	err := say(h.pointer)
	if failure, ok := errors.AsType[*Error](err); ok && failure.Result == ResultAlreadyClosed {
		return nil
	}
	return err
}
