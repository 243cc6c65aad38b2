package log

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
)

// NewLoggerWithSlog returns a logger that writes to a slog logger; fields become attributes. Lines of a level that the
// logger's handler does not want are not formatted.
func NewLoggerWithSlog(logger *slog.Logger) Logger { return slogLogger{slogLines{logger}} }

type slogLogger struct{ slogLines }

func (l slogLogger) SubLogger(fields Fields) Logger { return slogLogger{l.with(fields)} }
func (l slogLogger) WithError(err error) Entry      { return l.WithField("error", err) }

type slogLines struct{ logger *slog.Logger }

func (l slogLines) with(fields Fields) slogLines {
	attributes := make([]any, 0, len(fields))
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		attributes = append(attributes, slog.Any(name, fields[name]))
	}
	return slogLines{l.logger.With(attributes...)}
}

func (l slogLines) WithFields(fields Fields) Entry { return l.with(fields) }

func (l slogLines) WithField(name string, value interface{}) Entry {
	return slogLines{l.logger.With(slog.Any(name, value))}
}

func (l slogLines) print(level slog.Level, args []interface{}) {
	if ctx := context.Background(); l.logger.Enabled(ctx, level) {
		l.logger.Log(ctx, level, fmt.Sprint(args...))
	}
}

func (l slogLines) printf(level slog.Level, format string, args []interface{}) {
	if ctx := context.Background(); l.logger.Enabled(ctx, level) {
		l.logger.Log(ctx, level, fmt.Sprintf(format, args...))
	}
}

func (l slogLines) Debug(args ...interface{}) { l.print(slog.LevelDebug, args) }
func (l slogLines) Info(args ...interface{})  { l.print(slog.LevelInfo, args) }
func (l slogLines) Warn(args ...interface{})  { l.print(slog.LevelWarn, args) }
func (l slogLines) Error(args ...interface{}) { l.print(slog.LevelError, args) }

func (l slogLines) Debugf(format string, args ...interface{}) {
	l.printf(slog.LevelDebug, format, args)
}

func (l slogLines) Infof(format string, args ...interface{}) { l.printf(slog.LevelInfo, format, args) }
func (l slogLines) Warnf(format string, args ...interface{}) { l.printf(slog.LevelWarn, format, args) }

func (l slogLines) Errorf(format string, args ...interface{}) {
	l.printf(slog.LevelError, format, args)
}
