from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from prefline.labeling.report import half_width, labels_report, meaning
from tests.prefline.labeling.juries import Row, jury, label


def report_on(rows: list[Row], prior_judges: Sequence[str] = ()) -> dict[str, Any]:
    return labels_report(label(rows)[1].counts(), prior_judges)


def test_labels_without_known_truth_are_called_agreement_with_the_cheapest_remedy() -> None:
    report = report_on(jury({"a": 0.8, "b": 0.7})[0])
    assert report["meaning"] == "p is agreement, not accuracy: the truth of no pair was told"
    assert "check 10 more pairs" in report["remedy"]
    assert "25 to within 16 points, 100 to within 8 points" in report["remedy"]


def test_labels_on_anchors_are_called_accuracy() -> None:
    report = report_on(jury({"a": 0.8, "b": 0.7}, told=50)[0])
    assert report["meaning"] == "p is accuracy, measured on 50 pairs of known truth"
    assert report["remedy"] is None
    assert report["judges"]["a"]["n_anchors"] == 50
    assert report["judges"]["a"]["accuracy"]["low"] < report["judges"]["a"]["accuracy"]["value"]


def test_labels_that_rest_on_no_judge_claim_no_measured_accuracy() -> None:
    assert meaning(7, 7, 0.0).startswith("p is the word of those who decided: people")
    assert meaning(7, 7, 25.0) == "p is accuracy, measured on 25 pairs of known truth"


def test_labels_of_people_beside_judges_that_nobody_measured_claim_no_measured_accuracy() -> None:
    told = meaning(30, 50, 0.0)

    assert told.startswith("p is the word of those who decided, people or a check, on 30 of 50")
    assert "on the rest it is agreement, not accuracy" in told


def test_too_few_anchors_are_said_to_be_too_few() -> None:
    report = report_on(jury({"a": 0.8}, told=4)[0])
    assert "4 pairs of known truth are too few (a judge needs 10)" in report["meaning"]
    assert "check 6 more pairs" in report["remedy"]


def test_labels_of_which_some_are_anchored_say_how_many() -> None:
    rows = jury({"a": 0.8}, told=20)[0]
    late = [row | {"judge": "late"} for row in rows if int(row["pair_id"][1:]) >= 150]
    early = [row for row in rows if int(row["pair_id"][1:]) < 150]
    assert "on 150 of 200 pairs" in report_on(early + late)["meaning"]


def test_an_accuracy_that_the_user_gave_is_not_called_measured() -> None:
    report = report_on(jury({"a": 0.8})[0], ["a"])
    assert "the accuracy that you gave of a, which was not measured here" in report["meaning"]


def test_a_judge_that_answers_in_two_ways_has_two_names() -> None:
    rows = jury({"a": 0.8}, n=20)[0]
    soft = [row | {"p_first": 0.7, "verdict": "first"} for row in rows[:5]]
    assert list(report_on(rows + soft)["judges"]) == [
        "a (with probability)",
        "a",
    ]


def test_the_interval_of_an_accuracy_is_half_as_wide_on_four_times_the_pairs() -> None:
    assert half_width(25) == pytest.approx(2 * half_width(100))
