"""The committed list of behaviours, behaviours.tsv: what each case comes to with either library."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

TABLE = Path(__file__).resolve().parent / "behaviours.tsv"
HEADER = ("area", "case", "ours", "reference", "broker")

# Area and case.
Key = tuple[str, str]
# What programs observed, in the order in which they did.
Observed = dict[Key, str]


@dataclass(frozen=True)
class Behaviour:
    """One line of the list."""

    area: str
    case: str
    ours: str
    # What the official library does instead; empty where it does the same.
    reference: str = ""
    # "real" where the test broker is not meant to have what the case needs.
    broker: str = ""

    @property
    def key(self) -> Key:
        """What tells the line from all others."""
        return (self.area, self.case)

    @property
    def differs(self) -> bool:
        """Whether the official library does something else."""
        return bool(self.reference)


def read() -> dict[Key, Behaviour]:
    """The list as committed; empty without one."""
    if not TABLE.exists():
        return {}
    header, *lines = TABLE.read_text().splitlines()
    if tuple(header.split("\t")) != HEADER:
        raise ValueError(f"{TABLE.name} does not have the columns {', '.join(HEADER)}")
    rows = [Behaviour(*line.split("\t")) for line in lines]
    listed = {row.key: row for row in rows}
    if len(listed) != len(rows):
        raise ValueError(f"{TABLE.name} has a case twice")
    return listed


def write(listed: dict[Key, Behaviour]) -> None:
    """Replaces the list."""
    rows = ["\t".join((row.area, row.case, row.ours, row.reference, row.broker)) for row in listed.values()]
    # No tabs at the ends of lines: editors take them away.
    TABLE.write_text("\n".join(["\t".join(HEADER), *(row.rstrip("\t") for row in rows)]) + "\n")


def expected_of_ours(listed: dict[Key, Behaviour]) -> Observed:
    """What our library is to do."""
    return {key: row.ours for key, row in listed.items()}


def expected_of_reference(listed: dict[Key, Behaviour]) -> Observed:
    """What the official library is known to do on a real broker."""
    return {key: row.reference or row.ours for key, row in listed.items()}


def of_broker(listed: dict[Key, Behaviour], observed: Observed, broker: str) -> Observed:
    """What the list says of this broker, and what it does not know yet."""
    others = {key for key, row in listed.items() if row.broker not in ("", broker)}
    return {key: text for key, text in observed.items() if key not in others}


def with_ours(listed: dict[Key, Behaviour], observed: Observed) -> dict[Key, Behaviour]:
    """The list with what our library did on a real broker; in the order of observation."""
    rows = {}
    for key, text in observed.items():
        old = listed.get(key, Behaviour(*key, ours=text))
        # What the official library does stays what it was.
        reference = old.reference or old.ours
        rows[key] = replace(old, ours=text, reference="" if reference == text else reference)
    return rows


def with_reference(listed: dict[Key, Behaviour], observed: Observed) -> dict[Key, Behaviour]:
    """The list with what the official library did."""
    rows = {}
    for key, row in listed.items():
        text = observed.get(key, "not observed")
        rows[key] = replace(row, reference="" if text == row.ours else text)
    return rows


def differences(expected: Observed, observed: Observed) -> list[str]:
    """What is not as expected, a line each."""
    lines = []
    for key, text in observed.items():
        if key not in expected:
            lines.append(f"{key[0]}: {key[1]}: is not in {TABLE.name}; observed: {text}")
        elif expected[key] != text:
            lines.append(f"{key[0]}: {key[1]}: expected: {expected[key]}; observed: {text}")
    lines += [f"{area}: {case}: was not observed" for area, case in expected if (area, case) not in observed]
    return lines
