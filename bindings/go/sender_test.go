package pulsar

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func send(t *testing.T, producer Producer, text string) MessageID {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	id, err := producer.Send(ctx, &ProducerMessage{Payload: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestOutcomesComeInTheOrderOfSending(t *testing.T) {
	client := openClient(t)
	producer := openProducer(t, client, ProducerOptions{Topic: uniqueTopic("order"), MaxPendingMessages: 100})
	const count = 20000
	next, wrong := 0, 0
	var last MessageID
	for i := range count {
		producer.SendAsync(context.Background(), &ProducerMessage{Payload: []byte("x")},
			func(id MessageID, message *ProducerMessage, err error) {
				if err != nil || i != next || string(message.Payload) != "x" || last != nil && !before(last, id) {
					wrong++
				}
				next, last = next+1, id
			})
	}
	if err := producer.Flush(); err != nil {
		t.Fatal(err)
	}
	if next != count || wrong != 0 {
		t.Fatalf("%d outcomes, %d of them wrong", next, wrong)
	}
	if got := producer.LastSequenceID(); got != count-1 {
		t.Fatalf("the last sequence id is %d", got)
	}
	parsed, err := DeserializeMessageID(last.Serialize())
	if err != nil || parsed.String() != last.String() || parsed.BatchIdx() != last.BatchIdx() {
		t.Fatalf("%v became %v: %v", last, parsed, err)
	}
}

func before(one, other MessageID) bool {
	if one.EntryID() != other.EntryID() || one.LedgerID() != other.LedgerID() {
		return one.LedgerID() < other.LedgerID() || one.EntryID() < other.EntryID()
	}
	return one.BatchIdx() < other.BatchIdx()
}

func TestSendIsNotHeldUpByBatching(t *testing.T) {
	client := openClient(t)
	options := ProducerOptions{Topic: uniqueTopic("send"), BatchingMaxPublishDelay: time.Hour}
	producer := openProducer(t, client, options)
	for i := range 5 {
		send(t, producer, fmt.Sprint(i))
	}
	done := make(chan error, 1)
	producer.SendAsync(context.Background(), &ProducerMessage{Payload: []byte("late")},
		func(_ MessageID, _ *ProducerMessage, err error) { done <- err })
	send(t, producer, "behind")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestCloseSendsWhatWasAccepted(t *testing.T) {
	client := openClient(t)
	for range 20 {
		options := ProducerOptions{Topic: uniqueTopic("close"), BatchingMaxPublishDelay: time.Hour}
		producer := openProducer(t, client, options)
		var stored atomic.Int64
		const count = 500
		for range count {
			producer.SendAsync(context.Background(), &ProducerMessage{Payload: []byte("x")},
				func(_ MessageID, _ *ProducerMessage, err error) {
					if err == nil {
						stored.Add(1)
					}
				})
		}
		var closing sync.WaitGroup
		for range 3 {
			closing.Go(producer.Close)
		}
		closing.Wait()
		if got := stored.Load(); got != count {
			t.Fatalf("%d of %d were stored", got, count)
		}
		_, err := producer.Send(context.Background(), &ProducerMessage{Payload: []byte("x")})
		if !errors.Is(err, ErrProducerClosed) {
			t.Fatalf("sending after closing: %v", err)
		}
		if err := producer.Flush(); !errors.Is(err, ErrProducerClosed) {
			t.Fatalf("flushing after closing: %v", err)
		}
	}
}

func TestAFullQueueIsAnErrorWhenThatIsWanted(t *testing.T) {
	client := openClient(t)
	options := ProducerOptions{
		Topic: uniqueTopic("full"), MaxPendingMessages: 10, DisableBlockIfQueueFull: true, BatchingMaxPublishDelay: time.Hour,
	}
	producer := openProducer(t, client, options)
	var refused, stored atomic.Int64
	for range 30 {
		producer.SendAsync(context.Background(), &ProducerMessage{Payload: []byte("x")},
			func(_ MessageID, _ *ProducerMessage, err error) {
				switch {
				case errors.Is(err, ErrSendQueueIsFull):
					refused.Add(1)
				case err == nil:
					stored.Add(1)
				}
			})
	}
	if err := producer.Flush(); err != nil {
		t.Fatal(err)
	}
	if refused.Load() == 0 || stored.Load() < 10 || refused.Load()+stored.Load() != 30 {
		t.Fatalf("%d refused, %d stored", refused.Load(), stored.Load())
	}
}

func TestAContextEndsTheWaitForRoom(t *testing.T) {
	client := openClient(t)
	options := ProducerOptions{Topic: uniqueTopic("context"), MaxPendingMessages: 1, BatchingMaxPublishDelay: time.Hour}
	producer := openProducer(t, client, options)
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := producer.Send(ended, &ProducerMessage{Payload: []byte("x")}); !errors.Is(err, ErrContextExpired) {
		t.Fatalf("with a context that has ended: %v", err)
	}
	// Its callback holds up the outcome of the next one, which then has the only place.
	inside, free := make(chan struct{}), make(chan struct{})
	producer.SendAsync(context.Background(), &ProducerMessage{Payload: []byte("x")},
		func(MessageID, *ProducerMessage, error) {
			close(inside)
			<-free
		})
	go func() { _ = producer.Flush() }()
	<-inside
	producer.SendAsync(context.Background(), &ProducerMessage{Payload: []byte("x")}, nil)
	short, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err := producer.Send(short, &ProducerMessage{Payload: []byte("x")})
	close(free)
	if !errors.Is(err, ErrContextExpired) && !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("with a full queue: %v", err)
	}
	send(t, producer, "afterwards")
}

func TestTheMemoryLimitCountsWhatIsGathered(t *testing.T) {
	client, err := NewClient(ClientOptions{URL: brokerURL(t), MemoryLimitBytes: 10000})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	refusing := openProducer(t, client, ProducerOptions{
		Topic: uniqueTopic("memory"), DisableBlockIfQueueFull: true, BatchingMaxPublishDelay: time.Hour,
	})
	var refused atomic.Int64
	for range 20 {
		refusing.SendAsync(context.Background(), &ProducerMessage{Payload: make([]byte, 1000)},
			func(_ MessageID, _ *ProducerMessage, err error) {
				if errors.Is(err, ErrMemoryBufferIsFull) {
					refused.Add(1)
				}
			})
	}
	if refused.Load() == 0 {
		t.Fatal("nothing was refused")
	}
	waiting := openProducer(t, client, ProducerOptions{Topic: uniqueTopic("memory"), BatchingMaxPublishDelay: time.Hour})
	done := make(chan struct{})
	go func() {
		defer close(done)
		send(t, waiting, string(make([]byte, 5000)))
	}()
	select {
	case <-done:
		t.Fatal("there was memory")
	case <-time.After(50 * time.Millisecond):
	}
	if err := refusing.Flush(); err != nil {
		t.Fatal(err)
	}
	<-done
	// Larger than the limit: it goes alone.
	send(t, waiting, string(make([]byte, 50000)))
	if used := client.(interface{ memoryUsed() int64 }).memoryUsed(); used != 0 {
		t.Fatalf("%d bytes are never given back", used)
	}
}

func (c *connected) memoryUsed() int64 { return c.memory.used.Load() }

func TestWrongMessagesAreRefused(t *testing.T) {
	client := openClient(t)
	producer := openProducer(t, client, ProducerOptions{Topic: uniqueTopic("wrong")})
	for name, test := range map[string]struct {
		message *ProducerMessage
		want    error
	}{
		"none":              {nil, ErrInvalidMessage},
		"payload and value": {&ProducerMessage{Payload: []byte("x"), Value: "x"}, ErrInvalidMessage},
		"value, no schema":  {&ProducerMessage{Value: "x"}, ErrSchema},
		"too large":         {&ProducerMessage{Payload: make([]byte, 6<<20)}, ErrMessageTooLarge},
	} {
		if _, err := producer.Send(context.Background(), test.message); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	send(t, producer, "a good one")
}

type recorder struct {
	mu   sync.Mutex
	seen []string
}

func (r *recorder) note(format string, values ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, fmt.Sprintf(format, values...))
}

func (r *recorder) BeforeSend(producer Producer, message *ProducerMessage) {
	message.Payload = append(message.Payload, '!')
	r.note("before %s", message.Payload)
}

func (r *recorder) OnSendAcknowledgement(producer Producer, message *ProducerMessage, id MessageID) {
	r.note("stored %s %t", message.Payload, id != nil && producer.Topic() != "")
}

func TestCallbacksOfRefusedMessagesMaySend(t *testing.T) {
	client := openClient(t)
	producer := openProducer(t, client, ProducerOptions{Topic: uniqueTopic("refused")})
	outcomes := make(chan error, 2)
	producer.SendAsync(context.Background(), &ProducerMessage{Payload: make([]byte, 6<<20)},
		func(_ MessageID, _ *ProducerMessage, err error) {
			outcomes <- err
			producer.LastSequenceID()
			_, err = producer.Send(context.Background(), &ProducerMessage{Payload: []byte("smaller")})
			outcomes <- err
		})
	if err := <-outcomes; !errors.Is(err, ErrMessageTooLarge) {
		t.Fatalf("the large message: %v", err)
	}
	select {
	case err := <-outcomes:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(patience):
		// Nothing of this client can be closed any more.
		panic("a callback waits for itself")
	}
	told := false
	producer.SendAsync(context.Background(), &ProducerMessage{Payload: make([]byte, 6<<20)},
		func(MessageID, *ProducerMessage, error) {
			time.Sleep(50 * time.Millisecond)
			told = true
		})
	if err := producer.Flush(); err != nil {
		t.Fatal(err)
	}
	if !told {
		t.Error("Flush does not wait for the callback")
	}
}

func TestInterceptorsSeeMessages(t *testing.T) {
	client := openClient(t)
	var seen recorder
	options := ProducerOptions{Topic: uniqueTopic("interceptors"), Interceptors: ProducerInterceptors{&seen}}
	producer := openProducer(t, client, options)
	send(t, producer, "one")
	producer.SendAsync(context.Background(), &ProducerMessage{Payload: []byte("two")}, nil)
	producer.Close()
	want := []string{"before one!", "stored one! true", "before two!", "stored two! true"}
	if fmt.Sprint(seen.seen) != fmt.Sprint(want) {
		t.Fatalf("%q", seen.seen)
	}
}

func TestMessageRoutersChoosePartitions(t *testing.T) {
	client := openClient(t)
	// The tests' brokers have it.
	names, err := client.TopicPartitions("interop-partitioned")
	if err != nil || len(names) != 3 {
		t.Fatalf("%q, %v", names, err)
	}
	router := func(message *ProducerMessage, topic TopicMetadata) int {
		if topic.NumPartitions() != 3 {
			return -1
		}
		return int(message.Payload[0] - '0')
	}
	producer := openProducer(t, client, ProducerOptions{Topic: "interop-partitioned", MessageRouter: router})
	for i := range 30 {
		if id := send(t, producer, fmt.Sprint(i%3)); id.PartitionIdx() != int32(i%3) {
			t.Fatalf("%d went to %v", i, id)
		}
	}
	producer.Close()
}

// osThreads is how many threads this process has.
func osThreads(t testing.TB) int {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	return len(tasks)
}

func TestThreadsWhileManyGoroutinesSend(t *testing.T) {
	client := openClient(t)
	producer := openProducer(t, client, ProducerOptions{Topic: uniqueTopic("threads"), MaxPendingMessages: 100})
	const goroutines = 10000
	var sending sync.WaitGroup
	var most atomic.Int64
	for i := range goroutines {
		sending.Go(func() {
			send(t, producer, fmt.Sprint(i))
			if i%100 == 0 {
				for {
					threads, known := int64(osThreads(t)), most.Load()
					if threads <= known || most.CompareAndSwap(known, threads) {
						break
					}
				}
			}
		})
	}
	sending.Wait()
	t.Logf("%d goroutines in Send: %d OS threads, GOMAXPROCS %d", goroutines, most.Load(), runtime.GOMAXPROCS(0))
	if limit := runtime.GOMAXPROCS(0) + 10; most.Load() > int64(limit) {
		t.Fatalf("%d threads, more than %d", most.Load(), limit)
	}
}

func TestAForgottenProducerIsClosed(t *testing.T) {
	client := openClient(t)
	topic := uniqueTopic("forgotten")
	exclusive := ProducerOptions{Topic: topic, ProducerAccessMode: ProducerAccessModeExclusive}
	func() { send(t, openProducer(t, client, exclusive), "x") }()
	for end := time.Now().Add(patience); ; {
		runtime.GC()
		producer, err := client.CreateProducer(exclusive)
		if err == nil {
			producer.Close()
			return
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
