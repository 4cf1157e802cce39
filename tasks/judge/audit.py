"""The judgments of a run as an audit table: one row for each verdict, as the judge saw the pair."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from prefline.tables.gold import VERIFIER, pair_keys, verified_verdicts
from prefline.tables.prompts import Prompt


def audited(judgments: pa.Table, prompts: Iterable[Prompt], responses: pa.Table) -> pa.Table:
    """The table that `prefline audit` takes (docs/audit.md), without Python rows.

    `gold` is what the verifier says in the row's own order, where it decides: a tie of it says
    that both pass or both fail, not that they are equally good. Its own rows have none.
    """
    is_gold = pc.equal(judgments["method"], pa.scalar(VERIFIER))
    gold = verified_verdicts(judgments, judgments)
    decides = pc.and_(pc.invert(is_gold), pc.is_in(gold, pa.array(["first", "second"])))
    kinds = {prompt.prompt_id: prompt.category for prompt in prompts}
    columns: dict[str, Any] = {
        "pair_id": pair_keys(judgments),
        "gold": pc.if_else(decides, gold, None),
        "category": _looked_up(judgments["prompt_id"], pa.array(kinds), pa.array(kinds.values())),
    }
    for name in ("judge", "prompt_id", "first_id", "second_id", "verdict", "p_first"):
        columns[name] = judgments[name]
    ids, lengths = responses["response_id"], pc.utf8_length(responses["text"])
    for side in ("first", "second"):
        of = judgments[f"{side}_id"]
        columns[f"{side}_model"] = _looked_up(of, ids, responses["model"])
        columns[f"{side}_length"] = _looked_up(of, ids, lengths)
    return pa.table(columns)


def _looked_up(keys: Any, known: Any, values: Any) -> Any:
    return pc.take(values, pc.index_in(keys, value_set=known))
