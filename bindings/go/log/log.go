// Package log is what package pulsar writes its log with: an interface, and implementations of it for logrus, for slog
// and for no log at all.
package log

// Fields are names and values that go with a line.
type Fields map[string]interface{}

// Logger takes the lines that the client writes. Implementations must be safe for use by many goroutines.
type Logger interface {
	// SubLogger returns a logger whose lines all carry the fields.
	SubLogger(fields Fields) Logger

	// WithFields returns an entry whose lines carry the fields.
	WithFields(fields Fields) Entry

	// WithField returns an entry whose lines carry the field.
	WithField(name string, value interface{}) Entry

	// WithError returns an entry whose lines carry the error.
	WithError(err error) Entry

	Debug(args ...interface{}) // what helps to find errors in the client
	Info(args ...interface{})  // what happens in the course of things
	Warn(args ...interface{})  // what the client gets over by itself
	Error(args ...interface{}) // what it does not get over

	Debugf(format string, args ...interface{}) // Debug, formatted as by fmt.Sprintf
	Infof(format string, args ...interface{})  // Info, formatted as by fmt.Sprintf
	Warnf(format string, args ...interface{})  // Warn, formatted as by fmt.Sprintf
	Errorf(format string, args ...interface{}) // Error, formatted as by fmt.Sprintf
}

// Entry is a line to be written, with its fields.
type Entry interface {
	// WithFields returns an entry that carries these fields as well.
	WithFields(fields Fields) Entry

	// WithField returns an entry that carries this field as well.
	WithField(name string, value interface{}) Entry

	Debug(args ...interface{}) // as in Logger
	Info(args ...interface{})  // as in Logger
	Warn(args ...interface{})  // as in Logger
	Error(args ...interface{}) // as in Logger

	Debugf(format string, args ...interface{}) // as in Logger
	Infof(format string, args ...interface{})  // as in Logger
	Warnf(format string, args ...interface{})  // as in Logger
	Errorf(format string, args ...interface{}) // as in Logger
}
