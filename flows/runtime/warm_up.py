"""Do once, when the environment is made, what would make its first run slow: `make setup` runs it.

Python compiles what is imported for the first time, and a Prefect server runs some hundred
migrations on a new database (four seconds of CPU): `prefect_server` copies the one that is made
here.
"""

from __future__ import annotations

import importlib
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path

from flows.runtime.fork_server import LATE, modules_of_stages
from flows.runtime.prefect_server.__main__ import free_port, start, stop
from flows.runtime.prefect_server.find import EMPTY_DATABASE, announced, is_healthy
from prefline.atomic import atomic_folder

_START_S = 120.0
_LOOK_S = 0.1


def main() -> None:
    """Start a server, import all modules of stages beside it, and keep its database."""
    with tempfile.TemporaryDirectory(prefix="prefline-") as name:
        home = Path(name)
        server = start(home, free_port())
        try:
            for module in (*modules_of_stages(), *LATE):
                importlib.import_module(module)
            until = time.monotonic() + _START_S
            while server.poll() is None and time.monotonic() < until:
                if is_healthy(str(announced(home))):
                    break
                time.sleep(_LOOK_S)
        finally:
            stop(server)
        if (home / "prefect.db").is_file():
            keep(home)


def keep(home: Path) -> None:
    """Keep what a server has made in its home, its database as one file."""
    with atomic_folder(EMPTY_DATABASE) as folder:
        with closing(sqlite3.connect(home / "prefect.db")) as database:
            database.execute("VACUUM INTO ?", [str(folder / "prefect.db")])
        memo = home / "memo_store.toml"  # the blocks that the database has
        (folder / memo.name).write_bytes(memo.read_bytes())


if __name__ == "__main__":
    main()
