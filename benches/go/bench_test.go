// Package bench measures the Go binding beside pulsar-client-go: both in the same run, on the same broker.
package bench

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
)

func TestMain(m *testing.M) {
	logrus.SetOutput(io.Discard)
	os.Exit(m.Run())
}

// payloads are what is sent. The last one is the text of a comparison of Kafka clients for Go, whose figures are published.
var payloads = []struct {
	name    string
	payload []byte
}{
	{"64B", make([]byte, 64)},
	{"1KB", make([]byte, 1024)},
	{"kafka", []byte("this is benchmark for three mainstream kafka client")},
}

// maxPending is how many messages may be pending, for both.
const maxPending = 10000

var topics atomic.Int64

func uniqueTopic() string {
	return fmt.Sprintf("bench-go-%d-%d", time.Now().UnixNano(), topics.Add(1))
}

func brokerURL(b *testing.B) string {
	url := os.Getenv("PULSAR_URL")
	if url == "" {
		b.Skip("PULSAR_URL is not set: run `make bench-go`")
	}
	return url
}

// meter is what a benchmark has used since it began.
type meter struct {
	cpu   time.Duration
	calls int64
}

func begin(b *testing.B) meter {
	b.Helper()
	b.ReportAllocs()
	b.ResetTimer()
	return meter{cpuTime(), runtime.NumCgoCall()}
}

// end reports the client's CPU time and its calls into C.
func (m meter) end(b *testing.B) {
	b.StopTimer()
	b.ReportMetric(float64(cpuTime()-m.cpu)/float64(b.N), "cpu-ns/op")
	b.ReportMetric(float64(runtime.NumCgoCall()-m.calls)*1e6/float64(b.N), "cgo/M")
}

// cpuTime is the CPU time that this process has used; the broker is another one.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
