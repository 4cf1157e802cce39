"""However work is cut into shards and wherever it is done, what comes out is the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefline.config import SampleParams
from prefline.tables import Rejection
from prefline.tables.prompts import Prompt
from prefline.tables.shards import Spread, here
from tasks.sample import SamplingResult, sampling, shards

WORDS = ["red", "green", "blue", "old", "new", "mail a@b.org"]
SENTENCES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=7).map(" ".join)
TEXTS = st.lists(SENTENCES | st.sampled_from(["", "x" * 90]), min_size=8, max_size=40)
FILTERS: dict[str, Any] = {
    "near_duplicates": {"threshold": 0.6, "words": 1}, "personal": "redact",
    "languages": {"codes": ["en"], "min_letters": 5},
}  # fmt: skip


def outcome(
    folder: Path, texts: list[str], spread: Spread = here
) -> tuple[list[Prompt], list[Prompt], list[Rejection], dict[str, Any]]:
    """Everything that sampling gives of the texts."""
    rows = [{"prompt": text, "category": f"c{n % 3}"} for n, text in enumerate(texts)]
    (folder / "p.jsonl").write_bytes(b"\n".join(map(orjson.dumps, rows)))
    params = SampleParams.model_validate(
        {"sources": [{"name": "s", "path": "p.jsonl"}], "max_characters": 80, "size": 6,
         "filters": FILTERS, "hold_out": {"share": 0.2}}
    )  # fmt: skip
    with sampling(params, folder, spread=spread) as sample:
        return (
            [*sample.kept()], [*sample.held_out()], [*sample.rejected()], plain(sample.result)
        )  # fmt: skip


def plain(decided: SamplingResult) -> dict[str, Any]:
    """The decisions without the numbers of names, as values that can be compared."""
    columns = {
        name: getattr(decided, name) for name in ("held_out", "rejected", "duplicates", "redacted")
    }
    return columns | {"ledger": {k: ids.tolist() for k, ids in decided.ledger.items()}}


@given(texts=TEXTS, rows=st.integers(1, 50), size=st.integers(1, 9_000))
@settings(max_examples=8, deadline=None)
def test_what_is_sampled_knows_no_shards(
    texts: list[str], rows: int, size: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("shards")
    whole = outcome(folder, texts)
    with patch.object(shards, "_FILTER_SHARD", rows), patch.object(shards, "_INDEX_SHARD", size):
        assert outcome(folder, texts) == whole


@given(texts=TEXTS, seed=st.randoms(use_true_random=False))
@settings(max_examples=8, deadline=None)
def test_every_row_is_drawn_held_out_left_rejected_or_a_copy(
    texts: list[str], seed: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    kept, held_out, rejected, decided = outcome(tmp_path_factory.mktemp("rows"), texts)
    ids = [one.prompt_id for one in (*kept, *held_out)] + [one.id for one in rejected]

    assert len(ids) == len({*ids})
    assert [one.id for one in rejected] == sorted(one.id for one in rejected)
    assert decided["rejected"].total() == len(rejected)
    shuffled = seed.sample(texts, len(texts))
    again = outcome(tmp_path_factory.mktemp("rows"), shuffled)
    assert [one.prompt_id for one in again[0]] == [one.prompt_id for one in kept]
    named = [replace(one, detail=None) for one in rejected]
    assert [replace(one, detail=None) for one in again[2]] == named
