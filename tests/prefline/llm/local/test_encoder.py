"""A sentence-embedding model as an endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from aiohttp.test_utils import TestClient, TestServer

from prefline.config import Endpoint, EngineParams
from prefline.llm import EmbeddingRequest, Engine, Reply, ReplyStore
from prefline.llm.local import LocalModels
from prefline.llm.local.encoder import application
from tests.tasks.train.tiny import tiny_encoder


def lengths(texts: Sequence[str]) -> list[list[float]]:
    return [[float(len(text)), 1.0] for text in texts]


@pytest.mark.parametrize(
    ("given", "vectors"), [("abc", [[3.0, 1.0]]), (["a", "abcd"], [[1.0, 1.0], [4.0, 1.0]])]
)
def test_one_text_or_several_are_answered_in_their_order(
    given: str | list[str], vectors: list[list[float]]
) -> None:
    async def ask() -> list[list[float]]:
        async with TestClient(TestServer(application(lengths, "lengths"))) as client:
            reply = await client.post("/v1/embeddings", json={"model": "lengths", "input": given})
            content = await reply.json()
        return [one["embedding"] for one in content["data"]]

    assert asyncio.run(ask()) == vectors


@pytest.mark.tuning
def test_a_folder_of_weights_is_served_to_the_engine(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers", reason="needs the extra `train`")
    from sentence_transformers import SentenceTransformer

    folder = tiny_encoder(tmp_path / "encoder")
    texts = ["yes a question", "no number"]
    endpoint = Endpoint(model="tiny", weights="encoder")
    with (
        ReplyStore(tmp_path / "replies.db") as replies,
        LocalModels(tmp_path, tmp_path / "local.log") as local,
        Engine([endpoint], EngineParams(), replies, local=local) as engine,
    ):
        found = list(engine.answer(EmbeddingRequest("tiny", text) for text in texts))

    assert all(isinstance(one, Reply) for one in found)
    np.testing.assert_allclose(
        [one.vector for one in found if isinstance(one, Reply)],
        SentenceTransformer(str(folder)).encode(texts),
        atol=1e-5,
    )
