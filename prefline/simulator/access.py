"""Who may ask."""

from __future__ import annotations

import hmac

from prefline.simulator.http import Request
from prefline.simulator.wire import Refusal


class Access:
    """Checks the key that a request carries; without a key of its own it lets all in."""

    def __init__(self, key: str | None) -> None:
        self._expected = None if key is None else b"Bearer " + key.encode()

    def denied(self, request: Request) -> Refusal | None:
        """Why the request may not be answered; None if it may."""
        if self._expected is None:
            return None
        if hmac.compare_digest(request.header(b"authorization"), self._expected):
            return None
        # The key given is not repeated: it would end in the client's log.
        return Refusal(401, "Incorrect API key provided.", code="invalid_api_key")
