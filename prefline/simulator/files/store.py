"""The files of a server, in memory."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from prefline.simulator.draws import key_of


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that was uploaded, or that a batch wrote."""

    id: str
    created_at: int
    filename: str
    purpose: str
    content: bytes

    def describe(self) -> dict[str, Any]:
        """The file object of OpenAI's API."""
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
        """The file with this id, if there is one."""
        return self._files.get(file_id)

    def remove(self, file_id: str) -> bool:
        """Forget a file; False if there is none with this id."""
        return self._files.pop(file_id, None) is not None

    def all(self) -> list[StoredFile]:
        """All files, the newest first."""
        return list(reversed(self._files.values()))
