"""What is stored of one call."""

from __future__ import annotations

from typing import NamedTuple


class Record(NamedTuple):
    """A request's JSON body and the endpoint's JSON answer, as they were sent and received.

    `batch` says that it was bought at a batch's price, `at` when: Unix time in seconds.
    """

    request: bytes
    reply: bytes
    batch: bool
    at: int


Entry = tuple[bytes, int, int]
"""A whole record found in some bytes: its key, where in them it begins, and its length."""


class Scanned(NamedTuple):
    """What some bytes of a journal hold: whole records, where damage begins, and how far they
    were understood; what lies beyond may be the beginning of a record."""

    entries: list[Entry]
    damaged: list[int]
    end: int
