"""Certificates of two authorities: one that the broker and its clients trust, and another one."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keys
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)
NOW = datetime.datetime.now(datetime.timezone.utc)

LOCAL = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
ELSEWHERE = [x509.DNSName("broker.elsewhere.test")]
# Roles, as brokers understand the common name.
CLIENTS = ("admin", "right", "other")


@dataclass(frozen=True)
class Authority:
    """Signs certificates."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey


def make(folder: Path) -> None:
    """Writes all of it."""
    ours, other = make_authority("pulsar_rs test authority"), make_authority("pulsar_rs other authority")
    write(folder / "ca.pem", ours.certificate)
    write(folder / "other-ca.pem", other.certificate)

    server = keys.generate()
    keys.write_pkcs8(folder / "server.key.pem", server)
    write(folder / "server.pem", server_certificate(ours, server, LOCAL))
    write(folder / "server-elsewhere.pem", server_certificate(ours, server, ELSEWHERE))
    write(folder / "server-expired.pem", server_certificate(ours, server, LOCAL, expired=True))
    write(folder / "server-of-other-ca.pem", server_certificate(other, server, LOCAL))

    client = keys.generate()
    keys.write_pkcs8(folder / "client.key.pem", client)
    keys.write_pkcs1(folder / "client.key.pkcs1.pem", client)
    for role in CLIENTS:
        write(folder / f"client-{role}.pem", client_certificate(ours, client, role))
    write(folder / "client-expired.pem", client_certificate(ours, client, "right", expired=True))
    write(folder / "client-of-other-ca.pem", client_certificate(other, client, "right"))


def make_authority(name: str) -> Authority:
    """A self-signed certificate and its key."""
    key = keys.generate()
    builder = begin(name, x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key, expired=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(usage(sign_certificates=True), critical=True)
    return Authority(builder.sign(key, SHA256()), key)


def server_certificate(
    authority: Authority, key: rsa.RSAPrivateKey, names: Sequence[x509.GeneralName], *, expired: bool = False
) -> x509.Certificate:
    """For a broker of these names, which is also a client of itself."""
    builder = begin("broker", authority.certificate.subject, key, expired=expired)
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return finish(builder, authority, [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])


def client_certificate(
    authority: Authority, key: rsa.RSAPrivateKey, role: str, *, expired: bool = False
) -> x509.Certificate:
    """For a client in this role."""
    builder = begin(role, authority.certificate.subject, key, expired=expired)
    return finish(builder, authority, [ExtendedKeyUsageOID.CLIENT_AUTH])


def begin(name: str, issuer: x509.Name, key: rsa.RSAPrivateKey, *, expired: bool) -> x509.CertificateBuilder:
    """What all certificates have. An expired one ended yesterday."""
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - 10 * DAY)
        .not_valid_after(NOW - DAY if expired else NOW + 10 * DAY)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def finish(
    builder: x509.CertificateBuilder, authority: Authority, purposes: list[x509.ObjectIdentifier]
) -> x509.Certificate:
    """Signs a certificate that is no authority's."""
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(usage(sign_certificates=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    return builder.add_extension(issuer, critical=False).sign(authority.key, SHA256())


def usage(*, sign_certificates: bool) -> x509.KeyUsage:
    """An authority signs certificates and nothing else, all others the opposite."""
    return x509.KeyUsage(
        digital_signature=not sign_certificates,
        key_encipherment=not sign_certificates,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def write(path: Path, certificate: x509.Certificate) -> None:
    """As PEM."""
    path.write_bytes(certificate.public_bytes(Encoding.PEM))
