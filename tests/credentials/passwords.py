"""Passwords of users, and the file htpasswd in which the broker finds them."""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path

USERS = ("admin", "right", "other")
# The digits of the format, the least significant one first.
DIGITS = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ROUNDS = 1000
# Which bytes of the digest make up a group of digits, the most significant first; the last one stands alone.
GROUPS = ((0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5), (11,))


def make(folder: Path) -> None:
    """A random password for each user."""
    lines = []
    for user in USERS:
        password = secrets.token_urlsafe(18)
        (folder / f"password-{user}").write_text(password)
        lines.append(f"{user}:{apr1(password, secrets.token_hex(4))}\n")
    (folder / "htpasswd").write_text("".join(lines))


def apr1(password: str, salt: str) -> str:
    """The MD5 form of Apache's htpasswd: the one that the broker knows besides the DES of crypt(3)."""
    word, grain = password.encode(), salt.encode()
    inner = hashlib.md5(word + grain + word).digest()
    start = word + b"$apr1$" + grain + (inner * (len(word) // 16 + 1))[: len(word)]
    length = len(word)
    while length:
        start += b"\0" if length & 1 else word[:1]
        length >>= 1
    digest = hashlib.md5(start).digest()
    for turn in range(ROUNDS):
        odd = turn % 2 == 1
        mixed = word if odd else digest
        mixed += grain if turn % 3 else b""
        mixed += word if turn % 7 else b""
        digest = hashlib.md5(mixed + (digest if odd else word)).digest()
    return f"$apr1${salt}${''.join(digits(digest, group) for group in GROUPS)}"


def digits(digest: bytes, group: tuple[int, ...]) -> str:
    """Six bits a digit."""
    value = int.from_bytes(bytes(digest[index] for index in group), "big")
    return "".join(DIGITS[value >> shift & 63] for shift in range(0, 8 * len(group), 6))
