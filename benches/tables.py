"""Tables, on a terminal and in Markdown, out of what was measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from programs import CIPHER, CODEC, FLOOR, FLOOR_MEMORY, OFFICIAL, OURS
from scenarios import CODECS, Figures, Results, Scenario

NOT_LIBRARIES = (FLOOR, FLOOR_MEMORY, CODEC, CIPHER)


@dataclass(frozen=True)
class Table:
    """Rows of text below a title. The first column is the name of the row."""

    title: str
    head: list[str]
    rows: list[list[str]]

    def text(self) -> str:
        """For a terminal: numbers to the right."""
        lines = [self.head, *self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.head))]
        padded = [
            "  ".join(
                cell.ljust(width) if i == 0 else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(line, widths, strict=True))
            )
            for line in lines
        ]
        return f"\n{self.title}\n" + "\n".join(f"  {line}".rstrip() for line in padded)

    def markdown(self, level: str = "###") -> str:
        """For the documentation."""
        lines = [self.head, ["---", *["---:"] * (len(self.head) - 1)], *self.rows]
        return f"{level} {self.title}\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def plain(value: float) -> str:
    """A number with the digits that mean something."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def scenario_table(scenario: Scenario, medians: dict[str, Figures]) -> Table:
    """One scenario, all peers; ratios against our library."""
    if scenario.mode == "idle":
        return idle_table(scenario, medians)
    title = f"{scenario.name}: {scenario.count:,} messages"
    base = medians[OURS]
    shown: list[tuple[str, Callable[[Figures], str]]] = [
        ("CPU ns", lambda f: plain(f["cpu_ns"])),
        ("ratio", lambda f: f"{f['cpu_ns'] / base['cpu_ns']:.2f}"),
        ("wall ns", lambda f: plain(f["wall_ns"])),
        ("ratio", lambda f: f"{f['wall_ns'] / base['wall_ns']:.2f}"),
    ]
    optional: list[tuple[str, str, Callable[[float], str]]] = [
        ("p50_us", "p50 us", plain),
        ("p99_us", "p99 us", plain),
        ("allocations", "allocations", lambda value: f"{value:.2f}"),
        ("rss_kb", "RSS MB", lambda value: f"{value / 1024:.1f}"),
        ("threads", "threads", lambda value: f"{value:.0f}"),
        ("connections", "connections", lambda value: f"{value:.0f}"),
    ]
    for key, name, write in optional:
        if any(key in figures for figures in medians.values()):
            shown.append((name, lambda f, key=key, write=write: write(f[key]) if key in f else ""))  # type: ignore[misc]
    return Table(
        title,
        ["", *(name for name, _ in shown)],
        [[name, *(cell(f) for _, cell in shown)] for name, f in medians.items()],
    )


def idle_table(scenario: Scenario, medians: dict[str, Figures]) -> Table:
    """What producers cost that send nothing."""
    head = ["", "KB each", "RSS MB with 1", f"with {scenario.count:,}", "threads with 1", f"with {scenario.count:,}"]
    head += ["connections", "wake-ups/s", "CPU ms/s", "us to create one"]
    rows = [
        [
            name,
            f"{f['kb_each']:.1f}",
            f"{f['rss_one_kb'] / 1024:.1f}",
            f"{f['rss_kb'] / 1024:.1f}",
            *(f"{f[key]:.0f}" for key in ("threads_one", "threads", "connections")),
            *(f"{f[key]:.1f}" for key in ("wakeups_s", "cpu_ms_s", "create_us")),
        ]
        for name, f in medians.items()
    ]
    return Table(scenario.name, head, rows)


def codec_table(results: Results) -> Table | None:
    """What compressing costs on top, beside what the codec costs by itself."""
    plain_lines = results.get("lines of 1 KB, none")
    if plain_lines is None:
        return None
    rows = []
    for codec in CODECS:
        medians = results.get(f"lines of 1 KB, {codec}")
        if medians is None or CODEC not in medians:
            continue
        alone = medians[CODEC]["cpu_ns"]
        more = medians[OURS]["cpu_ns"] - plain_lines[OURS]["cpu_ns"]
        row = [codec, f"{medians[CODEC]['percent']:.0f}%", plain(alone), plain(more), f"{more / alone:.2f}"]
        if OFFICIAL in medians:
            theirs = medians[OFFICIAL]["cpu_ns"] - plain_lines[OFFICIAL]["cpu_ns"]
            row += [plain(theirs), f"{theirs / more:.2f}"]
        else:
            row += ["", ""]
        rows.append(row)
    head = [
        "codec",
        "size",
        "codec alone, ns",
        "ours: with - without, ns",
        "of the codec's",
        f"{OFFICIAL}, ns",
        "of ours",
    ]
    return Table("Compression, 1 KB lines of JSON: CPU per message", head, rows) if rows else None


def short_table(results: Results) -> Table:
    """CPU of the commonest work, for the README: our library in nanoseconds, the others as ratios."""
    chosen = [name for name in results if name.startswith(("produce", "consume", "paced"))]
    peers = list(dict.fromkeys(peer for name in chosen for peer in results[name] if peer not in NOT_LIBRARIES))
    rows = []
    for name in chosen:
        base = results[name][OURS]["cpu_ns"]
        cells = [f"{base:,.0f} ns"]
        for peer in peers[1:]:
            figures = results[name].get(peer)
            cells.append(f"{figures['cpu_ns'] / base:.1f}x" if figures else "")
        rows.append([name, *cells])
    return Table("CPU per message", ["", *peers], rows)
