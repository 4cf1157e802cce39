"""The bundled model's embeddings: a text has one, whatever else is asked at the same time."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

TEXTS = [f"What is {n} plus {n * 3}? The answer is {'true ' * (n % 4)}{n * 4}." for n in range(8)]


def embedding(url: str, text: str) -> np.ndarray:
    body = json.dumps({"model": "embedder", "input": text}).encode()
    asked = urllib.request.Request(  # noqa: S310 -- the loopback
        f"{url}/v1/embeddings", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(asked) as reply:  # noqa: S310
        return np.array(json.load(reply)["data"][0]["embedding"])


@pytest.mark.timeout(60)
def test_a_text_s_embedding_does_not_depend_on_its_company() -> None:
    command = [
        sys.executable,
        "-m",
        "prefline.llm.local",
        "4",
        "--embeddings",
        "--name",
        "embedder",
    ]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        url = server.stdout.readline().decode().strip()
        alone = [embedding(url, text) for text in TEXTS]
        with ThreadPoolExecutor(8) as several:
            together = list(several.map(lambda text: embedding(url, text), TEXTS))
        server.stdin.close()
        server.wait(timeout=30)

    assert np.abs(np.array(alone) - np.array(together)).max() < 1e-6
    assert alone[0] @ alone[1] < 0.9999, "different texts have different ones"
