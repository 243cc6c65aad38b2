package pulsar

import (
	"sync"
	"sync/atomic"
)

// registry gives numbers to Go values, for C to hand back. A number that is not valid any more finds nothing, so a late
// callback does no harm.
type registry[T any] struct {
	values sync.Map
	last   atomic.Uintptr
}

func (r *registry[T]) add(value T) uintptr {
	number := r.last.Add(1)
	r.values.Store(number, value)
	return number
}

func (r *registry[T]) get(number uintptr) (value T, ok bool) {
	found, ok := r.values.Load(number)
	if ok {
		value = found.(T)
	}
	return value, ok
}

func (r *registry[T]) remove(number uintptr) {
	r.values.Delete(number)
}
