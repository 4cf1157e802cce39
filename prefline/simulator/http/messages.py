"""An HTTP request as it came and a response as it goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote, urlsplit

JSON = "application/json"

# Nearly all answers begin so; a formatted one costs ten times as much.
_JSON_200 = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


@dataclass(slots=True)
class Request:
    """A request with all of its body; header names are as the client wrote them."""

    method: bytes
    target: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes
    keep_alive: bool = True

    @property
    def path(self) -> str:
        """The target without its query, percent signs resolved."""
        return unquote(urlsplit(self.target.decode("latin-1")).path)

    @property
    def query(self) -> dict[str, str]:
        """The query's names and values; of a name given twice, the last value."""
        return dict(parse_qsl(urlsplit(self.target.decode("latin-1")).query))

    def header(self, name: bytes) -> bytes:
        """The value of a header (`name` in lower case); empty without it."""
        return next((value for key, value in self.headers if key.lower() == name), b"")


@dataclass(slots=True)
class Response:
    """Status, body and headers; Content-Length is added to them."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)

    def head(self, *, close: bool = False) -> bytes:
        """The status line and all headers, to the empty line."""
        if self.status == HTTPStatus.OK and self.content_type is JSON and not self.headers:
            head = _JSON_200 % len(self.body)
        else:
            head = _head(self)
        return head[:-2] + b"Connection: close\r\n\r\n" if close else head


def _head(response: Response) -> bytes:
    phrase = _PHRASES.get(response.status, "Unknown")
    headers = {
        "Content-Type": response.content_type,
        "Content-Length": str(len(response.body)),
        **response.headers,
    }
    lines = [f"HTTP/1.1 {response.status} {phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
