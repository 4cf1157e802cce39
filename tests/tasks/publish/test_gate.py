from __future__ import annotations

from pathlib import Path

import pytest

from prefline.errors import ParamsError, ValidationFailed
from prefline.project import Project
from prefline.releases import list_versions
from prefline.releases.channels import read_channel
from tasks.publish import pass_gate
from tests.tasks.publish.published import (
    card_text,
    location,
    project_at,
    publish,
    save_json,
    set_params,
    validated,
)

FAILED = {
    "passed": False,
    "n_failed": 1,
    "expectations": [
        {"table": "preferences", "name": "expect_it", "column": "p_chosen", "severity": "critical",
         "passed": False, "n_checked": 9, "n_failed": 2, "says": "p_chosen is a probability"}
    ],
}  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return project_at(tmp_path)


def other_tables(project: Project) -> None:
    """Let the preferences be of another run than the one that was validated."""
    validated(project, files={"preferences": {"part-00000.parquet": "0" * 64}})


def test_what_did_not_pass_is_not_published_and_what_failed_is_named(project: Project) -> None:
    validated(project, **FAILED)
    with pytest.raises(ValidationFailed, match=r"p_chosen is a probability; not so for 2 of 9"):
        publish(project)

    assert not (project.root / "store").exists()


def test_what_failed_of_a_whole_table_is_told_with_its_figure(project: Project) -> None:
    rows = {"table": "preferences", "name": "expect_rows", "column": None, "severity": "critical",
            "passed": False, "n_checked": 1, "n_failed": 1, "observed": 3,
            "says": "there are at least 5 rows"}  # fmt: skip
    validated(project, passed=False, n_failed=1, expectations=[rows])
    with pytest.raises(ValidationFailed, match=r"expect_rows: there are .*; not so: it is 3"):
        publish(project)


def test_a_table_that_is_not_the_one_that_was_validated_is_not_published(project: Project) -> None:
    other_tables(project)
    with pytest.raises(ValidationFailed, match="not the table that was validated") as refused:
        publish(project)

    assert "run `dvc repro`" in refused.value.remedy


def test_results_that_name_no_files_are_those_of_no_table(project: Project) -> None:
    path = project.table("validation") / "results.json"
    save_json(path, {"passed": True, "n_failed": 0, "n_warnings": 0, "expectations": []})
    with pytest.raises(ValidationFailed, match="not the table that was validated"):
        publish(project)


def test_parts_may_have_other_names_than_when_they_were_validated() -> None:
    validation = {"passed": True, "files": {"preferences": {"a": "1", "b": "2"}}}

    assert pass_gate(validation, {"part-0": "2", "part-1": "1"}, None) is None


def test_a_forced_version_says_so_everywhere(project: Project) -> None:
    validated(project, **FAILED)
    forced = publish(project, force=" a new language ").manifest.forced
    card = card_text(project)

    assert forced is not None
    assert forced["reason"] == "a new language"
    assert "p_chosen is a probability" in forced["failed"][0]
    assert card.index("Warning: this version did not pass") < card.index("## How to load")
    assert "a new language" in card


def test_both_reasons_not_to_publish_are_told(project: Project) -> None:
    other_tables(project)
    found = pass_gate(FAILED | {"files": {}}, {"a": "1"}, "why not")

    assert found is not None
    assert len(found["failed"]) == 2


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_reason_that_says_nothing_is_refused(project: Project, reason: str) -> None:
    with pytest.raises(ParamsError, match="without a reason"):
        publish(project, force=reason)


def test_where_nothing_failed_there_is_nothing_to_overrule(project: Project) -> None:
    assert publish(project, force="to be sure").manifest.forced is None


def test_what_was_forced_is_published_anew_once_it_passes(project: Project) -> None:
    validated(project, **FAILED)
    assert publish(project, force="hurry").manifest.version == 1
    validated(project, passed=True, n_failed=0, expectations=[])
    release = publish(project)

    assert (release.manifest.version, release.created) == (2, True)
    assert release.manifest.forced is None


def test_what_passed_once_and_does_not_now_is_told_by_a_version_of_its_own(
    project: Project,
) -> None:
    publish(project)
    validated(project, **FAILED)
    release = publish(project, force="the threshold is too strict")

    assert (release.manifest.version, release.created) == (2, True)
    assert release.manifest.forced is not None


def test_forcing_what_has_been_forced_makes_no_new_version(project: Project) -> None:
    validated(project, **FAILED)
    publish(project, force="hurry")

    assert not publish(project, force="hurry still").created


def test_nothing_is_made_where_a_version_would_mislead_readers(project: Project) -> None:
    publish(project)
    validated(project)
    set_params(project, pair={"min_p_chosen": 0.9}, publish={"formats": ["kto"]})
    with pytest.raises(ParamsError, match=r"pair\.min_p_chosen was 0\.65 and is 0\.9"):
        publish(project)
    at = location(project, 1)

    assert list_versions(at.store, "demo") == [1]
    assert read_channel(at.store, "demo", "latest") == 1
