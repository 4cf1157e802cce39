from __future__ import annotations

from typing import Any

from prefline.labeling.quality import label_warnings, quality_lines

JUDGED = {"judges": {"big": {"prefers_first": {"value": 0.6}}}, "warnings": ["big is of a family"]}
NOTHING = {"value": None, "low": None, "high": None, "n": 0}


def paired(**sources: int) -> dict[str, Any]:
    """Metrics of `pair` with labels of these sources."""
    return {
        "label_source": sources,
        "calibration": {
            "big": {
                "accuracy": {"value": 0.8, "low": 0.7, "high": 0.9, "n": 40},
                "warnings": ["one order only"],
            }
        },
        "verifiers": {
            "exact": {"accuracy": 0.98, "low": 0.9, "high": 0.99, "n_pairs": 30, "n_reviewed": 0},
            "regex": {"accuracy": 0.85, "low": 0.8, "high": 0.9, "n_pairs": 50, "n_reviewed": 9},
        },
        "warnings": ["x.jsonl, row 1: counts for nothing"],
        "reviews": {
            "reviewers": {"ann": {"accuracy": 0.95, "n_answers": 7, "n_shared": 0}},
            "krippendorff_alpha": {"value": 0.7},
        },
    }


def test_quality_is_about_the_labels_that_are_published() -> None:
    by_people = "\n".join(quality_lines(JUDGED, paired(human=7)))
    by_judges = "\n".join(quality_lines(JUDGED, paired(ai=7)))
    by_checks = "\n".join(quality_lines(JUDGED, paired(verifier=7)))

    assert "no label rests on a model judge" in by_people
    assert "7 labels by people: ann (7 answers, taken to be right in 95%" in by_people
    assert "Krippendorff's alpha 0.70" in by_people
    assert "judge `big`: better than chance; right on 80% [70%, 90%] of 40 pairs" in by_judges
    assert "labels by people" not in by_judges + by_checks
    assert "check `exact` of 30 pairs: right in 98%, as declared" in by_checks
    assert "right in 85% [80%, 90%], by people's answers on 9" in by_checks


def test_warnings_of_judges_calibration_and_answers_reach_the_card() -> None:
    lines = quality_lines(JUDGED, paired(ai=7))

    assert label_warnings(JUDGED, paired()) == [
        "big is of a family", "judge `big`: one order only", "x.jsonl, row 1: counts for nothing",
    ]  # fmt: skip
    assert [line.removeprefix("beware: ") for line in lines if line.startswith("beware: ")] == (
        label_warnings(JUDGED, paired())
    )


def test_pairs_of_planted_truth_are_told_with_their_cost() -> None:
    canaries = {"accuracy": 0.9, "n": 20, "before": 0.95, "runs_before": 3, "cost_usd": 0.012}
    lines = quality_lines(JUDGED | {"canaries": {"big": canaries}}, paired(ai=7))

    assert (
        "judge `big`: right on 90% of 20 pairs of planted truth, which are not among the labels, "
        "95% over 3 earlier run(s); they cost $0.0120"
    ) in lines


def test_a_judge_that_nobody_measured_says_so() -> None:
    metrics = paired(ai=1)
    metrics["calibration"]["big"]["accuracy"] = NOTHING

    assert "not measured" in quality_lines(JUDGED, metrics)[0]
