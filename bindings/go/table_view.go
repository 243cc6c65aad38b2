package pulsar

import (
	"context"
	"maps"
	"reflect"
	"runtime"
	"slices"
	"sync"

	"github.com/pulsar-rs/pulsar_rs/bindings/go/log"
)

// TableViewImpl is what CreateTableView returns. When the program forgets it without Close, it is closed.
type TableViewImpl struct {
	*view
}

// view is a table view, fed by a reader.
type view struct {
	reader  Reader
	options TableViewOptions
	logger  log.Logger

	mu     sync.Mutex
	values map[string]any

	listening sync.Mutex // held while listeners hear of something, so that one that is new misses nothing
	listeners []func(string, any) error

	once sync.Once
	done chan struct{} // closed when the goroutine has ended
}

// CreateTableView reads a topic to its end, and goes on reading it. Each of its partitions is followed, also new ones.
func (c *client) CreateTableView(options TableViewOptions) (TableView, error) {
	const op = "create table view"
	switch {
	case options.Topic == "":
		return nil, newError(TopicNotFound, op+": Topic is required")
	case options.Schema != nil && options.SchemaValueType == nil:
		return nil, newError(InvalidConfiguration, op+": SchemaValueType is required with Schema")
	}
	v := &view{options: options, logger: options.Logger, values: make(map[string]any), done: make(chan struct{})}
	if v.logger == nil {
		v.logger = c.logger
	}
	var err error
	v.reader, err = c.CreateReader(ReaderOptions{
		Topic: options.Topic, StartMessageID: EarliestMessageID(), ReadCompacted: true, Schema: options.Schema,
	})
	if err != nil {
		return nil, err
	}
	for v.reader.HasNext() {
		m, err := v.reader.Next(context.Background())
		if err != nil {
			v.reader.Close()
			return nil, err
		}
		v.take(m)
	}
	held := &TableViewImpl{v}
	runtime.AddCleanup(held, func(v *view) { go v.Close() }, v)
	go v.follow()
	return held, nil
}

// follow ends with the reader.
func (v *view) follow() {
	defer close(v.done)
	for {
		m, err := v.reader.Next(context.Background())
		if err != nil {
			return
		}
		v.take(m)
	}
}

// take puts a message into the table.
func (v *view) take(m Message) {
	key := m.Key()
	if key == "" {
		return
	}
	value, isThere := v.decode(m)
	v.listening.Lock()
	defer v.listening.Unlock()
	v.mu.Lock()
	if isThere {
		v.values[key] = value
	} else {
		delete(v.values, key)
	}
	v.mu.Unlock()
	for _, listener := range v.listeners {
		if err := listener(key, value); err != nil {
			v.logger.Errorf("a listener of the table view of %s failed for key %s: %v", v.options.Topic, key, err)
		}
	}
}

// decode makes a value of a message; false for one without content. What cannot be decoded has the type's zero value.
func (v *view) decode(m Message) (value any, isThere bool) {
	isThere = len(m.Payload()) > 0
	if v.options.Schema == nil {
		if !isThere {
			return nil, false
		}
		return m.Payload(), true
	}
	decoded := reflect.New(v.options.SchemaValueType)
	if isThere {
		if err := m.GetSchemaValue(decoded.Interface()); err != nil {
			v.logger.Errorf("the table view of %s cannot decode message %s: %v", v.options.Topic, m.ID(), err)
		}
	}
	return decoded.Elem().Interface(), isThere
}

// Size returns how many keys there are.
func (v *view) Size() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.values)
}

// IsEmpty says whether there are none.
func (v *view) IsEmpty() bool { return v.Size() == 0 }

// ContainsKey says whether the key is there.
func (v *view) ContainsKey(key string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	_, ok := v.values[key]
	return ok
}

// Get returns the value of the key; nil when it is not there.
func (v *view) Get(key string) any {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.values[key]
}

// Entries returns a copy of the map.
func (v *view) Entries() map[string]any {
	v.mu.Lock()
	defer v.mu.Unlock()
	return maps.Clone(v.values)
}

// Keys returns the keys, in no order.
func (v *view) Keys() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Collect(maps.Keys(v.values))
}

// ForEach calls the function for each key and value that there are now, until it returns an error, which it returns.
func (v *view) ForEach(action func(string, any) error) error {
	for key, value := range v.Entries() {
		if err := action(key, value); err != nil {
			return err
		}
	}
	return nil
}

// ForEachAndListen calls the function for each key and value, and from then on for each that changes, on a goroutine of the
// library. The function must not call ForEachAndListen or Close.
func (v *view) ForEachAndListen(action func(string, any) error) error {
	v.listening.Lock()
	defer v.listening.Unlock()
	if err := v.ForEach(action); err != nil {
		return err
	}
	v.listeners = append(v.listeners, action)
	return nil
}

// Close closes the table view. What was read stays. Closing again only waits.
func (v *view) Close() {
	v.once.Do(v.reader.Close)
	<-v.done
}
