"""A proxy on loopback between a client and an HTTP server, and what may go wrong on the way."""

from __future__ import annotations

import http.client
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import urlsplit

_BLOCK = 256 << 10

Kind = Literal[
    "answer",  # `status` and `code` in place of the server's answer; it sees nothing
    "reset-request",  # the connection is reset once `at` bytes of the request's body are sent
    "reset-answer",  # ... or of the answer's
    "cut-answer",  # the connection is closed properly after `at` bytes of the answer's body
    "flip-request",  # one bit of byte `at` of the request's body
    "flip-answer",  # ... or of the answer's
    "call",  # `call` is called before the request goes on
]


@dataclass
class Fault:
    """What happens to the next `times` requests of this method whose path has `path` in it."""

    kind: Kind
    method: str
    path: str = ""
    at: int = 0
    times: int = 1
    status: int = 500
    code: str = "InternalError"
    call: Callable[[], object] = lambda: None


@dataclass
class FaultProxy:
    """Where it listens (`endpoint`), what it does, and what has come through."""

    upstream: str
    faults: list[Fault] = field(default_factory=list)
    bytes_per_second: float = float("inf")
    seen: list[str] = field(default_factory=list)
    """Method and path of every request."""
    passed: list[str] = field(default_factory=list)
    """Those to which the server's answer, a good one, was sent back whole."""
    headers: list[dict[str, str]] = field(default_factory=list)
    """The headers of every request, their names in small letters."""
    endpoint: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def parts(self) -> list[int]:
        """Numbers of the parts that were sent and taken, in order."""
        with self._lock:
            numbers = [line.partition("partNumber=")[2] for line in self.passed if "PUT" in line]
        return sorted(int(number.partition("&")[0]) for number in numbers if number)

    def next_fault(self, method: str, path: str, headers: Message) -> Fault | None:
        """The fault that is for this request, which counts as one of its times."""
        with self._lock:
            self.headers.append({name.lower(): value for name, value in headers.items()})
            self.seen.append(f"{method} {path}")
            for fault in self.faults:
                if fault.times and fault.method == method and fault.path in path:
                    fault.times -= 1
                    return fault
        return None

    def note(self, method: str, path: str) -> None:
        """Count a request that went well."""
        with self._lock:
            self.passed.append(f"{method} {path}")


@contextmanager
def fault_proxy(upstream: str) -> Iterator[FaultProxy]:
    """Run a proxy before the server at `upstream` (a URL) for as long as the block lasts."""
    proxy = FaultProxy(upstream)

    class Handler(_Handler):
        state = proxy

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.daemon_threads = True
    proxy.endpoint = f"http://127.0.0.1:{listener.server_port}"
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield proxy
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()


class _Gone(Exception):
    """The connection was ended on purpose."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: FaultProxy
    fault: Fault | None

    def _relay(self) -> None:
        self.fault = self.state.next_fault(self.command, self.path, self.headers)
        try:
            if self._is("call"):
                self.fault.call()  # type: ignore[union-attr]
            if self._is("answer"):
                self._answer_ourselves()
            else:
                self._pass_on()
        except (_Gone, ConnectionError):  # the client may also be killed in the middle
            self.close_connection = True

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _relay  # noqa: N815

    def _is(self, kind: Kind) -> bool:
        return self.fault is not None and self.fault.kind == kind

    def _answer_ourselves(self) -> None:
        assert self.fault is not None
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = f"<Error><Code>{self.fault.code}</Code><Message>no</Message></Error>".encode()
        self.send_response(self.fault.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _pass_on(self) -> None:
        server = http.client.HTTPConnection(urlsplit(self.state.upstream).netloc)
        try:
            server.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in ("expect", "connection"):
                    server.putheader(name, value)
            server.endheaders()
            length = int(self.headers.get("Content-Length", 0))
            self._pump(self.rfile.read, server.send, length, "request")
            self._send_back(server.getresponse())
        finally:
            server.close()

    def _send_back(self, answer: http.client.HTTPResponse) -> None:
        whole = None if answer.length is not None or self.command == "HEAD" else answer.read()
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "connection"):
                self.send_header(name, value)
        if whole is not None:
            self.send_header("Content-Length", str(len(whole)))
        self.end_headers()
        if whole is not None:
            self.wfile.write(whole)
        elif self.command != "HEAD":
            self._pump(answer.read, self.wfile.write, answer.length or 0, "answer")
        if answer.status < 300:
            self.state.note(self.command, self.path)

    def _pump(
        self,
        read: Callable[[int], bytes],
        write: Callable[[bytes], object],
        length: int,
        way: Literal["request", "answer"],
    ) -> None:
        done = 0
        while done < length:
            block = read(min(_BLOCK, length - done))
            if not block:
                raise _Gone
            write(self._harmed(block, done, way))
            done += len(block)
            time.sleep(len(block) / self.state.bytes_per_second)

    def _harmed(self, block: bytes, begin: int, way: str) -> bytes:
        if self.fault is None or not self.fault.kind.endswith(f"-{way}"):
            return block
        at = self.fault.at - begin
        if not 0 <= at < len(block):
            return block
        if self.fault.kind.startswith("flip"):
            return block[:at] + bytes([block[at] ^ 1]) + block[at + 1 :]
        if way == "answer":
            self.wfile.write(block[:at])
        if self.fault.kind.startswith("reset"):
            linger = struct.pack("ii", 1, 0)  # closing sends RST, and drops what is under way
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()
        raise _Gone

    def log_message(self, *_: object) -> None:
        """Say nothing: the test reads `seen` and `passed`."""
