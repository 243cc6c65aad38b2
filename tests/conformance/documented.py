"""docs/differences.md: every difference to the official library has a line there, with its reason.

The lines stand in tables, one below the heading of each area. What both libraries do is copied from the list
of behaviours; the reason, and all text around the tables, is written by hand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from behaviours import Behaviour, Key

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/differences.md"
TABLE_HEAD = ["| case | libpulsar | pulsar_rs | why |", "| --- | --- | --- | --- |"]
CELLS = 4


@dataclass(frozen=True)
class Line:
    """A line of a table."""

    area: str
    cells: tuple[str, ...]


def complaints(listed: dict[Key, Behaviour]) -> list[str]:
    """What the document lacks, or says wrongly."""
    wanted = {(row.area, escape(row.case)): row for row in listed.values() if row.differs}
    found = {(line.area, line.cells[0]): line for line in parse(DOCUMENT.read_text()) if isinstance(line, Line)}
    texts = []
    for row in wanted.values():
        name = f"{DOCUMENT.name}: {row.area}: {row.case}"
        line = found.get((row.area, escape(row.case)))
        if line is None:
            texts.append(f"{name}: is not there")
        elif line.cells[:3] != cells_of(row):
            texts.append(f"{name}: says something else than behaviours.tsv")
        elif not line.cells[3]:
            texts.append(f"{name}: has no reason")
    unknown = found.keys() - wanted.keys()
    return texts + [f"{DOCUMENT.name}: {area}: {case}: is no difference" for area, case in sorted(unknown)]


def update(listed: dict[Key, Behaviour]) -> None:
    """Brings the tables up to date. Reasons stay, new lines come without one, at the end of their table."""
    parts = parse(DOCUMENT.read_text())
    missing = {(row.area, escape(row.case)): cells_of(row) for row in listed.values() if row.differs}
    kept: list[str | Line] = []
    for part in parts:
        if isinstance(part, str):
            kept.append(part)
        elif (known := missing.pop((part.area, part.cells[0]), None)) is not None:
            kept.append(Line(part.area, (*known, part.cells[3])))
    for (area, _), cells in missing.items():
        kept.insert(end_of_table(kept, area), Line(area, (*cells, "")))
    DOCUMENT.write_text("\n".join(part if isinstance(part, str) else text_of(part) for part in kept) + "\n")


def end_of_table(parts: list[str | Line], area: str) -> int:
    """Where the next line of the area's table goes; makes a section for an area that has none."""
    if heading(area) not in parts:
        parts += ["", heading(area), "", *TABLE_HEAD]
    position = parts.index(heading(area))
    position = parts.index(TABLE_HEAD[1], position) + 1
    while position < len(parts) and isinstance(parts[position], Line):
        position += 1
    return position


def parse(text: str) -> list[str | Line]:
    """All lines; those of tables taken apart."""
    parts: list[str | Line] = []
    area = ""
    for line in text.splitlines():
        if line.startswith("## "):
            area = line.removeprefix("## ").lower()
        if line.startswith("|") and line not in TABLE_HEAD:
            cells = tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1])
            if len(cells) != CELLS:
                raise ValueError(f"{DOCUMENT.name}: not {CELLS} cells: {line}")
            parts.append(Line(area, cells))
        else:
            parts.append(line)
    return parts


def heading(area: str) -> str:
    """The heading of an area's section."""
    return f"## {area.capitalize()}"


def cells_of(row: Behaviour) -> tuple[str, ...]:
    """What a line says of both libraries."""
    return (escape(row.case), escape(row.reference), escape(row.ours))


def escape(text: str) -> str:
    """Text in a cell of a table."""
    return text.replace("|", "\\|")


def text_of(line: Line) -> str:
    """A line of a table as it is written."""
    return f"| {' | '.join(line.cells)} |".replace("|  |", "| |")
