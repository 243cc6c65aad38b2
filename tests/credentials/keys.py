"""RSA keys, and the files they are written to."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

# What brokers and clients meet in practice; larger ones take longer to make.
BITS = 2048


def generate() -> rsa.RSAPrivateKey:
    """A new key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=BITS)


def write_pkcs8(path: Path, key: rsa.RSAPrivateKey) -> None:
    """PEM that begins with BEGIN PRIVATE KEY."""
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def write_pkcs1(path: Path, key: rsa.RSAPrivateKey) -> None:
    """PEM that begins with BEGIN RSA PRIVATE KEY."""
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))


def write_public(path: Path, key: rsa.RSAPrivateKey) -> None:
    """PEM that begins with BEGIN PUBLIC KEY (SubjectPublicKeyInfo)."""
    path.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
