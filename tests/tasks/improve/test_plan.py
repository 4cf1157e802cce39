"""The params of a round."""

from __future__ import annotations

from typing import Any

import pytest

from prefline.config import Params
from prefline.errors import ParamsError
from tasks.improve.plan import Policy, Start, params_of_round, start_of

SMALL = {"model": "small", "base_url": "http://here/v1"}


def params(**changes: Any) -> Params:
    return Params.model_validate(
        {
            "sample": {"sources": [{"name": "s", "path": "p.jsonl"}], "round": 2},
            "generate": {"endpoints": [SMALL], "seed": 7},
            "judge": {"judges": [{"name": "verifier", "method": "verifier"}]},
            "train": {"method": "dpo", "base": "base"},
            "improve": {"set": {"pair.min_p_chosen": 0.8}},
        }
        | changes
    )


def test_rounds_begin_with_what_the_file_said() -> None:
    start = start_of(params())

    assert start == Start(endpoint=SMALL, base="base", seed=7, turn=2)
    assert Start(**start.as_dict()) == start


def test_the_first_round_has_the_base_policy_and_the_keys_of_every_round() -> None:
    found = params_of_round(1, start_of(params()), params(), None)

    assert found["generate.endpoints"] == [SMALL]
    assert found["evaluate.policy.previous"] is None
    assert (found["sample.round"], found["generate.seed"]) == (2, 7)
    assert (found["train.base"], found["pair.min_p_chosen"]) == ("base", 0.8)


def test_a_later_round_has_the_trained_policy_other_prompts_and_another_seed() -> None:
    before = Policy("demo-3-dpo", "data/rounds/demo-3-dpo/policy.gguf")
    found = params_of_round(3, start_of(params()), params(), before)
    served = {"model": before.name, "weights": before.weights}

    assert found["generate.endpoints"] == [served]
    assert found["evaluate.policy.previous"] == served
    assert found["evaluate.policy.endpoint"] == SMALL, "the base stays what it is held against"
    assert (found["sample.round"], found["generate.seed"]) == (4, 9)
    assert found["train.base"] == before.weights


def test_a_whole_section_train_of_every_round_gets_the_rounds_weights() -> None:
    section = {"method": "dpo", "epochs": 2, "base": "base"}
    given = params(improve={"set": {"train": section}})
    found = params_of_round(2, start_of(given), given, Policy("m", "w.gguf"))

    assert found["train"] == section | {"base": "w.gguf"}
    assert "train.base" not in found
    assert section["base"] == "base"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"generate": {"endpoints": [SMALL, SMALL | {"model": "other"}]}}, "has 2"),
        ({"train": {"method": "reward_head"}}, "train.method is reward_head"),
    ],
)
def test_rounds_without_one_policy_to_train_are_refused(changes: Any, says: str) -> None:
    with pytest.raises(ParamsError, match=says):
        start_of(params(**changes))
