package log

import "github.com/sirupsen/logrus"

// NewLoggerWithLogrus returns a logger that writes to a logrus logger.
func NewLoggerWithLogrus(logger *logrus.Logger) Logger { return logrusLogger{logrusLines{logger}} }

type logrusLogger struct{ logrusLines }

func (l logrusLogger) SubLogger(fields Fields) Logger { return logrusLogger{l.with(fields)} }
func (l logrusLogger) WithError(err error) Entry      { return logrusLines{l.FieldLogger.WithError(err)} }

// logrusLines has the methods that write from logrus.FieldLogger.
type logrusLines struct{ logrus.FieldLogger }

func (l logrusLines) with(fields Fields) logrusLines {
	return logrusLines{l.FieldLogger.WithFields(logrus.Fields(fields))}
}

func (l logrusLines) WithFields(fields Fields) Entry { return l.with(fields) }

func (l logrusLines) WithField(name string, value interface{}) Entry {
	return logrusLines{l.FieldLogger.WithField(name, value)}
}
