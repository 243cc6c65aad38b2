"""Servers that the cases need beside a broker: an issuer of tokens, and brokers whose certificate is bad."""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import tokens

RENEWED_EVERY = 0.5
RENEWED_FOR = 3.0
BUFFER = 65536


@contextlib.contextmanager
def issuer(credentials: Path, secret: str, *, tls: bool) -> Iterator[str]:
    """OAuth2 with client credentials, at the address that it yields. The client's name is that of the token it gets."""
    names = {"right": "token-right", "wrong": "token-of-other-key", "expired": "token-expired", "other": "token-other"}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            found = self.path == "/.well-known/openid-configuration"
            self.answer(200 if found else 404, {"issuer": address, "token_endpoint": f"{address}/token"})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            granted = form.get("grant_type") == "client_credentials" and form.get("client_secret") == secret
            name = names.get(form.get("client_id", ""))
            if self.path != "/token" or not granted or form.get("audience") != "pulsar" or name is None:
                self.answer(401, {"error": "invalid_client"})
                return
            token = (credentials / name).read_text()
            self.answer(200, {"access_token": token, "token_type": "Bearer", "expires_in": 3600})

        def answer(self, status: int, body: dict[str, str | int]) -> None:
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Says nothing."""

    class Server(ThreadingHTTPServer):
        # As many clients come at once as cases run.
        request_queue_size = 64

        def handle_error(self, request: object, client_address: object) -> None:
            """Clients that go away are no news."""

    with Server(("127.0.0.1", 0), Handler) as server:
        if tls:
            server.socket = server_context(credentials, "server.pem").wrap_socket(server.socket, server_side=True)
        address = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield address
        finally:
            server.shutdown()


@contextlib.contextmanager
def tls_in_front(port: int, credentials: Path, certificate: str) -> Iterator[int]:
    """TLS with this certificate in front of a port without; yields its own port."""
    context = server_context(credentials, certificate)
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        threading.Thread(target=accept_all, args=(listener, context, port), daemon=True).start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)


def server_context(credentials: Path, certificate: str) -> ssl.SSLContext:
    """TLS of a server that wants no certificate of its clients."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(credentials / certificate, credentials / "server.key.pem")
    return context


def accept_all(listener: socket.socket, context: ssl.SSLContext, port: int) -> None:
    """A thread per connection, until the listener ends."""
    with contextlib.suppress(OSError):
        while True:
            client, _ = listener.accept()
            threading.Thread(target=forward, args=(client, context, port), daemon=True).start()


def forward(plain: socket.socket, context: ssl.SSLContext, port: int) -> None:
    """One connection, until either side ends it. One thread has both directions: TLS sockets bear no more."""
    with contextlib.suppress(OSError), plain:
        plain.settimeout(10)
        with (
            context.wrap_socket(plain, server_side=True) as client,
            socket.create_connection(("127.0.0.1", port)) as broker,
        ):
            client.settimeout(0.005)
            broker.settimeout(0.005)
            while pass_on(client, broker) and pass_on(broker, client):
                pass


def pass_on(source: socket.socket, target: socket.socket) -> bool:
    """What is there now; false at the end."""
    try:
        data = source.recv(BUFFER)
    except TimeoutError:
        return True
    if not data:
        return False
    target.settimeout(10)
    target.sendall(data)
    target.settimeout(0.005)
    return True


@contextlib.contextmanager
def renewed_token(credentials: Path, folder: Path) -> Iterator[Path]:
    """A file whose token is always good, though none lasts long."""
    key = (credentials / tokens.KEY_FILE).read_bytes()
    path = folder / "renewed-token"
    ended = threading.Event()

    def renew() -> None:
        fresh = path.with_suffix(f".{secrets.token_hex(4)}")
        fresh.write_text(tokens.sign(key, "right", RENEWED_FOR))
        fresh.replace(path)

    def renew_always() -> None:
        while not ended.wait(RENEWED_EVERY):
            renew()

    renew()
    thread = threading.Thread(target=renew_always)
    thread.start()
    try:
        yield path
    finally:
        ended.set()
        thread.join()
