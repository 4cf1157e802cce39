from __future__ import annotations

import math
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.prefline.audit.tables import Row, audited, judged, row


def duel(judge: str, better: str, worse: str, **more: object) -> Row:
    """A verdict for the response that is shown first."""
    pair = "|".join(sorted((better, worse)))
    ids = {"first_id": better, "second_id": worse}
    return {"pair_id": pair, "judge": judge, "verdict": "first", **ids, **more}


def test_position_bias_is_the_mean_log_odds_of_the_first_shown(tmp_path: Path) -> None:
    rows = [row("1", p_first=0.8), row("1", turned=True, p_first=0.5), row("2", "invalid")]

    assert judged(tmp_path, rows)["position_bias"] == pytest.approx(math.log(4) / 2)


def test_a_sure_judge_has_finite_log_odds(tmp_path: Path) -> None:
    assert judged(tmp_path, [row("1", p_first=1.0)])["position_bias"] == pytest.approx(
        13.8, abs=0.1
    )


def test_a_unanimous_vote_of_three_is_no_certainty(tmp_path: Path) -> None:
    votes = {"votes_first": 3, "votes_second": 0, "votes_tie": 0}

    assert judged(tmp_path, [row("1", p_first=1.0, **votes)])["position_bias"] == pytest.approx(
        math.log(3.5 / 0.5)
    )


def test_length_bias_is_the_slope_of_the_log_length_ratio(tmp_path: Path) -> None:
    # Twice the length wins 3 of 4, half of it 1 of 4: odds 3 at log 2, 1/3 at -log 2.
    won = [("first", 2), ("first", 2), ("first", 2), ("second", 2)]
    lost = [("second", 1), ("second", 1), ("second", 1), ("first", 1)]
    rows = [
        row(f"{i}", verdict, first_length=100 * long, second_length=100 * (3 - long))
        for i, (verdict, long) in enumerate([*won, *lost])
    ]
    found = judged(tmp_path, rows)

    assert found["length_bias"] == pytest.approx(math.log(3) / math.log(2))
    assert found["win_rate_longer"] == pytest.approx(6 / 8)


def test_a_judge_that_always_takes_the_longer_has_no_finite_slope(tmp_path: Path) -> None:
    rows = [row(f"{n}", "first", first_length=n + 9, second_length=9) for n in range(1, 4)]
    rows += [row(f"-{n}", "second", first_length=9, second_length=n + 9) for n in range(1, 4)]
    found = judged(tmp_path, rows)

    assert found["length_bias"] is None
    assert found["win_rate_longer"] == 1


def test_equal_lengths_tell_nothing_about_the_longer(tmp_path: Path) -> None:
    found = judged(tmp_path, [row("1", "first", first_length=5, second_length=5)])

    assert found["win_rate_longer"] is None
    assert found["length_bias"] is None


def test_a_circle_of_three_is_counted_among_the_triples(tmp_path: Path) -> None:
    # a > b > c > a is a circle; with d below all, the three triples with d are none.
    duels = [("a", "b"), ("b", "c"), ("c", "a"), ("a", "d"), ("b", "d"), ("c", "d")]
    rows = [duel("j", *one, prompt_id="p") for one in duels]

    assert judged(tmp_path, rows)["intransitive"] == pytest.approx(1 / 4)


def test_a_circle_across_prompts_or_with_an_open_side_is_none(tmp_path: Path) -> None:
    across = [duel("j", *d, prompt_id=f"{i}") for i, d in enumerate(["ab", "bc", "ca"])]
    undecided = [duel("j", "a", "b"), duel("j", "b", "c"), duel("j", "c", "a", verdict="tie")]

    assert judged(tmp_path, across)["intransitive"] is None
    assert judged(tmp_path, undecided)["intransitive"] is None


@settings(max_examples=20)
@given(st.dictionaries(
    st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(lambda d: d[0] < d[1]),
    st.sampled_from(["first", "second", "tie"]), min_size=1,
))  # fmt: skip
def test_circles_are_those_that_a_plain_loop_over_triples_finds(
    verdicts: dict[tuple[int, int], str],
) -> None:
    rows = [
        duel("j", f"{a}", f"{b}", prompt_id="p", verdict=said) for (a, b), said in verdicts.items()
    ]
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("prefline.audit.biases._AT_ONCE", 3)
        found = audited(Path(folder), rows)["judges"]["j"]["intransitive"]
    sign = {d: {"first": 1, "second": -1, "tie": 0}[said] for d, said in verdicts.items()}
    triples = [
        (sign[a, b], sign[b, c], -sign[a, c])
        for a, b, c in combinations(range(7), 3)
        if sign.get((a, b)) and sign.get((b, c)) and sign.get((a, c))
    ]

    assert found["n"] == len(triples)
    if triples:
        cyclic = sum(abs(sum(signs)) == 3 for signs in triples)
        assert found["value"] == pytest.approx(cyclic / len(triples))


def test_self_preference_is_measured_against_the_other_judges(tmp_path: Path) -> None:
    rows = []
    for pair, own, other in (
        ("1", "first", "second"),
        ("2", "first", "first"),
        ("3", "tie", "tie"),
    ):
        for judge, verdict in (("m", own), ("n", other)):
            models = {"first_model": "m", "second_model": "x"}
            rows.append(row(pair, verdict, **models) | {"judge": judge})
    judges = audited(tmp_path, rows, judge_models={"n": "x"})["judges"]

    assert judges["m"]["self_preference"]["value"] == pytest.approx(1 / 3)
    assert judges["n"]["self_preference"]["value"] == pytest.approx(1 / 3)


def test_the_longer_answer_s_wins_are_told_by_how_much_longer_it_is(tmp_path: Path) -> None:
    rows = []
    for number in range(400):
        ratio = 1 + (number % 4 + 1) / 2  # 1.5, 2, 2.5, 3 times as long
        wins = number % 8 < 4 or ratio > 2.2  # the longest always win
        lengths = {"first_length": 100 * ratio, "second_length": 100}
        rows.append(row(str(number), "first" if wins else "second") | lengths)
    quarters = audited(tmp_path, rows)["judges"]["j"]["by_length"]

    assert [one["from"] for one in quarters] == pytest.approx([1.5, 2.0, 2.5, 3.0])
    assert [one["value"] for one in quarters] == pytest.approx([0.5, 0.5, 1.0, 1.0])
    assert sum(one["n"] for one in quarters) == 400
