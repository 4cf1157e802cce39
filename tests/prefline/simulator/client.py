"""A plain HTTP client, and requests as the pipeline makes them."""

from __future__ import annotations

import http.client
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson

from prefline.simulator import SimulatedServer


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.raw)

    @property
    def text(self) -> str:
        content = self.json["choices"][0]["message"]["content"]
        assert isinstance(content, str)
        return content


class Client:
    """One keep-alive connection; opened again after the server has closed it."""

    def __init__(self, server: SimulatedServer, key: str = "") -> None:
        self.server = server
        self._key = key
        self._http = http.client.HTTPConnection(urlsplit(server.base_url).netloc, timeout=10)

    def close(self) -> None:
        self._http.close()

    def get(self, path: str) -> Reply:
        return self._send("GET", path, None)

    def chat(self, body: Any) -> Reply:
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        return self._send("POST", "/v1/chat/completions", raw)

    def _send(self, method: str, path: str, raw: bytes | None) -> Reply:
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        try:
            self._http.request(method, path, raw, headers)
            response = self._http.getresponse()
            return Reply(response.status, dict(response.getheaders()), response.read())
        except (http.client.HTTPException, OSError):
            self._http.close()
            raise


def prompt(text: str, model: str = "sim-strong", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def comparison(first: str, second: str, model: str = "sim-judge", **more: Any) -> dict[str, Any]:
    question = (
        f"Which is better?\n<first>\n{first}\n</first>\n<second>\n{second}\n</second>\nA or B?"
    )
    return prompt(question, model, **more)
