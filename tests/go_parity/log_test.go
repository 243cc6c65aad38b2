package goparity

import (
	"bytes"
	"errors"
	"log/slog"
	"sort"
	"strings"
	"testing"

	theirs "github.com/apache/pulsar-client-go/pulsar/log"
	"github.com/sirupsen/logrus"

	ours "github.com/pulsar-rs/pulsar_rs/bindings/go/log"
)

// lines has every method called that writes. Fields and loggers have types of their own in the two packages.
func lines[Logger interface {
	SubLogger(Fields) Logger
	WithFields(Fields) Entry
	WithField(string, interface{}) Entry
	WithError(error) Entry
	printer
}, Entry interface {
	WithFields(Fields) Entry
	WithField(string, interface{}) Entry
	printer
}, Fields ~map[string]interface{}](logger Logger) {
	print(logger)
	print(logger.SubLogger(Fields{"a": 1}).SubLogger(Fields{"b": 2}))
	print(logger.SubLogger(Fields{"a": 1}).WithFields(Fields{"c": 3}).WithField("d", "four").WithFields(Fields{"e": 5}))
	print(logger.WithError(errors.New("broken")).WithField("f", 6))
	print(logger.WithField("g", nil))
}

type printer interface {
	Debug(args ...interface{})
	Info(args ...interface{})
	Warn(args ...interface{})
	Error(args ...interface{})
	Debugf(format string, args ...interface{})
	Infof(format string, args ...interface{})
	Warnf(format string, args ...interface{})
	Errorf(format string, args ...interface{})
}

func print(p printer) {
	p.Debug("a", 1, 2, "b")
	p.Info("a", 1, 2, "b")
	p.Warn("a", 1, 2, "b")
	p.Error("a", 1, 2, "b")
	p.Debugf("%s-%d", "a", 1)
	p.Infof("%s-%d", "a", 1)
	p.Warnf("%s-%d", "a", 1)
	p.Errorf("%s-%d", "a", 1)
}

func TestLogrusGetsTheSameLines(t *testing.T) {
	var a, b bytes.Buffer
	for _, level := range []logrus.Level{logrus.DebugLevel, logrus.WarnLevel} {
		logger := func(out *bytes.Buffer) *logrus.Logger {
			l := logrus.New()
			l.Out, l.Level, l.Formatter = out, level, &logrus.TextFormatter{DisableTimestamp: true}
			return l
		}
		lines[ours.Logger, ours.Entry, ours.Fields](ours.NewLoggerWithLogrus(logger(&a)))
		lines[theirs.Logger, theirs.Entry, theirs.Fields](theirs.NewLoggerWithLogrus(logger(&b)))
	}
	if a.String() != b.String() || !strings.Contains(a.String(), "level=error msg=a-1 a=1 c=3 d=four e=5") {
		t.Errorf("%s\npulsar-client-go writes\n%s", &a, &b)
	}
}

func TestSlogGetsTheSameLines(t *testing.T) {
	var a, b bytes.Buffer
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelWarn} {
		logger := func(out *bytes.Buffer) *slog.Logger {
			return slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{
				Level: level,
				ReplaceAttr: func(_ []string, attr slog.Attr) slog.Attr {
					if attr.Key == slog.TimeKey {
						return slog.Attr{}
					}
					return attr
				},
			}))
		}
		lines[ours.Logger, ours.Entry, ours.Fields](ours.NewLoggerWithSlog(logger(&a)))
		lines[theirs.Logger, theirs.Entry, theirs.Fields](theirs.NewLoggerWithSlog(logger(&b)))
	}
	if sorted(a.String()) != sorted(b.String()) || !strings.Contains(a.String(), "level=ERROR msg=a-1 a=1 c=3 d=four e=5") {
		t.Errorf("%s\npulsar-client-go writes\n%s", &a, &b)
	}
}

// sorted has the words of each line in order: pulsar-client-go writes the fields of a map in any.
func sorted(text string) string {
	var out []string
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		sort.Strings(words)
		out = append(out, strings.Join(words, " "))
	}
	return strings.Join(out, "\n")
}

func TestNopWritesNothing(t *testing.T) {
	lines[ours.Logger, ours.Entry, ours.Fields](ours.DefaultNopLogger())
}
