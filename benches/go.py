"""What Go programs pay for this library, beside pulsar-client-go.

    python3 benches/go.py [--runs 5] [--time 1s] [--write]

Runs the benchmarks of benches/go in turn on a test broker, and prints medians and ratios; --write puts them into
docs/performance.md.
"""

from __future__ import annotations

import argparse
import re
import subprocess
from collections import defaultdict
from pathlib import Path
from statistics import median

from tables import Table

ROOT = Path(__file__).resolve().parent.parent
BEGIN = "<!-- Go: begin; `make bench-go ARGS=--write` writes what follows -->"
END = "<!-- Go: end -->"
LINE = re.compile(r"^Benchmark(\w+)/(\w+)/(\S+?)-\d+\s+\d+\s+(.*)$")
OURS, PEER = "pulsar_rs", "pulsar-client-go"

# What is measured, with its limits: client CPU in nanoseconds for 64 B, allocations.
LIMITS = {"SendAsync": (170, 1), "ReceiveAck": (250, 2)}
CALLS_LIMIT = 5000  # into C, per million messages

Figures = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="rounds; medians are printed")
    parser.add_argument("--time", default="1s", help="how long a benchmark runs, as for `go test -benchtime`")
    parser.add_argument("--write", action="store_true", help="also into docs/performance.md")
    options = parser.parse_args()
    figures = measure(options.runs, options.time)
    table = Table("Go", *rows(figures))
    print(table.text())
    verdicts = judge(figures)
    print("\n".join(verdicts))
    if options.write:
        document = ROOT / "docs/performance.md"
        before, _, rest = document.read_text().partition(BEGIN)
        _, _, after = rest.partition(END)
        listed = "\n".join(f"- {verdict}" for verdict in verdicts)
        document.write_text(f"{before}{BEGIN}\n\n{table.markdown()}\n\n{listed}\n\n{END}{after}")


def measure(runs: int, time: str) -> dict[tuple[str, str, str], Figures]:
    """Medians by benchmark, payload and client."""
    measured: dict[tuple[str, str, str], list[Figures]] = defaultdict(list)
    command = f"cd '{ROOT}/benches/go' && go test -run=- -bench=. -benchtime={time} ."
    for _ in range(runs):
        done = subprocess.run(
            [ROOT / "tests/with_test_broker", "sh", "-c", command], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise SystemExit(f"bench-go: {done.stdout}{done.stderr}")
        for line in done.stdout.splitlines():
            if found := LINE.match(line):
                words = found[4].split()
                values = {unit: float(value) for value, unit in zip(words[::2], words[1::2], strict=True)}
                measured[found[1], found[2], found[3]].append(values)
    return {
        key: {unit: median(run[unit] for run in runs_of) for unit in runs_of[0]} for key, runs_of in measured.items()
    }


def rows(figures: dict[tuple[str, str, str], Figures]) -> tuple[list[str], list[list[str]]]:
    head = ["", "CPU ns", f"{PEER}", "ratio", "wall ns", f"{PEER}", "allocs", f"{PEER}", "calls into C per million"]
    lines = []
    for (benchmark, payload, client), ours in figures.items():
        peer = figures.get((benchmark, payload, PEER))
        if client != OURS or peer is None:
            continue
        lines.append(
            [
                f"{benchmark} {payload}",
                f"{ours['cpu-ns/op']:.0f}",
                f"{peer['cpu-ns/op']:.0f}",
                f"{peer['cpu-ns/op'] / ours['cpu-ns/op']:.1f}",
                f"{ours['ns/op']:.0f}",
                f"{peer['ns/op']:.0f}",
                f"{ours['allocs/op']:.0f}",
                f"{peer['allocs/op']:.0f}",
                f"{ours['cgo/M']:.0f}",
            ]
        )
    return head, lines


def judge(figures: dict[tuple[str, str, str], Figures]) -> list[str]:
    """Whether the limits hold that the Go package sets itself."""
    verdicts = []
    for benchmark, (cpu, allocs) in LIMITS.items():
        ours = figures[benchmark, "64B", OURS]
        for what, value, limit in (
            ("CPU ns", ours["cpu-ns/op"], cpu),
            ("allocations", ours["allocs/op"], allocs),
            ("calls into C per million", ours["cgo/M"], CALLS_LIMIT),
        ):
            verdicts.append(
                f"{benchmark} 64 B, {what}: {value:.0f}, limit {limit}: {'ok' if value <= limit else 'MISSED'}"
            )
    return verdicts


if __name__ == "__main__":
    main()
