from __future__ import annotations

from pathlib import Path

import pytest

from prefline.errors import StoreUnwritable
from prefline.releases import Location, list_versions, publish, read_manifest
from prefline.releases.channels import channel_history, move_channel, read_channel
from prefline.releases.transfer import verify
from prefline.storage import open_store
from tests.prefline.releases.drafts import draft, preference


def faults(uri: str, version: int, scratch: Path) -> list[str]:
    at = Location(open_store(uri), "demo", str(version))
    return verify(at, read_manifest(at), scratch)


def test_a_first_version_is_number_one_and_latest(store_uri: str, tmp_path: Path) -> None:
    store = open_store(store_uri)
    release = publish(store, draft(tmp_path / "d", [preference(1), preference(2)]))

    assert (release.manifest.version, release.created) == (1, True)
    assert release.manifest.rows == {"train": 2}
    assert release.manifest.parent is None
    assert read_channel(store, "demo", "latest") == 1
    assert faults(store_uri, 1, tmp_path / "scratch") == []


def test_the_same_content_again_makes_no_new_version(store_uri: str, tmp_path: Path) -> None:
    store = open_store(store_uri)
    publish(store, draft(tmp_path / "d", [preference(1)]))
    before = store.list("")
    again = publish(store, draft(tmp_path / "d", [preference(1)]))

    assert not again.created
    assert store.list("") == before


def test_other_content_is_the_next_version_with_its_parent(store_uri: str, tmp_path: Path) -> None:
    store = open_store(store_uri)
    publish(store, draft(tmp_path / "d", [preference(1)]))
    second = publish(store, draft(tmp_path / "e", [preference(2)]))

    assert (second.manifest.version, second.manifest.parent) == (2, 1)
    assert read_channel(store, "demo", "latest") == 2


def test_a_publisher_that_comes_second_does_not_turn_latest_back(
    store_uri: str, tmp_path: Path
) -> None:
    store = open_store(store_uri)
    for number in (1, 2):
        publish(store, draft(tmp_path / str(number), [preference(number)]))

    assert not move_channel(store, "demo", "latest", 1, forward_only=True)
    assert move_channel(store, "demo", "latest", 1)
    history = [entry["version"] for entry in channel_history(store, "demo", "latest")]
    assert history == [1, 2, 1]


def test_a_publisher_that_died_before_its_manifest_leaves_an_explained_gap(
    store_uri: str, tmp_path: Path
) -> None:
    store = open_store(store_uri)
    store.put("demo/versions/000001/README.md", b"the card of one who died")
    release = publish(store, draft(tmp_path / "d", [preference(1)]))

    assert release.manifest.version == 2
    assert list_versions(store, "demo") == [2]


def test_the_same_publisher_goes_on_where_it_was_killed(store_uri: str, tmp_path: Path) -> None:
    store = open_store(store_uri)
    one = draft(tmp_path / "d", [preference(1)])
    store.put("demo/versions/000001/README.md", one.card.encode())

    assert publish(store, one).manifest.version == 1


def test_a_store_that_cannot_be_written_is_said_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")

    with pytest.raises(StoreUnwritable):
        publish(
            open_store(str(tmp_path / "file" / "store")), draft(tmp_path / "d", [preference(1)])
        )
