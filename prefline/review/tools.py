"""Label Studio and Argilla: pairs of the queue put on their servers, people's answers fetched.

Label Studio is spoken to by the requests that its API documents: its own client wants 200 MB of
libraries. Argilla is spoken to by its own client, the extra `argilla`.
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import orjson

from prefline.errors import (
    EndpointDenied,
    EndpointUnreachable,
    EnvironmentFault,
    InputError,
    RequestRefused,
)

Row = dict[str, Any]
_TIMEOUT_S = 60
_AT_ONCE = 500  # tasks in one request; Label Studio takes 250,000, or 200 MB
_PAGE = 100
_SHOWN = 300  # characters of a refusal
_QUEUE_REMEDY = "`dvc repro pair` writes data/review"


@dataclass(frozen=True, slots=True)
class Pushed:
    """The pairs that were put on the server, and those that had been there."""

    new: int
    already: int


class ReviewTool(Protocol):
    """A server where people review. Raises `EndpointError` for what goes wrong there."""

    name: ClassVar[str]

    def push(self, queue: Path, reviewers_per_pair: int) -> Pushed:
        """Put the pairs of the folder `data/review` there that are not, making the project first
        if need be. Raises `InputError` without a queue."""

    def pull(self) -> list[Row]:
        """Return every pair with what people said, as the tool exports it."""

    def close(self) -> None:
        """End the connections."""


class LabelStudio:
    """A project of Label Studio, by its title.

    https://api.labelstud.io: list, create, import, export. `key` is a legacy token, or a personal
    access token, which is a JWT and is changed for one that lasts minutes.
    """

    name: ClassVar[str] = "label_studio"

    def __init__(self, url: str, key: str, title: str, workspace: str | None = None) -> None:
        import httpx

        if workspace is not None:
            raise InputError("Label Studio has no --workspace", "leave it out: --name is enough")
        self._url, self._title = url.rstrip("/"), title
        self._client = httpx.Client(base_url=f"{self._url}/", timeout=_TIMEOUT_S)
        self._key = key

    def push(self, queue: Path, reviewers_per_pair: int) -> Pushed:
        """Import the tasks of `label_studio.json` whose pairs the project lacks."""
        tasks = _read(queue / "label_studio.json")
        project = self._project()
        if project is None:
            body = {
                "title": self._title,
                "label_config": (queue / "label_studio.xml").read_text(encoding="utf-8"),
                "maximum_annotations": reviewers_per_pair,
            }
            project = int(self._call("POST", "api/projects/", json=body)["id"])
        there = {task.get("data", {}).get("pair_id") for task in self._export(project)}
        new = [task for task in tasks if task["data"]["pair_id"] not in there]
        for start in range(0, len(new), _AT_ONCE):
            part = new[start : start + _AT_ONCE]
            self._call("POST", f"api/projects/{project}/import", json=part)
        return Pushed(len(new), len(tasks) - len(new))

    def pull(self) -> list[Row]:
        """Return the project's tasks with their annotations."""
        project = self._project()
        if project is None:
            raise RequestRefused(
                f"{self._url} has no project {self._title!r}",
                "`prefline review push label_studio` makes it; or name another with --name",
                endpoint=self._url,
            )
        return self._export(project)

    def close(self) -> None:
        """End the connections."""
        self._client.close()

    def _export(self, project: int) -> list[Row]:
        path = f"api/projects/{project}/export"
        query = {"exportType": "JSON", "download_all_tasks": "true"}
        rows: list[Row] = self._call("GET", path, params=query)
        return rows

    def _project(self) -> int | None:
        """Return the number of the project with this title; None if there is none."""
        path: str | None = "api/projects/"
        query: Mapping[str, Any] | None = {"title": self._title, "page_size": _PAGE}
        while path:
            page = self._call("GET", path, params=query)
            for project in page["results"]:
                if project["title"] == self._title:  # the server looks for what contains it
                    return int(project["id"])
            path, query = page.get("next"), None  # the next address has its own query
        return None

    def _call(self, method: str, path: str, **content: Any) -> Any:
        if "Authorization" not in self._client.headers:
            self._client.headers["Authorization"] = self._authorization()
        return self._send(method, path, **content)

    def _authorization(self) -> str:
        if self._key.count(".") != 2:  # noqa: PLR2004 - a JWT has three parts
            return f"Token {self._key}"
        fresh = self._send("POST", "api/token/refresh/", json={"refresh": self._key})
        return f"Bearer {fresh['access']}"

    def _send(self, method: str, path: str, **content: Any) -> Any:
        import httpx

        try:
            response = self._client.request(method, path, **content)
        except (httpx.TransportError, httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise _unreachable(self._url, error) from error
        if response.is_success:
            try:
                return orjson.loads(response.content)
            except orjson.JSONDecodeError as error:
                raise RequestRefused(
                    f"{self._url} answers /{path} with what is not JSON",
                    "is it the address of Label Studio itself, such as http://localhost:8080?",
                    endpoint=self._url,
                ) from error
        raise _refused(self._url, response.status_code, f"{method} /{path}", response.text)


class Argilla:
    """A dataset of Argilla 2, by its name in a workspace."""

    name: ClassVar[str] = "argilla"

    def __init__(self, url: str, key: str, title: str, workspace: str | None = None) -> None:
        self._url, self._key, self._title, self._workspace = url, key, title, workspace
        self._client: Any = None

    def push(self, queue: Path, reviewers_per_pair: int) -> Pushed:
        """Log the records of `argilla.jsonl` whose pairs the dataset lacks. How many answers a
        record wants is in `argilla_settings.json`."""
        del reviewers_per_pair
        path = queue / "argilla_settings.json"
        records = _read(queue / "argilla.jsonl")
        with self._errors() as library:
            client, workspace = self._connect(library)
            dataset = client.datasets(self._title, workspace=workspace)
            if dataset is None:
                dataset = library.Dataset(
                    name=self._title,
                    workspace=workspace,
                    settings=library.Settings.from_json(path),
                    client=client,
                ).create()
            listed = dataset.records(with_suggestions=False, with_responses=False)
            there = {str(record.id) for record in listed}
            new = [record for record in records if record["id"] not in there]
            if new:
                dataset.records.log(new)
        return Pushed(len(new), len(records) - len(new))

    def pull(self) -> list[Row]:
        """Return the dataset's records with their responses, flat."""
        with self._errors() as library:
            client, workspace = self._connect(library)
            dataset = client.datasets(self._title, workspace=workspace)
            if dataset is None:
                raise RequestRefused(
                    f"{self._url} has no dataset {self._title!r} in workspace {workspace.name!r}",
                    "`prefline review push argilla` makes it; or name another with --name",
                    endpoint=self._url,
                )
            rows: list[Row] = dataset.records(with_suggestions=False).to_list(flatten=True)
        return rows

    def close(self) -> None:
        """End the connections."""
        if http_client := getattr(self._client, "http_client", None):
            http_client.close()

    def _connect(self, library: Any) -> tuple[Any, Any]:
        # In two steps: it connects while it is made, and is to be closed where that fails, too.
        self._client = client = library.Argilla.__new__(library.Argilla)
        client.__init__(api_url=self._url, api_key=self._key, timeout=_TIMEOUT_S, retries=1)
        if self._workspace is None:
            return client, client.workspaces.default
        workspace = client.workspaces(self._workspace)
        if workspace is None:
            names = ", ".join(sorted(one.name for one in client.workspaces)) or "none"
            raise RequestRefused(
                f"{self._url} has no workspace {self._workspace!r}",
                f"name one of those that this key sees with --workspace: {names}",
                endpoint=self._url,
            )
        return client, workspace

    @contextmanager
    def _errors(self) -> Iterator[Any]:
        """Give Argilla's client; what it raises becomes an error of ours, what it warns of (a
        dataset that is not there yet) is ours to say."""
        # It prints, too, where it takes a process for a notebook; our own output is for programs.
        with warnings.catch_warnings(), redirect_stdout(sys.stderr):
            warnings.simplefilter("ignore")
            try:
                import argilla
                import httpx
            except ModuleNotFoundError as error:
                raise EnvironmentFault(
                    f"Argilla's client is not installed: {error}",
                    "`uv pip install argilla` into the project's environment (the extra "
                    "`argilla`); or import data/review/argilla.jsonl by hand (docs/reviews.md)",
                ) from error
            from argilla._exceptions import ArgillaAPIError, ArgillaError

            logging.getLogger("argilla.sdk").setLevel(logging.CRITICAL)  # said by an error of ours

            try:
                yield argilla
            except ArgillaAPIError as error:
                raise _refused(self._url, error.status_code, "Argilla", str(error)) from error
            except (httpx.TransportError, httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
                raise _unreachable(self._url, error) from error
            except ArgillaError as error:
                denied = type(error).__name__ == "ArgillaCredentialsError"
                raise _refused(self._url, 401 if denied else 400, "Argilla", str(error)) from error


TOOLS: Mapping[str, type[LabelStudio | Argilla]] = {
    LabelStudio.name: LabelStudio,
    Argilla.name: Argilla,
}


def _read(path: Path) -> Sequence[Row]:
    """Return the rows of a file of the queue, an array or lines."""
    if not path.is_file():
        raise InputError(f"there is no queue: {path.name} is missing", _QUEUE_REMEDY)
    content = path.read_bytes()
    rows: list[Row] = (
        orjson.loads(content)
        if path.suffix == ".json"
        else [orjson.loads(line) for line in content.splitlines()]
    )
    if not rows:
        raise InputError("the queue has no pairs", "nothing waits for people: see docs/reviews.md")
    return rows


def _unreachable(url: str, error: Exception) -> EndpointUnreachable:
    return EndpointUnreachable(
        f"{url} does not answer: {error or type(error).__name__}",
        "start the server, or mend the address (--url)",
        endpoint=url,
    )


def _refused(url: str, status: int, what: str, text: str) -> RequestRefused | EndpointDenied:
    said = f"{url} refuses {what} ({status}): {' '.join(text.split())[:_SHOWN]}"
    if status in (401, 403):
        remedy = "give a key of a user who may make projects there, in the variable that holds it"
        return EndpointDenied(said, remedy, endpoint=url)
    remedy = "see what the server's log says; files can be exchanged by hand (docs/reviews.md)"
    return RequestRefused(said, remedy, endpoint=url)
