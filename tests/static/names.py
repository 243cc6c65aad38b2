"""A name server for one name."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# Of this machine, and nobody else's: the usual addresses may have a name server already.
ADDRESS = "127.0.83.1"
DOMAIN = "cluster.test"
NAME = f"broker.{DOMAIN}"

A, NO_ERROR, NO_SUCH_NAME = 1, 0, 3


class NameServer:
    """Says that NAME is 127.0.0.1, and that there is nothing else."""

    def __init__(self) -> None:
        """Listens; answers when `serve` runs."""
        self.asked: list[str] = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((ADDRESS, 53))

    def serve(self) -> None:
        """Answers until it gets nothing."""
        while True:
            query, sender = self.socket.recvfrom(4096)
            if not query:
                return
            self.socket.sendto(self.answer(query), sender)

    def answer(self, query: bytes) -> bytes:
        """The question again, and the address if it is asked for."""
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode().lower())
            at += 1 + query[at]
        name = ".".join(labels)
        self.asked.append(name)
        (kind,) = struct.unpack_from("!H", query, at + 1)
        question = query[12 : at + 5]
        found = name == NAME and kind == A
        code = NO_ERROR if name == NAME else NO_SUCH_NAME
        # A response, recursion wanted and available.
        head = query[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, found, 0, 0)
        # The name is that of the question; class IN, a second to live, four bytes.
        record = struct.pack("!HHHIH", 0xC00C, A, 1, 1, 4) + socket.inet_aton("127.0.0.1")
        return head + question + (record if found else b"")


@contextmanager
def name_server() -> Iterator[NameServer]:
    """A name server on a thread."""
    server = NameServer()
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield server
    finally:
        server.socket.sendto(b"", (ADDRESS, 53))
        thread.join()
        server.socket.close()
