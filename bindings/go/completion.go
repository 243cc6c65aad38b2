package pulsar

/*
#include "bridge.h"
#include <pulsar_rs/completion.h>

// Fetches what is there. Less than `max` says that it is all: only a call that finds nothing has the descriptor ring again.
static size_t fetch_all(pulsar_rs_completion_queue_t *queue, pulsar_rs_completion_t *completions, size_t max) {
    size_t count = 0, more = 0;
    do {
        more = pulsar_rs_completion_queue_poll(queue, completions + count, max - count);
        count += more;
    } while (more > 0 && count < max);
    return count;
}

// The library calls nothing back in this, and keeps no pointer.
#cgo noescape fetch_all
#cgo nocallback fetch_all
*/
import "C"

import (
	"context"
	"os"
	"sync"
	"syscall"
	"unsafe"
)

// fetched is how many outcomes cross to Go in one call.
const fetched = 128

// operationToken marks the tokens of operations, to tell them from those of messages.
const operationToken = 1 << 63

// completions are the outcomes of what one object of the library was asked for. They come through a completion queue of the
// library, whose file descriptor Go's netpoller watches: no OS thread waits.
type completions struct {
	queue  *C.pulsar_rs_completion_queue_t
	file   *os.File // the descriptor of the queue, once more
	buffer *C.pulsar_rs_completion_t
	ended  chan struct{} // closed when the goroutine has ended

	mu         sync.Mutex
	operations map[uint64]*operation
	last       uint64
	stopped    bool
}

// completion is the outcome of an operation that is no send.
type completion struct {
	result C.pulsar_result
	object unsafe.Pointer
}

// newCompletions makes a queue for up to capacity operations whose outcomes were not fetched yet; sends count, too.
func newCompletions(capacity int) (*completions, error) {
	queue := C.pulsar_rs_completion_queue_create(C.uint32_t(min(capacity, 1<<31-1)))
	if queue == nil {
		return nil, newError(UnknownError, "no completion queue can be had: are there too many open files?")
	}
	// The library's own descriptor is not to be closed, and Go closes what it watches.
	fd, err := syscall.Dup(int(C.pulsar_rs_completion_queue_fd(queue)))
	if err != nil {
		C.pulsar_rs_completion_queue_free(queue)
		return nil, newError(UnknownError, "the descriptor of a completion queue cannot be duplicated: "+err.Error())
	}
	syscall.CloseOnExec(fd)
	return &completions{
		queue:      queue,
		file:       os.NewFile(uintptr(fd), "completions"),
		buffer:     (*C.pulsar_rs_completion_t)(C.calloc(fetched, C.sizeof_pulsar_rs_completion_t)),
		ended:      make(chan struct{}),
		operations: make(map[uint64]*operation),
	}, nil
}

// run fetches outcomes on a goroutine of its own until stop. Those of operations go to who waits for them, all others to
// handle, which may use them while it runs.
func (c *completions) run(handle func(*C.pulsar_rs_completion_t)) {
	raw, err := c.file.SyscallConn()
	if err != nil {
		panic("pulsar: a file has no descriptor: " + err.Error())
	}
	go func() {
		defer close(c.ended)
		// It returns when the file is closed.
		_ = raw.Read(func(uintptr) bool {
			c.fetch(handle)
			return false
		})
		c.fetch(handle)
		c.abandon()
	}()
}

// fetch hands out everything that is there.
func (c *completions) fetch(handle func(*C.pulsar_rs_completion_t)) {
	for {
		n := C.fetch_all(c.queue, c.buffer, fetched)
		outcomes := unsafe.Slice(c.buffer, fetched)[:n]
		for i := range outcomes {
			outcome := &outcomes[i]
			if outcome.token&operationToken == 0 {
				handle(outcome)
			} else {
				c.settle(uint64(outcome.token), completion{outcome.result, outcome.object})
			}
		}
		if n < fetched {
			return
		}
	}
}

// settle tells who waits for an operation.
func (c *completions) settle(token uint64, outcome completion) {
	c.mu.Lock()
	op := c.operations[token]
	delete(c.operations, token)
	c.mu.Unlock()
	if op != nil {
		op.settle(outcome)
	}
}

// abandon ends what nobody can end any more.
func (c *completions) abandon() {
	c.mu.Lock()
	left := c.operations
	c.operations = nil
	c.mu.Unlock()
	for _, op := range left {
		op.settle(completion{result: C.pulsar_result_AlreadyClosed})
	}
}

// stop ends the goroutine, when everything that is there was handed out. Operations that wait end as on a closed object.
func (c *completions) stop() {
	c.mu.Lock()
	first := !c.stopped
	c.stopped = true
	c.mu.Unlock()
	if first {
		c.file.Close()
	}
	<-c.ended
}

// free frees the queue, behind stop and behind the object that completes to it.
func (c *completions) free() {
	C.pulsar_rs_completion_queue_free(c.queue)
	C.free(unsafe.Pointer(c.buffer))
	c.queue, c.buffer = nil, nil
}

// operation is something that the library was asked for and that goroutines may wait for.
type operation struct {
	done    chan struct{} // closed when the outcome is there
	outcome completion    // may be read then
}

func (o *operation) settle(outcome completion) {
	o.outcome = outcome
	close(o.done)
}

// begin starts an operation. start gets its token, and returns what the library answered; on anything but Ok there is no
// operation.
func (c *completions) begin(start func(token C.uint64_t) C.pulsar_result) (*operation, C.pulsar_result) {
	op := &operation{done: make(chan struct{})}
	c.mu.Lock()
	if c.stopped || c.operations == nil {
		c.mu.Unlock()
		return nil, C.pulsar_result_AlreadyClosed
	}
	c.last++
	token := c.last | operationToken
	c.operations[token] = op
	c.mu.Unlock()
	result := start(C.uint64_t(token))
	if result != C.pulsar_result_Ok {
		c.mu.Lock()
		delete(c.operations, token)
		c.mu.Unlock()
		return nil, result
	}
	return op, C.pulsar_result_Ok
}

// wait waits for the outcome, or for the end of ctx: then the operation goes on. For those that make no object.
func (o *operation) wait(ctx context.Context) (C.pulsar_result, error) {
	select {
	case <-o.done:
		return o.outcome.result, nil
	case <-ctx.Done():
	}
	select {
	case <-o.done:
		return o.outcome.result, nil
	default:
		return C.pulsar_result_Ok, ctx.Err()
	}
}

// do starts an operation as begin does, and waits for its outcome: what it made, if anything, and how it ended.
func (c *completions) do(start func(token C.uint64_t) C.pulsar_result) (unsafe.Pointer, C.pulsar_result) {
	op, result := c.begin(start)
	if result != C.pulsar_result_Ok {
		return nil, result
	}
	<-op.done
	return op.outcome.object, op.outcome.result
}
