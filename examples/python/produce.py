"""Sends each line of standard input as one message.

    produce.py pulsar://localhost:6650 my-topic < file

Lines are sent without waiting; the outcome of each comes to a callback. At the end it prints how many were
stored, how fast, and how long a line took from sending to its receipt.
"""

from __future__ import annotations

import functools
import sys
import time

from pulsar_rs import Client, MessageId, Producer, PulsarError


class Outcomes:
    """Written by callbacks, which come one after the other, and read when all are through."""

    def __init__(self) -> None:
        """Nothing is sent yet."""
        self.took: list[int] = []
        """Nanoseconds, of lines that were stored."""
        self.failed = 0
        self.last_failure: PulsarError | None = None

    def add(self, sent_at: int, error: PulsarError | None, _: MessageId | None) -> None:
        """Called once for each line, in the order of sending, on a thread of the client."""
        if error is None:
            self.took.append(time.monotonic_ns() - sent_at)
        else:
            self.failed += 1
            self.last_failure = error

    def report(self, seconds: float) -> int:
        """Prints what there is to say, and returns the program's status."""
        count = len(self.took)
        text = f"produced {count} lines in {seconds:.2f} s: {count / seconds:.0f} lines/s"
        if count > 0:
            self.took.sort()
            p50, p99 = self.took[count // 2] / 1e6, self.took[count - 1 - count // 100] / 1e6
            text += f", latency p50 {p50:.2f} ms, p99 {p99:.2f} ms"
        say(text)
        if self.failed > 0:
            say(f"{self.failed} lines failed, the last with {self.last_failure}")
        return 1 if self.failed > 0 else 0


def say(text: str) -> None:
    """Standard output stays free."""
    print(text, file=sys.stderr)


def send_lines(producer: Producer, outcomes: Outcomes) -> None:
    """Sends all there is, without waiting for receipts."""
    for number, line in enumerate(sys.stdin.buffer, 1):
        producer.send_async(line.removesuffix(b"\n"), functools.partial(outcomes.add, time.monotonic_ns()))
        if number % 20000 == 0:
            say(f"  sent {number} lines")


def main() -> int:
    """Runs the program."""
    if len(sys.argv) != 3:
        say(f"usage: {sys.argv[0]} SERVICE_URL TOPIC < FILE")
        return 2
    outcomes = Outcomes()
    with (
        Client(sys.argv[1]) as client,
        # Wait when too many lines are under way, instead of failing.
        client.create_producer(sys.argv[2], batching_max_publish_delay_ms=1, block_if_queue_full=True) as producer,
    ):
        start = time.monotonic()
        send_lines(producer, outcomes)
        # When it returns, every callback has run.
        producer.flush()
        return outcomes.report(time.monotonic() - start)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PulsarError as error:
        sys.exit(str(error))
