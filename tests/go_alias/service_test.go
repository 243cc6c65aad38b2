package goalias

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/apache/pulsar-client-go/pulsar"
	"github.com/pulsar-rs/pulsar_rs/bindings/go/pulsartest"
)

func TestTheProgramRuns(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := run(ctx, pulsartest.Start(t).URL(), 1000); err != nil {
		t.Error(err)
	}
}

func TestTheTypesAreOurs(t *testing.T) {
	if path := reflect.TypeFor[pulsar.ProducerMessage]().PkgPath(); !strings.HasPrefix(path, "github.com/pulsar-rs/") {
		t.Error(path)
	}
}
