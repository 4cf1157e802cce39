"""The answer follows from what was measured, and from nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from prefline.labeling.warrant_words import with_words
from prefline.report.trust import Answer, answer, judge_word, one_sided
from tests.prefline.labeling.test_version_warrant import anchor, document, table
from tests.prefline.report.projects import figure

HOLDS = {"passed": True, "n_failed": 0}


@pytest.mark.parametrize(
    ("accuracy", "word"),
    [
        pytest.param(figure(0.4, 0.5, 0.6), "at chance", id="the interval holds one half"),
        pytest.param(figure(0.5, 0.7, 0.9), "at chance", id="one half is its end"),
        pytest.param(figure(0.6, 0.7, 0.8), "better than chance", id="wholly above"),
        pytest.param(figure(0.1, 0.2, 0.3), "worse than chance", id="wholly below"),
        pytest.param(
            {"value": None, "low": None, "high": None, "n": 0}, "could not be measured", id="none"
        ),
    ],
)
def test_the_word_for_a_judge_is_its_intervals(accuracy: dict[str, Any], word: str) -> None:
    assert judge_word(accuracy) == word


@pytest.mark.parametrize(
    ("sources", "judge", "validation", "word"),
    [
        pytest.param({}, "at chance", HOLDS, "nothing yet", id="no labels"),
        pytest.param({"verifier": 9}, "at chance", HOLDS, "with care", id="unmeasured checks"),
        pytest.param({"human": 9}, "at chance", HOLDS, "yes", id="people"),
        pytest.param({"human": 9}, "at chance", {}, "with care", id="not validated"),
        pytest.param({"human": 9}, "at chance", {"n_failed": 2}, "no", id="broken tables"),
        pytest.param({"ai": 9}, "better than chance", HOLDS, "with care", id="a good judge"),
        pytest.param({"ai": 9}, "at chance", HOLDS, "no", id="a judge at chance"),
        pytest.param({"ai": 9}, "could not be measured", HOLDS, "no", id="an unmeasured judge"),
        pytest.param({"ai": 4, "verifier": 5}, "at chance", HOLDS, "in part", id="a mixture"),
        pytest.param({"ai": 4, "human": 5}, "at chance", HOLDS, "in part", id="some by people"),
        pytest.param({"imported": 9}, "at chance", HOLDS, "with care", id="imported"),
    ],
)
def test_before_people_have_measured_labels_the_answer_is_never_a_plain_yes(
    sources: dict[str, int], judge: str, validation: dict[str, Any], word: str
) -> None:
    assert answered(sources, [], judge, validation).word == word


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        pytest.param(lambda _: False, "yes", id="people agree"),
        pytest.param(lambda at: at < 60 and at % 2, "in part", id="with the sure ones"),
        pytest.param(lambda at: at % 4 == 0, "with care", id="in three of four"),
        pytest.param(lambda at: at % 2, "no", id="in half"),
    ],
)
def test_once_people_have_measured_labels_their_agreement_is_the_answer(
    wrong: Callable[[int], Any], word: str
) -> None:
    rows = [anchor(at, 0.65 + 0.34 * at / 199, not wrong(at)) for at in range(200)]
    assert answered({"ai": 500}, rows, "at chance", HOLDS).word == word


def test_an_answer_of_no_measurement_says_how_many_answers_of_people_would_tell() -> None:
    found = answered({"ai": 900}, [], "better than chance", HOLDS)

    assert "nobody has measured how often people agree with them" in found.known[0]
    assert "more pairs of the random share" in found.remedy


def test_a_version_without_what_was_withheld_is_judged_by_what_it_holds() -> None:
    rows = [anchor(at, 0.65 + 0.34 * at / 199, at >= 60 or at % 2 == 0) for at in range(200)]
    document = warrant(table(ai=500), rows)
    withheld = 500 - document["kinds"]["judges"]["warranted"]
    found = answer(document, [], {}, HOLDS, withheld)

    assert found.word == "yes"
    assert f"{withheld} others are withheld" in found.says


def test_one_better_judge_carries_a_label_that_others_share() -> None:
    by_judges = [{"label_source": "ai", "judges": "big,small", "rows": 3}]
    words = {"big": "better than chance", "small": "at chance"}
    assert answer(warrant(table(ai=3), []), by_judges, words, HOLDS).word == "with care"


def warrant(preferences: Any, rows: list[dict[str, Any]]) -> dict[str, Any]:
    return with_words(document(preferences, rows), {}, asked=False)


def answered(
    sources: dict[str, int], rows: list[dict[str, Any]], judge: str, validation: dict[str, Any]
) -> Answer:
    """The answer for labels of these sources, all with the same judge behind them."""
    preferences = table(**sources) if sources else table(ai=0)
    by_judges = [{"label_source": s, "judges": "big", "rows": n} for s, n in sources.items()]
    return answer(warrant(preferences, rows), by_judges, {"big": judge}, validation)


@pytest.mark.parametrize(
    ("categories", "says"),
    [
        ({}, ""),
        ({"sums": 5, "words": 5}, ""),
        ({"sums": 9, "words": 1}, "90% are of one category: sums."),
        ({"sums": 5}, "They are all of one category: sums."),
    ],
    ids=["none", "even", "mostly one", "one"],
)
def test_a_dataset_of_mostly_one_category_is_called_so(
    categories: dict[str, int], says: str
) -> None:
    assert one_sided(categories) == says
