from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import ndtr
from scipy.stats import norm

from benchmarks.labels.planted import Setting, plant
from prefline.labeling import expected_error, fit_labels, gather_evidence, label
from prefline.labeling.information_gain import deviate


def ahead(z: float, before: float, after: float) -> float:
    return float(expected_error(np.array([z]), np.array([before]), np.array([after]))[0])


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
    assert 0 <= ahead(z, before, before * share) <= ndtr(-z) + 1e-12


def test_nothing_learnt_changes_nothing_and_certainty_leaves_no_error() -> None:
    assert ahead(0.7, 0.5, 0.5) == pytest.approx(float(ndtr(-0.7)))
    assert ahead(0.7, 0.5, 1e-12) == pytest.approx(0.0, abs=1e-5)


@given(log_odds=st.floats(-600, 600))
def test_a_deviate_has_the_labels_chance_to_be_wrong(log_odds: float) -> None:
    wrong = 1 / (1 + np.exp(abs(log_odds)))

    assert ndtr(-deviate(np.array([log_odds])))[0] == pytest.approx(wrong, rel=1e-6, abs=1e-300)


def test_it_stands_where_the_labels_stand() -> None:
    made = plant(Setting("", prompts=60), 0)
    evidence = gather_evidence(made.rows, made.lengths)
    fitted = fit_labels(evidence)

    assert fitted is not None
    assert fitted.log_odds.tolist() == label(evidence).log_odds.tolist()
    assert fitted.count.tolist() == [[2, 2, 2]] * len(evidence)


def test_a_further_judge_tells_more_than_a_second_order_and_either_more_than_nothing() -> None:
    made = plant(Setting("", prompts=100), 0)
    fitted = fit_labels(gather_evidence(made.rows, made.lengths))
    assert fitted is not None
    fair, good = fitted.annotator_of["fair"], fitted.annotator_of["good"]
    counts = np.zeros((4, 3), dtype=np.int64)
    counts[1:, good] = (1, 2, 1)
    counts[3, fair] = 1

    nothing, one, second, further = fitted.variance(counts)

    assert nothing == 1.0
    assert nothing > one > max(second, further)


def test_where_no_model_judge_spoke_there_is_nothing_to_expect() -> None:
    assert fit_labels([]) is None
