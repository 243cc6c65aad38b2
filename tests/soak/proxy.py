"""A proxy in front of the broker, whose connections can be cut in the middle of anything.

Both brokers of the tests tell clients to come through the address that they asked, so everything passes here.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Coroutine
from typing import Any

CHUNK = 64 * 1024


class Proxy:
    """Runs in a thread of its own; its methods may be called from any other."""

    def __init__(self, host: str, port: int) -> None:
        self.target = (host, port)
        self.pairs: dict[asyncio.StreamWriter, asyncio.StreamWriter] = {}
        self.passing = asyncio.Event()
        self.refusing = False
        self.loop = asyncio.new_event_loop()
        self.tasks: set[asyncio.Task[None]] = set()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.port = self.call(self.listen())

    def call(self, work: Coroutine[Any, Any, int]) -> int:
        """Does it on the proxy's thread."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=30)

    def cut(self, *, everything: bool) -> int:
        """Resets one connection to the client, or all; returns how many."""

        async def work() -> int:
            chosen = list(self.pairs)
            if chosen and not everything:
                chosen = [random.choice(chosen)]
            for client in chosen:
                reset(client)
                reset(self.pairs[client])
            return len(chosen)

        return self.call(work())

    def silence(self, *, silent: bool) -> None:
        """Nothing passes any more, with connections open; or all that has waited does."""

        async def work() -> int:
            self.passing.clear() if silent else self.passing.set()
            return 0

        self.call(work())

    def refuse(self, *, refusing: bool) -> None:
        """Ends new connections at once, or takes them again."""
        self.refusing = refusing

    async def listen(self) -> int:
        """Begins; returns the port."""
        self.passing.set()
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        port: int = server.sockets[0].getsockname()[1]
        return port

    async def serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        """One connection, until either end is gone."""
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            if self.refusing:
                return
            source, broker = await asyncio.open_connection(*self.target)
            self.pairs[client] = broker
            await asyncio.gather(self.pump(reader, broker), self.pump(source, client))
        except OSError:
            # The broker is down, or one of the connections was cut.
            pass
        finally:
            broker_end = self.pairs.pop(client, None)
            reset(client)
            if broker_end is not None:
                reset(broker_end)
            self.tasks.discard(task)

    async def pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """Passes bytes on, as they come, until the end, which it passes on too."""
        while chunk := await source.read(CHUNK):
            await self.passing.wait()
            sink.write(chunk)
            await sink.drain()
        raise ConnectionResetError


def reset(writer: asyncio.StreamWriter) -> None:
    """Ends a connection as a crash does: what is on its way is lost."""
    end = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
