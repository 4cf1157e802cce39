"""A server that answers each connection's requests with bytes of the test's choosing."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Seen:
    """What came: each request's head and body, and the number of connections."""

    heads: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Reply = Callable[[asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def raw_server(
    reply: bytes | Reply, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[str, Seen]]:
    """The server's `host:port`, and what it sees."""
    seen = Seen()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        try:
            while await _read_request(reader, seen):
                if isinstance(reply, bytes):
                    writer.write(reply)
                    await writer.drain()
                else:
                    await reply(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has gone
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", seen
    finally:
        server.close()


async def _read_request(reader: asyncio.StreamReader, seen: Seen) -> bool:
    head = await reader.readuntil(b"\r\n\r\n")
    seen.heads.append(head.decode("latin-1"))
    length = next(
        (
            int(line.partition(":")[2])
            for line in seen.heads[-1].splitlines()
            if line.lower().startswith("content-length")
        ),
        0,
    )
    seen.bodies.append(await reader.readexactly(length))
    return True


@asynccontextmanager
async def connect_proxy(
    status: str = "200 Connection established",
) -> AsyncIterator[tuple[str, Seen]]:
    """A proxy that tunnels CONNECT to wherever it is told, and forwards nothing else."""
    seen = Seen()
    tasks: set[asyncio.Task[None]] = set()

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass  # one side has gone
        finally:
            writer.close()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        seen.heads.append(head)
        writer.write(f"HTTP/1.1 {status}\r\n\r\n".encode())
        if not status.startswith("200"):
            writer.close()
            return
        host, _, port = head.split(" ")[1].rpartition(":")
        upstream = await asyncio.open_connection(host, int(port))
        for one in (pipe(reader, upstream[1]), pipe(upstream[0], writer)):
            task = asyncio.create_task(one)
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", seen
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
