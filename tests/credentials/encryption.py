"""Key pairs for end-to-end encryption."""

from __future__ import annotations

from pathlib import Path

import keys


def make(folder: Path) -> None:
    """Two recipients, so that a test can have one without the key of the other."""
    for name in ("first", "second"):
        key = keys.generate()
        keys.write_public(folder / f"encryption-{name}.public.pem", key)
        keys.write_pkcs8(folder / f"encryption-{name}.pem", key)
        keys.write_pkcs1(folder / f"encryption-{name}.pkcs1.pem", key)
