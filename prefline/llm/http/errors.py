"""What can go wrong with one exchange. These never leave the engine: see `transport.py`."""

from __future__ import annotations


class HttpError(Exception):
    """Root of the failures of one exchange."""


class CannotConnect(HttpError):
    """Refused, unresolved, unroutable, a certificate that is not trusted, or a proxy's no."""


class ConnectionLost(HttpError):
    """The connection broke, or what came over it is not HTTP."""


class BodyTooLong(HttpError):
    """An answer is longer than any reply can be; it is not read to its end."""
