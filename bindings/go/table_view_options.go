package pulsar

import (
	"reflect"
	"time"

	"github.com/pulsar-rs/pulsar_rs/bindings/go/log"
)

// TableViewOptions says what CreateTableView reads. Topic is required; Schema and SchemaValueType go together.
type TableViewOptions struct {
	// Topic is the name of the topic.
	Topic string

	// AutoUpdatePartitionsInterval is how often the table view looks for new partitions. Default: 1 min.
	AutoUpdatePartitionsInterval time.Duration

	// Schema decodes payloads. Default: none, for values of type []byte.
	Schema Schema

	// SchemaValueType is the type of the values that Schema decodes to.
	SchemaValueType reflect.Type

	// Logger takes the table view's log. Default: the client's.
	Logger log.Logger
}

// TableView is a map with the latest message of each key of a topic, kept up to date. Messages without a key are left
// out; one with an empty payload removes its key. All of its methods may be called by many goroutines.
type TableView interface {
	// Size returns how many keys there are.
	Size() int

	// IsEmpty says whether there are none.
	IsEmpty() bool

	// ContainsKey says whether the key is there.
	ContainsKey(key string) bool

	// Get returns the value of the key; nil when it is not there.
	Get(key string) interface{}

	// Entries returns a copy of the map.
	Entries() map[string]interface{}

	// Keys returns the keys, in no order.
	Keys() []string

	// ForEach calls the function for each key and value until it returns an error, which it returns.
	ForEach(func(string, interface{}) error) error

	// ForEachAndListen calls the function for each key and value, and from then on for each that changes.
	ForEachAndListen(func(string, interface{}) error) error

	// Close closes the table view and frees it. It may be called more than once.
	Close()
}
