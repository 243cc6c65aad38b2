"""Measures the library beside its peers, in turn, against one broker, and prints ratios and limits.

    python3 benches/run.py [--runs 5] [--quick] [--only NAME] [--url URL] [--write]

The same C programs (benches/c) are linked with libpulsar_rs.a and with the official libpulsar; the crate `pulsar`,
pulsar-client-go and pulsar-client of PyPI do the same work through their own APIs. The broker is pulsar-testbroker in
another process, unless --url names one. Every figure is a median over the runs; machines are noisy, so quote the
ratios. docs/performance.md says how to read them; --write puts them there, and into README.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from pathlib import Path

from limits import limit_table
from programs import ROOT, build
from scenarios import SCENARIOS, Results, broker, compare
from tables import Table, codec_table, scenario_table, short_table

BEGIN = "<!-- measured: begin; `make bench ARGS=--write` writes what follows -->"
END = "<!-- measured: end -->"


def main() -> None:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(description="Measures the library beside its peers.")
    parser.add_argument("--runs", type=int, default=5, help="runs of each program, medians are printed")
    parser.add_argument("--quick", action="store_true", help="one run with a tenth of the messages: only roughly")
    parser.add_argument("--only", default="", help="scenarios whose name contains this")
    parser.add_argument("--url", help="service URL of a broker; default: one in memory")
    parser.add_argument("--write", action="store_true", help="also into docs/performance.md and README.md")
    options = parser.parse_args()
    if options.write and options.only:
        parser.error("--write wants all scenarios")
    peers = build()
    runs = 1 if options.quick else options.runs
    circumstances = describe(runs, quick=options.quick, url=options.url)
    print(circumstances, flush=True)
    results: Results = {}
    tables: list[Table] = []
    for each in SCENARIOS:
        # What certificates a broker elsewhere has is not known here.
        if options.only not in each.name or (each.tls and options.url):
            continue
        scenario = each.roughly() if options.quick else each
        # One for each scenario, so that what one leaves behind costs the next nothing.
        with broker(options.url, tls=scenario.tls) as url:
            results[scenario.name] = compare(scenario, peers, url, runs)
        tables.append(scenario_table(scenario, results[scenario.name]))
        print(tables[-1].text(), flush=True)
    summary = [table for table in (codec_table(results), limit_table(results)) if table is not None]
    for table in summary:
        print(table.text(), flush=True)
    if options.write:
        everything = [table.markdown() for table in [*reversed(summary), *tables]]
        replace(ROOT / "docs/performance.md", "\n".join([circumstances + "\n", *everything]))
        replace(ROOT / "README.md", short_table(results).markdown("").split("\n\n", 1)[1])


def describe(runs: int, *, quick: bool, url: str | None) -> str:
    """One sentence on machine and broker."""
    machine = f"{os.cpu_count()} cores ({platform.machine()}), {platform.system()}"
    where = "a broker elsewhere" if url else "the test broker in another process"
    rough = "; only roughly, with a tenth of the messages" if quick else ""
    day = time.strftime("%Y-%m-%d")
    return f"{machine}, {where}, {day}. Medians of {runs}{rough}. CPU: whole client process, ns per message."


def replace(document: Path, text: str) -> None:
    """Puts the text between the two marks."""
    before, rest = document.read_text().split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    document.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}")


if __name__ == "__main__":
    main()
