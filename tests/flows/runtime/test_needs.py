"""What later stages need, checked before a stage asks a model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.runtime import stage as runtime
from flows.runtime.needs import require_ready
from prefline.errors import EndpointDenied, EnvironmentFault, InputError, PreflineError
from prefline.project import Project
from prefline.tables import read_table
from tests.prefline.report.projects import full_project, save

PAID = {"base_url": "http://127.0.0.1:9/v1", "model": "sim-strong"}
JUDGE = {"name": "judge", "method": "pairwise", "endpoint": PAID}
UNSET = {"base_url": "http://127.0.0.1:9/v1", "model": "sim-judge", "key_env": "PREFLINE_UNSET"}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project whose responses are asked for, and paid."""
    project = full_project(tmp_path)
    set_section(project, "generate", endpoints=[PAID])
    set_section(project, "judge", judges=[JUDGE])
    return project


def set_section(project: Project, section: str, **values: Any) -> None:
    params = yaml.safe_load(project.params.read_text())
    params[section] = params.get(section, {}) | values
    project.params.write_text(yaml.safe_dump(params))


def with_a_code_check(project: Project) -> None:
    rows = read_table(project.table("prompts")).to_pylist()
    rows[0]["verifier"] = '{"kind": "code", "tests": "assert True"}'
    save(project, "prompts", rows)


def with_unreadable_verdicts(project: Project) -> None:
    path = project.root / "data/imported/judgments/theirs.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text('{"prompt": \n')
    theirs = {
        "name": "theirs",
        "method": "imported",
        "path": "data/imported/judgments/theirs.jsonl",
    }
    set_section(project, "judge", judges=[JUDGE, theirs])


def with_a_lost_prompt(project: Project) -> None:
    set_section(project, "judge", judges=[JUDGE | {"prompt": "data/judges/gone.md"}])


def with_an_unset_key(project: Project) -> None:
    set_section(project, "judge", judges=[JUDGE | {"endpoint": UNSET}])


def with_broken_reviews(project: Project) -> None:
    project.reviews.mkdir(parents=True, exist_ok=True)
    (project.reviews / "answers.jsonl").write_text('{"pair": 1}\n')


def with_a_tuned_model(project: Project) -> None:
    set_section(project, "train", method="dpo")


@pytest.mark.parametrize(
    ("lack", "error", "words"),
    [
        (with_a_code_check, EnvironmentFault, r"(?s)'code'.*no bwrap.*get it"),
        (with_unreadable_verdicts, InputError, "theirs.jsonl"),
        (with_a_lost_prompt, InputError, "gone.md"),
        (with_an_unset_key, EndpointDenied, "PREFLINE_UNSET"),
        (with_broken_reviews, InputError, "answers.jsonl"),
        (with_a_tuned_model, PreflineError, "make setup-train"),
    ],
)
def test_what_a_later_stage_lacks_ends_the_run_before_a_response_is_paid_for(
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    lack: Callable[[Project], None],
    error: type[PreflineError],
    words: str,
) -> None:
    sandbox, packages = "prefline.verifiers.sandbox", "prefline.reward.language_models.PACKAGES"
    monkeypatch.setattr(f"{sandbox}.what_is_missing", lambda: ("no bwrap", "get it"))
    monkeypatch.setattr(packages, ("no_such_package",))
    require_ready(project, "generate")
    lack(project)

    with pytest.raises(error, match=words):
        require_ready(project, "generate")
    set_section(project, "run", check_later_stages=False)
    require_ready(project, "generate")


def test_a_stage_that_cannot_pay_is_asked_for_nothing(project: Project) -> None:
    """With all its replies in the store it needs no key, and so none of the judges' either."""
    with_an_unset_key(project)
    set_section(project, "generate", endpoints=[UNSET])

    require_ready(project, "generate")


def test_a_stage_checks_before_it_starts_a_server(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Generate:
        name = "generate"

    with_an_unset_key(project)
    monkeypatch.setattr(runtime, "run_command", lambda run: run(project))
    monkeypatch.setattr(runtime, "on_server", None)

    with pytest.raises(EndpointDenied, match="PREFLINE_UNSET"):
        runtime.run_stage(Generate())  # type: ignore[arg-type]
