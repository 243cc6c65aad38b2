"""JSON Web Tokens, signed with a secret key (HS256) that the broker knows."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from pathlib import Path

KEY_FILE = "token-secret.key"
KEY_BYTES = 32
HOUR = 3600


def make(folder: Path) -> None:
    """The key, as the broker reads it, and tokens of every kind."""
    key = secrets.token_bytes(KEY_BYTES)
    (folder / KEY_FILE).write_bytes(key)
    for role in ("admin", "right", "other"):
        (folder / f"token-{role}").write_text(sign(key, role, HOUR))
    (folder / "token-expired").write_text(sign(key, "right", -HOUR))
    (folder / "token-of-other-key").write_text(sign(secrets.token_bytes(KEY_BYTES), "right", HOUR))


def sign(key: bytes, role: str, seconds: float) -> str:
    """A token for a role that expires in so many seconds, which may be negative."""
    header: dict[str, str | int] = {"alg": "HS256", "typ": "JWT"}
    claims: dict[str, str | int] = {"sub": role, "exp": int(time.time() + seconds)}
    signed = f"{encode_json(header)}.{encode_json(claims)}"
    return f"{signed}.{encode(hmac.digest(key, signed.encode(), hashlib.sha256))}"


def encode_json(value: dict[str, str | int]) -> str:
    """Compact JSON in base64url."""
    return encode(json.dumps(value, separators=(",", ":")).encode())


def encode(data: bytes) -> str:
    """As base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
