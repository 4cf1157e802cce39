"""A decided pair as a row of `preferences`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from prefline.config import PairParams
from prefline.ids import lot
from prefline.tables import Rejection
from tasks.pair.decide import Decided


def split_of(prompt_id: str, params: PairParams) -> str:
    """The split of a prompt, by hash: all of its pairs fall into one."""
    return "test" if lot("split", params.seed, prompt_id) < params.test_share else "train"


def preference_row(
    one: Decided,
    prompt: Mapping[str, Any],
    responses: Mapping[str, Mapping[str, Any]],
    params: PairParams,
) -> dict[str, Any]:
    """The row for a decided pair; `prompt` is its row, `responses` rows by id."""
    chosen, rejected = responses[one.chosen], responses[one.rejected]
    return {
        "pair_id": one.evidence.pair_id,
        "prompt_id": one.evidence.prompt_id,
        "prompt": prompt["messages"],
        "chosen": [{"role": "assistant", "content": chosen["text"]}],
        "rejected": [{"role": "assistant", "content": rejected["text"]}],
        "chosen_id": one.chosen,
        "rejected_id": one.rejected,
        "chosen_model": chosen["model"],
        "rejected_model": rejected["model"],
        "p_chosen": one.p_chosen,
        "log_odds": math.log(one.p_chosen / (1 - one.p_chosen)),
        "log_odds_se": one.log_odds_se,
        "n_judgments": len(one.evidence.sayings),
        "agreement": one.agreement,
        "label_source": one.label_source,
        "split": split_of(one.evidence.prompt_id, params),
        "category": prompt["category"],
        "source": prompt["source"],
        "judges": ",".join(sorted({saying.judge for saying in one.evidence.sayings})),
    }


def rejection_of(one: Decided) -> Rejection:
    """A pair that is no preference, as a row of `rejections`."""
    assert one.reason is not None
    return Rejection("pair", "pair", one.evidence.pair_id, one.reason, one.detail)
