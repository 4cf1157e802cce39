"""A lean HTTP/1.1 client for one hot path: small JSON bodies to few servers, thousands a second.

Bytes in, bytes out: nothing is retried, decoded or decided here.
"""

from prefline.llm.http.client import HttpClient
from prefline.llm.http.connection import HttpAnswer
from prefline.llm.http.errors import BodyTooLong, CannotConnect, ConnectionLost, HttpError
from prefline.llm.http.open_files import allow_connections

__all__ = [
    "BodyTooLong",
    "CannotConnect",
    "ConnectionLost",
    "HttpAnswer",
    "HttpClient",
    "HttpError",
    "allow_connections",
]
