"""The committed list, matrix.tsv: what each case comes to with either library, and why ours does something else."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from cases import Key

HERE = Path(__file__).resolve().parent
TABLE = HERE / "matrix.tsv"
REASONS = HERE / "README.md"
HEADER = ("auth", "credential", "transport", "lookup", "reference", "ours", "why")

Observed = dict[Key, str]


@dataclass(frozen=True)
class Row:
    """One line."""

    key: Key
    # What the official library comes to.
    reference: str
    # What ours comes to; empty where it is the same.
    ours: str = ""
    # The name of the reason, a line of README.md; empty where both are the same.
    why: str = ""

    def expected(self, library: str) -> str:
        """What a library is to come to."""
        return self.ours if library == "ours" and self.ours else self.reference


def read() -> dict[Key, Row]:
    """The list as committed; empty without one."""
    if not TABLE.exists():
        return {}
    header, *lines = TABLE.read_text().splitlines()
    if tuple(header.split("\t")) != HEADER:
        raise ValueError(f"{TABLE.name} does not have the columns {', '.join(HEADER)}")
    rows: dict[Key, Row] = {}
    for line in lines:
        auth, credential, transport, lookup, *rest = line.split("\t")
        key = (auth, credential, transport, lookup)
        if key in rows:
            raise ValueError(f"{TABLE.name} has a case twice: {name(key)}")
        rows[key] = Row(key, *rest)
    return rows


def write(rows: dict[Key, Row]) -> None:
    """Replaces the list."""
    lines = ["\t".join((*row.key, row.reference, row.ours, row.why)).rstrip("\t") for row in rows.values()]
    TABLE.write_text("\n".join(["\t".join(HEADER), *lines]) + "\n")


def update(library: str, observed: Observed) -> None:
    """Writes down what a library came to. What is not observed stays: it belongs to a broker of another kind."""
    rows = read()
    for key, text in observed.items():
        row = rows.get(key, Row(key, reference=text))
        if library == "reference":
            ours = row.ours or row.reference
            row = replace(row, reference=text, ours="" if ours == text else ours)
        else:
            row = replace(row, ours="" if text == row.reference else text)
        rows[key] = row if row.ours else replace(row, why="")
    write(rows)


def complaints(library: str, observed: Observed) -> list[str]:
    """What is not as listed, and what the list lacks."""
    rows = read()
    texts = []
    for key, text in observed.items():
        if key not in rows:
            texts.append(f"{name(key)}: is not in {TABLE.name}; observed: {text}")
        elif rows[key].expected(library) != text:
            texts.append(f"{name(key)}: expected: {rows[key].expected(library)}; observed: {text}")
    reasons = set(re.findall(r"^\| `([a-z -]+)` \|", REASONS.read_text(), re.MULTILINE))
    for row in rows.values():
        if row.ours and row.why not in reasons:
            texts.append(f"{name(row.key)}: {REASONS.name} has no reason why it differs")
        if row.why and not row.ours:
            texts.append(f"{name(row.key)}: a reason, and no difference")
    return texts


def name(key: Key) -> str:
    """A case in words."""
    auth, credential, transport, lookup = key
    return f"{auth}, {credential}, {transport}, {lookup} lookup"
