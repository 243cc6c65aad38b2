package pulsar

import (
	"context"
	"sync"
	"sync/atomic"
)

// memoryLimit limits the bytes of messages that have no outcome, of all producers of a client.
type memoryLimit struct {
	used  atomic.Int64
	limit int64 // 0: there is none

	waiting atomic.Int32
	mu      sync.Mutex
	freed   chan struct{} // closed and replaced when memory was given back while somebody waits
}

func newMemoryLimit(limit int64) *memoryLimit {
	return &memoryLimit{limit: max(limit, 0), freed: make(chan struct{})}
}

// tryTake takes memory if there is enough. A message that is larger than the limit is alone.
func (m *memoryLimit) tryTake(size int) bool {
	if m.limit == 0 {
		return true
	}
	for {
		used := m.used.Load()
		if used != 0 && used+int64(size) > m.limit {
			// Taking and giving back would wake those who wait for nothing, this one included.
			return false
		}
		if m.used.CompareAndSwap(used, used+int64(size)) {
			return true
		}
	}
}

// take waits for memory until ctx or closed ends; it says whether it has it.
func (m *memoryLimit) take(ctx context.Context, closed <-chan struct{}, size int) bool {
	m.waiting.Add(1)
	defer m.waiting.Add(-1)
	for {
		m.mu.Lock()
		freed := m.freed
		m.mu.Unlock()
		if m.tryTake(size) {
			return true
		}
		select {
		case <-freed:
		case <-ctx.Done():
			return false
		case <-closed:
			return false
		}
	}
}

// give gives memory back.
func (m *memoryLimit) give(size int) {
	if m.limit == 0 || size == 0 {
		return
	}
	m.used.Add(-int64(size))
	if m.waiting.Load() > 0 {
		m.mu.Lock()
		close(m.freed)
		m.freed = make(chan struct{})
		m.mu.Unlock()
	}
}
