from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from prefline.cli import main
from prefline.cli.app import app
from prefline.llm import ReplyStore
from prefline.project import Project
from prefline.tables import (
    JUDGMENTS,
    PROMPTS,
    REJECTIONS,
    RESPONSES,
    table_from_rows,
    write_table,
)
from tests.prefline.llm.replies.stores import body, chat, execute, key, put

RUN = CliRunner()
RESPONSE = {
    "response_id": "r", "prompt_id": "p", "model": "m", "sample_index": 0, "text": "",
    "finish_reason": "stop", "origin": "sampled",
}  # fmt: skip


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with replies 0 to 3: two of each of two models."""
    for name in ("dvc.yaml", "params.yaml"):
        (tmp_path / name).write_text("")
    made = Project(tmp_path)
    put(made.replies, {key(0): chat("m0", 5)[1]}, chat("m0", 5)[0])
    put(made.replies, {key(1): chat("m0", 7)[1]}, chat("m0", 7)[0])
    put(made.replies, {key(2): body(2), key(3): body(3)}, chat("m1", 0)[0])
    monkeypatch.chdir(tmp_path)
    return made


def told(*arguments: str) -> dict[str, object]:
    """What a command says with `--json`."""
    done = RUN.invoke(app, ["replies", *arguments, "--json"])
    assert done.exit_code == 0, done.output
    found: dict[str, object] = json.loads(done.stdout)
    return found


def kept(project: Project) -> list[int]:
    """Which of the replies are there."""
    with ReplyStore(project.replies) as store:
        return [number for number in range(4) if key(number) in store]


def test_replies_tells_what_the_store_holds_by_model(project: Project) -> None:
    found = told()

    assert (found["replies"], found["file"]) == (4, str(project.replies))
    assert found["bytes_on_disk"] == project.replies.stat().st_size
    assert 0 <= found["newest_days"] <= found["oldest_days"] < 1
    assert [
        (one["model"], one["replies"], one["input_tokens"], one["output_tokens"])
        for one in found["models"]
    ] == [("m0", 2, 12, 24), ("m1", 2, 0, 0)]


def test_replies_tells_a_person_the_same(project: Project) -> None:
    lines = RUN.invoke(app, ["replies"]).stdout.splitlines()

    assert lines[0].startswith("4 replies in ")
    assert lines[1].startswith("bought 0.0 to 0.0 days ago")
    assert lines[3].split()[:4] == ["m0", "2", "12", "24"]


def test_an_empty_store_is_no_error(project: Project) -> None:
    project.replies.unlink()

    assert told()["oldest_days"] is None
    assert "0 replies in " in RUN.invoke(app, ["replies"]).stdout
    assert "0 replies read" in RUN.invoke(app, ["replies", "check"]).stdout


def test_prune_only_says_what_would_go(project: Project) -> None:
    found = told("prune", "--model", "m1")

    assert (found["done"], found["kept"], found["removed"]["replies"]) == (False, 2, 2)
    assert "do it with --yes" in RUN.invoke(app, ["replies", "prune"]).stdout
    assert kept(project) == [0, 1, 2, 3]


def test_prune_does_it_with_yes(project: Project) -> None:
    found = told("prune", "--model", "m1", "--yes")

    assert (found["done"], found["removed"]["replies"]) == (True, 2)
    assert kept(project) == [0, 1]


def test_prune_without_filters_removes_nothing(project: Project) -> None:
    text = RUN.invoke(app, ["replies", "prune", "--yes"]).stdout

    assert text.startswith("removed 0 replies (0 B) and kept the 4 others")
    assert kept(project) == [0, 1, 2, 3]


def test_prune_by_age_takes_what_is_older(project: Project) -> None:
    assert told("prune", "--older-than", "1")["removed"]["replies"] == 0
    assert told("prune", "--older-than", "0")["removed"]["replies"] in (0, 4)  # the same second


def test_prune_of_unused_replies_keeps_what_the_tables_name(project: Project) -> None:
    write_table(project.table("prompts"), PROMPTS.empty_table(), PROMPTS)
    rows = [RESPONSE | {"request_key": key(0)}, RESPONSE | {"request_key": None}]
    write_table(project.table("responses"), table_from_rows(rows, RESPONSES), RESPONSES)
    judgment = {name: "" for name in JUDGMENTS.names if not JUDGMENTS.field(name).nullable}
    judgments = table_from_rows([judgment | {"request_key": key(2)}], JUDGMENTS)
    write_table(project.table("judgments"), judgments, JUDGMENTS)
    write_table(project.table("rejections"), REJECTIONS.empty_table(), REJECTIONS)
    told("prune", "--unused", "--model", "m1", "--yes")

    assert kept(project) == [0, 1, 2]
    told("prune", "--unused", "--yes")
    assert kept(project) == [0, 2]


def test_prune_of_unused_replies_is_refused_where_a_table_is_missing(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_table(project.table("prompts"), PROMPTS.empty_table(), PROMPTS)
    monkeypatch.setattr("sys.argv", ["prefline", "replies", "prune", "--unused", "--yes"])
    with pytest.raises(SystemExit):
        main()

    assert "responses" in capsys.readouterr().err
    assert kept(project) == [0, 1, 2, 3]


def test_prune_says_what_it_left_to_a_run_that_is_under_way(project: Project) -> None:
    with ReplyStore(project.replies) as store:
        asyncio.run(store.put(key(9), *chat("m1", 1)))
        text = RUN.invoke(app, ["replies", "prune", "--model", "m1", "--yes"]).stdout

        assert "removed 2 replies" in text
        assert "1 of these may be of a run that is under way: they are left alone" in text
        assert store.get(key(9)) is not None


def test_check_finds_nothing_wrong_with_a_sound_store(project: Project) -> None:
    found = told("check")

    assert (found["ok"], found["replies"], found["file"]) == (True, 4, str(project.replies))
    assert RUN.invoke(app, ["replies", "check"]).stdout == (
        "4 replies read, and nothing is wrong\n"
    )


def test_check_names_what_cannot_be_read_and_ends_with_1(project: Project) -> None:
    execute(project.replies, "UPDATE replies SET checksum = 0 WHERE key = ?", key(2))
    text = RUN.invoke(app, ["replies", "check"])
    found = RUN.invoke(app, ["replies", "check", "--json"])

    assert (text.exit_code, found.exit_code) == (1, 1)
    assert f"cannot be read: {key(2)}: its checksum is wrong" in text.stdout
    assert json.loads(found.stdout)["unreadable"] == {key(2): "its checksum is wrong"}


def test_a_damaged_file_is_found_and_repaired(project: Project) -> None:
    put(project.replies, {key(number): os.urandom(2_000) for number in range(10, 99)})
    content = bytearray(project.replies.read_bytes())
    content[-4_096:] = bytes(4_096)  # the last page
    project.replies.write_bytes(content)
    damaged = RUN.invoke(app, ["replies", "check"])

    assert damaged.exit_code == 1
    assert "damage: " in damaged.stdout
    assert "prefline replies check --repair" in damaged.stdout
    found = told("check", "--repair")
    assert found["kept"] + found["lost"] == 93
    assert found["kept"] > 80
    assert told("check")["ok"]
