"""The audit table of the pipeline's own judgments."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from prefline.audit.table import VOTES
from prefline.errors import InputError
from prefline.tables import read_table
from prefline.tables.gold import VERIFIER, pair_keys, verified_verdicts
from prefline.tables.prompts import Prompt, read_prompts


def read_own(judgments: Path) -> pa.Table:
    """Return the audit table of `data/judgments`, with the prompts and responses beside it.

    Raises `InputError` for a folder that is no such table, `TableError` for a damaged one.
    """
    data = judgments.resolve().parent
    missing = [
        folder
        for folder in (judgments, data / "prompts", data / "responses")
        if not any(folder.glob("part-*.parquet"))
    ]
    if missing:
        raise InputError(
            f"{missing[0]} holds no table of the pipeline",
            "name a file of verdicts, or the folder data/judgments of a project, with its prompts "
            "and responses beside it",
        )
    prompts = read_prompts(data / "prompts")
    return audit_rows(read_table(judgments), prompts, read_table(data / "responses"))


def audit_rows(judgments: pa.Table, prompts: Iterable[Prompt], responses: pa.Table) -> pa.Table:
    """Return the table that `prefline audit` takes (docs/audit.md), without Python rows.

    It has one row for each verdict. `gold` is what the verifier says in the row's own order, where
    it decides: a tie of it says that both pass or both fail, not that they are equally good. Its
    own rows have none.
    """
    is_gold = pc.equal(judgments["method"], pa.scalar(VERIFIER))
    gold = verified_verdicts(judgments, judgments)
    decides = pc.and_(pc.invert(is_gold), pc.is_in(gold, pa.array(["first", "second"])))
    categories = {prompt.prompt_id: prompt.category for prompt in prompts}
    columns: dict[str, Any] = {
        "pair_id": pair_keys(judgments),
        "gold": pc.if_else(decides, gold, None),
        "category": _looked_up(
            judgments["prompt_id"], pa.array(categories), pa.array(categories.values())
        ),
    }
    for name in ("judge", "prompt_id", "first_id", "second_id", "verdict", "p_first", *VOTES):
        columns[name] = judgments[name]
    ids, lengths = responses["response_id"], pc.utf8_length(responses["text"])
    for side in ("first", "second"):
        side_ids = judgments[f"{side}_id"]
        columns[f"{side}_model"] = _looked_up(side_ids, ids, responses["model"])
        columns[f"{side}_length"] = _looked_up(side_ids, ids, lengths)
    return pa.table(columns)


def _looked_up(keys: Any, known: Any, values: Any) -> Any:
    return pc.take(values, pc.index_in(keys, value_set=known))
