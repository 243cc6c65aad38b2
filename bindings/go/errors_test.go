package pulsar

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

func TestErrorsAreWhatTheyAre(t *testing.T) {
	known := newError(TimeoutError, "send to t: no answer")
	expired := errorOf(ErrContextExpired, "send to t", context.DeadlineExceeded)
	for _, test := range []struct {
		err, target error
		want        bool
	}{
		{ErrSendTimeout, ErrSendTimeout, true},
		{ErrSendTimeout, ErrContextExpired, false},
		{known, ErrSendTimeout, true}, // no more is known than that time ran out
		{known, ErrContextExpired, true},
		{known, ErrProducerClosed, false},
		{expired, ErrContextExpired, true},
		{expired, ErrSendTimeout, false},
		{expired, context.DeadlineExceeded, true},
		{expired, context.Canceled, false},
		{fmt.Errorf("wrapped: %w", errorOf(ErrProducerClosed, "send", nil)), ErrProducerClosed, true},
		{errorOf(ErrProducerClosed, "send", nil), errorOf(ErrProducerClosed, "flush", nil), true},
	} {
		if got := errors.Is(test.err, test.target); got != test.want {
			t.Errorf("is %v %v? %v", test.err, test.target, got)
		}
	}
	failure := new(Error)
	if !errors.As(fmt.Errorf("%w", expired), &failure) || failure.Result() != TimeoutError {
		t.Errorf("%v", failure)
	}
	if text := expired.Error(); text != "send to t: context deadline exceeded: TimeoutError" {
		t.Error(text)
	}
}

func TestEveryResultHasAName(t *testing.T) {
	if resultName(TransactionCoordinatorNotEnabled) != "TransactionCoordinatorNotEnabled" {
		t.Error("the names do not belong to the results")
	}
	if len(resultNames) != int(TransactionCoordinatorNotEnabled)+1 || resultName(-1) != "Result(-1)" {
		t.Error("there are more or fewer names than results")
	}
}

func TestAckErrorsSayWhichIDsFailed(t *testing.T) {
	err := AckError{
		NewMessageID(1, 2, -1, -1): ErrInvalidAck,
		NewMessageID(1, 1, -1, -1): ErrInvalidAck,
		NewMessageID(3, 4, -1, -1): errors.New("a reason"),
		nil:                        errors.New("none"),
	}
	want := "error: a reason, failed message IDs: [3:4:-1]\n" +
		"error: none, failed message IDs: [<nil>]\n" +
		"error: " + ErrInvalidAck.Error() + ", failed message IDs: [1:1:-1 1:2:-1]\n"
	if err.Error() != want {
		t.Error(err)
	}
}
