"""Text to compress: lines of JSON as services send them, the same in each run."""

from __future__ import annotations

import json
import random
from pathlib import Path

from programs import WORK

LINES = 20_000
STATES = ["accepted", "declined", "expired", "pending", "settled", "shipped", "returned", "opened"]
FILLER = " "


def line_file(size: int) -> Path:
    """A file with lines of `size` bytes, line feeds included; written if it is not there."""
    path = WORK / f"lines-{size}.json"
    if not path.exists():
        source = random.Random(size)
        text = "".join(line(source, number, size - 1) + "\n" for number in range(LINES))
        unfinished = path.with_suffix(".unfinished")
        unfinished.write_text(text, encoding="ascii")
        unfinished.rename(path)
    return path


def line(source: random.Random, number: int, size: int) -> str:
    """An order of some customer, with as many items as fit."""
    order: dict[str, object] = {
        "order": 100_000 + number,
        "time": 1_790_000_000_000 + number * 37 + source.randrange(30),
        "customer": f"c{source.randrange(50_000):06}",
        "state": source.choice(STATES),
        "session": f"{source.getrandbits(64):016x}",
    }
    items: list[dict[str, object]] = []
    while True:
        item = {"sku": f"SKU-{source.randrange(3000):05}", "count": source.randrange(1, 9)}
        item["cents"] = source.randrange(100, 99_999)
        longer = json.dumps({**order, "items": [*items, item]}, separators=(",", ":"))
        if len(longer) > size:
            text = json.dumps({**order, "items": items}, separators=(",", ":"))
            return text.ljust(size, FILLER)[:size]
        items.append(item)
