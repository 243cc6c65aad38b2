"""Prints each message of a subscription as one line.

    consume.py pulsar://localhost:6650 my-topic my-subscription [COUNT]

Each message is acknowledged when it is printed. It ends after COUNT messages, or when it is interrupted.
"""

from __future__ import annotations

import contextlib
import sys
import time

from pulsar_rs import Client, Consumer, InitialPosition, PulsarError


def say(text: str) -> None:
    """Standard output is for the lines."""
    print(text, file=sys.stderr)


def print_messages(consumer: Consumer, wanted: int) -> None:
    """Prints `wanted` messages; 0: for ever."""
    received = 0
    first = last = time.monotonic()
    with contextlib.suppress(KeyboardInterrupt):
        while wanted == 0 or received < wanted:
            message = consumer.receive()
            sys.stdout.buffer.write(message.data() + b"\n")
            consumer.acknowledge(message)
            received += 1
            last = time.monotonic()
            if received == 1:
                first = last
            if received % 20000 == 0:
                say(f"  received {received} lines")
    sys.stdout.flush()
    seconds = last - first
    say(f"consumed {received} lines in {seconds:.2f} s: {received / max(seconds, 1e-9):.0f} lines/s")


def main() -> int:
    """Runs the program."""
    if len(sys.argv) not in (4, 5) or not all(count.isdecimal() for count in sys.argv[4:]):
        say(f"usage: {sys.argv[0]} SERVICE_URL TOPIC SUBSCRIPTION [COUNT]")
        return 2
    url, topic, subscription, *count = sys.argv[1:]
    # Closing sends the acknowledgements that wait.
    with (
        Client(url) as client,
        client.subscribe(topic, subscription, subscription_initial_position=InitialPosition.EARLIEST) as consumer,
    ):
        print_messages(consumer, int(count[0]) if count else 0)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PulsarError as error:
        sys.exit(str(error))
