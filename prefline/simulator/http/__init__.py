"""HTTP/1.1 for the simulated server: a C parser, a protocol, no framework.

`Connection` turns bytes into a `Request`, gives it to a handler and is what the handler
answers with: in whole (`respond`), wrongly (`cut_off`, `pour`, `drop`) or never (`hang`).
"""

from prefline.simulator.http.connection import Connection, Handler
from prefline.simulator.http.listener import Listener
from prefline.simulator.http.messages import JSON, Request, Response

__all__ = ["JSON", "Connection", "Handler", "Listener", "Request", "Response"]
