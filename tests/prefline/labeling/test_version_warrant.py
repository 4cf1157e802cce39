from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from prefline.labeling.version_warrant import is_warranted, publishable, warrant_of
from prefline.labeling.warrant import Standard
from prefline.labeling.warrant_words import detail_lines, remedy, warrant_lines, with_words
from prefline.tables import ANCHORS, table_from_rows

Row = dict[str, Any]


def table(**sources: int) -> pa.Table:
    """Preferences with these labels; those of judges have probabilities from 0.65 to 0.99."""
    rows = [
        {"label_source": source, "p_chosen": 0.99 if source == "verifier" else p}
        for source, count in sources.items()
        for p in np.linspace(0.65, 0.99, count)
    ]
    schema = pa.schema({"label_source": pa.string(), "p_chosen": pa.float64()})
    return pa.Table.from_pylist(rows, schema)


def anchor(at: int, p: float, agrees: bool | None = True, **changes: Any) -> Row:
    """An anchor: people's word on a drawn pair whose label is a judge's."""
    row: Row = {
        "pair_id": f"{at:04d}", "prompt_id": f"p{at}", "category": "sums", "told_by": "people",
        "drawn": True, "label_source": "ai", "p_chosen": p, "agrees": agrees, "tie": False,
        "kept": True,
    }  # fmt: skip
    return row | changes


def anchors(n: int, wrong_below: float = 0.0, **changes: Any) -> list[Row]:
    """n anchors over the same probabilities, half of which are wrong below some."""
    return [
        anchor(at, p, not (p < wrong_below and at % 2), **changes)
        for at, p in enumerate(np.linspace(0.65, 0.99, n))
    ]


def document(
    preferences: pa.Table, rows: list[Row], pairs: int = 1_000, drawn: int | None = None, **how: Any
) -> Row:
    standard = how.pop("standard", Standard())
    return warrant_of(
        preferences, table_from_rows(rows, ANCHORS), standard,
        pairs=pairs, drawn=drawn, random_share=how.pop("random_share", 0.1),
    )  # fmt: skip


def test_labels_with_which_people_agree_are_warranted_as_a_whole() -> None:
    found = document(table(ai=800), anchors(100))
    judges = found["kinds"]["judges"]

    assert (judges["state"], judges["warranted"]) == ("whole", 800)
    assert judges["above_threshold"]["at_least"] > 0.9
    assert "warranted: people agree with at least 90% of them" in warrant_lines(found)[0]
    assert remedy(found) == ""


def test_labels_of_which_only_the_sure_ones_are_right_are_warranted_in_part() -> None:
    preferences = table(ai=800, human=10)
    found = document(preferences, anchors(300, wrong_below=0.8))
    judges = found["kinds"]["judges"]
    through = publishable(found, preferences)

    assert judges["state"] == "part"
    assert 0.75 <= judges["threshold"] <= 0.85
    assert int(through.sum()) == judges["warranted"] + 10
    assert through[-10:].all()
    assert f"of at least {judges['threshold']:g}" in warrant_lines(found)[0]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"drawn": False}, id="chosen for being hard"),
        pytest.param({"told_by": "verifier"}, id="pairs that a check decides"),
        pytest.param({"kept": False}, id="labels that are no preferences"),
        pytest.param({"agrees": None}, id="people do not decide"),
        pytest.param({"label_source": "verifier"}, id="labels of another kind"),
    ],
)
def test_what_is_no_sample_of_the_labels_warrants_nothing(changes: Row) -> None:
    found = document(table(ai=800), [row | changes for row in anchors(200)])
    judges = found["kinds"]["judges"]

    assert judges["state"] == "unmeasured"
    assert not is_warranted(found)
    assert not publishable(found, table(ai=800)).any()
    assert "nobody has measured" in warrant_lines(found)[0]
    assert "more pairs of the random share" in remedy(found)


def test_that_judges_agree_with_checks_is_told_and_said_to_warrant_nothing() -> None:
    found = document(table(ai=800), anchors(50, told_by="verifier"))

    assert found["kinds"]["judges"]["against_checks"]["n"] == 50
    assert "says nothing of pairs that no check decides" in warrant_lines(found)[0]


def test_a_tie_in_peoples_eyes_agrees_with_no_label() -> None:
    ties = [anchor(900 + at, 0.9, agrees=False, tie=True) for at in range(40)]
    found = document(table(ai=800), anchors(100) + ties)

    assert found["kinds"]["judges"]["ties"] == 40
    assert found["kinds"]["judges"]["measured"]["agrees"] == pytest.approx(100 / 140)


def test_checks_are_measured_by_people_and_withheld_where_people_contradict_them() -> None:
    rows = anchors(60) + anchors(40, label_source="verifier")
    wrong = anchors(60) + [
        row | {"agrees": at % 2 == 0} for at, row in enumerate(anchors(40, label_source="verifier"))
    ]
    preferences = table(ai=300, verifier=200)

    assert document(preferences, rows)["kinds"]["checks"]["state"] == "whole"
    bad = document(preferences, wrong)
    assert bad["kinds"]["checks"]["state"] == "below"
    assert bad["kinds"]["judges"]["state"] == "whole"
    assert int(publishable(bad, preferences).sum()) == 300


def test_a_few_checked_labels_go_with_warranted_ones_but_not_the_other_way_round() -> None:
    few = [row | {"label_source": "verifier"} for row in anchors(5)]
    with_judges = document(table(ai=900, verifier=50), anchors(100) + few)
    few_judged = document(
        table(ai=50, verifier=900), anchors(5) + anchors(100, label_source="verifier")
    )

    assert with_judges["kinds"]["checks"]["state"] == "whole"
    assert "together with labels by judges" in "; ".join(warrant_lines(with_judges))
    assert few_judged["kinds"]["judges"]["state"] == "short"


def test_the_answers_that_are_missing_count_the_drawn_pairs_of_other_kinds_too() -> None:
    alone = document(table(ai=800), anchors(10), pairs=800)["kinds"]["judges"]
    among = document(table(ai=800), anchors(10), pairs=8_000, random_share=0.001)

    assert alone["answers_missing"] == alone["missing"]["anchors"]
    assert among["kinds"]["judges"]["answers_missing"] == 10 * alone["answers_missing"]
    assert among["random_share"] > 0.001
    assert f"pair.review.random_share: {among['random_share']:g}" in remedy(among)


def test_where_people_disagree_with_the_surest_labels_no_number_of_answers_is_promised() -> None:
    rows = [row | {"agrees": at % 2 == 0} for at, row in enumerate(anchors(200))]
    found = document(table(ai=800), rows)

    assert found["kinds"]["judges"]["state"] == "below"
    assert found["kinds"]["judges"]["answers_missing"] is None
    assert remedy(found).startswith("more answers will not help")


def test_the_whole_table_is_estimated_from_the_drawn_pairs_and_the_labels_own_probability() -> None:
    random = np.random.default_rng(0)
    p = random.uniform(0.65, 0.99, 4_000)
    right = random.random(4_000) < p
    rows = [anchor(at, p[at], bool(right[at])) for at in range(150)]
    preferences = pa.table({"label_source": ["ai"] * 4_000, "p_chosen": p})
    estimate = document(preferences, rows)["kinds"]["judges"]["estimate"]

    assert estimate["low"] < right.mean() < estimate["high"]
    assert (estimate["n"], estimate["method"]) == (150, "ppi")


def test_of_few_drawn_pairs_that_all_agree_the_estimate_is_no_certainty() -> None:
    estimate = document(table(ai=800), anchors(7))["kinds"]["judges"]["estimate"]

    assert estimate["method"] == "exact"
    assert estimate["low"] < 0.6


def test_a_category_is_told_of_once_enough_of_its_pairs_were_drawn() -> None:
    rows = anchors(40) + [anchor(900 + at, 0.9, at < 6, category="prose") for at in range(12)]
    rows += [anchor(990, 0.9, category="rare")]
    found = document(table(ai=800), rows)["kinds"]["judges"]["by_category"]

    assert set(found) == {"sums", "prose"}
    assert found["prose"]["agrees"] == 0.5


def test_drawn_pairs_that_nobody_answered_are_told() -> None:
    some = warrant_lines(document(table(ai=800), anchors(100), drawn=130))
    every = warrant_lines(document(table(ai=800), anchors(100), drawn=100))

    assert "people have answered 100 of 130 drawn pairs" in some[-1]
    assert len(every) == len(some) - 1


def test_agreement_by_threshold_and_category_is_a_line_of_each_kind() -> None:
    (line,) = detail_lines(document(table(ai=800), anchors(100)))

    assert line.startswith("labels by judges, people agree: p_chosen from 0.6 on 100%")
    assert "p_chosen from 0.95 on 100% [" in line
    assert "sums 100% [" in line
    assert detail_lines(document(table(ai=800), [])) == []


def test_of_no_labels_nothing_is_said() -> None:
    found = document(table(ai=0), [])

    assert warrant_lines(found) == []
    assert remedy(found) == ""
    assert not is_warranted(found)


@pytest.mark.parametrize(
    ("kinds", "says"),
    [
        (("human",), "labels by people's imported verdicts (800)"),
        (("human", "model"), "labels by judges and people (800)"),
        (("model",), "labels by judges (800)"),
    ],
)
def test_labels_by_imported_verdicts_of_people_are_called_so(
    kinds: tuple[str, ...], says: str
) -> None:
    judged = {"judges": {f"judge {at}": {"kind": kind} for at, kind in enumerate(kinds)}}
    found = with_words(document(table(imported=800), []), judged, asked=True)

    assert found["says"][0].startswith(says)
    assert says[:-6] in found["remedy"]
