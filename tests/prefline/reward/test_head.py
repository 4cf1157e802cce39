from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefline.errors import TableError
from prefline.reward import vectors
from prefline.reward.head import FittedHead, RewardHead, first_prompts, loss_of
from prefline.reward.head import fit_head as fit_vectors
from prefline.reward.vectors import Vectors
from prefline.stats import Floats

RIDGES, FOLDS = (0.1, 1.0, 10.0, 100.0), 5


def fit_head(
    differences: Floats,
    p: Floats,
    prompts: list[str],
    ridges: tuple[float, ...],
    folds: int,
    folder: Path = Path("unused"),
) -> FittedHead:
    rows = Vectors(*differences.shape, folder)
    rows.append(differences)
    return fit_vectors(rows, p, pa.array(prompts), ridges, folds)


def planted(pairs: int, seed: int, sharpness: float = 3.0) -> tuple[Floats, Floats, list[str]]:
    """Differences of embeddings, the probabilities that follow from a planted direction, and
    prompts with two pairs each."""
    draw = np.random.default_rng(seed)
    differences = draw.normal(size=(pairs, 6))
    p = 1 / (1 + np.exp(-sharpness * differences[:, 0]))
    return differences, p, [f"prompt {number // 2}" for number in range(pairs)]


def test_soft_labels_of_a_planted_direction_give_it_back() -> None:
    differences, p, prompts = planted(400, seed=1)
    head = fit_head(differences, p, prompts, (0.001,), FOLDS).head

    np.testing.assert_allclose(head.weights, [3, 0, 0, 0, 0, 0], atol=0.05)


def test_pairs_that_memory_does_not_hold_give_the_head_of_those_that_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    differences, p, prompts = planted(400, seed=1)
    whole = fit_head(differences, p, prompts, (0.1,), FOLDS)
    monkeypatch.setattr(vectors, "IN_MEMORY", 8 * 6 * 150)
    stored = fit_head(differences, p, prompts, (0.1,), FOLDS, tmp_path)

    # As float32, and the step of the search ends where its slope is 1e-7.
    np.testing.assert_allclose(stored.head.weights, whole.head.weights, rtol=1e-5, atol=1e-6)
    assert not any(tmp_path.iterdir()), "the file has no name"


def test_penalties_are_compared_on_whole_prompts_that_memory_holds() -> None:
    prompt = np.array([0, 1, 0, 2, 3, 3, 1])
    order = np.array([2, 0, 1, 3])  # prompt 1 comes first, then 2, then 0

    assert first_prompts(prompt, order, 7).tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert first_prompts(prompt, order, 6).tolist() == [0, 1, 2, 3, 6]
    assert first_prompts(prompt, order, 1).tolist() == [1, 3, 6], "two prompts at least"


def test_labels_that_say_nothing_give_rewards_of_zero() -> None:
    differences, _, prompts = planted(100, seed=2)
    fitted = fit_head(differences, np.full(100, 0.5), prompts, RIDGES, FOLDS)

    np.testing.assert_allclose(fitted.head.weights, 0, atol=1e-6)
    assert fitted.losses[fitted.ridge] == pytest.approx(np.log(2))


def test_noise_is_given_a_stronger_penalty_than_signal() -> None:
    differences, p, prompts = planted(120, seed=3)
    coin = (np.random.default_rng(3).random(120) < 0.5).astype(float)

    assert (
        fit_head(differences, coin, prompts, RIDGES, FOLDS).ridge
        > fit_head(differences, p, prompts, RIDGES, FOLDS).ridge
    )


@settings(max_examples=3)  # each cross-validates twice
@given(st.integers(0, 1_000), st.integers(10, 60))
def test_the_order_of_the_pairs_and_who_is_called_chosen_do_not_matter(
    seed: int, pairs: int
) -> None:
    differences, p, prompts = planted(pairs, seed)
    draw = np.random.default_rng(seed)
    order, turned = draw.permutation(pairs), draw.random(pairs) < 0.5
    sign = np.where(turned, -1.0, 1.0)
    one = fit_head(differences, p, prompts, RIDGES, FOLDS)
    other = fit_head(
        (differences * sign[:, None])[order],
        np.where(turned, 1 - p, p)[order],
        [prompts[place] for place in order],
        RIDGES,
        FOLDS,
    )

    assert one.ridge == other.ridge
    np.testing.assert_allclose(one.head.weights, other.head.weights, atol=1e-3)


@settings(max_examples=5)
@given(st.floats(0.01, 100), st.integers(0, 100))
def test_the_scale_of_the_embeddings_does_not_matter(scale: float, seed: int) -> None:
    differences, p, prompts = planted(40, seed)
    one = fit_head(differences, p, prompts, (1.0,), FOLDS).head.rewards(differences)
    other = fit_head(differences * scale, p, prompts, (1.0,), FOLDS).head.rewards(
        differences * scale
    )

    np.testing.assert_allclose(one, other, atol=1e-3)


def test_the_loss_of_knowing_nothing_is_that_of_a_coin() -> None:
    assert loss_of(np.zeros(3), np.array([0.0, 0.3, 1.0])) == pytest.approx(np.log(2))


def test_a_head_is_read_as_it_was_written(tmp_path: Path) -> None:
    head = RewardHead(np.array([0.1, -2.0]))
    head.save(tmp_path / "one.npy")
    head.save(tmp_path / "two.npy")

    assert (tmp_path / "one.npy").read_bytes() == (tmp_path / "two.npy").read_bytes()
    np.testing.assert_array_equal(RewardHead.load(tmp_path / "one.npy").weights, head.weights)


def test_what_is_no_head_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "head.npy").write_text("no")

    with pytest.raises(TableError, match="is no reward head"):
        RewardHead.load(tmp_path / "head.npy")
    with pytest.raises(TableError, match="of 2 dimensions, not 3"):
        RewardHead(np.ones(2)).rewards(np.ones((4, 3)))


def test_pairs_of_one_prompt_are_too_few() -> None:
    differences, p, _ = planted(4, seed=1)

    with pytest.raises(TableError, match="pairs of two prompts at least; there are 1"):
        fit_head(differences, p, ["one"] * 4, RIDGES, FOLDS)
