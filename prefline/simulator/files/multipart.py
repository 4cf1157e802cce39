"""Reading `multipart/form-data`, the form in which files are uploaded."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a form; `filename` only where it is a file."""

    content: bytes
    filename: str | None


def form_of(content_type: bytes, body: bytes) -> dict[str, Part]:
    """The fields of a form by name.

    Raises `ValueError` for another content type, or a body that breaks off.
    """
    kind = _header("Content-Type", content_type.decode("latin-1"))
    boundary = kind.get_param("boundary")
    if kind.get_content_type() != "multipart/form-data" or not isinstance(boundary, str):
        raise ValueError("it is not multipart/form-data")
    return dict(_parts(body, b"--" + boundary.encode("latin-1")))


def _parts(body: bytes, mark: bytes) -> list[tuple[str, Part]]:
    """What stands between the marks; the first is at the beginning, the others on new lines."""
    found = []
    start = body.find(mark)
    while start >= 0 and body[start + len(mark) : start + len(mark) + 2] != b"--":
        end = body.find(b"\r\n" + mark, start)
        head_end = body.find(b"\r\n\r\n", start)
        if end < 0 or not start < head_end < end:
            raise ValueError("it breaks off")
        head = body[start + len(mark) : head_end].decode("utf-8", "replace")
        found.append(_part(head, body[head_end + 4 : end]))
        start = end + 2
    if start < 0:
        raise ValueError("it breaks off")
    return found


def _part(head: str, content: bytes) -> tuple[str, Part]:
    lines = (line.partition(":") for line in head.strip().split("\r\n"))
    headers = {name.strip().lower(): value.strip() for name, _, value in lines}
    told = _header("Content-Disposition", headers.get("content-disposition", ""))
    name = told.get_param("name", header="Content-Disposition")
    filename = told.get_filename()
    if not isinstance(name, str):
        raise ValueError("a part of it has no name")
    return name, Part(content, filename)


def _header(name: str, value: str) -> Message:
    message = Message()
    message[name] = value
    return message
