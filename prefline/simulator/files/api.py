"""The endpoints of `/v1/files`."""

from __future__ import annotations

from collections.abc import Callable

from prefline.simulator.delivery import json_response, refuse
from prefline.simulator.files.multipart import form_of
from prefline.simulator.files.paging import page, whole_number
from prefline.simulator.files.store import FileStore, StoredFile
from prefline.simulator.http import Request, Response
from prefline.simulator.wire import Refusal

_MOST_LISTED = 10_000
_PURPOSES = ("batch", "fine-tune", "assistants", "vision", "user_data", "evals")


class FileApi:
    """Answers what is asked of files."""

    def __init__(self, store: FileStore) -> None:
        self._store = store

    def respond(self, request: Request, method: str, rest: list[str]) -> Response | None:
        """The answer to `/v1/files/...rest`; None for what is no endpoint."""
        match method, rest:
            case "POST", []:
                return self._upload(request)
            case "GET", []:
                return self._list(request.query)
            case "GET", [file_id]:
                return self._with(file_id, lambda file: json_response(file.describe()))
            case "GET", [file_id, "content"]:
                return self._with(file_id, _content)
            case "DELETE", [file_id]:
                return self._with(file_id, self._delete)
        return None

    def _upload(self, request: Request) -> Response:
        try:
            form = form_of(request.header(b"content-type"), request.body)
        except ValueError as error:
            return refuse(Refusal(400, f"The form cannot be read: {error}."))
        purpose, file = form.get("purpose"), form.get("file")
        if file is None or file.filename is None:
            return refuse(Refusal(400, "'file' is a required property.", param="file"))
        named = purpose.content.decode("utf-8", "replace") if purpose else ""
        if named not in _PURPOSES:
            expected = ", ".join(_PURPOSES)
            return refuse(Refusal(400, f"'purpose' must be one of {expected}.", param="purpose"))
        if named == "batch" and not file.filename.endswith(".jsonl"):
            # As OpenAI has it: the name decides, whatever the content.
            return refuse(Refusal(400, "Invalid file format for Batch API. Must be .jsonl"))
        return json_response(self._store.add(file.content, file.filename, named).describe())

    def _list(self, query: dict[str, str]) -> Response:
        limit = whole_number(query, "limit", _MOST_LISTED, _MOST_LISTED)
        if isinstance(limit, Refusal):
            return refuse(limit)
        files = self._store.all()
        if query.get("order") == "asc":
            files.reverse()
        wanted = query.get("purpose")
        files = [file for file in files if wanted in (None, file.purpose)]
        listed = page(files, query.get("after"), limit)
        return refuse(listed) if isinstance(listed, Refusal) else json_response(listed)

    def _with(self, file_id: str, answer: Callable[[StoredFile], Response]) -> Response:
        file = self._store.get(file_id)
        if file is None:
            return refuse(Refusal(404, f"No such File object: {file_id}", param="id"))
        return answer(file)

    def _delete(self, file: StoredFile) -> Response:
        self._store.remove(file.id)
        return json_response({"id": file.id, "object": "file", "deleted": True})


def _content(file: StoredFile) -> Response:
    return Response(200, file.content, "application/octet-stream")
