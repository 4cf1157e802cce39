from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import expit, ndtr
from scipy.stats import norm

from benchmarks.labels.measure import label_rows, score_of
from benchmarks.labels.planted import Planted, Setting, plant
from benchmarks.labels.policies import adaptive, world_of
from prefline.config import AdaptiveParams
from prefline.labeling import (
    AnswerModel,
    expected_error,
    expected_error_by_person,
    gather_evidence,
    judgment_votes,
    model_answers,
)


def odds(deviate: float) -> float:
    return float(np.log(ndtr(deviate)) - np.log(ndtr(-deviate)))


def ahead(z: float, before: float, after: float) -> float:
    return float(expected_error(np.array([odds(z)]), np.array([before]), np.array([after]))[0])


def answers(planted: Planted) -> AnswerModel:
    evidence = gather_evidence(planted.rows)
    votes = judgment_votes(planted.rows, evidence, planted.lengths)
    model = model_answers(votes, np.ones(len(evidence), dtype=bool))
    assert model is not None
    return model


@given(z=st.floats(0, 4), before=st.floats(0.05, 1), share=st.floats(0.01, 0.99))
def test_the_expected_error_is_the_mean_over_all_that_may_be_answered(
    z: float, before: float, share: float
) -> None:
    after = before * share
    mean, step = z * before**0.5, (before - after) ** 0.5

    def error_once_answered(move: float) -> float:
        wrong = ndtr(-abs(mean + step * move) / after**0.5)
        return float(wrong * norm.pdf(move))

    edge = min(max(-mean / step, -8.0), 8.0)  # where the label turns
    expected = sum(quad(error_once_answered, *ends)[0] for ends in ((-8, edge), (edge, 8)))

    assert ahead(z, before, after) == pytest.approx(expected, abs=1e-6)


@given(z=st.floats(0, 6), before=st.floats(0.05, 1), share=st.floats(0, 1))
def test_an_answer_is_never_expected_to_do_harm(z: float, before: float, share: float) -> None:
    assert 0 <= ahead(z, before, before * share) <= ndtr(-z) + 1e-9


def test_nothing_learnt_changes_nothing_and_certainty_leaves_no_error() -> None:
    assert ahead(0.7, 0.5, 0.5) == pytest.approx(float(ndtr(-0.7)))
    assert ahead(0.7, 0.5, 1e-12) == pytest.approx(0.0, abs=1e-5)


@given(log_odds=st.floats(-9, 9), accuracy=st.floats(0.5, 0.999))
def test_a_person_leaves_the_error_of_the_better_of_the_two(
    log_odds: float, accuracy: float
) -> None:
    wrong = float(expit(-abs(log_odds)))
    left = float(expected_error_by_person(np.array([log_odds]), accuracy)[0])

    assert left == pytest.approx(min(wrong, 1 - accuracy), abs=1e-12)


def test_a_further_judge_tells_more_than_a_second_order_and_either_more_than_nothing() -> None:
    model = answers(plant(Setting("", prompts=200), 0))
    weak, fair, good = (model.annotator_of[name] for name in ("weak", "fair", "good"))
    counts = np.zeros((6, 3), dtype=np.int64)
    counts[1, weak] = counts[2, fair] = counts[3, good] = counts[5, good] = 1
    counts[4, good], counts[5, fair] = 2, 1
    nothing, by_weak, by_fair, by_good, second, further = model.variance(counts)

    assert nothing == 1.0
    assert nothing > by_weak > by_fair > by_good > max(second, further)
    assert model.count.tolist() == [[2, 2, 2]] * len(model.count)


def test_anchors_and_not_agreement_say_what_an_answer_is_worth() -> None:
    """`weak` and `fair` say the same, at random; only the verifier knows that `good` is right."""
    planted = plant(Setting("", prompts=150, gold=0.5), 0)
    draw = np.random.default_rng(0)
    noise = {pair: draw.normal() for pair in planted.better}
    for row in planted.rows:
        if row["judge"] in ("weak", "fair"):
            sides = sorted((row["first_id"], row["second_id"]))
            felt = 2 * noise[sides[0], sides[1]] + 0.2 * draw.normal()
            p = float(expit(felt if row["first_id"] == sides[0] else -felt))
            row |= {"p_first": p, "verdict": "first" if p > 0.5 else "second"}
    model = answers(planted)
    counts = np.eye(3, dtype=np.int64)
    variance = model.variance(counts)

    assert variance[model.annotator_of["good"]] < 0.75
    assert min(variance[model.annotator_of[name]] for name in ("weak", "fair")) > 0.9


def test_labels_of_adaptively_judged_pairs_are_as_calibrated_as_others() -> None:
    planted = plant(Setting("", prompts=300), 3)
    world = world_of(planted, {})
    asked, _ = adaptive(world, AdaptiveParams(), 0)
    labels, chances = label_rows(world.rows(asked), planted.lengths)
    _, error = score_of(dict.fromkeys(planted.better, 0.5) | chances, planted)

    assert len(asked) < 0.7 * len(world.answers)
    assert labels.trust > 0.9, (
        "who was asked depends on what others said: no sign of a shared error"
    )
    assert error < 0.05


def test_where_no_model_judge_spoke_there_is_nothing_to_expect() -> None:
    assert model_answers(judgment_votes([], [], {}), np.zeros(0, dtype=bool)) is None
