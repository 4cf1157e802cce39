from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.pair.consensus import LEAST, MOST, PRIOR_ANSWERS, Votes, estimate_consensus

H = 0.95
VOTES = st.dictionaries(
    st.tuples(st.sampled_from("pqrstu"), st.sampled_from("abcd")), st.sampled_from([-1, 0, 1])
)


def planted(
    accuracies: dict[str, float], pairs: int
) -> tuple[dict[tuple[str, str], int], list[int]]:
    """Answers of everyone on every pair, and the truths."""
    draw = random.Random(0)
    truths = [draw.choice([-1, 0, 1]) for _ in range(pairs)]
    votes = {
        (f"{at:04d}", name): truth
        if draw.random() < q
        else draw.choice([one for one in (-1, 0, 1) if one != truth])
        for at, truth in enumerate(truths)
        for name, q in accuracies.items()
    }
    return votes, truths


def log_posterior(votes: Votes, accuracy: dict[str, float]) -> float:
    """Of the accuracies, from the definition, up to a constant."""
    total = sum(
        PRIOR_ANSWERS * (H * math.log(q) + (1 - H) * math.log(1 - q)) for q in accuracy.values()
    )
    for pair in {pair for pair, _ in votes}:
        words = [(r, said) for (p, r), said in votes.items() if p == pair]
        if len(words) > 1:
            total += math.log(sum(
                math.prod(accuracy[r] if said == c else (1 - accuracy[r]) / 2 for r, said in words)
                for c in (-1, 0, 1)
            ))  # fmt: skip
    return total


def test_one_reviewer_s_word_is_right_as_often_as_params_say() -> None:
    reviewers, say = estimate_consensus({("p", "ann"): 1, ("q", "ann"): 0}, H)

    assert reviewers["ann"].accuracy == H
    assert (reviewers["ann"].n_answers, reviewers["ann"].n_shared) == (2, 0)
    assert say["p"].lower == pytest.approx(H)
    assert say["q"].tie == pytest.approx(H)


def test_two_who_agree_are_surer_than_one_and_two_who_do_not_are_at_evens() -> None:
    _, say = estimate_consensus({("p", "a"): 1, ("p", "b"): 1, ("q", "a"): 1, ("q", "b"): -1}, H)

    assert say["p"].lower > H
    assert say["q"].lower == pytest.approx(say["q"].upper, abs=1e-6)
    assert (say["p"].unanimous, say["q"].unanimous) == (True, False)


def test_reviewers_accuracies_are_found_from_their_agreement() -> None:
    truth = {"good": 0.95, "fair": 0.8, "poor": 0.5}
    votes, truths = planted(truth, 600)
    reviewers, say = estimate_consensus(votes, H)

    for name, accuracy in truth.items():
        assert reviewers[name].accuracy == pytest.approx(accuracy, abs=0.06)
    right = sum(
        max((one.lower, 1), (one.tie, 0), (one.upper, -1))[1] == truths[int(pair)]
        for pair, one in say.items()
    )
    assert right > sum(
        majority([votes[f"{at:04d}", name] for name in truth], is_true)
        for at, is_true in enumerate(truths)
    )


def majority(said: list[int], truth: int) -> float:
    """How often the most frequent word is right, evens being drawn."""
    most = [c for c in (-1, 0, 1) if said.count(c) == max(map(said.count, (-1, 0, 1)))]
    return (truth in most) / len(most)


def test_who_only_guesses_says_nothing_and_never_the_opposite() -> None:
    votes, _ = planted({"one": 0.95, "two": 0.95, "wrong": 0.0}, 400)
    reviewers, _ = estimate_consensus(votes, H)
    alone, _ = estimate_consensus({key: v for key, v in votes.items() if key[1] != "wrong"}, H)

    assert reviewers["wrong"].accuracy == pytest.approx(LEAST, abs=1e-6)
    assert reviewers["one"].accuracy == pytest.approx(alone["one"].accuracy, abs=0.02)


@given(VOTES)
def test_what_people_say_is_a_distribution_and_does_not_depend_on_the_order(
    votes: dict[tuple[str, str], int],
) -> None:
    reviewers, say = estimate_consensus(votes, H)

    assert set(say) == {pair for pair, _ in votes}
    assert set(reviewers) == {reviewer for _, reviewer in votes}
    for one in say.values():
        assert one.lower + one.tie + one.upper == pytest.approx(1, abs=1e-8)
    for reviewer in reviewers.values():
        assert LEAST - 1e-6 <= reviewer.accuracy <= MOST
    assert estimate_consensus(dict(reversed(votes.items())), H) == (reviewers, say)


@given(VOTES)
def test_turning_every_answer_round_turns_every_consensus_round(
    votes: dict[tuple[str, str], int],
) -> None:
    _, say = estimate_consensus(votes, H)
    _, turned = estimate_consensus({key: -vote for key, vote in votes.items()}, H)

    for pair, one in say.items():
        assert turned[pair].upper == pytest.approx(one.lower, abs=1e-6)
        assert turned[pair].tie == pytest.approx(one.tie, abs=1e-6)


@given(VOTES, st.sampled_from([-1e-3, 1e-3]))
def test_no_neighbour_of_the_estimated_accuracies_is_more_probable(
    votes: dict[tuple[str, str], int], step: float
) -> None:
    reviewers, _ = estimate_consensus(votes, H)
    found = {name: one.accuracy for name, one in reviewers.items()}
    best = log_posterior(votes, found)

    for name, accuracy in found.items():
        near = min(max(accuracy + step, LEAST), MOST)
        assert log_posterior(votes, found | {name: near}) <= best + 1e-5
