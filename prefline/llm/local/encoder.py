"""Serve a sentence-embedding model: `python -m prefline.llm.local.encoder`
(the extra `train`).

It has `/v1/embeddings` and nothing else, as OpenAI has it, so that its embeddings go through the
reply store like those of any endpoint. It ends when its standard input is closed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from aiohttp import web

Vectors = Sequence[Sequence[float]]
Encode = Callable[[Sequence[str]], Vectors]


def application(encode: Encode, name: str) -> web.Application:
    """Return the HTTP application: one text or several in `input`, as in OpenAI's API."""
    # One at a time: the model uses all cores by itself.
    lock = asyncio.Lock()

    async def embeddings(request: web.Request) -> web.Response:
        texts = (await request.json())["input"]
        async with lock:
            vectors = await asyncio.to_thread(encode, [texts] if isinstance(texts, str) else texts)
        data = [
            {"object": "embedding", "index": index, "embedding": list(vector)}
            for index, vector in enumerate(vectors)
        ]
        return web.json_response({"object": "list", "model": name, "data": data})

    app = web.Application(client_max_size=64 * 2**20)
    app.router.add_post("/v1/embeddings", embeddings)
    return app


def load_encoder(folder: Path) -> Encode:
    """Load the model in a folder of Sentence Transformers' layout. A text is cut at the model's
    own limit of tokens."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), local_files_only=True)

    def encode(texts: Sequence[str]) -> Vectors:
        vectors: Vectors = model.encode(list(texts), show_progress_bar=False).tolist()
        return vectors

    return encode


async def _serve(arguments: argparse.Namespace) -> None:
    app = application(load_encoder(arguments.weights), arguments.name)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", arguments.port)
    await site.start()
    sys.stdout.write(f"http://127.0.0.1:{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    # Torch's threads own nothing, and are not waited for.
    os._exit(0)


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Serve a sentence-embedding model.")
    parser.add_argument("slots", type=int, help="not needed: one text at a time")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--weights", type=Path, required=True, help="a folder")
    parser.add_argument("--name", required=True)
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(_serve(_parse_arguments()))
