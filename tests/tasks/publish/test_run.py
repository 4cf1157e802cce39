from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from prefline.config import PUBLISH_FORMATS, PublishParams, S3Params
from prefline.errors import ParamsError
from prefline.project import Project
from prefline.releases import intact_manifests, list_versions, newest_active_version
from prefline.releases.channels import channel_history, read_channel
from prefline.releases.manifest import commit_words
from prefline.releases.transfer import get
from prefline.releases.versions import withdraw
from prefline.storage import open_store
from prefline.storage.opening import project_store
from prefline.tables import (
    JUDGMENTS,
    RESPONSES,
    Rejection,
    table_from_rows,
    write_rejections,
)
from prefline.tables.costs import costs_of
from tasks.publish import run
from tasks.publish.parent import changes_between
from tests.prefline.report.projects import save
from tests.s3_server import S3Server
from tests.tasks.publish.published import (
    card_text,
    location,
    preferences_of,
    project_at,
    publish,
    rows_of,
    set_params,
    set_preferences,
)
from tests.tasks.publish.rows import pair, prompts_with, written

PAID: dict[str, Any] = {"input_tokens": 10, "output_tokens": 2, "cost_usd": 0.5}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return project_at(tmp_path)


def history(project: Project) -> list[Any]:
    return [one["version"] for one in channel_history(location(project, 1).store, "demo", "latest")]


def versions(project: Project) -> list[int]:
    return list_versions(location(project, 1).store, "demo")


def test_a_first_version_holds_every_row_and_says_so(project: Project) -> None:
    release = publish(project)
    rows = rows_of(project, release.manifest)

    assert release.created
    assert release.manifest.rows == {"test": 3, "train": 9}
    assert sorted(rows["pair_id"].to_pylist()) == sorted(
        row["pair_id"] for row in preferences_of(project)
    )
    assert release.manifest.files[0].ranges["source"] == ["bundled", "bundled"]
    assert history(project) == [1]


def test_publishing_again_reads_no_table_and_writes_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(project)
    before = location(project, 1).store.list("")
    monkeypatch.setattr(run, "_publish_new", None)
    release = publish(project)

    assert (release.manifest.version, release.created) == (1, False)
    assert location(project, 1).store.list("") == before


def test_what_was_published_before_is_pointed_back_to_and_published_no_third_time(
    project: Project,
) -> None:
    rows = preferences_of(project)
    publish(project)
    set_preferences(project, rows[:10])
    publish(project)
    set_preferences(project, rows)
    release = publish(project)

    assert (release.manifest.version, release.created) == (1, False)
    assert versions(project) == [1, 2]
    assert history(project) == [1, 2, 1]


def test_the_same_rows_in_another_order_are_the_same_version(project: Project) -> None:
    rows = preferences_of(project)
    publish(project)
    set_preferences(project, rows[::-1])

    assert not publish(project).created
    assert versions(project) == [1]


def test_a_withdrawn_version_is_not_pointed_back_to_and_is_no_parent(project: Project) -> None:
    rows = preferences_of(project)
    publish(project)
    set_preferences(project, rows[:10])
    publish(project)
    withdraw(location(project, 2), "wrong")
    again = publish(project)
    withdraw(location(project, 1), "wrong")
    set_preferences(project, rows)
    fresh = publish(project)

    assert (again.manifest.version, again.manifest.parent) == (3, 1)
    assert (fresh.manifest.version, fresh.manifest.parent) == (4, 3)


def test_the_same_rows_under_another_major_are_a_version_of_their_own(project: Project) -> None:
    publish(project)
    set_params(project, publish={"major": 2}, pair={"min_p_chosen": 0.51})
    raised = publish(project)

    assert (raised.manifest.version, raised.manifest.major, raised.created) == (2, 2, True)
    assert not publish(project).created
    assert history(project) == [1, 2]


def test_withdrawn_versions_are_listed_and_do_not_stand(project: Project) -> None:
    publish(project)
    withdraw(location(project, 1), "wrong")
    store = location(project, 1).store

    assert [one.version for one in intact_manifests(store, "demo")] == [1]
    assert newest_active_version(store, "demo") is None


def test_other_formats_of_the_same_rows_are_another_version(project: Project) -> None:
    publish(project)
    set_params(project, publish={"formats": ["kto"]})
    release = publish(project)

    assert release.manifest.version == 2
    assert release.manifest.formats == ["preference", "kto"]
    assert set(release.manifest.schemas) == {"kto"}
    assert release.manifest.files[0].sha256 in {
        one.sha256 for one in intact_manifests(location(project, 1).store, "demo")[0].files
    }


def test_changes_against_the_parent_are_counted_by_category(project: Project) -> None:
    rows = preferences_of(project)
    publish(project)
    rows[1] |= {
        side: rows[1][other]
        for side, other in (("chosen_id", "rejected_id"), ("rejected_id", "chosen_id"))
    }
    set_preferences(project, rows[:11])
    release = publish(project)
    set_preferences(project, rows)
    publish(project)

    assert release.manifest.changes == {
        "parent": 1, "added": 0, "removed": 1, "flipped": 1,
        "categories": {
            rows[11]["category"]: {"added": 0, "removed": 1, "flipped": 0},
            rows[1]["category"]: {"added": 0, "removed": 0, "flipped": 1},
        },
    }  # fmt: skip
    assert "## Changes since version 1" in card_text(project, 2)
    assert "| in all | 1 | 0 | 0 |" in card_text(project, 3)


def test_nothing_changes_between_a_table_and_itself() -> None:
    table = pa.table({"pair_id": ["a"], "chosen_id": ["x"], "category": ["c"]})

    assert changes_between(table, table) == {
        "added": 0, "removed": 0, "flipped": 0, "categories": {},
    }  # fmt: skip


def test_a_commit_that_git_does_not_tell_is_unknown_and_not_clean(project: Project) -> None:
    lineage = publish(project).manifest.lineage  # a folder that is no repository

    assert (lineage["git_commit"], lineage["git_dirty"]) == (None, None)
    assert "not a git repository" in lineage["git_unknown"]
    assert "git unknown (fatal: not a git repository" in commit_words(lineage)


def test_the_lineage_leads_to_code_data_params_models_and_costs(project: Project) -> None:
    git = ["git", "-C", str(project.root), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "params.yaml"], check=True)
    subprocess.run([*git, "commit", "-qm", "one"], check=True)
    out = {"path": "data/preferences", "md5": "abc.dir"}
    lock = {name: {"cmd": "", "outs": [out]} for name in ("pair", "publish")}
    (project.root / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": lock}))
    lineage = publish(project).manifest.lineage

    assert len(lineage["git_commit"]) == 40
    assert lineage["git_dirty"] is False
    assert lineage["dvc_lock"] == {"pair": {"data/preferences": "abc.dir"}}
    assert lineage["params"]["pair"]["min_p_chosen"] == 0.65
    assert (lineage["models"], lineage["judges"]) == (["big-7b"], ["big", "verifier"])
    assert lineage["served"]["judge"]["big"] == {
        "model": "big-7b", "at": ["https://models.example/v1"],
    }  # fmt: skip
    assert lineage["calls"]["generate"]["calls"] == 24
    assert lineage["calls_by_name"]["judge"]["big"]["cost_usd"] == 6.0
    assert lineage["packages"]["prefline"]


def test_the_principles_that_models_revise_by_are_instructions(project: Project) -> None:
    told = []
    for text in ("be kind", "be brief"):
        path = project.root / "data/principles/mine.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"id": "a", "choose": text, "critique": text, "revise": text}))
        set_params(project, generate={"revision": {"principles": "data/principles/mine.jsonl"}})
        set_preferences(project, preferences_of(project)[1:])
        told.append(publish(project).manifest.lineage["instructions"]["generate"])

    assert told[0] != told[1]


def test_a_manifest_of_all_that_is_known_is_read_back_as_it_was(project: Project) -> None:
    set_params(project, publish={"formats": ["sft"]})
    made = publish(project).manifest
    (read,) = intact_manifests(location(project, 1).store, "demo")

    assert read.encode() == made.encode()
    assert read.left_out == {"sft": {"rejected": 12, "chosen_and_rejected": 0}}


def test_what_is_left_behind_in_the_project_is_nothing(project: Project) -> None:
    publish(project)

    assert list((project.root / ".prefline").iterdir()) == []


def test_a_version_s_costs_are_those_of_the_line_s_own_calls_each_counted_once() -> None:
    responses = [
        {"model": "m", "request_key": "a", **PAID},
        {"model": "m", "request_key": "b c", **PAID},
        {"model": "theirs", **PAID},
    ]
    found = costs_of(table_from_rows(responses, RESPONSES), "model")

    assert found.total == {"calls": 3, "input_tokens": 20, "output_tokens": 4, "cost_usd": 1.0}
    assert found.by_name == {
        "m": found.total,
        "theirs": {"calls": 0, "input_tokens": 0, "output_tokens": 0, "cost_usd": 0},
    }
    assert costs_of(JUDGMENTS.empty_table(), "judge").total["calls"] == 0


def test_the_note_is_json_that_names_the_version(project: Project) -> None:
    from prefline.config import read_params
    from tasks.publish import read_inputs, release_note

    release = publish(project)
    note = release_note(release, read_inputs(project, read_params(project.params)))

    assert json.loads(orjson.dumps(note))["version"] == 1
    assert note["recipe"] == release.manifest.recipe


def test_a_store_is_reached_as_params_say(
    project: Project, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.delenv("AWS_REGION")
    where = f"s3://{s3_server.new_bucket()}/team"
    s3 = S3Params(endpoint_url=s3_server.endpoint, addressing="path", region="us-east-1")
    store = project_store(project, PublishParams(store=where, s3=s3))
    store.check_writable()

    assert store.put("demo/a", b"1")
    assert open_store(where, store_options_of(s3)).get("demo/a") == b"1"


def store_options_of(s3: S3Params) -> Any:
    from prefline.storage import StoreOptions

    return StoreOptions(endpoint_url=s3.endpoint_url, region=s3.region)


def test_load_dataset_reads_every_format_of_what_get_wrote(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datasets import load_dataset

    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "hf")
    set_params(project, publish={"formats": list(PUBLISH_FORMATS.builtin)})
    criteria = [{"criterion": "Is right.", "weight": 1.0}]
    of_one = {"prompt_id": preferences_of(project)[0]["prompt_id"], "criteria": criteria}
    judges = [{**of_one, "judge": name, "origin": "people"} for name in ("a", "b")]
    save(project, "rubrics", judges)
    manifest = publish(project).manifest
    assert rows_of(project, manifest, "rubrics")["rubric"].to_pylist() == [criteria]
    get(location(project, 1), manifest, tmp_path / "got")
    assert set(manifest.formats) == set(PUBLISH_FORMATS.builtin) - {"reward_bench_2", "verl"}
    for name in manifest.formats:
        found = load_dataset(str(tmp_path / "got"), name)
        rows = rows_of(project, manifest, name).num_rows
        assert sum(split.num_rows for split in found.values()) == rows
    kto = load_dataset(str(tmp_path / "got"), "kto")
    assert kto["train"][0]["completion"][0]["role"] == "assistant"


def test_a_column_that_is_null_in_all_of_the_first_file_loads(tmp_path: Path) -> None:
    # huggingface/datasets#7222: types that are told from values make that column one of nulls.
    # huggingface/datasets#7222: types that are told from values make that column one of nulls.
    from datasets import load_dataset

    checks = dict.fromkeys((1, 2), '{"kind": "numeric", "value": 4}')
    paths = []
    for place, references in enumerate(({}, {2: "4"})):
        prompts = prompts_with(checks, references)
        folder = tmp_path / str(place)
        found = written(
            folder, [pair(place + 1, 0, 1)], formats=("preference", "verl"), prompts=prompts
        )
        paths += [str(file.path) for file in found.files if file.format == "verl"]

    loaded = load_dataset("parquet", data_files=paths, split="train", cache_dir=str(tmp_path))

    assert [row["extra_info"]["reference"] for row in loaded] == [None, "4"]


def test_latest_follows_and_other_channels_are_left_alone(project: Project) -> None:
    publish(project)
    set_params(project, publish={"channel": "nightly"})
    set_preferences(project, preferences_of(project)[:9])
    publish(project)
    store = location(project, 1).store

    assert read_channel(store, "demo", "latest") == 1
    assert read_channel(store, "demo", "nightly") == 2


def test_reasoning_is_published_where_params_keep_it_and_is_another_version(
    project: Project,
) -> None:
    responses = pq.read_table(project.table("responses"))
    thoughts = [f"Hm, {key}." for key in responses["response_id"].to_pylist()]
    column = responses.column_names.index("reasoning")
    thinking = responses.set_column(column, RESPONSES.field("reasoning"), pa.array(thoughts))
    save(project, "responses", thinking.to_pylist())
    dropped = publish(project)
    set_params(project, publish={"reasoning": "keep"})
    kept, again = publish(project), publish(project)
    rows = rows_of(project, kept.manifest).to_pylist()

    assert (dropped.manifest.version, kept.manifest.version, again.created) == (1, 2, False)
    assert "thinking" not in str(rows_of(project, dropped.manifest).schema)
    assert all(row["chosen"][0]["thinking"] == f"Hm, {row['chosen_id']}." for row in rows)
    assert all(list(row["prompt"][0]) == ["role", "content"] for row in rows)
    assert "thinking of messages" in card_text(project, 2)
    assert "thinking of messages" not in card_text(project, 1)

    set_preferences(project, preferences_of(project)[1:])
    assert publish(project).manifest.version == 3, "the same columns as its parent"
    set_params(project, publish={"reasoning": "drop"})
    with pytest.raises(ParamsError, match="the column chosen was"):
        publish(project)


def test_judges_own_prompts_are_in_the_lineage_by_file_and_hash(project: Project) -> None:
    metrics = project.metrics("judge")
    judged = orjson.loads(metrics.read_bytes())
    own = {"prompt": "data/judges/mine.md", "prompt_sha256": "ab" * 32}
    judged["asked"] = {"big": {"method": "pairwise", "wording": "cd"} | own,
                       "other": {"method": "rubric", "wording": "ef"}}  # fmt: skip
    metrics.write_bytes(orjson.dumps(judged))

    assert publish(project).manifest.lineage["judge_prompts"] == {
        "big": {"file": "data/judges/mine.md", "sha256": "ab" * 32}
    }


def test_what_was_rejected_though_it_was_paid_for_is_in_the_costs(project: Project) -> None:
    folder = project.table("rejections")
    free = publish(project).manifest.lineage["calls"]["generate"]
    paid = Rejection("generate", "response", "r", "reasoning_only", "all", "ab" * 16, 0.25)
    write_rejections(folder, "generate", [paid, replace(paid, id="s", request_key=None)])
    set_preferences(project, preferences_of(project)[1:])
    with_it = publish(project).manifest.lineage["calls"]["generate"]

    assert with_it["calls"] == free["calls"] + 1
    assert with_it["cost_usd"] == pytest.approx(free["cost_usd"] + 0.25)
