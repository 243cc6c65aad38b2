"""Measures the library beside its peers, in turn, against one broker, and prints ratios.

    python3 benches/run.py [--runs 5] [--quick] [--only NAME] [--url URL]

The same C program (benches/c/bench.c) is linked with libpulsar_rs.a and with the official libpulsar; the
crate `pulsar` does the same work through its own API. The broker is pulsar-testbroker in another process,
unless --url names one. Every figure is a median over the runs; machines are noisy, so quote the ratios.
"""

from __future__ import annotations

import argparse
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

ROOT = Path(__file__).resolve().parent.parent
RELEASE = ROOT / "target/release"
WORK = ROOT / "target/bench"


@dataclass(frozen=True)
class Scenario:
    """What is measured, and with how much."""

    name: str
    mode: str
    count: int
    size: int
    per_ms: int = 0


SCENARIOS = [
    Scenario("produce 64 B", "produce", 2_000_000, 64),
    Scenario("produce 1 KB", "produce", 500_000, 1024),
    Scenario("consume + ack 64 B", "consume", 2_000_000, 64),
    Scenario("consume + ack 1 KB", "consume", 500_000, 1024),
    Scenario("paced, 100 a ms", "paced", 300_000, 64, per_ms=100),
    Scenario("paced, 10 a ms", "paced", 30_000, 64, per_ms=10),
    Scenario("sync send 64 B", "sync", 5_000, 64),
]

Figures = dict[str, float]


@dataclass(frozen=True)
class Peer:
    """A program to measure."""

    name: str
    command: list[str]
    # What it can do; everything if empty.
    modes: tuple[str, ...] = ()


def build() -> list[Peer]:
    """Builds the programs; the library and the broker are built by make."""
    WORK.mkdir(parents=True, exist_ok=True)
    source = ROOT / "benches/c/bench.c"
    flags = ["cc", "-O2", "-Wall", "-Wextra", "-Werror", f"-I{ROOT / 'include'}", str(source)]
    library = [str(RELEASE / "libpulsar_rs.a"), "-lm", "-lpthread"]
    ours = WORK / "bench_pulsar_rs"
    subprocess.run([*flags, *library, "-o", str(ours)], check=True)
    bulk = WORK / "bench_bulk"
    subprocess.run([*flags[:-1], str(ROOT / "benches/c/bulk.c"), *library, "-o", str(bulk)], check=True)
    counter = WORK / "count_malloc.so"
    interposer = ROOT / "benches/c/count_malloc.c"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", str(interposer), "-o", str(counter)], check=True)
    official = next(iter(sorted((ROOT / "target/reference").glob("**/libpulsar*.so*"))), None)
    if official is None:
        sys.exit("bench: the official libpulsar is missing: run `make reference`")
    reference = WORK / "bench_libpulsar"
    rpath = f"-Wl,-rpath,{official.parent}"
    subprocess.run([*flags, str(official), rpath, "-lpthread", "-o", str(reference)], check=True)
    return [
        Peer("pulsar_rs", [str(ours)]),
        Peer("pulsar_rs, bulk", [str(bulk)], ("produce",)),
        Peer("libpulsar 4.2", [str(reference)]),
        Peer("crate pulsar", [str(RELEASE / "bench_pulsar_crate")], ("produce", "paced", "consume")),
    ]


@contextmanager
def broker(url: str | None) -> Iterator[str]:
    """The broker at `url`, or one in a process of its own."""
    if url is not None:
        yield url
        return
    process = subprocess.Popen([str(RELEASE / "pulsar-testbroker")], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


def run(peer: Peer, arguments: list[str], preload: Path | None = None) -> tuple[Figures, str]:
    """Runs a program once; returns its figures and what it wrote to standard error."""
    environment = dict(os.environ)
    if preload is not None:
        environment["LD_PRELOAD"] = str(preload)
    done = subprocess.run(
        [*peer.command, *arguments], capture_output=True, text=True, timeout=300, env=environment, check=False
    )
    if done.returncode != 0:
        sys.exit(f"bench: {peer.name} {' '.join(arguments)} failed:\n{done.stderr}")
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures, done.stderr


def topic_name(peer: Peer) -> str:
    """A topic that nobody used before."""
    return f"bench-{peer.name.replace(' ', '-').replace(',', '')}-{time.time_ns()}"


def measure(
    peer: Peer, scenario: Scenario, url: str, checker: Peer, preload: Path | None = None
) -> tuple[Figures, str]:
    """One run. Consuming counts only when nothing is left behind."""
    topic = topic_name(peer)
    amount = [str(scenario.count), str(scenario.size)]
    if scenario.mode == "consume":
        run(checker, ["prepare", url, topic, *amount])
    pace = [str(scenario.per_ms)] if scenario.per_ms else []
    outcome = run(peer, [scenario.mode, url, topic, *amount, *pace], preload)
    if scenario.mode == "consume":
        run(checker, ["leftover", url, topic])
    return outcome


def allocations(peer: Peer, scenario: Scenario, url: str, checker: Peer) -> float:
    """Allocations per message, counted in a run of its own."""
    _, stderr = measure(peer, scenario, url, checker, WORK / "count_malloc.so")
    counts = [line.split()[1] for line in stderr.splitlines() if line.startswith("allocations ")]
    return int(counts[-1]) / scenario.count


def compare(scenario: Scenario, peers: list[Peer], url: str, runs: int) -> dict[str, Figures]:
    """Medians of all peers, run in turn."""
    checker = peers[0]
    collected: dict[str, list[Figures]] = {peer.name: [] for peer in peers}
    for _ in range(runs):
        for peer in peers:
            collected[peer.name].append(measure(peer, scenario, url, checker)[0])
    medians = {
        name: {key: statistics.median(each[key] for each in figures) for key in figures[0]}
        for name, figures in collected.items()
    }
    for peer in peers:
        medians[peer.name]["allocations"] = allocations(peer, scenario, url, checker)
    return medians


def print_table(scenario: Scenario, medians: dict[str, Figures]) -> None:
    """One table a scenario, ratios against our library."""
    print(f"\n{scenario.name}: {scenario.count:,} messages")
    print(f"  {'':16}{'CPU ns':>9}{'ratio':>8}{'wall ns':>10}{'ratio':>8}{'alloc':>8}{'RSS MB':>8}{'threads':>9}")
    base = medians["pulsar_rs"]
    for name, figures in medians.items():
        cpu, wall = figures["cpu_ns"], figures["wall_ns"]
        line = f"  {name:16}{cpu:9.0f}{cpu / base['cpu_ns']:8.2f}{wall:10.0f}{wall / base['wall_ns']:8.2f}"
        line += f"{figures['allocations']:8.2f}{figures['rss_kb'] / 1024:8.1f}{figures['threads']:9.0f}"
        if "p50_us" in figures:
            line += f"   p50 {figures['p50_us']:.0f} us, p99 {figures['p99_us']:.0f} us"
        print(line, flush=True)


def main() -> None:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(description="Measures the library beside its peers.")
    parser.add_argument("--runs", type=int, default=5, help="runs of each program, medians are printed")
    parser.add_argument("--quick", action="store_true", help="one run with a tenth of the messages")
    parser.add_argument("--only", default="", help="scenarios whose name contains this")
    parser.add_argument("--url", help="service URL of a broker; default: one in memory")
    arguments = parser.parse_args()
    peers = build()
    runs = 1 if arguments.quick else arguments.runs
    print(f"medians of {runs}; CPU: whole client process, per message", flush=True)
    for scenario in SCENARIOS:
        if arguments.only not in scenario.name:
            continue
        if arguments.quick:
            scenario = replace(scenario, count=scenario.count // 10)
        chosen = [peer for peer in peers if not peer.modes or scenario.mode in peer.modes]
        # One for each scenario, so that what one leaves behind costs the next nothing.
        with broker(arguments.url) as url:
            print_table(scenario, compare(scenario, chosen, url, runs))


if __name__ == "__main__":
    main()
