from __future__ import annotations

import os
import time
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import orjson
import pytest

from prefline.errors import ObjectStoreError, StoreUnwritable, VersionYanked
from prefline.releases import gc, locate, publish, read_manifest
from prefline.releases.gc import (
    Garbage,
    GcRules,
    collect_garbage,
    declared_intent,
    find_garbage,
    sweeps_under_way,
)
from prefline.releases.layout import intent_key, object_key, sweep_key
from prefline.releases.transfer import verify
from prefline.releases.versions import take_back, withdraw
from prefline.storage import open_store
from tests.prefline.releases.drafts import draft, parted, preference

AT_ONCE = GcRules(grace=timedelta(0))
OLD_AND_YANKED = GcRules(grace=timedelta(0), yanked=True)


@pytest.fixture
def dataset(store_uri: str, tmp_path: Path, cache: Path) -> str:
    """Three versions; the second shares a file with the third."""
    shared = [preference(n) for n in range(3)]
    store = open_store(store_uri)
    publish(store, draft(tmp_path / "1", [preference(10)]))
    publish(store, parted(tmp_path / "2", [shared, [preference(20)]]))
    publish(store, parted(tmp_path / "3", [shared, [preference(30)]]))
    store.put(object_key("demo", "0" * 64), b"nobody's")
    return f"{store_uri}/demo"


def whole(dataset: str, version: int, scratch: Path) -> bool:
    at = locate(f"{dataset}@{version}")
    return verify(at, read_manifest(at), scratch) == []


def test_only_what_no_version_names_goes_and_only_when_it_is_old(
    dataset: str, tmp_path: Path
) -> None:
    store = locate(dataset).store
    before = store.list("")

    assert find_garbage(store, "demo", GcRules()).objects == {}
    assert find_garbage(store, "demo", AT_ONCE).objects == {"0" * 64: 8}
    assert store.list("") == before
    assert collect_garbage(store, "demo", AT_ONCE).objects == {"0" * 64: 8}
    assert set(before) - set(store.list("")) == {object_key("demo", "0" * 64)}
    assert all(whole(dataset, number, tmp_path) for number in (1, 2, 3))
    assert collect_garbage(store, "demo", AT_ONCE) == Garbage()


@pytest.mark.filterwarnings("ignore::prefline.errors.YankedWarning")
def test_the_files_of_a_withdrawn_version_go_only_where_asked_and_not_those_it_shares(
    dataset: str, tmp_path: Path
) -> None:
    at = locate(f"{dataset}@2")
    own = {one.sha256 for one in read_manifest(at).files}
    shared = own & {one.sha256 for one in read_manifest(locate(f"{dataset}@3")).files}
    withdraw(at, "wrong labels")
    collect_garbage(at.store, "demo", AT_ONCE)
    assert whole(dataset, 2, tmp_path)

    found = collect_garbage(at.store, "demo", OLD_AND_YANKED)
    assert (found.versions, set(found.objects)) == ([2], own - shared)
    assert whole(dataset, 3, tmp_path)
    with pytest.raises(VersionYanked, match="wrong labels; its files have been deleted"):
        read_manifest(at)
    with pytest.raises(VersionYanked, match="deleted since"):
        take_back(at)


def test_what_was_withdrawn_and_deleted_can_be_published_anew(tmp_path: Path, cache: Path) -> None:
    store = open_store(str(tmp_path / "store"))
    one = draft(tmp_path / "d", [preference(1)])
    publish(store, one)
    withdraw(locate(f"{tmp_path}/store/demo@1"), "wrong labels")
    collect_garbage(store, "demo", OLD_AND_YANKED)
    again = publish(store, one)

    assert (again.manifest.version, again.created) == (2, True)
    assert whole(f"{tmp_path}/store/demo", 2, tmp_path)


def test_intents_of_the_dead_expire_and_those_of_the_living_protect(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store"))
    sha = "0" * 64
    store.put(object_key("demo", sha), b"half published")
    dead = intent_key("demo", "dead")
    store.put(dead, orjson.dumps({"objects": [sha]}))
    last_month = time.time() - 30 * 86_400
    os.utime(tmp_path / "store" / dead, (last_month, last_month))
    os.utime(tmp_path / "store" / object_key("demo", sha), (last_month, last_month))

    with declared_intent(store, "demo", [sha]):
        found = collect_garbage(store, "demo", GcRules())
    assert (found.objects, found.spared, found.intents) == ({}, [sha], [dead])
    assert set(collect_garbage(store, "demo", GcRules()).objects) == {sha}
    assert store.list("demo/intents/") == []


def test_a_grace_of_nothing_does_not_take_a_publisher_at_work_for_dead(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store"))
    sha = "0" * 64
    with declared_intent(store, "demo", [sha]):
        store.put(object_key("demo", sha), b"half published")
        half_done = tmp_path / "store/demo/objects/.prefline-tmp-at-work"
        half_done.touch()
        found = collect_garbage(store, "demo", OLD_AND_YANKED)

    assert (found.objects, found.spared, found.intents) == ({}, [sha], [])
    assert half_done.exists()


def test_a_sweep_that_may_not_delete_ends_and_stands_in_no_publishers_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(str(tmp_path / "store"))
    store.put(object_key("demo", "0" * 64), b"garbage")

    def refuse(key: str) -> None:
        raise StoreUnwritable(f"{key} may not be deleted", "ask for the right to")

    monkeypatch.setattr(store, "delete", refuse)
    with pytest.raises(StoreUnwritable):
        collect_garbage(store, "demo", AT_ONCE)

    assert sweeps_under_way(store, "demo") == []


def test_a_publisher_waits_for_a_sweep_that_condemns_what_it_needs_and_for_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(str(tmp_path / "store"))
    store.put(sweep_key("demo", 1), orjson.dumps({"condemned": ["a" * 64], "at": "today"}))
    monkeypatch.setattr("prefline.releases.gc._PATIENCE_S", 0.0)

    with declared_intent(store, "demo", ["b" * 64]):
        pass
    with (
        pytest.raises(ObjectStoreError, match="--delete --take-over"),
        declared_intent(store, "demo", ["a" * 64]),
    ):
        pytest.fail("it must not go on")
    assert store.list("demo/intents/") == []


def test_a_second_collection_waits_for_the_first_unless_it_is_told_that_it_died(
    tmp_path: Path,
) -> None:
    store = open_store(str(tmp_path / "store"))
    store.put(sweep_key("demo", 1), orjson.dumps({"condemned": ["a" * 64], "at": "today"}))

    with pytest.raises(ObjectStoreError, match="another collection"):
        collect_garbage(store, "demo", AT_ONCE)
    collect_garbage(store, "demo", GcRules(grace=timedelta(0), take_over=True))
    assert sweeps_under_way(store, "demo") == []


def test_a_clock_that_is_days_ahead_makes_nobody_s_work_garbage(
    dataset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    location = locate(dataset)

    class Ahead(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime.now(tz) + timedelta(days=400)

    monkeypatch.setattr(gc, "datetime", Ahead)
    with declared_intent(location.store, "demo", ["1" * 64]):
        found = collect_garbage(location.store, "demo", GcRules())

    assert found == Garbage()
