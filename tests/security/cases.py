"""What is tried: ways to authenticate, with credentials of every kind, over every transport, with both lookups."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# Authentication, credential, transport, lookup: what a case is called.
Key = tuple[str, str, str, str]

LOOKUPS = ("binary", "http")
SENDS_OF_RENEWAL = "20"


@dataclass(frozen=True)
class Broker:
    """Where a broker is, and what its clients need; `helpers` has the addresses of servers of the runner."""

    urls: dict[tuple[str, str], str]
    credentials: Path
    mutual_tls: bool
    # Whether it asks its clients for certificates at all.
    certificates: bool
    helpers: dict[str, str]

    def file(self, name: str) -> str:
        """The path of a credential."""
        return str(self.credentials / name)

    def text(self, name: str) -> str:
        """A credential itself."""
        return (self.credentials / name).read_text()


@dataclass(frozen=True)
class Case:
    """One attempt: where, and with which settings of attempt.c."""

    key: Key
    url: str
    settings: tuple[str, ...]


def of_broker(broker: Broker) -> list[Case]:
    """All that can be tried there."""
    transports = ("mtls",) if broker.mutual_tls else ("plain", "tls")
    cases = [
        Case((auth, credential, transport, lookup), broker.urls[transport, lookup], (*settings, *at))
        for transport in transports
        for auth, credential, settings in ways(broker, transport)
        if broker.certificates or transport != "tls" or not auth.startswith("tls")
        for lookup in LOOKUPS
        for at in [of_transport(broker, transport, auth)]
    ]
    return cases + list(
        client_certificates(broker) if broker.mutual_tls else [*servers(broker), *encrypted(broker), renewal(broker)]
    )


def of_transport(broker: Broker, transport: str, auth: str) -> tuple[str, ...]:
    """What a client needs to connect at all."""
    if transport == "plain":
        return ()
    trust = ("trust", broker.file("ca.pem"))
    # Where TLS is how a client authenticates, its certificate comes from there.
    return trust if transport == "tls" or auth.startswith("tls") else (*trust, *certificate(broker, "client-right.pem"))


def certificate(broker: Broker, name: str) -> tuple[str, str, str]:
    """The setting of a client's certificate apart from its authentication."""
    return ("certificate", broker.file(name), broker.file("client.key.pem"))


def ways(broker: Broker, transport: str) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Ways to authenticate: what they are called, and their settings."""
    yield "none", "none", ()
    yield from tokens(broker)
    yield from users(broker)
    yield from certificates(broker)
    issuer = broker.helpers["issuer" if transport == "plain" else "issuer over tls"]
    for credential in ("right", "wrong", "expired", "other", "none"):
        yield "oauth2", credential, ("oauth2", oauth2(broker, issuer, credential))


def tokens(broker: Broker) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Tokens: as they are, from a supplier, and from a plugin by its name."""
    names = {"right": "token-right", "wrong": "token-of-other-key", "expired": "token-expired", "other": "token-other"}
    for credential, name in names.items():
        yield "token", credential, ("token", broker.text(name))
        yield "token supplier", credential, ("supplier", broker.file(name))
        yield "plugin token", credential, ("plugin", "token", f"token:{broker.text(name)}")
    yield "token", "none", ("token", "")
    yield "token supplier", "none", ("supplier", broker.file("no-such-file"))
    yield "plugin token", "file", ("plugin", "token", f"file://{broker.file('token-right')}")


def users(broker: Broker) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Users and their passwords, which do not expire."""
    yield "basic", "right", ("basic", "right", broker.text("password-right"))
    yield "basic", "wrong", ("basic", "right", broker.text("password-other"))
    yield "basic", "unknown", ("basic", "nobody", broker.text("password-right"))
    yield "basic", "other", ("basic", "other", broker.text("password-other"))
    yield "basic", "none", ("basic", "", "")
    words = json.dumps({"username": "right", "password": broker.text("password-right")})
    yield "plugin basic", "right", ("plugin", "basic", words)


def certificates(broker: Broker) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """TLS authentication, which is nothing over a plain connection."""
    key = broker.file("client.key.pem")
    names = {
        "right": "client-right.pem",
        "wrong": "client-of-other-ca.pem",
        "expired": "client-expired.pem",
        "other": "client-other.pem",
        "missing": "no-such-file",
    }
    for credential, name in names.items():
        yield "tls", credential, ("tls", broker.file(name), key)
    yield "tls", "none", ("tls", "", "")
    yield "tls", "PKCS1 key", ("tls", broker.file("client-right.pem"), broker.file("client.key.pkcs1.pem"))
    yield "tls", "key of another", ("tls", broker.file("client-right.pem"), broker.file("server.key.pem"))
    words = f"tlsCertFile:{broker.file('client-right.pem')},tlsKeyFile:{key}"
    yield "tls plugin", "right", ("plugin", "tls", words)


def oauth2(broker: Broker, issuer: str, client: str) -> str:
    """Parameters of OAuth2. The client's name says which token it gets; `none` gets none."""
    secret = broker.helpers["client secret"]
    words = {"type": "client_credentials", "issuer_url": issuer, "client_id": client, "client_secret": secret}
    return json.dumps({**words, "audience": "pulsar"})


def servers(broker: Broker) -> Iterator[Case]:
    """Brokers that are not what a client trusts, for all clients the same."""
    token = ("token", broker.text("token-right"))
    ca, other_ca = broker.file("ca.pem"), broker.file("other-ca.pem")
    for lookup in LOOKUPS:
        real = broker.urls["tls", lookup]
        yield Case(("token", "right", "tls: no trust file", lookup), real, token)
        yield Case(("token", "right", "tls: trust file of another", lookup), real, (*token, "trust", other_ca))
        yield Case(("token", "right", "tls: trust file missing", lookup), real, (*token, "trust", "no-such-file"))
        yield Case(("token", "right", "tls: insecure", lookup), real, (*token, "insecure"))
        yield Case(("token", "right", "tls: name checked", lookup), real, (*token, "trust", ca, "hostname"))
        for server in ("elsewhere", "expired", "of-other-ca"):
            url = broker.helpers[f"server-{server} {lookup}"]
            for word, more in (("", ("trust", ca)), (", name checked", ("trust", ca, "hostname"))):
                yield Case(("token", "right", f"tls: server {server}{word}", lookup), url, (*token, *more))
            yield Case(("token", "right", f"tls: server {server}, insecure", lookup), url, (*token, "insecure"))
        # A client that speaks TLS to who does not, and the opposite.
        plain, encrypted = broker.urls["plain", lookup], broker.urls["tls", lookup]
        changed = plain.replace("pulsar:", "pulsar+ssl:").replace("http:", "https:")
        yield Case(("token", "right", "tls to the plain port", lookup), changed, (*token, "trust", ca))
        changed = encrypted.replace("pulsar+ssl:", "pulsar:").replace("https:", "http:")
        yield Case(("token", "right", "plain to the tls port", lookup), changed, token)


def encrypted(broker: Broker) -> Iterator[Case]:
    """Messages that the broker cannot read, with the right keys and with wrong ones."""
    url, token = broker.urls["plain", "binary"], ("token", broker.text("token-right"))
    public, private = "encryption-first.public.pem", "encryption-first.pem"
    for word, send, receive in (
        ("right keys", public, private),
        ("PKCS1 key", public, "encryption-first.pkcs1.pem"),
        ("key of another", public, "encryption-second.pem"),
        ("private key missing", public, "no-such-file"),
        ("private key to send with", private, private),
        ("public key to receive with", public, public),
    ):
        keys = ("encryption", broker.file(send), broker.file(receive))
        yield Case(("token", "right", f"plain: encrypted, {word}", "binary"), url, (*token, *keys))


def client_certificates(broker: Broker) -> Iterator[Case]:
    """Certificates that the broker wants beside a token."""
    settings = ("token", broker.text("token-right"), "trust", broker.file("ca.pem"))
    names = {"other authority": "client-of-other-ca.pem", "expired": "client-expired.pem"}
    for lookup in LOOKUPS:
        url = broker.urls["mtls", lookup]
        yield Case(("token", "right", "mtls: no certificate", lookup), url, settings)
        for word, name in names.items():
            more = (*settings, *certificate(broker, name))
            yield Case(("token", "right", f"mtls: certificate: {word}", lookup), url, more)


# What our library has to say of a handshake that fails, by how the name of the transport begins. What the broker says
# of a client's certificate is not always the same.
REASONS = {
    "tls: no trust file": ("unknown issuer",),
    "tls: trust file of another": ("unknown issuer",),
    "tls: trust file missing": ("no-such-file",),
    "tls: server elsewhere, name checked": ("not for the name",),
    "tls: server expired": ("has expired",),
    "tls: server of-other-ca": ("unknown issuer",),
    "mtls: no certificate": ("wants a certificate of ours, and none is configured",),
    "mtls: certificate: other authority": ("refused our certificate", "refused the connection"),
    "mtls: certificate: expired": ("refused our certificate",),
}


def renewal(broker: Broker) -> Case:
    """A supplier whose tokens last shorter than the connection: the broker asks for new ones."""
    settings = ("supplier", broker.helpers["renewed token"], "sends", SENDS_OF_RENEWAL)
    return Case(("token supplier", "renewed", "plain", "binary"), broker.urls["plain", "binary"], settings)
