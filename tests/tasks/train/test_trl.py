from __future__ import annotations

import importlib.util
import random
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefline.config import DpoParams, RewardModelParams
from prefline.errors import TableError, WorkflowError
from prefline.ids import content_hash
from prefline.reward.language_models import require_train_extra
from tasks.train.language_model import loss_arguments
from tasks.train.trl import (
    Machine,
    Row,
    draw_pairs,
    hardware_arguments,
    label_noise,
    last_figures,
    told_apart,
    training_curve,
)
from tests.tasks.train.tiny import preferences, saved

DPO = DpoParams(method="dpo", pairs_per_step=16)


def drawn(rows: list[Row], params: DpoParams) -> list[str]:
    """The ids of the pairs that are drawn, in their order."""
    with TemporaryDirectory() as folder:
        return [rows[place]["pair_id"] for place in draw_pairs(saved(rows, Path(folder)), params)]


@settings(max_examples=15)  # each writes two files
@given(st.integers(0, 100), st.integers(1, 3), st.integers(0, 5))
def test_the_pairs_drawn_do_not_depend_on_the_order_of_the_rows(
    shuffle: int, most: int, seed: int
) -> None:
    params = DpoParams(method="dpo", pairs_per_prompt=most, seed=seed)
    rows = preferences(20)
    shuffled = random.Random(shuffle).sample(rows, len(rows))

    assert drawn(rows, params) == drawn(shuffled, params)
    assert len(drawn(rows, params)) == 10 * min(most, 2)


def test_of_each_prompt_the_lowest_hashes_are_drawn() -> None:
    rows = preferences(12)
    params = DpoParams(method="dpo", pairs_per_prompt=1, seed=3)
    by_hash = sorted(rows, key=lambda row: content_hash([3, row["pair_id"]]))
    first_of_each = {row["prompt_id"]: row["pair_id"] for row in reversed(by_hash)}

    assert drawn(rows, params) == [
        row["pair_id"] for row in by_hash if row["pair_id"] in first_of_each.values()
    ]


def test_without_a_most_every_pair_is_drawn() -> None:
    assert len(drawn(preferences(7), DpoParams(method="dpo", pairs_per_prompt=None))) == 7


def test_calibrated_labels_say_how_many_are_flipped() -> None:
    rows = np.full(4, 0.9)
    robust = DpoParams(method="dpo", loss=("robust",))

    assert label_noise(rows) == pytest.approx(0.1)
    assert loss_arguments(rows, robust)["label_smoothing"] == pytest.approx(0.1)
    assert "label_smoothing" not in loss_arguments(rows, DPO)
    stated = robust.model_copy(update={"label_smoothing": 0.2})
    assert loss_arguments(rows, stated)["label_smoothing"] == 0.2


def characters(row: Row, side: str) -> list[int]:
    return [ord(sign) for turn in [*row["prompt"], *row[side]] for sign in turn["content"]]


def test_pairs_that_are_the_same_once_they_are_cut_are_not_trained_on() -> None:
    def pair(chosen: str, rejected: str) -> Row:
        answers = {"chosen": chosen, "rejected": rejected}
        sides = {name: [{"role": "assistant", "content": text}] for name, text in answers.items()}
        return {"prompt": [{"role": "user", "content": "Why?"}], **sides}

    early, late = pair("Because.", "Since."), pair("Because it is.", "Because it was.")

    assert told_apart([early, late], characters, 4 + 5).tolist() == [0]
    assert told_apart([early, late], characters, 4 + 13).tolist() == [0, 1]
    # One answer that is the beginning of the other is told apart where the other goes on.
    assert len(told_apart([pair("Because", "Because it is.")], characters, 4 + 8)) == 1
    with pytest.raises(TableError, match="the same in their first 9 tokens"):
        told_apart([late], characters, 9)


def test_labels_that_are_coins_stay_below_a_half() -> None:
    assert label_noise(np.array([0.5])) < 0.5


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_step_is_over_the_same_pairs_whatever_the_machine(device: str) -> None:
    found = hardware_arguments(DPO, 100, Machine(device, half=True))  # type: ignore[arg-type]

    at_once, gathered = found["per_device_train_batch_size"], found["gradient_accumulation_steps"]
    assert at_once * gathered == DPO.pairs_per_step
    assert found["activation_checkpointing"] is found["auto_find_batch_size"] is (device == "cuda")


def test_a_curve_has_a_point_for_each_step_and_nothing_of_the_summary() -> None:
    history = [
        {"step": 1, "loss": "0.7", "rewards/margins": 0.0},
        {"step": 2, "loss": "0.5", "rewards/margins": 1.0},
        {"step": 2, "train_runtime": 9.0, "train_loss": 0.6},
    ]
    curve = training_curve(history)

    assert curve == [
        {"step": 1.0, "loss": 0.7, "margin": 0.0}, {"step": 2.0, "loss": 0.5, "margin": 1.0}
    ]  # fmt: skip
    assert last_figures(curve) == {"last_loss": pytest.approx(0.6), "last_margin": 0.5}
    assert last_figures([]) == {}


def test_a_missing_extra_is_an_error_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    with pytest.raises(WorkflowError, match="make setup-train"):
        require_train_extra()


def test_each_loss_has_a_weight_or_none_has() -> None:
    with pytest.raises(ValueError, match="one weight for each of loss"):
        DpoParams(method="dpo", loss=("sigmoid", "sft"), loss_weights=(1.0,))
    assert RewardModelParams(method="reward_model").lora is not None
