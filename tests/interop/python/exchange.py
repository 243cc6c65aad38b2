"""Messages between this library and the official Python client (PyPI pulsar-client), in both directions.

Usage: exchange.py SERVICE_URL LINES_PROGRAM

LINES_PROGRAM is tests/interop/c/lines.c, built. Each codec is tried in batches and alone, and then with a message
that is larger than the broker takes, in chunks. Prints `ok NAME` for each
check; the exit code is 1 if one failed.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from contextlib import closing

import pulsar

CODECS = {
    0: pulsar.CompressionType.NONE,
    1: pulsar.CompressionType.LZ4,
    2: pulsar.CompressionType.ZLib,
    3: pulsar.CompressionType.ZSTD,
    4: pulsar.CompressionType.SNAPPY,
}

RECEIVE_MS = 10_000
"""A message that is expected comes within this time."""

SECONDS = 60
"""Within this the program is done."""


LARGE = 12 * 1024 * 1024
"""Letters of the large message: codecs leave about half of it, which is more than the broker takes."""


def texts(batching: bool) -> list[str]:
    """Lines that shrink much, little and not at all; without batching one that is sent in chunks."""
    generator = random.Random(4711)
    large = [] if batching else [generator.randbytes(LARGE // 2).hex()]
    noise = ["".join(generator.choices("0123456789abcdef", k=length)) for length in (1, 100, 5000)]
    return ["", "x", "x" * 100_000, *large, *noise, *(f"line {number} of a log" for number in range(500))]


def we_send(url: str, client: pulsar.Client, program: str, topic: str, codec: int, batching: bool) -> None:
    """What this library sends the other client receives."""
    consumer = client.subscribe(topic, "exchange", initial_position=pulsar.InitialPosition.Earliest)
    with closing(consumer):
        command = [program, "produce", url, topic, str(codec), str(int(batching))]
        subprocess.run(
            command, input="\n".join(texts(batching)) + "\n", text=True, check=True, timeout=SECONDS
        )
        for expected in texts(batching):
            message = consumer.receive(RECEIVE_MS)
            assert message.data().decode() == expected, (
                f"{message.data()[:40]!r} instead of {expected[:40]!r}"
            )
            consumer.acknowledge(message)


def we_receive(url: str, client: pulsar.Client, program: str, topic: str, codec: int, batching: bool) -> None:
    """What the other client sends this library receives."""
    client.subscribe(topic, "lines", initial_position=pulsar.InitialPosition.Earliest).close()
    producer = client.create_producer(
        topic,
        compression_type=CODECS[codec],
        batching_enabled=batching,
        chunking_enabled=not batching,
        batching_max_publish_delay_ms=5,
        block_if_queue_full=True,
    )
    with closing(producer):
        for text in texts(batching):
            producer.send_async(text.encode(), None)
        producer.flush()
    command = [program, "consume", url, topic, str(len(texts(batching)))]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=SECONDS)
    received = done.stdout.split("\n")[:-1]
    assert received == texts(batching), "other lines than were sent"


def main() -> int:
    """Runs all checks."""
    url, program = sys.argv[1:]
    failed = 0
    logger = pulsar.ConsoleLogger(pulsar.LoggerLevel.Error)
    with closing(pulsar.Client(url, logger=logger)) as client:
        for direction in (we_send, we_receive):
            for codec, compression in CODECS.items():
                for batching in (True, False):
                    kind = "batches" if batching else "alone"
                    name = f"{direction.__name__}-{compression.name}-{kind}"
                    topic = f"exchange-{os.getpid()}-{time.time_ns()}"
                    try:
                        direction(url, client, program, topic, codec, batching)
                        print(f"ok {name}", flush=True)
                    except (AssertionError, subprocess.SubprocessError, pulsar.PulsarException) as error:
                        failed += 1
                        print(f"failed {name}: {error}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
