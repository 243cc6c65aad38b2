package log

// DefaultNopLogger returns a logger that drops every line.
func DefaultNopLogger() Logger { return nop{} }

type nop struct{ nopLines }

func (n nop) SubLogger(Fields) Logger { return n }
func (nop) WithError(error) Entry     { return nopLines{} }

type nopLines struct{}

func (n nopLines) WithFields(Fields) Entry             { return n }
func (n nopLines) WithField(string, interface{}) Entry { return n }
func (nopLines) Debug(...interface{})                  {}
func (nopLines) Info(...interface{})                   {}
func (nopLines) Warn(...interface{})                   {}
func (nopLines) Error(...interface{})                  {}
func (nopLines) Debugf(string, ...interface{})         {}
func (nopLines) Infof(string, ...interface{})          {}
func (nopLines) Warnf(string, ...interface{})          {}
func (nopLines) Errorf(string, ...interface{})         {}
