from __future__ import annotations

import math
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefline.errors import TableError
from tasks.evaluate.divergence import kl
from tasks.evaluate.drift import distinct_share, drift
from tests.tasks.evaluate.material import known


def row(prompt: str, text: str, tokens: int | None = None) -> dict[str, Any]:
    return {"prompt_id": prompt, "text": text, "output_tokens": tokens}


def test_lengths_are_means_over_the_prompts_that_both_answered() -> None:
    policy = [
        row("p", "abcd", 4),
        row("p", "ab", 2),
        row("q", "abc", 3),
        row("only ours", "a" * 99),
    ]
    other = [row("p", "a", 1), row("q", "abc", 2), row("only theirs", "")]
    found = drift(policy, other)

    assert found.characters.policy.value == pytest.approx(3)
    assert found.characters.other.value == pytest.approx(2)
    assert found.characters.ratio.value == pytest.approx(1.5)
    assert found.tokens.ratio.value == pytest.approx(3 / 1.5)
    assert (found.n_prompts, found.n_alone) == (2, 2)


def test_a_policy_that_writes_twice_as_much_has_a_ratio_of_two_within_its_interval() -> None:
    random = np.random.default_rng(0)
    lengths = random.integers(20, 400, 150)
    other = [row(f"{n}", "x" * length) for n, length in enumerate(lengths)]
    policy = [
        row(f"{n}", "x" * int(2 * length * random.uniform(0.5, 1.5)))
        for n, length in enumerate(lengths)
    ]
    low, _, high = known(drift(policy, other).characters.ratio)

    assert low < 2 < high
    assert high - low < 0.4


def test_where_rows_do_not_say_their_tokens_there_is_no_figure_of_tokens() -> None:
    found = drift([row("p", "a"), row("q", "b")], [row("p", "a", 1), row("q", "b", 1)])

    assert found.tokens.ratio.value is None
    assert found.characters.ratio.value == 1


def test_samples_that_are_all_alike_are_less_diverse() -> None:
    words = [f"w{n}" for n in range(12)]
    varied = [row(f"{p}", " ".join(words[s * 3 : s * 3 + 3])) for p in range(9) for s in range(4)]
    alike = [row(f"{p}", " ".join(words[:3])) for p in range(9) for _ in range(4)]
    found = drift(alike, varied).diversity

    assert found.policy.value == pytest.approx(0.25)
    assert found.other.value == pytest.approx(1)
    assert found.ratio.value == pytest.approx(0.25)


def test_prompts_with_one_sample_say_nothing_of_diversity() -> None:
    found = drift([row("p", "a"), row("q", "b")], [row("p", "c"), row("q", "d")])

    assert found.diversity.ratio.value is None


def test_n_grams_of_up_to_three_words_count_whatever_their_case() -> None:
    # a b c | a b d: 3 + 3 words, 2 + 2 pairs, 1 + 1 triples; of these a, b and "a b" twice
    assert distinct_share(["a B c", "A b d"]) == pytest.approx(9 / 12)
    assert distinct_share(["", " "]) is None


@given(st.lists(st.text("ab .", max_size=12), min_size=2, max_size=5))
def test_repeating_all_samples_halves_their_distinct_share(samples: list[str]) -> None:
    once, twice = distinct_share(samples), distinct_share(samples * 2)

    if once is None or twice is None:
        assert once is twice
    else:
        assert 0 < once <= 1
        assert twice == pytest.approx(once / 2)


def test_a_drift_of_nothing_is_ready_for_json() -> None:
    written = orjson.loads(orjson.dumps(drift([], [row("p", "a")]).as_dict()))

    assert written["characters"]["ratio"]["value"] is None
    assert written["n_alone"] == 1


def test_the_kl_of_known_distributions_is_found() -> None:
    random = np.random.default_rng(0)
    policy, base = np.array([0.7, 0.2, 0.1]), np.array([0.4, 0.4, 0.2])
    truth = float((policy * np.log(policy / base)).sum())
    tokens = [random.choice(3, 20, p=policy) for _ in range(400)]
    prompts = [f"{n // 4}" for n in range(400)]
    found = kl(prompts, [np.log(policy[t]) for t in tokens], [np.log(base[t]) for t in tokens])

    low, value, high = known(found.per_token)
    assert low < truth < high
    low_k3, _, high_k3 = known(found.per_token_k3)
    assert low_k3 < truth < high_k3
    assert high_k3 - low_k3 < high - low
    assert found.per_response.value == pytest.approx(20 * value)
    assert (found.n_responses, found.n_tokens) == (400, 8_000)


def test_a_policy_that_has_not_moved_has_no_divergence() -> None:
    said = [np.log(np.array([0.5, 0.25])), np.log(np.array([0.1]))]
    found = kl(["p", "q"], said, said)

    assert found.per_token.value == found.per_token_k3.value == found.per_response.value == 0


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(st.floats(-9, 0), st.floats(-9, 0)), min_size=1, max_size=5),
        min_size=1,
        max_size=6,
    )
)
def test_the_second_estimate_is_never_negative(responses: list[list[tuple[float, float]]]) -> None:
    sides = [np.array(one).T for one in responses]
    found = kl([f"{n}" for n in range(len(sides))], [s[0] for s in sides], [s[1] for s in sides])

    assert found.per_token_k3.value is not None
    assert found.per_token_k3.value >= 0


@pytest.mark.parametrize(
    ("policy", "base", "says"),
    [
        pytest.param([-1.0, -2.0], [-1.0], "2 tokens under the policy and 1", id="other tokens"),
        pytest.param([-1.0], [-math.inf], "no finite number", id="not among the top"),
    ],
)
def test_log_probabilities_that_do_not_fit_are_refused(
    policy: list[float], base: list[float], says: str
) -> None:
    with pytest.raises(TableError, match=says):
        kl(["p"], [np.array(policy)], [np.array(base)])
