"""`/v1/files`: uploads in OpenAI's shape, kept in memory."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from aiohttp import BodyPartReader, web
from aiohttp.http import HttpProcessingError

from prefline.simulator.truth import key_of
from prefline.simulator.wire import ApiError, page, page_limit

_MAX_LISTED = 10_000
_PURPOSES = ("batch", "fine-tune", "assistants", "vision", "user_data", "evals")
_CHUNK = 2**20


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that was uploaded, or that a batch wrote."""

    id: str
    created_at: int
    filename: str
    purpose: str
    content: bytes

    def describe(self) -> dict[str, Any]:
        """Return the file object of OpenAI's API."""
        return {
            "id": self.id,
            "object": "file",
            "bytes": len(self.content),
            "created_at": self.created_at,
            "filename": self.filename,
            "purpose": self.purpose,
            "status": "processed",
            "expires_at": None,
            "status_details": None,
        }


class FileStore:
    """Files by id. The n-th file of a server with the same seed has the same id."""

    def __init__(self, seed: int) -> None:
        self._seed = seed.to_bytes(8, "big", signed=True)
        self._files: dict[str, StoredFile] = {}
        self._count = 0

    def add(self, content: bytes, filename: str, purpose: str) -> StoredFile:
        """Keep a file under a new id."""
        self._count += 1
        name = key_of(b"file", self._seed, self._count.to_bytes(8, "big")).hex()
        file = StoredFile(f"file-{name[:24]}", int(time.time()), filename, purpose, content)
        self._files[file.id] = file
        return file

    def get(self, file_id: str) -> StoredFile | None:
        """Return the file with this id, if there is one."""
        return self._files.get(file_id)

    async def respond(
        self, request: web.BaseRequest, parts: list[str]
    ) -> dict[str, Any] | bytes | None:
        """Answer a request for `/v1/files/...parts`, None for an unknown endpoint.

        Raises `ApiError` for a bad request.
        """
        match request.method, parts:
            case "POST", []:
                return await self._upload(request)
            case "GET", []:
                return self._list(request)
            case "GET", [file_id]:
                return self._require(file_id).describe()
            case "GET", [file_id, "content"]:
                return self._require(file_id).content
            case "DELETE", [file_id]:
                del self._files[self._require(file_id).id]
                return {"id": file_id, "object": "file", "deleted": True}
        return None

    async def _upload(self, request: web.BaseRequest) -> dict[str, Any]:
        form = await _read_form(request)
        if "file" not in form or form["file"].filename is None:
            raise ApiError(400, "'file' is a required property.", param="file")
        content, filename = form["file"].content, form["file"].filename
        purpose = form["purpose"].content.decode("utf-8", "replace") if "purpose" in form else ""
        if purpose not in _PURPOSES:
            expected = ", ".join(_PURPOSES)
            raise ApiError(400, f"'purpose' must be one of {expected}.", param="purpose")
        if purpose == "batch" and not filename.endswith(".jsonl"):
            # As OpenAI has it: the name decides, whatever the content.
            raise ApiError(400, "Invalid file format for Batch API. Must be .jsonl")
        return self.add(content, filename, purpose).describe()

    def _list(self, request: web.BaseRequest) -> dict[str, Any]:
        query = request.query
        limit = page_limit(query, _MAX_LISTED, _MAX_LISTED)
        purpose = query.get("purpose")
        files = [file for file in self._files.values() if purpose in (None, file.purpose)]
        if query.get("order") != "asc":
            files.reverse()
        return page(files, query.get("after"), limit)

    def _require(self, file_id: str) -> StoredFile:
        file = self._files.get(file_id)
        if file is None:
            raise ApiError(404, f"No such File object: {file_id}", param="id")
        return file


@dataclass(frozen=True, slots=True)
class _Field:
    """One field of a form; `filename` only where it is a file."""

    content: bytes
    filename: str | None


async def _read_form(request: web.BaseRequest) -> dict[str, _Field]:
    """Return the fields of a form by name; raises `ApiError` if it is malformed."""
    if request.content_type != "multipart/form-data":
        raise ApiError(400, "The form cannot be read: it is not multipart/form-data.")
    form: dict[str, _Field] = {}
    try:
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader) or part.name is None:
                raise ValueError("a part of it has no name")
            content = bytearray()
            while chunk := await part.read_chunk(_CHUNK):
                content += chunk
                if len(content) > request.client_max_size:
                    raise ApiError(413, "The file is too large.", param="file")
            form[part.name] = _Field(bytes(content), part.filename)
    except (ValueError, HttpProcessingError) as error:
        raise ApiError(400, f"The form cannot be read: {error}.") from error
    return form
