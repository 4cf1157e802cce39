"""What is measured where only people's labels are there, and what is said of the rest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from prefline.config import EvaluateParams
from prefline.errors import TableError
from prefline.reward.models import Kind, Trained
from tasks.evaluate import evaluation
from tasks.evaluate.evaluation import Inputs, evaluate_model, plan_evaluation
from tasks.evaluate.human import LabelledPair
from tasks.evaluate.write import sentences
from tests.tasks.evaluate.material import pair, prompt

PAIRS = [pair(f"question {n}", chosen="a short one", rejected="much longer " * 3) for n in range(9)]


def inputs(pairs: Sequence[LabelledPair], kind: Kind = "reward_head") -> Inputs:
    reward: Any = None if kind == "policy" else object()
    return Inputs(
        root=Path(),
        folder=Path(),
        trained=Trained(kind, "demo-1", {}, "base", {}),
        held_out=[prompt("without a verifier")],
        seen_templates=frozenset(),
        reward=reward,
        proxy=None,
        test_pairs=pairs,
        human_tables=[],
    )


def test_a_version_of_people_alone_is_measured_on_its_pairs_and_no_policy_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Right on every pair, as the rule is that the shorter wins.
    monkeypatch.setattr(
        evaluation,
        "rewards_of",
        lambda *given: -np.array([len(one[-1]["content"]) for one in given[2]]),
    )
    section, given = EvaluateParams(), inputs(PAIRS)
    plan = plan_evaluation(given, section)
    engine: Any = None  # nothing is asked of it
    result = evaluate_model(given, plan, section, engine, None)

    assert (plan.policies, plan.calls) == ({}, 0)
    said = list(sentences(result.figures))
    assert "the shorter answer on 100.0%" in said[0]
    assert "within noise" in said[0] or "cannot be told" in said[0]
    assert said[1].startswith("not measured: picking among a policy's answers")


@pytest.mark.parametrize(("pairs", "kind"), [([], "reward_head"), (PAIRS, "policy")])
def test_where_nothing_can_be_measured_it_is_said_before_anything_is_asked(
    pairs: list[LabelledPair], kind: Kind
) -> None:
    with pytest.raises(TableError, match=r"nothing to measure|no prompt is held out"):
        plan_evaluation(inputs(pairs, kind), EvaluateParams())
