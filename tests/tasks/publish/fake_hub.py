"""The part of the Hugging Face Hub's HTTP interface that a copy of a dataset takes, in memory:
repositories, preupload, Git LFS batches and uploads, commits, tags."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = dict[str, Any]


@dataclass
class FakeHub:
    """What the server holds: repositories by name, with the files of main and of each tag."""

    token: str
    url: str = ""
    private: dict[str, bool] = field(default_factory=dict)
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    tags: dict[str, dict[str, dict[str, bytes]]] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    puts: int = 0

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        """Status and JSON for a request."""
        route = f"{method} {path.partition('?')[0]}"
        for pattern, handle in _ROUTES.items():
            if found := re.fullmatch(pattern, route):
                return handle(self, body, *found.groups())
        return 404, {"error": f"no {route}"}

    def create(self, body: bytes) -> tuple[int, Any]:
        asked = json.loads(body)
        name = f"{asked['organization']}/{asked['name']}"
        if name in self.files:
            return 409, {"error": "it is there", "url": f"{self.url}/datasets/{name}"}
        assert asked["type"] == "dataset"
        self.private[name] = asked["visibility"] == "private"
        self.files[name], self.tags[name] = {}, {}
        return 200, {"url": f"{self.url}/datasets/{name}"}

    def refs(self, _: bytes, name: str) -> tuple[int, Any]:
        tags = [{"name": t, "ref": f"refs/tags/{t}", "targetCommit": "c"} for t in self.tags[name]]
        return 200, {"branches": [], "converts": [], "tags": tags}

    def tree(self, _: bytes, name: str) -> tuple[int, Any]:
        return 200, [
            {"type": "file", "path": path, "size": len(data), "oid": "o"}
            for path, data in self.files[name].items()
        ]

    def info(self, _: bytes, name: str) -> tuple[int, Any]:
        return 200, {"id": name, "siblings": [{"rfilename": path} for path in self.files[name]]}

    def valid(self, _: bytes) -> tuple[int, Any]:
        return 200, {"warnings": [], "errors": []}

    def preupload(self, body: bytes, _: str) -> tuple[int, Any]:
        modes = [
            {"path": one["path"], "shouldIgnore": False,
             "uploadMode": "lfs" if one["path"].endswith(".parquet") else "regular"}
            for one in json.loads(body)["files"]
        ]  # fmt: skip
        return 200, {"files": modes}

    def batch(self, body: bytes, _: str) -> tuple[int, Any]:
        objects = [
            one if one["oid"] in self.objects
            else one | {"actions": {"upload": {"href": f"{self.url}/upload/{one['oid']}"}}}
            for one in json.loads(body)["objects"]
        ]  # fmt: skip
        return 200, {"transfer": "basic", "objects": objects}

    def put(self, body: bytes, oid: str) -> tuple[int, Any]:
        assert hashlib.sha256(body).hexdigest() == oid
        self.objects[oid] = body
        self.puts += 1
        return 200, {}

    def commit(self, body: bytes, name: str) -> tuple[int, Any]:
        files = self.files[name]
        for line in body.splitlines():
            one = json.loads(line)
            value = one["value"]
            if one["key"] == "deletedFile":
                del files[value["path"]]
            elif one["key"] == "lfsFile":
                files[value["path"]] = self.objects[value["oid"]]
            elif one["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
        return 200, {"commitUrl": f"{self.url}/datasets/{name}/commit/c", "commitOid": "c"}

    def tag(self, body: bytes, name: str) -> tuple[int, Any]:
        self.tags[name][json.loads(body)["tag"]] = dict(self.files[name])
        return 200, {}


_NAME = r"([\w.-]+/[\w.-]+)"
_ROUTES: dict[str, Any] = {
    "POST /api/repos/create": FakeHub.create,
    "POST /api/validate-yaml": FakeHub.valid,
    f"GET /api/datasets/{_NAME}/refs": FakeHub.refs,
    f"GET /api/datasets/{_NAME}/tree/main": FakeHub.tree,
    f"GET /api/datasets/{_NAME}/revision/main": FakeHub.info,
    f"GET /api/datasets/{_NAME}": FakeHub.info,
    f"POST /api/datasets/{_NAME}/preupload/main": FakeHub.preupload,
    rf"POST /datasets/{_NAME}\.git/info/lfs/objects/batch": FakeHub.batch,
    r"PUT /upload/(\w+)": FakeHub.put,
    f"POST /api/datasets/{_NAME}/commit/main": FakeHub.commit,
    f"POST /api/datasets/{_NAME}/tag/c": FakeHub.tag,
}


@contextmanager
def fake_hub(token: str) -> Iterator[FakeHub]:
    """A running server that knows one token."""
    hub = FakeHub(token)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            known = self.headers.get("Authorization") == f"Bearer {hub.token}"
            if known or self.path.startswith("/upload/"):
                status, told = hub.answer(self.command, self.path, body)
            else:
                status, told = 401, {"error": "Invalid credentials"}
            data = json.dumps(told).encode()
            self.send_response_only(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = _answer  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
