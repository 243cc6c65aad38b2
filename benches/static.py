"""Static programs: how large they are, and what they cost beside one that loads glibc.

    python3 benches/static.py [--runs 5] [--quick]

The same programs (benches/c) do the same work, in turn, against one test broker. `make musl` makes what is measured,
and `make static-glibc` what is shown beside it. docs/static.md says how to read it.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from pathlib import Path

from programs import OURS, ROOT, WORK, Peer, programs
from scenarios import SCENARIOS, Results, broker, compare
from tables import Table, scenario_table

MUSL = "musl, static"
GLIBC = "glibc, static"
NAMES = (
    "produce 64 B",
    "produce 1 KB",
    "consume + ack 64 B",
    "consume + ack 1 KB",
    "lines of 1 KB, zstd",
    "sync send 64 B",
)
# Users may link another allocator when musl's costs more than that.
LIMIT = 1.2


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description="Measures static programs.")
    parser.add_argument("--runs", type=int, default=5, help="runs of each program, medians are printed")
    parser.add_argument("--quick", action="store_true", help="one run with a tenth of the messages: only roughly")
    options = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    libraries = {
        OURS: ("cc", [str(ROOT / "target/lib/libpulsar_rs.a"), "-lm"]),
        GLIBC: ("gcc", ["-static", str(ROOT / "target/static-glibc/libpulsar_rs.a"), "-lm"]),
        MUSL: ("musl-gcc", ["-static", str(ROOT / "target/musl/libpulsar_rs.a")]),
    }
    if not Path(libraries[MUSL][1][1]).exists():
        sys.exit("bench-static: target/musl/libpulsar_rs.a is not built: run `make musl`")
    present = {
        name: how for name, how in libraries.items() if all(Path(word).exists() for word in how[1] if word[0] == "/")
    }
    print(sizes(present).text(), flush=True)
    peers = [
        Peer(name, programs(name.replace(", ", "-"), words, compiler), counted=False)
        for name, (compiler, words) in present.items()
    ]
    results: Results = {}
    for each in SCENARIOS:
        if each.name in NAMES:
            scenario = each.roughly() if options.quick else each
            with broker(None) as url:
                results[each.name] = compare(scenario, peers, url, 1 if options.quick else options.runs)
            print(scenario_table(scenario, results[each.name]).text(), flush=True)
    ratios = [figures[MUSL]["cpu_ns"] / figures[OURS]["cpu_ns"] for figures in results.values()]
    print(f"\nmusl/glibc, CPU: {statistics.geometric_mean(ratios):.2f} on average, at most {max(ratios):.2f}")
    if max(ratios) > LIMIT:
        sys.exit(f"bench-static: musl costs more than {LIMIT} times as much")


def sizes(libraries: dict[str, tuple[str, list[str]]]) -> Table:
    """The example that produces, without what it does not need, and how it is linked."""
    rows = []
    for name, (compiler, words) in libraries.items():
        program = WORK / f"size-{name.replace(', ', '-')}"
        command = [compiler, "-O2", "-Wl,--gc-sections", "-s", f"-I{ROOT / 'include'}", "examples/c/produce.c", *words]
        subprocess.run([*command, "-o", str(program)], cwd=ROOT, check=True)
        line = " ".join([compiler, *words, "..."]).replace(f"{ROOT}/", "")
        library = next(word for word in words if word.endswith(".a"))
        rows.append([name, megabytes(Path(library)), megabytes(program), line])
    return Table("Sizes: examples/c/produce.c with -Wl,--gc-sections -s", ["", ".a MB", "MB", "link line"], rows)


def megabytes(file: Path) -> str:
    """The size of a file."""
    return f"{file.stat().st_size / 1e6:.1f}"


if __name__ == "__main__":
    main()
