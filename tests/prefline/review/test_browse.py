"""Questions about the tables: filters, order, and what hangs on a prompt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from prefline.ids import pair_id
from prefline.project import Project
from prefline.review.browse import Browser, PairFilters, RejectionFilters
from prefline.review.desk import LEFT, Desk
from prefline.review.server import guarded, make_app
from prefline.review.tables import TableViews, parts_of_project
from prefline.tables.metrics import write_metrics
from tests.prefline.labeling.judgments import judgment
from tests.prefline.report.projects import HOSTILE, full_project, save
from tests.prefline.review.material import TOKEN, label, queue_row, write_queue

BASE = f"http://localhost/{TOKEN}/browse"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Twelve pairs of the report's tests, in three categories, that a verifier decided."""
    return full_project(tmp_path_factory.mktemp("browse"))


@pytest.fixture(scope="module")
def browser(project: Project) -> Browser:
    return Browser(TableViews(parts_of_project(project)))


@pytest.fixture(scope="module")
def client(project: Project) -> TestClient:
    app: Any = guarded(make_app(project), TOKEN, "127.0.0.1")
    return TestClient(app, base_url="http://localhost", raise_server_exceptions=False)


def test_questions_are_answered_within_a_memory_limit(project: Project) -> None:
    views = TableViews(parts_of_project(project))
    sql = (
        "SELECT name, value FROM duckdb_settings() WHERE name IN ('memory_limit', 'temp_directory')"
    )
    settings = {row["name"]: row["value"] for row in views.rows(sql, tables=[])}

    assert settings["memory_limit"] == "476.8 MiB"
    assert Path(settings["temp_directory"]).is_dir()
    del views
    assert not Path(settings["temp_directory"]).exists()


def found(browser: Browser, **filters: Any) -> int:
    result = browser.pairs(PairFilters.model_validate(filters))
    assert len(result.rows) == min(result.total, 50)
    return result.total


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        pytest.param({}, 12, id="all"),
        pytest.param({"category": "sums"}, 4, id="category"),
        pytest.param({"category": "sums", "split": "test"}, 1, id="two filters"),
        pytest.param({"model": "big-7b"}, 12, id="model"),
        pytest.param({"model": "big"}, 0, id="part of a model's name"),
        pytest.param({"judge": "verifier"}, 12, id="judge"),
        pytest.param({"rests_on": "ai"}, 0, id="label source"),
        pytest.param({"disagreement": "yes"}, 12, id="judges disagree"),
        pytest.param({"people": "yes"}, 0, id="people answered"),
        pytest.param({"p_from": "0.7", "p_to": 0.8}, 4, id="range of p"),
        pytest.param({"text": "SCRIPT>ALERT"}, 12, id="text, whatever its case"),
        pytest.param({"text": "11 is right"}, 0, id="text of an answer, in prompts"),
        pytest.param({"text": "11 is right", "whole": True}, 1, id="text of an answer"),
        pytest.param({"text": "' OR 1=1 --"}, 0, id="text that is SQL"),
        pytest.param({"text": ".*(\\E[", "whole": True}, 0, id="text that is a pattern"),
        pytest.param({"text": "</script> & <b>"}, 12, id="text with signs"),
    ],
)
def test_filters_narrow_what_is_shown(
    browser: Browser, filters: dict[str, Any], count: int
) -> None:
    assert found(browser, **filters) == count


def test_labels_that_judges_contradict_come_first_then_the_unsure_ones(tmp_path: Path) -> None:
    project = full_project(tmp_path)
    figures = [(0.99, 1.0), (0.9, 0.5), (0.7, 1.0), (0.99, 0.5)]
    save(project, "preferences", [
        label(queue_row(n), p_chosen=p, agreement=a) for n, (p, a) in enumerate(figures)
    ])  # fmt: skip
    browser = Browser(TableViews(parts_of_project(project)))
    rows = browser.pairs(PairFilters()).rows
    assert [(row["p_chosen"], row["agreement"]) for row in rows] == [
        (0.9, 0.5), (0.99, 0.5), (0.7, 1.0), (0.99, 1.0),
    ]  # fmt: skip


def test_facets_count_what_there_is(browser: Browser) -> None:
    facets = browser.facets()
    assert {row["value"]: row["n"] for row in facets["judge"]} == {"big": 12, "verifier": 12}
    assert {row["value"]: row["n"] for row in facets["model"]} == {"big-7b": 12}
    assert {row["n"] for row in facets["category"]} == {4}


def test_a_prompt_has_all_that_hangs_on_it(project: Project, browser: Browser) -> None:
    row = browser.pairs(PairFilters(order="id")).rows[0]
    view = browser.prompt(row["prompt_id"])
    assert view is not None
    assert len(view.responses) == 2
    (pair,) = view.pairs
    assert pair["preference"]["pair_id"] == row["pair_id"]
    assert len(pair["preference"]["chosen"]) == 1
    assert view.cost_usd == pytest.approx(4 * 0.25)


def test_any_id_leads_to_its_prompt_that_of_a_rejected_pair_too(
    project: Project, browser: Browser
) -> None:
    row = browser.pairs(PairFilters(order="id")).rows[0]
    view = browser.prompt(row["prompt_id"])
    assert view is not None
    ids = [answer["response_id"] for answer in view.responses]
    judged = pair_id(*ids)  # not the id that its preference has in these tests
    for identity in (row["prompt_id"], row["pair_id"], *ids, judged):
        assert browser.prompt_of(identity) == row["prompt_id"]
    assert browser.prompt_of("none") is None


def test_rejections_are_counted_by_reason(browser: Browser) -> None:
    assert [(row["reason"], row["n"]) for row in browser.reasons()] == [
        ("tie", 2), ("order_flip", 1),
    ]  # fmt: skip
    assert browser.rejections(RejectionFilters(reason="tie")).total == 2
    assert browser.rejections(RejectionFilters(stage="judge")).total == 0


def test_a_table_that_a_run_writes_anew_is_read_anew(tmp_path: Path) -> None:
    project = full_project(tmp_path)
    browser = Browser(TableViews(parts_of_project(project)))
    assert found(browser) == 12
    save(project, "preferences", [label(queue_row(0))])
    assert found(browser) == 1
    assert [row["value"] for row in browser.facets()["judge"]] == ["secret-judge"]


@pytest.mark.parametrize("name", ["preferences", "prompts", "responses", "judgments"])
def test_a_missing_table_has_no_rows(tmp_path: Path, name: str) -> None:
    project = full_project(tmp_path)
    prompt = Browser(TableViews(parts_of_project(project))).pairs(PairFilters()).rows[0]
    for part in project.table(name).iterdir():
        part.unlink()
    browser = Browser(TableViews(parts_of_project(project)))
    assert found(browser) == (0 if name == "preferences" else 12)
    if name != "preferences":
        assert browser.pairs(PairFilters()).rows[0]["text"] == HOSTILE[:240]
    view = browser.prompt(prompt["prompt_id"])
    assert view is not None


def test_pages_say_what_they_found_and_hostile_text_stays_text(
    project: Project, client: TestClient, browser: Browser
) -> None:
    row = browser.pairs(PairFilters(order="id")).rows[0]
    for path in ("", "/rejections", f"/prompt/{row['prompt_id']}"):
        page = client.get(f"{BASE}{path}")
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "<i>odd" not in page.text
    assert "changes with the order" in page.text
    assert "prefline trace" in page.text


def test_a_bad_address_gives_a_reason_and_an_unknown_id_a_remedy(client: TestClient) -> None:
    page = client.get(f"{BASE}?p_from=2")
    assert page.status_code == 404
    assert "p_from" in page.text
    page = client.get(f"{BASE}/find?identity=none")
    assert page.status_code == 404
    assert "take an id from a column that ends in `id`" in page.text


def test_comments_of_reviewers_stand_beside_their_answers(tmp_path: Path) -> None:
    project = full_project(tmp_path)
    row = queue_row(0)
    write_queue(project, [row])
    save(project, "preferences", [label(row)])
    save(project, "answers", [{
        "pair_id": row["pair_id"], "prompt_id": row["prompt_id"], "reviewer": "ann",
        "preferred_id": row["response_a_id"], "place": "prefline-ann.jsonl, row 1",
        "accuracy": 0.95,
    }])  # fmt: skip
    desk = Desk(project)
    showing = desk.showing(row["pair_id"], repeat=False)
    assert showing is not None
    desk.answer("ann", showing, LEFT, None, "the other is <b>wrong</b>")
    app: Any = guarded(make_app(project), TOKEN, "127.0.0.1")
    page = TestClient(app, base_url="http://localhost").get(f"{BASE}/prompt/{row['prompt_id']}")
    assert "the other is &lt;b&gt;wrong&lt;/b&gt;" in page.text


def test_what_each_judge_adds_to_a_label_is_shown(tmp_path: Path) -> None:
    project = full_project(tmp_path)
    row = queue_row(0)
    sides = row["response_a_id"], row["response_b_id"]
    save(project, "preferences", [label(row)])
    save(project, "judgments", [
        judgment(*sides, "first", prompt=row["prompt_id"], judge="plain"),
        judgment(*sides[::-1], "second", prompt=row["prompt_id"], judge="plain"),
    ])  # fmt: skip
    figures = {
        "answers": "verdict", "weight": 0.75, "weight_se": 0.1, "unit": 1.0, "length_bias": 0.0,
        "position_bias": 0.0, "verdict_scores": [-1.0, 0.0, 1.0],
    }  # fmt: skip
    write_metrics(project.metrics("pair"), {"calibration": {"plain": figures}})
    app: Any = guarded(make_app(project), TOKEN, "127.0.0.1")
    page = TestClient(app, base_url="http://localhost").get(f"{BASE}/prompt/{row['prompt_id']}")
    assert "adds +0.75" in page.text
    assert "+0.75 together; the label has +2.20" in page.text
