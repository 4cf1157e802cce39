"""Label Studio's and Argilla's APIs on the loopback, as far as they are documented and asked for:
a path, a method, a key or a field that they do not know is refused."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

Json = dict[str, Any]
Query = dict[str, list[str]]
_WHEN = "2026-11-02T09:00:00"


class Refused(Exception):
    """Status and message of a refusal."""


@dataclass
class FakeLabelStudio:
    """Projects with their tasks. The key is a legacy token, or a personal one that is refreshed."""

    personal: str = "aaaa.bbbb.cccc"
    legacy: str = "0123456789abcdef"
    projects: list[Json] = field(default_factory=list)
    tasks: dict[int, list[Json]] = field(default_factory=dict)
    imports: list[int] = field(default_factory=list)

    def answer(self, method: str, path: str, query: Query, headers: Any, body: Any) -> Any:
        if (method, path) == ("POST", "/api/token/refresh/"):
            if body != {"refresh": self.personal}:
                raise Refused(401, "Token is invalid or expired")
            return {"access": "dddd.eeee.ffff"}
        known = {f"Token {self.legacy}", "Bearer dddd.eeee.ffff"}
        if headers.get("Authorization") not in known:
            raise Refused(401, "Invalid token.")
        if (method, path) == ("GET", "/api/projects/"):
            return self._listed(query)
        if (method, path) == ("POST", "/api/projects/"):
            assert set(body) == {"title", "label_config", "maximum_annotations"}
            if not 3 <= len(body["title"]) <= 50:
                raise Refused(400, '{"title": ["3 to 50 characters"]}')
            assert body["label_config"].startswith("<View>")
            number = len(self.projects) + 1
            self.projects.append({**body, "id": number})
            self.tasks[number] = []
            return {**body, "id": number}
        found = re.fullmatch(r"/api/projects/(\d+)/(import|export)", path)
        if not found or int(found[1]) not in self.tasks:
            raise Refused(404, "Not found.")
        tasks = self.tasks[int(found[1])]
        if (method, found[2]) == ("POST", "import"):
            variables = set(
                re.findall(r"\$(\w+)", self.projects[int(found[1]) - 1]["label_config"])
            )
            assert all(variables <= set(task["data"]) for task in body)
            tasks += [
                {**task, "id": len(tasks) + n, "annotations": []} for n, task in enumerate(body)
            ]
            self.imports.append(len(body))
            return {"task_count": len(body), "annotation_count": 0, "predictions_count": 0}
        if (method, found[2]) == ("GET", "export"):
            assert query["exportType"] == ["JSON"]
            return [t for t in tasks if t["annotations"] or query["download_all_tasks"] == ["true"]]
        raise Refused(405, "Method not allowed")

    def _listed(self, query: Query) -> Json:
        """A page of one project, so that there are several."""
        title, page = query["title"][0].lower(), int(query.get("page", ["1"])[0])
        shown = [one for one in self.projects if title in one["title"].lower()]
        more = f"?title={title}&page_size=100&page={page + 1}" if len(shown) > page else None
        return {
            "count": len(shown), "previous": None, "results": shown[page - 1 : page],
            "next": more and f"http://{self.host}/api/projects/{more}",
        }  # fmt: skip

    host: str = ""


@dataclass
class FakeArgilla:
    """One dataset in one of two workspaces, read through the models of Argilla's own client."""

    key: str = "argilla.apikey"
    user: str = str(uuid.uuid4())
    workspaces: tuple[Json, ...] = tuple(
        {"id": str(uuid.uuid4()), "name": name, "inserted_at": _WHEN, "updated_at": _WHEN}
        for name in ("argilla", "other")
    )
    datasets: list[Json] = field(default_factory=list)
    parts: dict[str, list[Json]] = field(default_factory=dict)
    records: dict[str, Json] = field(default_factory=dict)
    host: str = ""

    def answer(self, method: str, path: str, query: Query, headers: Any, body: Any) -> Any:
        if headers.get("X-Argilla-Api-Key") != self.key:
            raise Refused(401, "Could not validate credentials")
        path = path.removeprefix("/api/v1")
        fixed = {
            "/me": {"id": self.user, "username": "ann", "role": "owner", "first_name": "Ann",
                    "inserted_at": _WHEN, "updated_at": _WHEN},
            "/me/workspaces": {"items": list(self.workspaces)},
            "/me/datasets": {"items": self.datasets},
            **{f"/workspaces/{one['id']}": one for one in self.workspaces},
        }  # fmt: skip
        if method == "GET" and path in fixed:
            return fixed[path]
        if (method, path) == ("POST", "/datasets"):
            self.datasets.append({**body, "id": str(uuid.uuid4()), "status": "draft"})
        dataset = self.datasets[-1] if self.datasets else {"id": "none"}
        _, named, name = path.partition(f"/datasets/{dataset['id']}")
        if not named and path != "/datasets":
            raise Refused(404, f"{method} {path} is not known")
        answer = self._part(method, name, body) or self._records(method, name, query, body)
        return answer or self._dataset(method, name, dataset, body)

    def _dataset(self, method: str, name: str, dataset: Json, body: Any) -> Json:
        from argilla._models import DatasetModel

        if (method, name) not in {("POST", ""), ("GET", ""), ("PATCH", ""), ("PUT", "/publish")}:
            raise Refused(404, f"{method} {name} of a dataset is not known")
        if name == "/publish":
            dataset["status"] = "ready"
        elif method != "GET":
            DatasetModel.model_validate(body)
            dataset.update({k: v for k, v in body.items() if k not in ("id", "status")})
        return dataset

    def _part(self, method: str, name: str, body: Any) -> Json | None:
        """Fields, questions and metadata of the dataset."""
        from argilla._models import FieldModel, MetadataFieldModel, QuestionModel

        models: dict[str, Any] = {
            "/fields": FieldModel, "/questions": QuestionModel, "/vectors-settings": None,
            "/metadata-properties": MetadataFieldModel,
        }  # fmt: skip
        if name not in models:
            return None
        parts = self.parts.setdefault(name, [])
        if method == "GET":
            return {"items": parts}
        models[name].model_validate(body)
        parts.append({**body, "id": str(uuid.uuid4())})
        return parts[-1]

    def _records(self, method: str, name: str, query: Query, body: Any) -> Json | None:
        from argilla._models import RecordModel

        if (method, name) == ("GET", "/records"):
            start, many = int(query["offset"][0]), int(query["limit"][0])
            return {"items": list(self.records.values())[start : start + many]}
        if (method, name) != ("PUT", "/records/bulk"):
            return None
        assert self.datasets[-1]["status"] == "ready"
        for row in body["items"]:
            record = RecordModel.model_validate({**row, "vectors": []})
            assert set(record.fields or {}) == {one["name"] for one in self.parts["/fields"]}
            kept = {**row, "id": str(uuid.uuid4()), "responses": []}
            self.records[row["external_id"]] = kept
        return {"items": [self.records[row["external_id"]] for row in body["items"]]}


@contextmanager
def served_tool(tool: FakeLabelStudio | FakeArgilla) -> Iterator[str]:
    """The address of a tool's server."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = urlsplit(self.path)
            tool.host = self.headers["Host"]
            content = orjson.loads(raw) if raw else None
            status, body = _answered(
                lambda: tool.answer(
                    self.command, parts.path, parse_qs(parts.query), self.headers, content
                )
            )
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = _any  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _answered(answer: Callable[[], Any]) -> tuple[int, bytes]:
    try:
        return 200, orjson.dumps(answer())
    except Refused as error:
        status, message = error.args
        return status, orjson.dumps({"detail": message})
    except (AssertionError, KeyError, TypeError, ValueError) as error:  # is not as documented
        return 422, orjson.dumps({"detail": f"{type(error).__name__}: {error}"})
