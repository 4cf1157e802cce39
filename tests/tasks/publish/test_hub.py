from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from prefline.config import HubParams
from prefline.errors import ObjectStoreError, ParamsError
from prefline.project import Project
from prefline.releases import Release
from tasks.publish import copy_to_hub
from tests.tasks.publish.fake_hub import FakeHub, fake_hub
from tests.tasks.publish.published import (
    card_text,
    location,
    preferences_of,
    project_at,
    publish,
    set_preferences,
)

# The Hub's client still uses an argument that its HTTP client would have named otherwise.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

TOKEN = "hf_planted_7hQzVw3"
REPO = HubParams(repo="team/prefs")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    # The protocol of chunks is not spoken here: files go by Git LFS.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr("huggingface_hub._commit_api.is_xet_available", lambda: False)
    with fake_hub(TOKEN) as running:
        yield running


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return project_at(tmp_path, formats=["kto"])


def copy(project: Project, release: Release, hub: FakeHub) -> str:
    return copy_to_hub(location(project, 1).store, release.manifest, REPO, hub.url)


def test_a_copy_has_the_files_the_card_and_the_version_s_tag(
    project: Project, hub: FakeHub
) -> None:
    said = copy(project, publish(project), hub)
    files = hub.tags["team/prefs"]["v1"]

    assert said == "copied to team/prefs as v1"
    assert hub.private == {"team/prefs": True}
    assert sorted(files) == [
        "README.md", "croissant.json", "kto/test/part-00000.parquet",
        "kto/train/part-00000.parquet", "test/part-00000.parquet", "train/part-00000.parquet",
    ]  # fmt: skip
    assert files["README.md"].decode() == card_text(project)
    assert files["train/part-00000.parquet"][:4] == b"PAR1"


def test_a_version_that_is_there_is_not_copied_again(project: Project, hub: FakeHub) -> None:
    release = publish(project)
    copy(project, release, hub)
    puts = hub.puts

    assert copy(project, release, hub) == "team/prefs has v1 already"
    assert hub.puts == puts == 4


def test_files_of_an_older_version_stay_under_its_tag_alone(project: Project, hub: FakeHub) -> None:
    copy(project, publish(project), hub)
    set_preferences(project, [r for r in preferences_of(project) if r["split"] == "train"])
    copy(project, publish(project), hub)

    assert sorted(hub.files["team/prefs"]) == [
        "README.md", "croissant.json", "kto/train/part-00000.parquet", "train/part-00000.parquet",
    ]  # fmt: skip
    assert "test/part-00000.parquet" in hub.tags["team/prefs"]["v1"]
    assert hub.tags["team/prefs"]["v2"] == hub.files["team/prefs"]


def test_without_a_token_it_is_said_that_the_version_is_published_all_the_same(
    project: Project, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = publish(project)
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(ParamsError, match="HF_TOKEN is not; the version itself is published"):
        copy(project, release, hub)


def test_a_wrong_token_is_told_and_shown_nowhere(
    project: Project, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = publish(project)
    monkeypatch.setenv("HF_TOKEN", "hf_planted_wrong")
    with pytest.raises(ObjectStoreError, match="copying demo@1 to team/prefs failed") as failed:
        copy(project, release, hub)

    assert "hf_planted" not in "".join(traceback.format_exception(failed.value))


def test_nothing_is_copied_where_params_name_no_repository(project: Project) -> None:
    release = publish(project)
    assert copy_to_hub(location(project, 1).store, release.manifest, None) == ""
