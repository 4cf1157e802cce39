"""Recorded judgments of a frontier judge as an audit table, where they are to be had.

They lie beside the project, in `../shared/recorded`, or where `PREFLINE_RECORDED` says, and are no
part of it.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

_BESIDE = Path(__file__).parents[3] / "shared" / "recorded"
FOLDER = Path(os.environ.get("PREFLINE_RECORDED", _BESIDE))
JUDGE = "gpt4_1106_preview"


def audit_table(folder: Path = FOLDER) -> pa.Table:
    """One row for each recorded judgment, with `p_first` from the judge's log-probabilities."""
    judged = pq.read_table(folder / "judgments.parquet")
    lengths, kinds = _lengths(folder), _kinds(folder)
    prompts = judged["prompt_id"].to_pylist()
    first, second = judged["first_model"].to_pylist(), judged["second_model"].to_pylist()
    return pa.table(
        {
            "pair_id": [f"{p}|{min(a, b)}|{max(a, b)}" for p, a, b in _zip(prompts, first, second)],
            "judge": [JUDGE] * judged.num_rows,
            "prompt_id": prompts,
            "category": [kinds[prompt] for prompt in prompts],
            "first_id": [f"{p}|{m}" for p, m in zip(prompts, first, strict=True)],
            "second_id": [f"{p}|{m}" for p, m in zip(prompts, second, strict=True)],
            "first_model": first,
            "second_model": second,
            "first_length": [lengths[key] for key in zip(prompts, first, strict=True)],
            "second_length": [lengths[key] for key in zip(prompts, second, strict=True)],
            "p_first": _p_first(judged),
        }
    )


def _zip(*columns: list[str]) -> list[tuple[str, ...]]:
    return list(zip(*columns, strict=True))


def _p_first(judged: pa.Table) -> pa.Array:
    """exp(first) / (exp(first) + exp(second)); what was not among the top five counts as 0."""
    a, b = (
        np.exp(judged[name].fill_null(-np.inf).to_numpy())
        for name in ("logprob_first", "logprob_second")
    )
    return pa.array(a / (a + b))


def _lengths(folder: Path) -> dict[tuple[str, str], int]:
    responses = pq.read_table(folder / "responses.parquet")
    columns = responses["prompt_id"], responses["model"], pc.utf8_length(responses["response"])
    return {(p, m): n for p, m, n in zip(*(c.to_pylist() for c in columns), strict=True)}


def _kinds(folder: Path) -> dict[str, str]:
    prompts = pq.read_table(folder / "prompts.parquet", columns=["prompt_id", "source"])
    return {row["prompt_id"]: row["source"] for row in prompts.to_pylist()}
