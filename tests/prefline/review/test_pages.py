"""The server without a browser: who may ask, what a reviewer is told, what is kept."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from prefline.project import Project
from prefline.report import write_report
from prefline.review.guard import Guard, kept_token
from prefline.review.server import guarded, make_app
from tests.prefline.report.projects import full_project
from tests.prefline.review.material import (
    HIDDEN,
    TOKEN,
    answers_of,
    queue_row,
    review_project,
    save_labels,
)

BASE = f"http://localhost/{TOKEN}"
OWN = {"origin": "http://localhost"}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    rows = [queue_row(n) for n in range(12)]
    project = review_project(tmp_path, rows)
    save_labels(project, rows)
    return project


@pytest.fixture
def client(project: Project) -> TestClient:
    app: Guard = guarded(make_app(project, repeat_share=0), TOKEN, "127.0.0.1")
    return TestClient(
        app, base_url="http://localhost", follow_redirects=False, raise_server_exceptions=False
    )


def form(number: int, word: str = "left") -> dict[str, str]:
    return {"pair_id": queue_row(number)["pair_id"], "repeat": "0", "word": word}


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        pytest.param("/", {}, 403, id="no token"),
        pytest.param("/wrong/", {}, 403, id="another token"),
        pytest.param(f"/{TOKEN}", {}, 403, id="no slash"),
        pytest.param(f"/{TOKEN}/", {"host": "evil.example"}, 421, id="another name"),
        pytest.param(f"/{TOKEN}/", {"host": "127.0.0.1.evil.example:80"}, 421, id="a longer name"),
        pytest.param(f"/{TOKEN}/", {"host": "127.0.0.1:8650"}, 200, id="the loopback"),
        pytest.param(f"/{TOKEN}/", {"host": "[::1]:8650"}, 200, id="the loopback of IPv6"),
    ],
)
def test_only_who_has_the_token_and_names_this_host_is_answered(
    client: TestClient, path: str, headers: dict[str, str], status: int
) -> None:
    answer = client.get(path, headers=headers)
    assert answer.status_code == status
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example", "http://localhost:1"])
def test_a_form_of_another_site_is_refused(
    client: TestClient, project: Project, origin: str | None
) -> None:
    headers = {} if origin is None else {"origin": origin}
    sent = client.post(f"{BASE}/review/ann/answer", data=form(0), headers=headers)
    assert sent.status_code == 403
    assert answers_of(project, "ann") == []


def test_a_form_that_is_too_large_is_refused(client: TestClient) -> None:
    data = form(0) | {"comment": "x" * 300_000}
    assert client.post(f"{BASE}/review/ann/answer", data=data, headers=OWN).status_code == 413


def test_an_answer_is_kept_before_the_next_pair_shows(client: TestClient, project: Project) -> None:
    asked = OWN | {"hx-request": "true"}
    sent = client.post(f"{BASE}/review/ann/answer", data=form(0, "right"), headers=asked)
    assert queue_row(1)["pair_id"] in sent.text
    (row,) = answers_of(project, "ann")
    assert row["preferred_id"] == queue_row(0)["response_b_id"]


def test_the_page_works_without_scripts(client: TestClient, project: Project) -> None:
    sent = client.post(f"{BASE}/review/ann/answer", data=form(0), headers=OWN)
    assert sent.status_code == 303
    assert queue_row(1)["pair_id"] in client.get(sent.headers["location"]).text
    back = form(0) | {"word": ""}
    client.post(f"{BASE}/review/ann/undo", data=back, headers=OWN)
    assert queue_row(0)["pair_id"] in client.get(f"{BASE}/review/ann").text


def test_a_form_that_is_sent_twice_is_kept_once(client: TestClient, project: Project) -> None:
    for _ in range(2):
        client.post(f"{BASE}/review/ann/answer", data=form(0), headers=OWN)
    assert len(answers_of(project, "ann")) == 1


def test_a_reviewer_is_told_neither_model_nor_judge_nor_reason(client: TestClient) -> None:
    for number in range(11):
        page = client.get(f"{BASE}/review/ann").text
        assert not [one for one in HIDDEN if one in page]
        client.post(f"{BASE}/review/ann/answer", data=form(number), headers=OWN)


def test_a_bad_name_is_said_on_the_page(client: TestClient) -> None:
    page = client.get(f"{BASE}/review", params={"reviewer": "a/b"})
    assert page.status_code == 422
    assert "is no name of a reviewer" in page.text


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param(form(99), "not in the queue any more", id="a pair that is gone"),
        pytest.param(form(0, "best"), "the form has no answer", id="no word"),
    ],
)
def test_a_form_that_means_nothing_gives_a_reason_and_a_remedy(
    client: TestClient, data: dict[str, str], says: str
) -> None:
    sent = client.post(f"{BASE}/review/ann/answer", data=data, headers=OWN)
    assert sent.status_code == 404
    assert says in sent.text


def test_a_damaged_queue_is_said_with_a_remedy_and_without_a_traceback(
    client: TestClient, project: Project
) -> None:
    (project.table("review") / "queue.parquet").write_bytes(b"no table")
    page = client.get(f"{BASE}/review/ann")
    assert page.status_code == 500
    assert "dvc repro pair" in page.text
    assert "Traceback" not in page.text


def test_no_address_of_the_page_leads_elsewhere(client: TestClient) -> None:
    for path in ("", "review/ann"):
        page = client.get(f"{BASE}/{path}").text
        addresses = re.findall(r'(?:src|href|action|hx-get|hx-post)="([^"]*)"', page)
        assert addresses
        assert all(one.startswith((f"/{TOKEN}/", "#")) for one in addresses)


def test_the_token_is_kept_for_this_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "review-token"
    token = kept_token(path)
    assert len(token) >= 32
    assert kept_token(path) == token
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_report_is_shown_with_links_and_its_file_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prefline.report.page.draw_plots", lambda _: {})
    project = full_project(tmp_path)
    app: Guard = guarded(make_app(project), TOKEN, "127.0.0.1")
    page = TestClient(app, base_url="http://localhost").get(f"{BASE}/report")
    (policy,) = page.headers.get_list("content-security-policy")
    assert "script-src 'sha256-" in policy
    links = re.findall(r'href="([^"]*)"', page.text)
    assert all(one.startswith(f"/{TOKEN}/") for one in links)
    assert len([one for one in links if "/browse/id/" in one]) == 12
    assert write_report(project).read_text().count("href=") == 0


@pytest.mark.parametrize("path", ["nothing", "review/..%2Fx", "browse/versions?page=x"])
def test_an_address_without_a_page_says_so(client: TestClient, path: str) -> None:
    page = client.get(f"{BASE}/{path}")
    assert page.status_code == 404
    assert "there is no page at" in page.text
    assert f'href="/{TOKEN}/"' in page.text
