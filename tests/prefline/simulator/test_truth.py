"""Tags, preferences and accuracies."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from prefline.errors import ParamsError
from prefline.simulator import (
    Candidate,
    JudgeWeights,
    PairDistribution,
    accuracy_of,
    candidate_of,
    p_first,
    planted_text,
    quality_of,
    sharpness_for,
)
from prefline.simulator.truth import TAG_LENGTH, candidates_in, rounded_quality, tag_of

qualities = st.floats(-50, 50)
lengths = st.integers(TAG_LENGTH + 2, 5000)
candidates = st.builds(Candidate, qualities.map(rounded_quality), lengths)
judge_weights = st.builds(JudgeWeights, st.floats(0, 5), st.floats(-2, 2), st.floats(-2, 2))


@given(qualities, lengths, st.text(max_size=50), st.integers(0, 2**31))
def test_a_planted_text_gives_back_its_quality_and_its_length(
    quality: float, length: int, about: str, seed: int
) -> None:
    text = planted_text(quality, length, about, seed)
    assert quality_of(text) == pytest.approx(quality, abs=0.5e-4 + 1e-9)
    assert candidate_of(text) == Candidate(rounded_quality(quality), len(text))
    # A word break at the cut is dropped.
    assert length - 1 <= len(text) <= length


@given(candidates)
def test_a_tag_always_has_the_same_length(candidate: Candidate) -> None:
    assert len(tag_of(candidate)) == TAG_LENGTH


@given(
    candidates, st.integers(2, TAG_LENGTH - 1), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567")
)
def test_a_tag_with_a_wrong_letter_is_no_tag(candidate: Candidate, at: int, letter: str) -> None:
    tag = tag_of(candidate)
    assume(tag[at] != letter)
    assert quality_of(tag[:at] + letter + tag[at + 1 :]) is None


@given(st.text())
def test_text_without_a_tag_has_no_quality(text: str) -> None:
    assert quality_of(text) is None


@given(st.lists(candidates, max_size=5))
def test_tagged_texts_are_found_in_order_of_appearance(planted: list[Candidate]) -> None:
    text = "\n".join(f"<x>{tag_of(candidate)} zqx words</x>" for candidate in planted)
    assert candidates_in(text) == planted


@given(candidates, candidates, judge_weights)
def test_preference_is_the_documented_formula(
    a: Candidate, b: Candidate, weights: JudgeWeights
) -> None:
    odds = (
        weights.sharpness * (a.quality - b.quality)
        + weights.position_bias
        + weights.length_bias * math.log(a.length / b.length)
    )
    assume(abs(odds) < 300)
    assert p_first(a, b, weights) == pytest.approx(1 / (1 + math.exp(-odds)))


@given(candidates, candidates, st.floats(0, 5))
def test_without_position_bias_the_orders_mirror_each_other(
    a: Candidate, b: Candidate, sharpness: float
) -> None:
    weights = JudgeWeights(sharpness, 0.0, 0.7)
    assert p_first(a, b, weights) + p_first(b, a, weights) == pytest.approx(1)


@pytest.mark.parametrize("accuracy", [0.6, 0.7, 0.8])
@pytest.mark.parametrize("bias", [-1.0, 0.0, 1.0])
def test_sharpness_gives_the_accuracy_asked_for(accuracy: float, bias: float) -> None:
    weights = JudgeWeights(0.0, bias, 0.7)
    pairs = PairDistribution(length_sd=0.5)
    sharpness = sharpness_for(accuracy, weights, pairs)
    assert accuracy_of(JudgeWeights(sharpness, bias, 0.7), pairs) == pytest.approx(
        accuracy, abs=1e-6
    )


@given(st.floats(0, 3), st.floats(-1, 1), st.floats(-1, 1), st.floats(0.5, 2), st.floats(0, 0.5))
def test_accuracy_rises_with_sharpness(
    sharpness: float, bias: float, mean: float, sd: float, length_sd: float
) -> None:
    pairs = PairDistribution(mean, sd, length_sd=length_sd)
    duller, sharper = (
        accuracy_of(JudgeWeights(s, bias, 0.5), pairs) for s in (sharpness, sharpness + 0.1)
    )
    assert 0.5 - 1e-9 <= duller < sharper <= 1


def test_a_coin_has_accuracy_one_half() -> None:
    assert accuracy_of(JudgeWeights(0.0, 1.0)) == pytest.approx(0.5)


def test_an_accuracy_out_of_reach_is_an_error_that_says_what_is_in_reach() -> None:
    with pytest.raises(ParamsError, match=r"choose an accuracy from 0\.500 to"):
        sharpness_for(0.4)
