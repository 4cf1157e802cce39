"""A small S3 over real HTTP with the faults that a test wants: no conditions, lost answers."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import BinaryIO


@dataclass
class LaxServer:
    """What it holds and how it fails; `endpoint` is where it listens."""

    honours_conditions: bool = False
    knows_conditions: bool = True
    errors_to_come: list[tuple[int, str]] = field(default_factory=list)
    """What the next PUTs are answered, each once, after they have been carried out or not."""
    stores_before_errors: bool = True
    bodies_to_break: int = 0
    refuses_checksums: bool = False
    """As old servers do, to which every header that they do not know is an error."""
    objects: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    """Of each PUT, their names in small letters."""
    endpoint: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """The AWS variables that lead here."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
            "NO_PROXY": "127.0.0.1",
        }

    def put(self, path: str, body: bytes, condition: str | None) -> tuple[int, str]:
        """Carry out a PUT; its status and S3's word for it."""
        if condition is not None and not self.knows_conditions:
            return 501, "NotImplemented"
        if self.errors_to_come:
            if self.stores_before_errors:
                self.objects[path] = body
            return self.errors_to_come.pop(0)
        if condition is not None and self.honours_conditions and path in self.objects:
            return 412, "PreconditionFailed"
        self.objects[path] = body
        return 200, ""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: LaxServer

    def do_PUT(self) -> None:
        self.state.requests.append("PUT")
        body = self._body()
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.state.headers.append(headers)
        if self.state.refuses_checksums and "x-amz-checksum-crc32" in headers:
            self._answer(400, b"<Error><Code>InvalidArgument</Code></Error>")
            return
        status, code = self.state.put(self.path, body, self.headers["If-None-Match"])
        answer = f"<Error><Code>{code}</Code><Message>no</Message></Error>" if code else ""
        self._answer(status, answer.encode())

    def do_HEAD(self) -> None:
        self.state.requests.append("HEAD")
        body = self.state.objects.get(self.path)
        self._answer(404 if body is None else 200, b"", length=len(body or b""))

    def do_GET(self) -> None:
        self.state.requests.append("GET")
        body = self.state.objects.get(self.path)
        if body is None:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        elif self.state.bodies_to_break:
            self.state.bodies_to_break -= 1
            self._answer(200, body[: len(body) // 2], length=len(body))
            self.close_connection = True
        else:
            self._answer(200, body)

    def _body(self) -> bytes:
        """Read the body; over TLS it comes in HTTP's chunks, and in S3's within them."""
        if self.headers["Transfer-Encoding"] == "chunked":
            body = _unchunked(self.rfile)
        else:
            body = self.rfile.read(int(self.headers["Content-Length"]))
        return _unchunked(BytesIO(body)) if self.headers["X-Amz-Trailer"] else body

    def _answer(self, status: int, body: bytes, length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: the test reads `requests`."""


def _unchunked(file: BinaryIO) -> bytes:
    body = b""
    while length := int(file.readline(), 16):
        body += file.read(length)
        file.readline()
    while file.readline().strip():
        """A header behind the body, such as the checksum."""
    return body


@contextmanager
def lax_server(server: LaxServer, tls: ssl.SSLContext | None = None) -> Iterator[LaxServer]:
    """Run the server for as long as the block lasts, over HTTPS if it gets a context."""

    class Handler(_Handler):
        state = server

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        listener.socket = tls.wrap_socket(listener.socket, server_side=True)
    server.endpoint = f"{'https' if tls else 'http'}://127.0.0.1:{listener.server_port}"
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()
