package pulsar

/*
#include "consumer_bridge.h"
#include <string.h>
*/
import "C"

import (
	"context"
	"sync"
	"unsafe"

	"github.com/pulsar-rs/pulsar_rs/bindings/go/log"
)

// Tokens of what goes on without an operation.
const (
	tokenOfList = 1 + iota
	tokenOfAnswer
)

// bytesPerList is how much content a list has at most, unless one message has more.
const bytesPerList = 8 << 20

// receiver holds messages for a consumer or a reader. Whoever finds none takes a list of those that the library has; when it
// has none either, he waits for a list that it sends. Whoever waits is served in turns.
type receiver struct {
	// fetch frees a list, which may be nil, and opens one of up to as many messages as there is room for. When the library has
	// none, it sends them as soon as it has any, for tokenOfList.
	fetch func(done *C.pulsar_rs_received_t, opened *C.pulsar_go_list_t) C.pulsar_result
	// readingOf asks for the number of a topic's reading; false for a topic that is none of those received from.
	readingOf func(name *C.char) (uint64, bool)
	// failed makes an error of an outcome.
	failed func(op string, result C.pulsar_result) error
	logger log.Logger
	// room is how many messages are held at most.
	room int
	// isLazy says that nothing is fetched before somebody waits.
	isLazy     bool
	keepsLists bool
	schemas    schemaCache

	mu       sync.Mutex
	current  []message
	next     int
	later    [][]message
	held     int
	isAsking bool                    // for a list that the library sends
	done     *C.pulsar_rs_received_t // what was copied from last, to be freed with the next call
	first    *waiting
	last     *waiting
	ended    error // set: nothing is received any more

	sourcesMu sync.Mutex
	sources   map[string]*source
	lastOne   *source // most messages are of the same one
}

// waiting is somebody who waits for a message.
type waiting struct {
	got            chan *message // gets one message; nil when the receiver ended
	previous, next *waiting
	isServed       bool
}

var waitings = sync.Pool{New: func() any { return &waiting{got: make(chan *message, 1)} }}

// prepare divides the queue between this side and the library, and returns the library's part.
func (r *receiver) prepare(queueSize int) (librarys int) {
	r.sources = make(map[string]*source)
	r.isLazy = queueSize == 0
	librarys = queueSize - queueSize/2
	r.room = max(queueSize/2, 1)
	return librarys
}

// receive takes the next message, or waits for it until ctx ends; then nothing is lost.
func (r *receiver) receive(ctx context.Context) (*message, error) {
	r.mu.Lock()
	if r.next == len(r.current) {
		return r.refill(ctx)
	}
	m := r.take()
	r.mu.Unlock()
	return m, nil
}

// refill takes what the library has, or waits for it. It is called with the lock held and gives it back.
func (r *receiver) refill(ctx context.Context) (*message, error) {
	if err := ctx.Err(); err != nil && r.ended == nil {
		r.mu.Unlock()
		return nil, err
	}
	// Those who wait come first, and get what was asked for.
	for !r.isAsking && r.ended == nil {
		r.more()
		if r.next < len(r.current) {
			m := r.take()
			r.mu.Unlock()
			return m, nil
		}
	}
	return r.wait(ctx)
}

// more takes what the library has, or asks for it.
func (r *receiver) more() {
	done := r.done
	r.done = nil
	r.isAsking = true
	var opened C.pulsar_go_list_t
	if result := r.fetch(done, &opened); result != C.pulsar_result_Ok {
		r.endWith(result)
	} else if opened.received != nil {
		r.isAsking = false
		r.add(r.copyList(&opened))
	}
}

// take takes the next message, which is there.
func (r *receiver) take() *message {
	m := &r.current[r.next]
	r.next++
	r.held--
	if r.next == len(r.current) {
		r.current, r.next = nil, 0
		if len(r.later) > 0 {
			r.current = r.later[0]
			r.later = r.later[1:]
		}
	}
	return m
}

// wait waits for a message. It is called with the lock held and gives it back.
func (r *receiver) wait(ctx context.Context) (*message, error) {
	if r.ended != nil {
		defer r.mu.Unlock()
		return nil, r.ended
	}
	w := waitings.Get().(*waiting)
	r.append(w)
	r.mu.Unlock()
	select {
	case m := <-w.got:
		return r.leave(w, m)
	case <-ctx.Done():
	}
	r.mu.Lock()
	if w.isServed {
		r.mu.Unlock()
		return r.leave(w, <-w.got)
	}
	r.remove(w)
	r.mu.Unlock()
	waitings.Put(w)
	return nil, ctx.Err()
}

// leave ends a wait that was served.
func (r *receiver) leave(w *waiting, m *message) (*message, error) {
	w.isServed = false
	waitings.Put(w)
	if m != nil {
		return m, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return nil, r.ended
}

func (r *receiver) append(w *waiting) {
	w.previous, w.next = r.last, nil
	if r.last == nil {
		r.first = w
	} else {
		r.last.next = w
	}
	r.last = w
}

func (r *receiver) remove(w *waiting) {
	if w.previous == nil {
		r.first = w.next
	} else {
		w.previous.next = w.next
	}
	if w.next == nil {
		r.last = w.previous
	} else {
		w.next.previous = w.previous
	}
	w.previous, w.next = nil, nil
}

// serve gives who waited longest a message, or nil at the end.
func (r *receiver) serve(m *message) {
	w := r.first
	r.remove(w)
	w.isServed = true
	w.got <- m
}

// serveAll gives messages that are there to those who wait, and takes or asks for more while some do.
func (r *receiver) serveAll() {
	for {
		for r.first != nil && r.next < len(r.current) {
			r.serve(r.take())
		}
		if r.first == nil || r.isAsking || r.ended != nil {
			return
		}
		r.more()
	}
}

func (r *receiver) endWith(result C.pulsar_result) {
	if result == C.pulsar_result_AlreadyClosed || result == C.pulsar_result_ConsumerNotInitialized {
		r.endLocked(errConsumerClosed("receive"))
	} else {
		r.endLocked(r.failed("receive", result))
	}
}

// end has everybody fail who waits, now and later. What is held is dropped.
func (r *receiver) end(why error) {
	r.mu.Lock()
	r.endLocked(why)
	r.mu.Unlock()
}

func (r *receiver) endLocked(why error) {
	if r.ended != nil {
		return
	}
	r.ended = why
	r.current, r.next, r.later, r.held = nil, 0, nil, 0
	for r.first != nil {
		r.serve(nil)
	}
}

// outcome takes what came for tokenOfList.
func (r *receiver) outcome(c *C.pulsar_rs_completion_t) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.result != C.pulsar_result_Ok {
		r.endWith(c.result)
		return
	}
	var opened C.pulsar_go_list_t
	C.pulsar_go_open_list((*C.pulsar_rs_received_t)(c.object), &opened)
	messages := r.copyList(&opened)
	r.isAsking = false
	if r.ended == nil {
		r.add(messages)
		r.serveAll()
	}
}

// add holds messages behind the others.
func (r *receiver) add(messages []message) {
	messages = fresh(messages)
	if len(messages) == 0 {
		return
	}
	r.held += len(messages)
	if r.next == len(r.current) {
		r.current, r.next = messages, 0
	} else {
		r.later = append(r.later, messages)
	}
}

// fresh leaves out messages of before a seek.
func fresh(messages []message) []message {
	return keepIf(messages, func(m *message) bool { return !m.isStale() })
}

// keepIf returns the messages that are to stay; the same ones if these are all.
func keepIf(messages []message, stays func(*message) bool) []message {
	for i := range messages {
		if stays(&messages[i]) {
			continue
		}
		kept := append([]message(nil), messages[:i]...)
		for i++; i < len(messages); i++ {
			if stays(&messages[i]) {
				kept = append(kept, messages[i])
			}
		}
		return kept
	}
	return messages
}

// filter drops messages that are held.
func (r *receiver) filter(stays func(*message) bool) {
	r.mu.Lock()
	lists := append([][]message{r.current[r.next:]}, r.later...)
	r.current, r.next, r.later, r.held = nil, 0, nil, 0
	for _, messages := range lists {
		messages = keepIf(messages, stays)
		if len(messages) == 0 {
			continue
		}
		r.held += len(messages)
		if r.current == nil {
			r.current = messages
		} else {
			r.later = append(r.later, messages)
		}
	}
	r.serveAll()
	r.mu.Unlock()
}

// moved drops what is of before a seek, which may have moved any of the topics.
func (r *receiver) moved() {
	r.sourcesMu.Lock()
	sources := make([]*source, 0, len(r.sources))
	for _, s := range r.sources {
		sources = append(sources, s)
	}
	r.sourcesMu.Unlock()
	for _, s := range sources {
		if reading, ok := r.readingOf(s.cName); ok {
			s.reading.Store(max(s.reading.Load(), reading))
		}
	}
	r.filter(func(m *message) bool { return !m.isStale() })
}

// hasMessage says whether a message is held.
func (r *receiver) hasMessage() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.held > 0
}

// source finds a topic by its name.
func (r *receiver) source(name []byte) *source {
	r.sourcesMu.Lock()
	known := r.lastOne
	if known == nil || known.name != string(name) {
		known = r.sources[string(name)]
		r.lastOne = known
	}
	r.sourcesMu.Unlock()
	if known != nil {
		return known
	}
	return r.addSource(string(name), true)
}

// addSource notes a topic; nil for one that is none of those received from, unless messages came from it.
func (r *receiver) addSource(name string, isSure bool) *source {
	added := &source{name: name, cName: C.CString(name)}
	reading, ok := r.readingOf(added.cName)
	added.reading.Store(reading)
	r.sourcesMu.Lock()
	defer r.sourcesMu.Unlock()
	known := r.sources[name]
	if known != nil || (!ok && !isSure) {
		C.free(unsafe.Pointer(added.cName))
		return known
	}
	r.sources[name] = added
	return added
}

// findSource finds the topic of an id; nil for one that is none of those received from.
func (r *receiver) findSource(name string) *source {
	r.sourcesMu.Lock()
	known := r.sources[name]
	r.sourcesMu.Unlock()
	if known != nil {
		return known
	}
	return r.addSource(name, false)
}

func (r *receiver) hasEnded() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ended != nil
}

// free frees what the topics have in C, when nobody uses them any more.
func (r *receiver) free() {
	r.sourcesMu.Lock()
	defer r.sourcesMu.Unlock()
	for _, s := range r.sources {
		C.free(unsafe.Pointer(s.cName))
		s.cName = nil
	}
	C.pulsar_rs_received_free(r.done)
	r.done = nil
}

func errConsumerClosed(op string) error {
	return newError(ConsumerClosed, op+": the consumer is closed")
}
