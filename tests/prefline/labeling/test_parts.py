from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from prefline.labeling.model import label_with_scores
from prefline.labeling.parts import judge_parts
from prefline.labeling.report import labels_report
from prefline.labeling.votes import read_votes
from tests.prefline.labeling.juries import SCHEMA, Row, jury


@pytest.mark.parametrize("told", [0, 60])
def test_a_pairs_parts_are_those_that_the_model_summed(told: int) -> None:
    rows, _ = jury({"soft": 0.8, "hard": 0.7, "late": 0.6}, n=120, told=told)
    rows += jury({"once": 0.75}, n=80, orders=(1,))[0]
    draw = np.random.default_rng(3)
    for number, row in enumerate(rows):
        ids = row["first_id"], row["second_id"]
        first, second = (100.0 + int(name[1:]) % 7 * 30 + 40 * (name[0] == "a") for name in ids)
        row |= {"method": "pairwise", "first_length": first, "second_length": second}
        if row["judge"] in ("soft", "late"):
            towards = {"first": 1.0, "second": -1.0}.get(row["verdict"], 0.0)
            odds = towards * 1.5 + 0.4 + draw.normal()
            row["p_first"] = 1 / (1 + np.exp(-odds))
            row["verdict"] = "first" if odds > 0 else "second"
        elif number % 5 == 0:
            row["verdict"] = "first"  # so that it has a position bias
    votes = read_votes(pa.Table.from_pylist(rows, SCHEMA))
    labels, scores = label_with_scores(votes)
    assert scores is not None
    figures = labels_report(labels.counts())["judges"]
    weight = np.array([each.weight for each in labels.annotators])

    for pair in (0, 17, 100):
        entries = np.flatnonzero(scores.pair == pair)
        expected = {
            votes.annotators[scores.annotator[at]].judge: weight[scores.annotator[at]]
            * scores.score[at]
            for at in entries
        }
        judgments, lengths = of_pair(rows, pair)
        parts = judge_parts(judgments, figures, lengths)
        assert parts == pytest.approx(expected, abs=1e-6)


def of_pair(rows: list[Row], number: int) -> tuple[list[Row], dict[str, int]]:
    """The rows of a pair as `judgments` has them, and its responses' characters."""
    found = [row for row in rows if row["pair_id"] == f"p{number:04}"]
    names = ("first", "second")
    lengths = {row[f"{one}_id"]: int(row[f"{one}_length"]) for row in found for one in names}
    return [{"p_first": None, **row} for row in found], lengths
