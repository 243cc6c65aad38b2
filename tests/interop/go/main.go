// Command interop checks a broker with the official Go client.
//
// Usage: interop [-partitioned-topic NAME] [-lines PROGRAM] SERVICE_URL
//
// PROGRAM is tests/interop/c/lines.c, built; without it nothing is exchanged with our library, and those checks are
// skipped.
// The partitioned topic must exist with three partitions: `pulsar-testbroker --partitions
// interop-partitioned=3`, or `PUT /admin/v2/persistent/public/default/interop-partitioned/partitions` on a
// Pulsar. Prints `ok NAME`, `FAILED NAME: WHY` or `skipped NAME: WHY` for each check; the exit code is 1 if one failed.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/apache/pulsar-client-go/pulsar"
	"github.com/apache/pulsar-client-go/pulsar/log"
)

type check struct {
	name string
	run  func(*setting) error
}

var checks = []check{
	{"unbatched", unbatched},
	{"batched", batched},
	{"metadata", metadata},
	{"large", large},
	{"chunked", chunked},
	{"lz4", compressed(pulsar.LZ4)},
	{"zlib", compressed(pulsar.ZLib)},
	{"zstd", compressed(pulsar.ZSTD)},
	{"snappy", compressed(pulsar.SNAPPY)},
	{"exclusive", exclusive},
	{"shared", shared},
	{"failover", failover},
	{"key-shared", keyShared},
	{"individual-acks", individualAcks},
	{"cumulative-acks", cumulativeAcks},
	{"batch-index-acks", batchIndexAcks},
	{"ack-responses", ackResponses},
	{"negative-acks", negativeAcks},
	{"seek", seek},
	{"last-message-id", lastMessageID},
	{"partitioned", partitioned},
	{"reader", reader},
	{"unsubscribe", unsubscribe},
	{"producer-names", producerNames},
	{"missing-namespace", missingNamespace},
	{"encrypted-batches-by-us", encryptedByUs(true)},
	{"encrypted-alone-by-us", encryptedByUs(false)},
	{"encrypted-batches-by-them", encryptedByThem(true)},
	{"encrypted-alone-by-them", encryptedByThem(false)},
}

func main() {
	topic := flag.String("partitioned-topic", "interop-partitioned", "existing topic with three partitions")
	lines := flag.String("lines", "", "program that sends and receives lines with our library")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: interop [-partitioned-topic NAME] [-lines PROGRAM] SERVICE_URL")
		os.Exit(2)
	}
	if err := run(flag.Arg(0), *topic, *lines); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(url, partitionedTopic, lines string) error {
	client, err := connect(url)
	if err != nil {
		return err
	}
	defer client.Close()
	s := &setting{
		url: url, client: client, partitionedTopic: partitionedTopic, linesProgram: lines, run: time.Now().UnixNano(),
	}
	failed := 0
	for _, c := range checks {
		switch err := c.run(s); {
		case err == nil:
			fmt.Println("ok", c.name)
		case errors.Is(err, errWithoutUs):
			fmt.Printf("skipped %s: %v\n", c.name, err)
		default:
			fmt.Printf("FAILED %s: %v\n", c.name, err)
			failed++
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d checks failed", failed)
	}
	return nil
}

// connect makes a client that keeps its log to itself: several checks provoke errors.
func connect(url string) (pulsar.Client, error) {
	return pulsar.NewClient(pulsar.ClientOptions{
		URL:              url,
		OperationTimeout: 10 * time.Second,
		Logger:           log.NewLoggerWithSlog(slog.New(slog.NewTextHandler(io.Discard, nil))),
	})
}
