"""`python -m benchmarks.publish.transfer_ours put|get URI FOLDER`: what a publisher or reader does.

Each file is hashed before it is put, as `publish` does; each object is hashed as it arrives,
and its hash compared with its name, as `fetch` does.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from hashlib import file_digest
from pathlib import Path

from prefline.storage import ObjectStore, open_store

_FILES = 4  # at once


def main() -> None:
    """Put a folder's files under their hashes, or get all that is there."""
    what, uri, folder = sys.argv[1:]
    store, here = open_store(uri), Path(folder)
    with ThreadPoolExecutor(_FILES) as pool:
        if what == "put":
            list(pool.map(lambda path: _put(store, path), sorted(here.iterdir())))
        else:
            list(pool.map(lambda key: _get(store, key, here), store.list("")))


def _put(store: ObjectStore, path: Path) -> None:
    with path.open("rb") as file:
        name = file_digest(file, "sha256").hexdigest()
    if not store.put_file(name, path):
        raise SystemExit(f"{path} is there already")


def _get(store: ObjectStore, key: str, folder: Path) -> None:
    if store.download(key, folder / key) != key:
        raise SystemExit(f"{key} came with other bytes")


if __name__ == "__main__":
    main()
