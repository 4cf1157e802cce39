from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from prefline.config import PublishParams, read_params
from prefline.errors import NotWarranted, ParamsError, ValidationFailed
from prefline.ids import content_id
from prefline.project import Project
from prefline.releases import list_versions
from tasks.pair.answers import aggregate_answers, read_answers
from tasks.publish import (
    count_publishable,
    measure_warrant,
    pass_gate,
    read_inputs,
    release_note,
    unwarranted,
    write_withheld,
)
from tests.prefline.report.projects import save
from tests.tasks.publish.published import (
    card_text,
    location,
    preferences_of,
    project_at,
    publish,
    rows_of,
    set_params,
    set_preferences,
    validated,
)

PROMPTS = 60
ASKED = {"agreement": 0.9, "confidence": 0.9}


def judged_project(root: Path, *, asked: dict[str, float] | None = ASKED) -> Project:
    """A project whose labels are a judge's, with probabilities from 0.7 to 0.99."""
    project = project_at(root, prompts=PROMPTS)
    set_params(project, publish={"warrant": asked})
    rows = preferences_of(project)
    for at, row in enumerate(rows):
        row |= {"label_source": "ai", "judges": "big", "p_chosen": 0.7 + 0.29 * at / (PROMPTS - 1)}
    set_preferences(project, rows)
    return project


def reviewed(project: Project, n: int, *, right_from: float = 0.0) -> None:
    """Let people have answered n drawn pairs; labels below that probability are wrong."""
    ps = [0.7 + 0.29 * at / (n - 1) for at in range(n)]
    save(project, "anchors", [
        {"pair_id": content_id(at), "prompt_id": f"p{at}", "category": "sums",
         "told_by": "people", "drawn": True, "label_source": "ai", "p_chosen": p,
         "agrees": p >= right_from, "tie": False, "kept": True}
        for at, p in enumerate(ps)
    ])  # fmt: skip


def test_what_is_above_the_threshold_is_published_and_the_rest_is_counted(tmp_path: Path) -> None:
    project = judged_project(tmp_path)
    reviewed(project, 200, right_from=0.8)
    manifest = publish(project).manifest
    warrant = manifest.quality["warrant"]
    judges = warrant["kinds"]["judges"]
    published = rows_of(project, manifest)["p_chosen"].to_pylist()

    assert judges["state"] == "part"
    assert min(published) >= judges["threshold"] >= 0.75
    assert len(published) == judges["warranted"] < PROMPTS
    assert manifest.left_out == {"preference": {"not_warranted": PROMPTS - len(published)}}
    assert count_publishable(project, read_params(project.params)).total() == len(published)
    card = card_text(project)
    assert "### Warrant" in card
    assert f"p_chosen of at least {judges['threshold']:g}" in card
    assert "| p_chosen &gt;= 0.9 |" in card or "| p_chosen >= 0.9 |" in card
    assert "preferences whose labels are not warranted" in card


def test_with_all_labels_warranted_nothing_is_left_out(tmp_path: Path) -> None:
    project = judged_project(tmp_path)
    reviewed(project, 100)
    manifest = publish(project).manifest

    assert sum(manifest.rows.values()) == PROMPTS
    assert manifest.left_out == {}
    assert write_withheld(*inputs_and_warrant(project), None) == 0
    assert not project.table("withheld").exists()


def inputs_and_warrant(project: Project) -> tuple[Any, dict[str, Any]]:
    inputs = read_inputs(project, read_params(project.params))
    return inputs, measure_warrant(inputs)


@pytest.mark.parametrize("answers", [0, 10])
def test_where_nothing_is_warranted_nothing_is_published_and_the_missing_reviews_are_counted(
    tmp_path: Path, answers: int
) -> None:
    project = judged_project(tmp_path)
    if answers:
        reviewed(project, answers)
    with pytest.raises(NotWarranted) as caught:
        publish(project)
    _, warrant = inputs_and_warrant(project)
    missing = warrant["kinds"]["judges"]["answers_missing"]

    assert missing > 0
    assert f"about {missing:,} more" in caught.value.remedy
    assert caught.value.exit_code == ValidationFailed.exit_code
    assert list_versions(location(project, 1).store, "demo") == []


def test_who_publishes_all_the_same_says_why_and_every_row_is_there(tmp_path: Path) -> None:
    project = judged_project(tmp_path)
    inputs, warrant = inputs_and_warrant(project)
    forced = pass_gate(inputs.validation, inputs.files, "a trial", unwarranted(warrant))

    assert forced is not None
    assert forced["failed"][0].startswith("no label is warranted")
    from prefline.storage import open_store
    from tasks.publish import publish_version

    manifest = publish_version(
        open_store(str(project.root / "store")), inputs, forced, warrant
    ).manifest
    assert sum(manifest.rows.values()) == PROMPTS
    assert manifest.forced is not None
    assert write_withheld(inputs, warrant, forced) == 0


def test_a_failed_validation_is_told_before_a_missing_warrant(tmp_path: Path) -> None:
    project = judged_project(tmp_path)
    validated(project, passed=False)
    inputs, warrant = inputs_and_warrant(project)

    with pytest.raises(ValidationFailed):
        pass_gate(inputs.validation, inputs.files, None, unwarranted(warrant))


def test_without_a_wish_for_it_all_is_published_and_what_is_known_is_said(tmp_path: Path) -> None:
    project = judged_project(tmp_path, asked=None)
    release = publish(project)
    note = release_note(release, read_inputs(project, read_params(project.params)))

    assert sum(release.manifest.rows.values()) == PROMPTS
    assert note["warrant"]["asked"] is False
    assert "nobody has measured" in note["warrant"]["says"][0]
    json.dumps(note)


def test_what_is_withheld_goes_to_people_by_its_value_in_a_form_that_answers_can_come_back_from(
    tmp_path: Path,
) -> None:
    project = judged_project(tmp_path)
    reviewed(project, 200, right_from=0.8)
    inputs, warrant = inputs_and_warrant(project)
    written = write_withheld(inputs, warrant, None)
    folder = project.table("withheld")
    queue = pq.read_table(folder / "queue.parquet").to_pylist()
    shown = [json.loads(line) for line in (folder / "queue.jsonl").read_text().splitlines()]
    rows = {row["pair_id"]: row for row in preferences_of(project)}
    threshold = warrant["kinds"]["judges"]["threshold"]

    assert written == len(queue) == sum(row["p_chosen"] < threshold for row in rows.values())
    values = [row["value"] for row in queue]
    assert values == sorted(values, reverse=True)
    assert [row["pair_id"] for row in shown] == [row["pair_id"] for row in queue]
    assert set(shown[0]) == {
        "pair_id", "prompt", "response_a", "response_b", "response_a_id", "response_b_id",
    }  # fmt: skip
    project.reviews.mkdir(parents=True)
    answers = [
        {"pair_id": row["pair_id"], "reviewer": "ann", "preferred_id": row["response_a_id"],
         "other_id": row["response_b_id"]}
        for row in shown
    ]  # fmt: skip
    text = "".join(json.dumps(answer) + "\n" for answer in answers)
    (project.reviews / "mine.jsonl").write_text(text)
    assert len(read_answers(project.reviews).given) == written
    assert aggregate_answers(read_answers(project.reviews), []).votes == {}


def test_a_stricter_standard_of_the_same_rows_is_a_version_of_its_own(tmp_path: Path) -> None:
    project = judged_project(tmp_path)
    reviewed(project, 400, right_from=0.75)
    first = publish(project)
    again = publish(project)
    set_params(project, publish={"warrant": {"agreement": 0.97, "confidence": 0.9}})
    stricter = publish(project)

    assert (again.created, again.manifest.version) == (False, 1)
    assert stricter.manifest.version == 2
    assert sum(stricter.manifest.rows.values()) < sum(first.manifest.rows.values())


def test_labels_of_people_need_no_warrant(tmp_path: Path) -> None:
    project = judged_project(tmp_path)
    set_preferences(project, [row | {"label_source": "human"} for row in preferences_of(project)])

    assert sum(publish(project).manifest.rows.values()) == PROMPTS


@pytest.mark.parametrize("asked", [{"agreement": 0.4}, {"confidence": 1.0}, {"agree": 0.9}])
def test_a_standard_that_means_nothing_is_refused(tmp_path: Path, asked: dict[str, float]) -> None:
    project = project_at(tmp_path)
    set_params(project, publish={"warrant": asked})

    with pytest.raises(ParamsError):
        read_params(project.params)
    assert PublishParams().warrant is None
