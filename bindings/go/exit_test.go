package pulsar

import (
	"context"
	"encoding/binary"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
)

// What the process that writes is told.
const (
	writerTopic = "PULSAR_GO_TEST_WRITER"
	writers     = 10
	writes      = 10000
)

// TestWriter is the process that writes; by itself it does nothing.
func TestWriter(t *testing.T) {
	topic := os.Getenv(writerTopic)
	if topic == "" {
		t.Skip("it is for TestNothingIsLostWhenAProcessEnds")
	}
	client, err := NewClient(ClientOptions{URL: brokerURL(t)})
	if err != nil {
		t.Fatal(err)
	}
	producer, err := client.CreateProducer(ProducerOptions{Topic: topic})
	if err != nil {
		t.Fatal(err)
	}
	var writing sync.WaitGroup
	for writer := range writers {
		writing.Go(func() {
			for i := range writes {
				payload := binary.LittleEndian.AppendUint32(nil, uint32(writer*writes+i))
				producer.SendAsync(context.Background(), &ProducerMessage{Payload: payload},
					func(_ MessageID, _ *ProducerMessage, err error) {
						if err != nil {
							os.Exit(3)
						}
					})
			}
		})
	}
	writing.Wait()
	client.Close()
	os.Exit(0)
}

func TestNothingIsLostWhenAProcessEnds(t *testing.T) {
	runs := 10
	if given := os.Getenv("PULSAR_GO_EXIT_RUNS"); given != "" {
		runs, _ = strconv.Atoi(given)
	}
	client := openClient(t)
	for run := range runs {
		topic := uniqueTopic("exit")
		process := exec.Command(os.Args[0], "-test.run=^TestWriter$")
		process.Env = append(os.Environ(), writerTopic+"="+topic)
		if output, err := process.CombinedOutput(); err != nil {
			t.Fatalf("run %d: %v\n%s", run, err, output)
		}
		reader, err := client.CreateReader(ReaderOptions{Topic: topic, StartMessageID: EarliestMessageID()})
		if err != nil {
			t.Fatal(err)
		}
		seen := make([]bool, writers*writes)
		count := 0
		for reader.HasNext() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			message, err := reader.Next(ctx)
			cancel()
			if err != nil {
				t.Fatal(err)
			}
			number := binary.LittleEndian.Uint32(message.Payload())
			if seen[number] {
				t.Fatalf("run %d: message %d came twice", run, number)
			}
			seen[number] = true
			count++
		}
		reader.Close()
		if count != len(seen) {
			t.Fatalf("run %d: %d of %d messages are there", run, count, len(seen))
		}
	}
	t.Logf("%d processes wrote %d messages each, closed and ended: none is missing", runs, writers*writes)
}
