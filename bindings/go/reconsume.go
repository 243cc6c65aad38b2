package pulsar

/*
#include "consumer_bridge.h"
*/
import "C"

import (
	"context"
	"runtime"
	"strings"
	"time"
)

// keptList is a list of the library that messages can be put off from; it goes when none of its messages is there any more.
type keptList struct {
	pointer *C.pulsar_rs_received_t
}

func keep(received *C.pulsar_rs_received_t) *keptList {
	kept := &keptList{received}
	runtime.AddCleanup(kept, func(received *C.pulsar_rs_received_t) { C.pulsar_rs_received_free(received) }, received)
	return kept
}

// ReconsumeLater has a message delivered again after the delay, through the retry topic, and acknowledges it. What fails is
// logged, and the message refused.
func (c *subscribed) ReconsumeLater(given Message, delay time.Duration) {
	c.ReconsumeLaterWithCustomProperties(given, nil, delay)
}

// ReconsumeLaterWithCustomProperties is ReconsumeLater with properties in addition to those of the message, or instead.
func (c *subscribed) ReconsumeLaterWithCustomProperties(
	given Message, properties map[string]string, delay time.Duration,
) {
	const op = "reconsume later"
	logger := c.client.logger
	m, ok := given.(*message)
	if !ok || m.origin.receiver != &c.receiver {
		logger.Warn(op + ": the message is none of this consumer")
		return
	}
	if m.origin.list.kept == nil {
		logger.Warn(op + ": RetryEnable is not set")
		return
	}
	pairs := C.pulsar_string_map_create()
	defer C.pulsar_string_map_free(pairs)
	for name, value := range properties {
		if strings.IndexByte(name, 0) >= 0 || strings.IndexByte(value, 0) >= 0 {
			logger.Warn(op + ": a property contains a NUL byte")
			return
		}
		withTexts(name, value, func(name, value *C.char) { C.pulsar_string_map_put(pairs, name, value) })
	}
	one := C.pulsar_rs_received_message(m.origin.list.kept.pointer, C.size_t(m.number))
	runtime.KeepAlive(m)
	defer C.pulsar_message_free(one)
	pointer := c.acquire()
	if pointer == nil {
		logger.Warn(errConsumerClosed(op).Error())
		return
	}
	operation, result := c.completions.begin(func(token C.uint64_t) C.pulsar_result {
		milliseconds := C.uint64_t(max(delay.Milliseconds(), 0))
		return C.pulsar_rs_consumer_reconsume_later_queued(pointer, one, milliseconds, pairs, token)
	})
	if result != C.pulsar_result_Ok {
		logger.Warn(c.failure(op, result).Error())
		c.handle.release()
		return
	}
	go func() {
		defer c.handle.release()
		if result, _ := operation.wait(context.Background()); result != C.pulsar_result_Ok {
			logger.Warn(c.failure(op, result).Error())
			c.Nack(m)
		}
	}()
}
