"""Outcomes by prompt, from answers, verdicts and rewards."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tasks.evaluate.policy import (
    first_answers,
    outcomes_by_prompt,
    reward_by_prompt,
    wins_by_prompt,
)
from tasks.evaluate.trial import Trial
from tests.tasks.evaluate.material import prompt

CHECK = '{"kind": "exact", "answers": ["yes"]}'
SEEN, UNSEEN, OPEN = (
    prompt("q1", CHECK, template="a"), prompt("q2", CHECK, template="b"), prompt("q3", CHECK)
)  # fmt: skip


def trial(name: str, **said: list[str]) -> Trial:
    """A policy's answers to q1, q2 and q3."""
    by_text = {"q1": SEEN, "q2": UNSEEN, "q3": OPEN}
    rows = [
        {
            "response_id": f"{name} {text} {n}", "prompt_id": by_text[text].prompt_id, "text": one,
            "finish_reason": "stop", "output_tokens": 1, "cost_usd": 0.0,
        }
        for text, answers in said.items()
        for n, one in enumerate(answers)
    ]  # fmt: skip
    return Trial(name, rows, [])


def verdict(first: str, second: str, said: str) -> dict[str, Any]:
    return {"prompt_id": SEEN.prompt_id, "first_id": first, "second_id": second, "verdict": said}


def test_prompts_of_templates_that_training_never_saw_stand_apart() -> None:
    tuned = trial("tuned", q1=["yes", "no"], q2=["yes", "yes"], q3=["no", "no"])
    found = outcomes_by_prompt([SEEN, UNSEEN, OPEN], {"a"}, {"tuned": tuned})["tuned"]

    assert found["seen"] == {SEEN.prompt_id: 0.5, OPEN.prompt_id: 0.0}
    assert found["unseen"] == {UNSEEN.prompt_id: 1.0}


def test_wins_are_over_the_policy_before_and_without_one_over_the_base() -> None:
    tuned, base, previous = (trial(name, q1=["a"]) for name in ("tuned", "base", "previous"))
    verdicts = [
        verdict("tuned q1 0", "base q1 0", "first"),
        verdict("previous q1 0", "tuned q1 0", "first"),
        verdict("tuned q1 0", "previous q1 0", "tie"),
        verdict("tuned q1 0", "previous q1 0", "invalid"),
        verdict("base q1 0", "previous q1 0", "first"),
    ]
    beside_both = {"tuned": tuned, "base": base, "previous": previous}

    assert wins_by_prompt(verdicts, beside_both) == {SEEN.prompt_id: 0.25}
    assert wins_by_prompt(verdicts, {"tuned": tuned, "base": base}) == {SEEN.prompt_id: 1.0}


def test_a_reward_that_is_missing_is_in_no_mean() -> None:
    rows = trial("tuned", q1=["a", "b", "c"], q2=["d"]).rows
    found = reward_by_prompt(rows, np.array([1.0, np.nan, 2.0, np.nan]))

    assert found == {SEEN.prompt_id: pytest.approx(1.5)}


def test_a_judge_is_shown_one_answer_of_each_policy_to_each_prompt() -> None:
    trials = {name: trial(name, q1=["a", "b"], q2=["c", "d"]) for name in ("tuned", "base")}
    rows = first_answers(trials)

    assert [(row["model"], row["text"]) for row in rows] == [
        ("tuned", "a"), ("tuned", "c"), ("base", "a"), ("base", "c"),
    ]  # fmt: skip
