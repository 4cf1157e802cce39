from __future__ import annotations

import math
import random
from typing import Any

import pytest

from benchmarks.labels.measure import MODEL, label_rows, measure
from benchmarks.labels.planted import Setting, plant
from prefline.labeling import AnnotatorFigures
from tests.prefline.labeling.judgments import judgment, planted

OPEN = [judgment("x", "y", "first", p_first=0.9), judgment("y", "x", "second", p_first=0.1)]


def chance(rows: list[dict[str, Any]], lengths: dict[str, int] | None = None) -> float:
    """The probability that x is better than y."""
    return label_rows(rows, lengths or {})[1]["x", "y"]


def judge(rows: list[dict[str, Any]]) -> AnnotatorFigures:
    (figures,) = label_rows(rows, {})[0].annotators
    return figures


def test_labels_beat_majority_and_say_how_sure_they_are() -> None:
    outcome = measure(Setting("", prompts=500), 100)

    assert outcome.accuracy[MODEL] >= outcome.accuracy["majority vote"] + 0.02
    assert outcome.ece[MODEL] < 0.03


@pytest.mark.parametrize("gold", [0.0, 0.5])
def test_planted_position_biases_are_recovered(gold: float) -> None:
    outcome = measure(Setting("", prompts=300, gold=gold), 100)

    assert len(outcome.position_errors) == 3
    for error in outcome.position_errors.values():
        assert abs(error) < 0.15


def test_verdicts_without_probabilities_make_calibrated_labels_too() -> None:
    outcome = measure(Setting("", hard=True), 100)

    assert outcome.ece[MODEL] < 0.05
    assert outcome.accuracy[MODEL] >= outcome.accuracy["majority vote"] + 0.02


@pytest.mark.parametrize("bias", [-1.0, 0.0, 2.0])
def test_a_planted_position_bias_is_recovered(bias: float) -> None:
    assert judge(planted(2_000, 1.0, bias)).position.bias == pytest.approx(bias, abs=0.06)


def test_judges_who_agree_are_not_believed_where_verified_pairs_say_they_are_wrong() -> None:
    draw, rows = random.Random(0), []
    for number in range(500):
        a, b = f"{number:03d}a", f"{number:03d}b"
        shared = draw.gauss(0, 2)
        rows.append(judgment(a, b, draw.choice(("first", "second")), judge="verifier", p_first=1.0))
        for name in ("one", "two", "three"):
            p = 1 / (1 + math.exp(-shared - draw.gauss(0, 0.5)))
            rows.append(judgment(a, b, "first" if p > 0.5 else "second", judge=name, p_first=p))
    words = [judgment("x", "y", "first", judge=j, p_first=0.95) for j in ("one", "two", "three")]

    assert 0.4 < chance(rows + words) < 0.65


def test_length_is_no_evidence_where_verified_pairs_do_not_say_so() -> None:
    draw, rows, lengths = random.Random(0), [], {"x": 400, "y": 200}
    for number in range(300):
        a, b = f"{number:03d}a", f"{number:03d}b"
        lengths |= {a: draw.choice((200, 400)), b: 200}
        rows += [
            judgment(a, b, draw.choice(("first", "second")), judge="verifier", p_first=0.5),
            judgment(a, b, "first", p_first=1 / (1 + math.exp(-draw.gauss(0, 1)))),
        ]

    assert abs(chance([*rows, *OPEN], lengths) - 0.5) < 0.1


def test_a_judge_without_a_clue_is_worth_nothing() -> None:
    figures = judge(planted(1_000, 0.0, 1.0))

    assert abs(figures.weight) < 0.2
    assert chance([*planted(1_000, 0.0, 1.0), *OPEN]) == pytest.approx(0.5, abs=0.1)


def test_a_judge_that_knows_is_worth_what_its_errors_allow() -> None:
    # Two normals at +1 and -1 with unit variance: the posterior log-odds are 2x.
    x = math.log(9) - 0.0
    p = chance([*planted(2_000, 1.0, 0.0), *OPEN])

    assert math.log(p / (1 - p)) == pytest.approx(2 * x, rel=0.15)


def test_its_accuracy_is_measured_with_its_position_bias_taken_off() -> None:
    # It says "first" nearly always, yet its log-odds know: Phi(1) = 0.84.
    assert judge(planted(4_000, 1.0, 6.0)).accuracy.value == pytest.approx(0.84, abs=0.02)


def test_a_judge_worse_than_chance_on_anchors_is_turned_round() -> None:
    assert judge(planted(500, -1.0, 0.0)).weight < -0.5
    assert chance([*planted(500, -1.0, 0.0), *OPEN]) < 0.1


def test_a_judge_that_always_says_the_same_is_worth_nothing() -> None:
    rows = planted(50, 1.0, 0.0)
    rows = [row | ({} if row["judge"] == "verifier" else {"verdict": "first", "p_first": 0.9})
            for row in rows]  # fmt: skip
    labels, chances = label_rows(rows, {})

    assert max(abs(p - 0.5) for p in chances.values()) < 0.05
    assert labels.annotators[0].weight_se < 100


def test_the_same_table_gives_the_same_bytes_in_any_order() -> None:
    made = plant(Setting("", prompts=50, gold=0.3), 0)
    once, again = (label_rows(rows, made.lengths)[0] for rows in (made.rows, made.rows[::-1]))

    assert once.log_odds.tobytes() == again.log_odds.tobytes()
    assert once.log_odds_se.tobytes() == again.log_odds_se.tobytes()
    assert once.annotators == again.annotators


@pytest.mark.parametrize("hard", [False, True])
def test_turning_every_id_round_turns_every_label_round(hard: bool) -> None:
    made = plant(Setting("", prompts=50, gold=0.3, hard=hard), 0)
    turn = {name: f"{2**62 - int(name, 16):016x}" for name in made.lengths}
    rows = [row | {key: turn[row[key]] for key in ("first_id", "second_id")} for row in made.rows]
    lengths = {turn[name]: length for name, length in made.lengths.items()}
    before, after = label_rows(made.rows, made.lengths)[1], label_rows(rows, lengths)[1]

    for (lower, upper), p in before.items():
        assert after[turn[upper], turn[lower]] == pytest.approx(1 - p, abs=1e-4)
