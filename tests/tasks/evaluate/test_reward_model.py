"""A reward model on pairs with a label, and as a picker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from prefline.stats import Floats
from prefline.tables.messages import Conversation
from tasks.evaluate.reward_model import checked_pairs, figures_of_picks, figures_on_pairs
from tests.tasks.evaluate.material import pair, prompt

CHECK = '{"kind": "constraints", "required": ["yes"]}'
PROMPTS = [prompt(f"q{n}", CHECK) for n in range(8)]


def likes_yes(conversations: Sequence[Conversation]) -> Floats:
    return np.array([float("yes" in one[-1]["content"]) for one in conversations])


def rows(*texts: str) -> list[dict[str, Any]]:
    """The same answers to every prompt, and one to a prompt that nobody knows."""
    said = [{"prompt_id": one.prompt_id, "text": text} for one in PROMPTS for text in texts]
    return [*said, {"prompt_id": "strange", "text": "yes"}]


def test_of_two_answers_of_which_one_passes_that_one_is_better() -> None:
    pairs = checked_pairs(
        [*PROMPTS[:1], prompt("open")], rows("yes", "no", "yes", "oh yes", "never")
    )

    assert {(one.chosen, one.rejected) for one in pairs} == {
        ("yes", "no"), ("yes", "never"), ("oh yes", "no"), ("oh yes", "never"),
    }  # fmt: skip
    assert len(pairs) == 4, "a text that comes twice is one answer"


def test_accuracy_stands_beside_the_rules_and_empty_tables_are_left_out() -> None:
    tables = {"test": [pair(f"p{n}", "yes", "no no no") for n in range(6)], "held_out": []}
    found = figures_on_pairs(tables, likes_yes, 0)

    assert list(found) == ["test"]
    overall = found["test"]["overall"]
    assert (overall["accuracy"]["value"], overall["longer_wins"]["value"]) == (1.0, 0.0)


def test_it_picks_what_it_rewards_most_and_is_held_against_any_answer() -> None:
    found = figures_of_picks(PROMPTS, rows("yes", "no", "no, no", "never"), likes_yes, 0)

    assert found["n_prompts"] == 8
    assert (found["picked"]["value"], found["random"]["value"]) == (1.0, 0.25)
    assert found["longest"]["value"] == 0.0
