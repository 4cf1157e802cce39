"""The answer follows from what was measured, and from nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from prefline.report.trust import answer, judge_word, one_sided
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
        pytest.param({"verifier": 9}, "at chance", HOLDS, "yes", id="checks, whatever the judge"),
        pytest.param({"human": 9}, "at chance", HOLDS, "yes", id="people"),
        pytest.param({"verifier": 9}, "at chance", {}, "with care", id="not validated"),
        pytest.param({"verifier": 9}, "at chance", {"n_failed": 2}, "no", id="broken tables"),
        pytest.param({"ai": 9}, "better than chance", HOLDS, "with care", id="a good judge"),
        pytest.param({"ai": 9}, "at chance", HOLDS, "no", id="a judge at chance"),
        pytest.param({"ai": 9}, "could not be measured", HOLDS, "no", id="an unmeasured judge"),
        pytest.param({"ai": 4, "verifier": 5}, "at chance", HOLDS, "in part", id="a mixture"),
    ],
)
def test_the_answer_rests_on_sources_judges_and_validation(
    sources: dict[str, int], judge: str, validation: dict[str, Any], word: str
) -> None:
    by_judges = [{"label_source": s, "judges": "big", "rows": n} for s, n in sources.items()]
    assert answer(sources, by_judges, {"big": judge}, validation).word == word


@pytest.mark.parametrize(
    ("sources", "unanchored", "says"),
    [
        ({"imported": 9}, 9, "All 9 labels rest on agreement, not on measured accuracy"),
        ({"imported": 4, "human": 5}, 4, "4 of 9 labels rest on agreement"),
    ],
)
def test_labels_that_rest_on_agreement_are_never_a_plain_yes(
    sources: dict[str, int], unanchored: int, says: str
) -> None:
    found = answer(sources, [], {}, HOLDS, unanchored, "check 10 more pairs")

    assert found.word == "with care"
    assert says in found.says
    assert found.says.endswith("To know: check 10 more pairs.")


def test_one_better_judge_carries_a_label_that_others_share() -> None:
    by_judges = [{"label_source": "ai", "judges": "big,small", "rows": 3}]
    words = {"big": "better than chance", "small": "at chance"}
    assert answer({"ai": 3}, by_judges, words, HOLDS).word == "with care"


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
