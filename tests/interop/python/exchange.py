"""Messages between this library and the official Python client (PyPI pulsar-client), in both directions.

Usage: exchange.py SERVICE_URL LINES_PROGRAM

LINES_PROGRAM is tests/interop/c/lines.c, built. Each codec is tried in batches and alone, and then with a message
that is larger than the broker takes, in chunks; plain, and encrypted. Prints
`ok NAME` for each check; the exit code is 1 if one failed.
"""

from __future__ import annotations

import itertools
import os
import random
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pulsar
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

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


@dataclass(frozen=True)
class Exchange:
    """Who talks where, and how."""

    url: str
    client: pulsar.Client
    program: str
    topic: str
    codec: int
    batching: bool
    keys: Path | None
    """A folder with public.pem and private.pem; none: messages are not encrypted."""

    @property
    def key_reader(self) -> pulsar.CryptoKeyReader | None:
        """The other client's."""
        if self.keys is None:
            return None
        return pulsar.CryptoKeyReader(str(self.keys / "public.pem"), str(self.keys / "private.pem"))

    @property
    def environment(self) -> dict[str, str]:
        """That of our program."""
        if self.keys is None:
            return dict(os.environ)
        pair = {"PUBLIC_KEY": "public.pem", "PRIVATE_KEY": "private.pem"}
        return dict(os.environ) | {name: str(self.keys / file) for name, file in pair.items()}


def we_send(exchange: Exchange) -> None:
    """What this library sends the other client receives."""
    topic, batching = exchange.topic, exchange.batching
    consumer = exchange.client.subscribe(
        topic,
        "exchange",
        initial_position=pulsar.InitialPosition.Earliest,
        crypto_key_reader=exchange.key_reader,
    )
    with closing(consumer):
        command = [exchange.program, "produce", exchange.url, topic, str(exchange.codec), str(int(batching))]
        subprocess.run(
            command,
            input="\n".join(texts(batching)) + "\n",
            text=True,
            check=True,
            timeout=SECONDS,
            env=exchange.environment,
        )
        for expected in texts(batching):
            message = consumer.receive(RECEIVE_MS)
            assert message.data().decode() == expected, (
                f"{message.data()[:40]!r} instead of {expected[:40]!r}"
            )
            consumer.acknowledge(message)


def we_receive(exchange: Exchange) -> None:
    """What the other client sends this library receives."""
    topic, batching = exchange.topic, exchange.batching
    exchange.client.subscribe(topic, "lines", initial_position=pulsar.InitialPosition.Earliest).close()
    producer = exchange.client.create_producer(
        topic,
        encryption_key=None if exchange.keys is None else "interop",
        crypto_key_reader=exchange.key_reader,
        compression_type=CODECS[exchange.codec],
        batching_enabled=batching,
        chunking_enabled=not batching,
        batching_max_publish_delay_ms=5,
        block_if_queue_full=True,
    )
    with closing(producer):
        for text in texts(batching):
            producer.send_async(text.encode(), None)
        producer.flush()
    command = [exchange.program, "consume", exchange.url, topic, str(len(texts(batching)))]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=SECONDS, env=exchange.environment
    )
    received = done.stdout.split("\n")[:-1]
    assert received == texts(batching), "other lines than were sent"


def make_keys(folder: Path) -> None:
    """A pair of RSA keys."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "private.pem").write_bytes(private)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "public.pem").write_bytes(public)


def main() -> int:
    """Runs all checks."""
    url, program = sys.argv[1:]
    failed = 0
    logger = pulsar.ConsoleLogger(pulsar.LoggerLevel.Error)
    with closing(pulsar.Client(url, logger=logger)) as client, tempfile.TemporaryDirectory() as folder:
        make_keys(Path(folder))
        ways = itertools.product((we_send, we_receive), CODECS, (True, False), (None, Path(folder)))
        for direction, codec, batching, keys in ways:
            kind = ("batches" if batching else "alone") + ("" if keys is None else "-encrypted")
            name = f"{direction.__name__}-{CODECS[codec].name}-{kind}"
            topic = f"exchange-{os.getpid()}-{time.time_ns()}"
            try:
                direction(Exchange(url, client, program, topic, codec, batching, keys))
                print(f"ok {name}", flush=True)
            except (AssertionError, subprocess.SubprocessError, pulsar.PulsarException) as error:
                failed += 1
                print(f"failed {name}: {error}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
