from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from prefline.project import Project
from prefline.report.facts import read_facts
from prefline.report.label_quality import label_quality
from prefline.report.page import render
from tests.prefline.report.projects import figure, full_project, save_json

NOTHING = {"value": None, "low": None, "high": None, "n": 0}


def audit() -> dict[str, Any]:
    """Two judges, two models, a principle, lengths and probabilities."""
    quarter = {"from": 1.0, "to": 1.5} | figure(0.4, 0.5, 0.6)
    judge = {"by_length": [quarter], "calibration": [{"p": 0.85} | figure(0.6, 0.7, 0.8)]}
    agreement = {"pairs_kappa": figure(0.3, 0.4, 0.5), "same_verdict": figure(0.6, 0.7, 0.8)}
    rates = {"n_pairs": 9, "length_controlled_win_rate": NOTHING}
    return {
        "judges": {"big": judge, "other": judge},
        "agreement": {"big|other": agreement},
        "krippendorff_alpha": figure(0.3, 0.4, 0.5),
        "models": {
            "weak-1b": rates | {"win_rate": figure(0.1, 0.2, 0.3),
                                "bradley_terry": figure(-1.5, -1.0, -0.5)},
            "big-7b": rates | {"win_rate": figure(0.7, 0.8, 0.9),
                               "bradley_terry": figure(0.5, 1.0, 1.5)},
        },
        "by_principle": {"brief": {"n_verdicts": 7, "same_winner": figure(0.5, 0.6, 0.7),
                                   "pairs_kappa": figure(0.1, 0.2, 0.3)}},
    }  # fmt: skip


def project_with(audit_figures: dict[str, Any], project: Project) -> str:
    save_json(project.judge_details / "audit.json", audit_figures)
    return render(read_facts(project))


def test_everything_that_was_measured_is_on_the_page(tmp_path: Any) -> None:
    page = project_with(audit(), full_project(tmp_path))

    for words in ("Agreement between judges", "big and other", "0.40", "Bradley-Terry",
                  "Does a judge like it long",
                  "Is a judge as sure as it is right", "<td>brief</td>"):  # fmt: skip
        assert words in page
    assert page.index("<td>big-7b</td>") < page.index("<td>weak-1b</td>"), "best first"
    models = page.split('id="models"')[1].split("</section>")[0]
    assert "None" not in models, "what could not be measured is a dash"


def test_one_model_is_not_ranked_and_judges_that_share_no_pair_are_not_compared() -> None:
    found = audit()
    found["models"].pop("weak-1b")
    found["agreement"]["big|other"]["pairs_kappa"] = NOTHING
    quality = label_quality({}, found, {})

    assert quality.models == []
    assert quality.agreement == []


@pytest.mark.usefixtures("_undrawn")
def test_people_s_word_and_attacks_are_told_where_there_are_any(tmp_path: Any) -> None:
    project = full_project(tmp_path)
    against = {"pairs": 12, "accuracy": figure(0.6, 0.7, 0.8), "ece": figure(0.0, 0.1, 0.2)}
    reviews = {"n_answers": 20, "n_pairs": 12, "krippendorff_alpha": figure(0.5, 0.6, 0.7),
               "against_people": {"random": against, "all": against}}  # fmt: skip
    quality = label_quality(
        {"attacks": {"n_responses": 10, "quarantined": 2, "by_kind": {"verdict": 2}}},
        {},
        {"reviews": reviews},
    )
    page = render(replace(read_facts(project), quality=quality))

    assert "pairs drawn at random" in page
    assert "verdict 2" in page


@pytest.mark.usefixtures("_undrawn")
def test_a_run_without_any_of_it_has_no_empty_sections(tmp_path: Any) -> None:
    page = render(read_facts(full_project(tmp_path)))

    for part in ("models", "agreement", "longer", "reliability", "principles", "people", "attacks"):
        assert f'id="{part}"' not in page
