package pulsar

import (
	"sync"
	"testing"
	"time"
)

// The values are those of Java's clients.
func TestHashes(t *testing.T) {
	for key, want := range map[string][2]uint32{
		"":      {0, 0},
		"hello": {0x5e918d2, 0x248bfa47},
		"key1":  {3288498, 462881061},
		"key2":  {3288499, 1936800180},
	} {
		if java, murmur := hashOf(JavaStringHash)(key), hashOf(Murmur3_32Hash)(key); java != want[0] || murmur != want[1] {
			t.Errorf("%q: %d %d", key, java, murmur)
		}
	}
}

func TestEveryPartitionGetsMessagesFromManyGoroutines(t *testing.T) {
	const partitions = 5
	route := NewDefaultRouter(murmur3Hash, 10, 1<<20, time.Hour, false)
	var mutex sync.Mutex
	counts := make(map[int]int)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 2500 {
				partition := route(&ProducerMessage{}, partitions)
				mutex.Lock()
				counts[partition]++
				mutex.Unlock()
			}
		})
	}
	wait.Wait()
	for partition := range partitions {
		if count := counts[partition]; count < 1000 || count > 3000 {
			t.Errorf("partition %d got %d of 10000 messages", partition, count)
		}
	}
	if len(counts) != partitions {
		t.Error(counts)
	}
}

func BenchmarkDefaultRouter(b *testing.B) {
	route := NewDefaultRouter(javaStringHash, 1000, 1<<17, 10*time.Millisecond, false)
	message := &ProducerMessage{Payload: make([]byte, 64)}
	for b.Loop() {
		route(message, 8)
	}
}
