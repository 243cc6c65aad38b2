"""What is measured, and how: each program in turn, against one broker, several times."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from lines import line_file
from programs import CERTIFICATES, CIPHER, CODEC, COUNTER, OFFICIAL, OURS, RELEASE, Peer

Figures = dict[str, float]
# By scenario, then by peer.
Results = dict[str, dict[str, Figures]]

WITH_TLS = (OURS, OFFICIAL, CIPHER)

CODECS = ["lz4", "snappy", "zstd", "zlib"]


@dataclass(frozen=True)
class Scenario:
    """What is measured, and with how much."""

    name: str
    mode: str
    # Messages, or producers that are idle.
    count: int
    # Bytes of each message.
    size: int = 0
    # What the mode wants beside these: messages a millisecond, codec, producers with or without codec, seconds.
    extra: str = ""
    # With TLS, which the programs in C do that are linked with either library.
    tls: bool = False

    def arguments(self) -> list[str]:
        """What comes behind mode, URL and topic."""
        if self.mode == "idle":
            return [str(self.count), self.extra]
        file = [str(line_file(self.size))] if self.mode == "compressed" else []
        return [str(self.count), str(self.size), *file, *self.extra.split()]

    def roughly(self) -> Scenario:
        """The same with a tenth of the messages."""
        return self if self.mode == "idle" else replace(self, count=self.count // 10)


SCENARIOS = [
    Scenario("produce 64 B", "produce", 2_000_000, 64),
    Scenario("produce 1 KB", "produce", 500_000, 1024),
    Scenario("consume + ack 64 B", "consume", 2_000_000, 64),
    Scenario("consume + ack 1 KB", "consume", 500_000, 1024),
    Scenario("produce 1 KB, TLS", "produce", 500_000, 1024, tls=True),
    Scenario("consume + ack 1 KB, TLS", "consume", 500_000, 1024, tls=True),
    Scenario("consume 1 KB, queue of 1,000", "consume", 200_000, 1024, "1000"),
    Scenario("paced, 100 a ms", "paced", 300_000, 64, "100"),
    Scenario("paced, 10 a ms", "paced", 30_000, 64, "10"),
    Scenario("sync send 64 B", "sync", 5_000, 64),
    *(Scenario(f"lines of 1 KB, {codec}", "compressed", 100_000, 1024, codec) for codec in ["none", *CODECS]),
    Scenario("100 producers", "rotate", 2_000_000, 64, "100"),
    Scenario("100 producers, zstd", "rotate", 500_000, 64, "100 zstd"),
    Scenario("1,000 idle producers", "idle", 1_000, extra="5"),
]


@contextmanager
def broker(url: str | None, *, tls: bool = False) -> Iterator[str]:
    """The broker at `url`, or one in a process of its own."""
    if url is not None:
        yield url
        return
    # What nobody wants any more goes soon: there are many topics.
    command = [str(RELEASE / "pulsar-testbroker"), "--retention-mb", "16"]
    if tls:
        files = ["--certificate", str(CERTIFICATES / "certificate.pem"), "--key", str(CERTIFICATES / "key.pem")]
        command += ["--tls-port", "0", *files]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        urls = [process.stdout.readline().strip() for _ in range(2 if tls else 1)]
        yield urls[-1]
    finally:
        process.terminate()
        process.wait()


def compare(scenario: Scenario, peers: list[Peer], url: str, runs: int) -> dict[str, Figures]:
    """Medians of all peers that can do it, run in turn."""
    checker = next(peer for peer in peers if peer.name == OURS)
    able = [peer for peer in peers if scenario.mode in peer.commands]
    if scenario.mode == "consume" and scenario.extra:
        able = [peer for peer in able if peer.name in (OURS, OFFICIAL)]
    if scenario.extra == "none":
        able = [peer for peer in able if peer.name != CODEC]
    able = [peer for peer in able if (peer.name in WITH_TLS if scenario.tls else peer.name != CIPHER)]
    collected: dict[str, list[Figures]] = {peer.name: [] for peer in able}
    for _ in range(runs):
        for peer in able:
            collected[peer.name].append(measure(peer, scenario, url, checker)[0])
    medians = {
        name: {key: statistics.median(each[key] for each in figures) for key in figures[0]}
        for name, figures in collected.items()
    }
    for peer in able:
        if peer.counted and scenario.mode not in ("idle", "compressed"):
            medians[peer.name]["allocations"] = allocations(peer, scenario, url, checker)
    return medians


def measure(
    peer: Peer, scenario: Scenario, url: str, checker: Peer, preload: Path | None = None
) -> tuple[Figures, str]:
    """One run. Consuming counts only when nothing is left behind."""
    scenario = replace(scenario, count=count_for(peer, scenario))
    topic = f"bench-{''.join(filter(str.isalnum, peer.name))}-{time.time_ns()}"
    amount = scenario.arguments()
    # The floor needs no broker.
    if scenario.mode == "consume" and peer.url is None:
        run(checker, "prepare", [url, topic, str(scenario.count), str(scenario.size)])
    outcome = run(peer, scenario.mode, [peer.url or url, topic, *amount], preload)
    if scenario.mode == "consume" and peer.url is None:
        run(checker, "leftover", [url, topic])
    return outcome


def count_for(peer: Peer, scenario: Scenario) -> int:
    """How many messages it is measured with."""
    return max(1, scenario.count // peer.share) if scenario.mode in ("produce", "consume") else scenario.count


def allocations(peer: Peer, scenario: Scenario, url: str, checker: Peer) -> float:
    """Allocations per message, counted in a run of its own."""
    _, stderr = measure(peer, scenario, url, checker, COUNTER)
    counts = [line.split()[1] for line in stderr.splitlines() if line.startswith("allocations ")]
    return int(counts[-1]) / count_for(peer, scenario)


def run(peer: Peer, mode: str, arguments: list[str], preload: Path | None = None) -> tuple[Figures, str]:
    """Runs a program once; returns its figures and what it wrote to standard error."""
    environment = os.environ | {"BENCH_TRUSTED": str(CERTIFICATES / "trust.pem")}
    if preload is not None:
        environment["LD_PRELOAD"] = str(preload)
    command = [*peer.commands[mode], mode, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment, check=False)
    if done.returncode != 0:
        sys.exit(f"bench: {peer.name} {mode} {' '.join(arguments)} failed:\n{done.stderr}")
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures, done.stderr
