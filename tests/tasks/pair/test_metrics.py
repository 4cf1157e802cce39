from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from prefline.config import PairParams
from tasks.pair import pair_metrics
from tasks.pair.formats.plain import Answer, Answers
from tasks.pair.labels import LabelledPairs
from tasks.pair.queue import is_random
from tests.prefline.labeling.judgments import judgment
from tests.tasks.pair.material import label_pairs, params, queue_of

HALF = params(random_share=0.5, size=3)


def table(pairs: int) -> list[dict[str, Any]]:
    """Pairs that the verifier decides for the lower id, and a judge asked in one order for what
    it sees first, which is the upper id in every fourth pair."""
    rows = []
    for at in range(pairs):
        a, b = f"{at:03d}a", f"{at:03d}b"
        shown = (b, a) if at % 4 == 0 else (a, b)
        rows += [
            judgment(a, b, "first", judge="verifier", p_first=1.0, prompt=f"p{at:03d}"),
            judgment(*shown, "first", judge="small", p_first=0.9, prompt=f"p{at:03d}"),
        ]
    return rows


def answered(
    rows: list[dict[str, Any]], says: dict[int, dict[str, str]], given: PairParams = HALF
) -> tuple[LabelledPairs, dict[str, Any]]:
    """Labels and metrics once reviewers have said "a", "b" or "tie" of the pairs by number."""
    pairs = {one.evidence.lower: one for one in label_pairs(rows, given).by_judges}
    answers = []
    for number, words in says.items():
        pair = pairs[f"{number:03d}a"].evidence
        for reviewer, word in words.items():
            sides = {"a": (pair.lower, pair.upper), "b": (pair.upper, pair.lower)}
            preferred, other = sides.get(word, ("tie", pair.upper))
            answers.append(Answer(pair.pair_id, reviewer, preferred, other, ""))
    labelled = label_pairs(rows, given, answers=Answers(tuple(answers)))
    queue = queue_of(labelled.by_judges, given)
    return labelled, pair_metrics(labelled, queue, rows, given)


def test_labels_are_measured_against_people_on_the_pairs_that_they_settled() -> None:
    says = {0: {"ann": "a"}, 1: {"ann": "a"}, 2: {"ann": "a"}, 3: {"ann": "b"}, 4: {"ann": "tie"}}
    _, figures = answered(table(40), says)
    found = figures["reviews"]["against_people"]["all"]
    p = figures["verifiers"]["unknown"]["accuracy"]

    assert (found["reviewed"], found["pairs"]) == (5, 5)
    assert found["accuracy"]["value"] == pytest.approx(3 / 4)
    assert found["accuracy"]["n"] == 4
    assert found["accuracy"]["low"] < 3 / 4 < found["accuracy"]["high"]
    # The verifier's word alone is p; the judge's adds to it or takes away a little.
    brier = (3 * (1 - p) ** 2 + p**2 + (p - 0.5) ** 2) / 5
    assert found["brier"]["value"] == pytest.approx(brier, abs=0.05)
    assert found["ece"]["value"] == pytest.approx(p - 3.5 / 5, abs=0.05)


def test_the_judges_are_measured_too_each_in_its_own_order() -> None:
    says = {number: {"ann": "a"} for number in range(8)}
    _, figures = answered(table(40), says)
    judges = figures["reviews"]["against_people"]["all"]["judges"]

    assert judges["verifier"]["accuracy_per_order"]["value"] == 1.0
    assert judges["small"]["accuracy_per_order"]["value"] == pytest.approx(6 / 8)
    assert judges["small"]["n_verdicts"] == 8


def test_the_random_share_is_measured_apart() -> None:
    rows = table(40)
    drawn = {
        int(one.evidence.lower[:3])
        for one in label_pairs(rows, HALF).by_judges
        if is_random(one.evidence.pair_id, HALF)
    }
    # On the drawn pairs people agree with the labels, on the others they do not.
    says = {number: {"ann": "a" if number in drawn else "b"} for number in range(20)}
    _, figures = answered(rows, says)
    found = figures["reviews"]["against_people"]

    assert found["random"]["drawn"] == len(drawn)
    assert found["random"]["reviewed"] == len(drawn & set(range(20)))
    assert found["random"]["accuracy"]["value"] == 1.0
    assert found["all"]["accuracy"]["value"] == pytest.approx(len(drawn & set(range(20))) / 20)


def test_a_label_that_is_no_preference_counts_as_a_label_and_not_as_a_preference() -> None:
    rows = [*table(4), judgment("900a", "900b", "invalid", prompt="p900")]
    _, figures = answered(rows, {0: {"ann": "a"}, 900: {"ann": "a"}})
    found = figures["reviews"]["against_people"]["all"]

    assert found["accuracy"]["value"] == 0.5
    assert found["accuracy_of_preferences"]["value"] == 1.0


def test_pairs_that_people_left_open_are_no_measure() -> None:
    _, figures = answered(table(8), {0: {"ann": "a", "ben": "b"}})
    found = figures["reviews"]["against_people"]["all"]

    assert (found["reviewed"], found["pairs"], found["judges"]) == (1, 0, {})
    assert found["accuracy"] == {"value": None, "low": None, "high": None, "n": 0}


def test_reviewers_are_counted_and_their_agreement_is_krippendorff_s() -> None:
    import krippendorff

    says = {
        0: {"ann": "a", "ben": "a"}, 1: {"ann": "a", "ben": "b"}, 2: {"ann": "tie", "ben": "tie"},
        3: {"ann": "b", "ben": "b", "cat": "b"}, 4: {"cat": "a"},
    }  # fmt: skip
    _, figures = answered(table(8), says)
    found = figures["reviews"]
    code = {"a": 1, "b": -1, "tie": 0}
    by_reviewer = [
        [code[says[at][name]] if name in says[at] else np.nan for at in says]
        for name in ("ann", "ben", "cat")
    ]
    alpha = krippendorff.alpha(reliability_data=by_reviewer, level_of_measurement="nominal")

    assert (found["n_answers"], found["n_pairs"], found["ties"]) == (10, 5, 2)
    assert list(found["reviewers"]) == ["ann", "ben", "cat"]
    assert found["reviewers"]["cat"] == {
        "accuracy": pytest.approx(0.95, abs=0.03), "n_answers": 2, "n_shared": 1,
    }  # fmt: skip
    assert found["krippendorff_alpha"]["value"] == pytest.approx(alpha)
    assert sum(found["queued"].values()) == figures["queued_for_review"]


def test_without_reviews_every_figure_is_there_and_says_nothing() -> None:
    labelled, figures = answered(table(8), {})

    assert figures["reviews"]["n_answers"] == 0
    assert figures["reviews"]["krippendorff_alpha"]["value"] is None
    assert figures["reviews"]["against_people"]["random"]["accuracy"]["n"] == 0
    assert labelled.final == labelled.by_judges


def test_the_order_of_judgments_and_answers_changes_no_figure() -> None:
    says = {0: {"ann": "a", "ben": "b"}, 1: {"ann": "a"}, 5: {"ben": "tie", "ann": "b"}}
    turned = {key: dict(reversed(words.items())) for key, words in reversed(says.items())}
    _, one = answered(table(12), says)
    _, other = answered(table(12)[::-1], turned)

    assert one == other


def test_the_warrant_compares_labels_with_anchors_that_did_not_teach_them() -> None:
    labelled, figures = answered(table(40), {number: {"ann": "a"} for number in range(8)})
    lowest = figures["warrant"][0]

    assert (lowest["threshold"], lowest["n"]) == (0.5, 40)
    assert figures["anchors"]["anchors"] == pytest.approx(40, abs=0.5)
    assert figures["anchors"]["anchored_preferences"] == figures["preferences"]
    assert labelled.warrant[0].agrees == lowest["agrees"]


def test_a_reviewer_is_as_steady_as_they_say_the_same_twice() -> None:
    rows = table(8)
    pairs = {one.evidence.lower: one.evidence for one in label_pairs(rows, HALF).by_judges}

    def said(number: int, preferred: str) -> Answer:
        pair = pairs[f"{number:03d}a"]
        ids = {"a": (pair.lower, pair.upper), "b": (pair.upper, pair.lower)}[preferred]
        return Answer(pair.pair_id, "ann", *ids, place="x")

    first = tuple(said(number, "a") for number in range(4))
    again = (said(0, "a"), said(1, "b"), said(2, "a"))
    answers = Answers(first, repeats=again)
    labelled = label_pairs(rows, HALF, answers=answers)
    found = pair_metrics(labelled, [], rows, HALF, [])["reviews"]

    assert found["n_answers"] == 4
    assert found["steadiness"]["ann"]["value"] == pytest.approx(2 / 3)
    assert found["steadiness"]["ann"]["n"] == 3
