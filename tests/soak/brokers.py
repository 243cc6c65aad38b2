"""The brokers that a soak can run on, and what can happen to each."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]
PULSAR = ROOT / "tests/pulsar/pulsar"

# A command is refused so often before that ends the soak, with so many seconds between.
REFUSALS = 10
PAUSE_SECONDS = 3

# What happens, in words, and how often compared with others.
Fault = tuple[str, int, Callable[[], object]]


class TestBroker:
    """pulsar-testbroker in a process of its own. It keeps nothing on disk, so it is never restarted."""

    name = "test broker"

    def __init__(self) -> None:
        binary = ROOT / "target/release/pulsar-testbroker"
        command = [str(binary), "--control", "--deduplication", "--namespace", "public/dedup", "--retention-mb", "8"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.address = urlsplit(self.line())

    def line(self) -> str:
        """What it says next."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def command(self, *words: object) -> str:
        """Has it do something."""
        assert self.process.stdin is not None
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        answer = self.line()
        if not answer.startswith("ok"):
            raise RuntimeError(f"{words}: {answer}")
        return answer

    def create(self, topic: str, partitions: int) -> None:
        """A partitioned topic."""
        self.command("create-topic", topic, partitions)

    def grow(self, topic: str, partitions: int) -> None:
        """More partitions for it, so many in all."""
        self.command("add-partitions", topic, partitions)

    def unload(self, topic: str) -> None:
        """As when the topic moves: producers and consumers are closed, and come again."""
        self.command("unload", topic)

    def faults(self) -> list[Fault]:
        """What else can happen."""
        return []

    def close(self) -> None:
        """Ends it."""
        self.process.terminate()
        self.process.wait()


class RealBroker:
    """The Pulsar that `tests/pulsar/pulsar run` started."""

    name = "Apache Pulsar"

    def __init__(self) -> None:
        self.address = urlsplit(os.environ["PULSAR_URL"])

    def run(self, *words: str) -> None:
        """A command of the harness. A broker that was just restarted may refuse it for a while."""
        command = [str(PULSAR), *words]
        for _ in range(REFUSALS):
            if subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode == 0:
                return
            time.sleep(PAUSE_SECONDS)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def create(self, topic: str, partitions: int) -> None:
        """A partitioned topic."""
        self.run("admin", "PUT", f"{path(topic)}/partitions", str(partitions))

    def grow(self, topic: str, partitions: int) -> None:
        """More partitions for it, so many in all."""
        self.run("admin", "POST", f"{path(topic)}/partitions", str(partitions))

    def unload(self, topic: str) -> None:
        """Producers and consumers are closed, and come again."""
        self.run("admin", "PUT", f"{path(topic)}/unload")

    def faults(self) -> list[Fault]:
        """What else can happen."""
        return [
            ("broker restarted", 1, lambda: self.run("restart")),
            ("broker killed and started", 1, lambda: self.run("restart", "--kill")),
        ]

    def close(self) -> None:
        """Who started it ends it."""


def path(topic: str) -> str:
    """Of a topic in the REST interface."""
    return "/admin/v2/" + topic.replace("://", "/")
