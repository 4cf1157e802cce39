"""Serve a local model by llama.cpp, without weights the bundled one:
`python -m prefline.llm.local SLOTS [--port P] [--weights FILE --name NAME] [--embeddings]`.

Prints its URL on one line when it is ready and ends when its standard input is closed,
so that it never outlives the process that started it, however that one ended.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from prefline.config import BUNDLED_MODEL
from prefline.llm.local.models import bundled_weights

CONTEXT_TOKENS = 1_536  # of one slot


def serve(arguments: argparse.Namespace) -> None:
    """Run the server until standard input is closed.

    With `embeddings` it gives those and no completions: the mean over a text's tokens of the
    last layer.
    """
    # Threads that spin while they wait make the model five times slower on two cores as
    # soon as another process works, and must be told before the library is loaded.
    os.environ.update({"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"})
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(arguments.weights or bundled_weights())
    params.model_alias = {arguments.name}  # else it calls itself by its file's path
    params.hostnames = ["127.0.0.1"]
    params.port = arguments.port
    # Texts of several slots are pooled over together: the embedding of a text then depends on the
    # others (cosines down to 0.65), and one slot is as fast.
    slots = 1 if arguments.embeddings else arguments.slots
    params.n_parallel = slots
    params.n_ctx = slots * CONTEXT_TOKENS
    params.cache_ram_mib = 0  # its cache of past prompts would grow to gigabytes
    if arguments.embeddings:
        _set_embeddings(params, xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN)
    server = xllamacpp.Server(params)
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.read()
    # The server's threads do not end by themselves in bounded time, and own nothing.
    os._exit(0)


def _set_embeddings(params: Any, pooling: Any) -> None:
    params.embedding = True
    params.pooling_type = pooling
    # A text is pooled over at once, so it must fit into one batch.
    params.n_batch = params.n_ubatch = CONTEXT_TOKENS


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Serve a local model on the loopback.")
    parser.add_argument("slots", type=int)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--weights", type=Path, help="a GGUF file")
    parser.add_argument("--name", default=BUNDLED_MODEL)
    parser.add_argument("--embeddings", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    serve(_parse_arguments())
