"""A lean HTTP/1.1 client for one hot path: small JSON bodies to few servers, thousands a second.

Bytes in, bytes out: nothing is retried, decoded or decided here.
"""

from prefline.engine.http.client import HttpClient
from prefline.engine.http.connection import HttpAnswer
from prefline.engine.http.errors import BodyTooLong, CannotConnect, ConnectionLost, HttpError
from prefline.engine.http.open_files import allow_connections

__all__ = [
    "BodyTooLong",
    "CannotConnect",
    "ConnectionLost",
    "HttpAnswer",
    "HttpClient",
    "HttpError",
    "allow_connections",
]
