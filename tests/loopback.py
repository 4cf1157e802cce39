"""A server on the loopback, in a thread, that answers whatever the test says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: its path, its Authorization header, its body."""

    path: str
    authorization: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    """Status, body and headers; no Date is added to them."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


Answer = Callable[[Asked], Answered]


def completion(text: str, **more: Any) -> Answered:
    """A chat completion that says `text`."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}}
    usage = {"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10}
    whole = {"choices": [choice | {"finish_reason": "stop"}], "usage": usage} | more
    return Answered(200, orjson.dumps(whole))


def refusal(status: int, message: str, **headers: str) -> Answered:
    """An error in OpenAI's shape."""
    error = {"message": message, "type": "error", "code": None}
    return Answered(status, orjson.dumps({"error": error}), headers)


@contextmanager
def loopback_server(answer: Answer) -> Iterator[str]:
    """Its base URL, which ends in `/v1`. `GET` is answered 404, unless `answer` knows better."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            told = answer(Asked(self.path, self.headers.get("Authorization", ""), body))
            self.send_response_only(told.status)
            for name, value in told.headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(told.body)))
            self.end_headers()
            self.wfile.write(told.body)

        do_GET = do_POST  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, *_: Any) -> None:
            """The client has gone."""

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
