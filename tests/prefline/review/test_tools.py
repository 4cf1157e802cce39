"""`prefline review push` and `pull`, with servers that know what Label Studio and Argilla know."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from prefline.cli.app import app
from prefline.errors import (
    EndpointDenied,
    EndpointUnreachable,
    EnvironmentFault,
    InputError,
    RequestRefused,
)
from prefline.project import Project
from tasks.pair import read_answers, write_queue
from tests.prefline.report.projects import empty_project
from tests.prefline.review.material import queue_row
from tests.prefline.review.tool_servers import FakeArgilla, FakeLabelStudio, served_tool

pytestmark = [
    # Of Argilla's client, and of what it does with a later Pydantic.
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    project = empty_project(tmp_path)
    (tmp_path / "params.yaml").write_text((Path(__file__).parents[3] / "params.yaml").read_text())
    write_queue(project.table("review"), [queue_row(n) for n in range(3)], 2)
    monkeypatch.chdir(tmp_path)
    for name in ("LABEL_STUDIO_URL", "ARGILLA_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", FakeLabelStudio.legacy)
    monkeypatch.setenv("ARGILLA_API_KEY", FakeArgilla.key)
    return project


@pytest.fixture
def label_studio() -> Iterator[tuple[FakeLabelStudio, str]]:
    tool = FakeLabelStudio()
    with served_tool(tool) as url:
        yield tool, url


@pytest.fixture
def argilla() -> Iterator[tuple[FakeArgilla, str]]:
    tool = FakeArgilla()
    with served_tool(tool) as url:
        yield tool, url


def review(*words: str) -> Any:
    """What `prefline review WORDS --json` prints; its error is raised."""
    outcome = CliRunner().invoke(app, ["review", *words, "--json"], catch_exceptions=False)
    assert outcome.exit_code == 0, outcome.output
    assert outcome.stdout.startswith("{"), outcome.stdout
    return orjson.loads(outcome.stdout)


def annotation(user: int, side: str) -> dict[str, Any]:
    result = {"type": "pairwise", "value": {"selected": side}, "from_name": "better"}
    return {"completed_by": user, "was_cancelled": False, "result": [result]}


def test_label_studio_gets_each_pair_once_and_gives_answers_back(
    project: Project, label_studio: tuple[FakeLabelStudio, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tool, url = label_studio
    tool.projects.append({"id": 1, "title": "prefline-review of last year"})  # contains the title
    tool.tasks[1] = []
    pushed = review("push", "label_studio", "--url", url)
    assert (pushed["new"], pushed["already"]) == (3, 0)
    assert tool.projects[1]["title"] == "prefline-review"
    assert tool.projects[1]["maximum_annotations"] == 1  # pair.review.reviewers_per_pair
    write_queue(project.table("review"), [queue_row(n) for n in range(1, 5)], 2)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", tool.personal)
    pushed = review("push", "label_studio", "--url", f"{url}/")
    assert (pushed["new"], pushed["already"]) == (2, 2)
    assert [task["data"]["pair_id"] for task in tool.tasks[2]] == [
        queue_row(n)["pair_id"] for n in range(5)
    ]

    tool.tasks[2][0]["annotations"] = [annotation(7, "left"), annotation(8, "right")]
    tool.tasks[2][1]["annotations"] = [annotation(7, "left") | {"was_cancelled": True}]
    pulled = review("pull", "label_studio", "--url", url)
    assert (pulled["answers"], pulled["skipped"], pulled["pairs"]) == (2, 1, 5)
    assert pulled["reviewers"] == ["label_studio:7", "label_studio:8"]
    answers = read_answers(project.reviews).given
    assert [answer.preferred for answer in answers] == [
        queue_row(0)["response_a_id"], queue_row(0)["response_b_id"],
    ]  # fmt: skip
    assert pulled == review("pull", "label_studio", "--url", url)
    assert [path.name for path in project.reviews.iterdir()] == [
        "label_studio-prefline-review.json"
    ]


def test_an_export_that_is_no_answer_is_not_kept(
    project: Project, label_studio: tuple[FakeLabelStudio, str]
) -> None:
    tool, url = label_studio
    review("push", "label_studio", "--url", url)
    tool.tasks[1][2]["annotations"] = [annotation(7, "above")]
    with pytest.raises(InputError, match=r"row 3: field 'annotations\.0\.result\.0' is pairwise"):
        review("pull", "label_studio", "--url", url)
    assert not project.reviews.exists()


def test_argilla_gets_each_pair_once_and_gives_answers_back(
    project: Project, argilla: tuple[FakeArgilla, str]
) -> None:
    tool, url = argilla
    assert review("push", "argilla", "--url", url)["new"] == 3
    assert tool.datasets[0]["distribution"] == {"strategy": "overlap", "min_submitted": 2}
    assert tool.datasets[0]["workspace_id"] == tool.workspaces[0]["id"]
    write_queue(project.table("review"), [queue_row(n) for n in range(1, 5)], 2)
    pushed = review("push", "argilla", "--url", url)
    assert (pushed["new"], pushed["already"], len(tool.records)) == (2, 2, 5)

    for number, (value, status) in enumerate([("b", "submitted"), ("tie", "draft")]):
        tool.records[queue_row(number)["pair_id"]]["responses"] = [
            {"values": {"preference": {"value": value}}, "status": status, "user_id": tool.user}
        ]
    pulled = review("pull", "argilla", "--url", url)
    assert (pulled["answers"], pulled["skipped"], pulled["pairs"]) == (1, 1, 5)
    (answer,) = read_answers(project.reviews).given
    assert answer.reviewer == f"argilla:{tool.user}"
    assert answer.preferred == queue_row(0)["response_b_id"]


@pytest.mark.parametrize("tool", ["label_studio", "argilla"])
def test_what_is_missing_is_said_with_a_remedy(
    tool: str, project: Project, label_studio: tuple[FakeLabelStudio, str],
    argilla: tuple[FakeArgilla, str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    url = {"label_studio": label_studio, "argilla": argilla}[tool][1]
    with pytest.raises(InputError, match=r"address of \w+ is not known.*\n.*--url, or set"):
        review("push", tool)
    with pytest.raises(RequestRefused, match=rf"prefline-review'(.|\n)*push {tool}"):
        review("pull", tool, "--url", url)
    with pytest.raises(EndpointUnreachable, match="does not answer"):
        review("pull", tool, "--url", "http://127.0.0.1:9")
    key = {"label_studio": "LABEL_STUDIO_API_KEY", "argilla": "ARGILLA_API_KEY"}[tool]
    monkeypatch.setenv(key, "wrong")
    with pytest.raises(EndpointDenied, match="refuses"):
        review("pull", tool, "--url", url)
    monkeypatch.delenv(key)
    with pytest.raises(InputError, match=f"set {key}"):
        review("pull", tool, "--url", url)


def test_a_workspace_or_a_client_that_is_not_there(
    project: Project, argilla: tuple[FakeArgilla, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, url = argilla
    with pytest.raises(RequestRefused, match=r"'nowhere'\n.*argilla, other"):
        review("push", "argilla", "--url", url, "--workspace", "nowhere")
    monkeypatch.setitem(sys.modules, "argilla", None)
    with pytest.raises(EnvironmentFault, match=r"not installed.*\n.*uv pip install argilla"):
        review("push", "argilla", "--url", url)


def test_without_a_queue_nothing_is_pushed(
    project: Project, label_studio: tuple[FakeLabelStudio, str]
) -> None:
    tool, url = label_studio
    (project.table("review") / "label_studio.json").unlink()
    with pytest.raises(InputError, match=r"(?s)label_studio.json is missing.*dvc repro pair"):
        review("push", "label_studio", "--url", url)
    assert tool.projects == []
