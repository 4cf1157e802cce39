from __future__ import annotations

import itertools
import os
import random
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from prefline.errors import ObjectStoreError, StoreUnwritable, VersionYanked
from prefline.objects import open_store
from prefline.releases import Draft, Release, all_manifests, locate, publish, read_manifest
from prefline.releases.gc import Garbage, Rules, collect, find_garbage
from prefline.releases.intents import announced, sweeps_under_way
from prefline.releases.layout import intent_key, object_key, sweep_key
from prefline.releases.transfer import verify
from prefline.releases.withdraw import take_back, withdraw
from prefline.releases.yanks import read_shelf, unyank, yank, yanks_of
from tests.prefline.releases.drafts import draft, parted, preference
from tests.prefline.releases.memory import Actor, Killed, MemoryStore, play

AT_ONCE = Rules(grace=timedelta(0))
OLD_AND_YANKED = Rules(grace=timedelta(0), yanked=True)


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

    assert find_garbage(store, "demo", Rules()).objects == {}
    assert find_garbage(store, "demo", AT_ONCE).objects == {"0" * 64: 8}
    assert store.list("") == before
    assert collect(store, "demo", AT_ONCE).objects == {"0" * 64: 8}
    assert set(before) - set(store.list("")) == {object_key("demo", "0" * 64)}
    assert all(whole(dataset, number, tmp_path) for number in (1, 2, 3))
    assert collect(store, "demo", AT_ONCE) == Garbage()


@pytest.mark.filterwarnings("ignore::prefline.errors.YankedWarning")
def test_the_files_of_a_withdrawn_version_go_only_where_asked_and_not_those_it_shares(
    dataset: str, tmp_path: Path
) -> None:
    at = locate(f"{dataset}@2")
    own = {one.sha256 for one in read_manifest(at).files}
    shared = own & {one.sha256 for one in read_manifest(locate(f"{dataset}@3")).files}
    withdraw(at, "wrong labels")
    collect(at.store, "demo", AT_ONCE)
    assert whole(dataset, 2, tmp_path)

    found = collect(at.store, "demo", OLD_AND_YANKED)
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
    collect(store, "demo", OLD_AND_YANKED)
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

    with announced(store, "demo", [sha]):
        found = collect(store, "demo", Rules())
    assert (found.objects, found.spared, found.intents) == ({}, [sha], [dead])
    assert set(collect(store, "demo", Rules()).objects) == {sha}
    assert store.list("demo/intents/") == []


def test_a_grace_of_nothing_does_not_take_a_publisher_at_work_for_dead(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store"))
    sha = "0" * 64
    with announced(store, "demo", [sha]):
        store.put(object_key("demo", sha), b"half published")
        half_done = tmp_path / "store/demo/objects/.prefline-tmp-at-work"
        half_done.touch()
        found = collect(store, "demo", OLD_AND_YANKED)

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
        collect(store, "demo", AT_ONCE)

    assert sweeps_under_way(store, "demo") == []


def test_a_publisher_waits_for_a_sweep_that_condemns_what_it_needs_and_for_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(str(tmp_path / "store"))
    store.put(sweep_key("demo", 1), orjson.dumps({"condemned": ["a" * 64], "at": "today"}))
    monkeypatch.setattr("prefline.releases.intents._PATIENCE_S", 0.0)

    with announced(store, "demo", ["b" * 64]):
        pass
    with (
        pytest.raises(ObjectStoreError, match="--delete --take-over"),
        announced(store, "demo", ["a" * 64]),
    ):
        pytest.fail("it must not go on")
    assert store.list("demo/intents/") == []


def test_a_second_collection_waits_for_the_first_unless_it_is_told_that_it_died(
    tmp_path: Path,
) -> None:
    store = open_store(str(tmp_path / "store"))
    store.put(sweep_key("demo", 1), orjson.dumps({"condemned": ["a" * 64], "at": "today"}))

    with pytest.raises(ObjectStoreError, match="another collection"):
        collect(store, "demo", AT_ONCE)
    collect(store, "demo", Rules(grace=timedelta(0), take_over=True))
    assert sweeps_under_way(store, "demo") == []


SCHEDULES = 400


class Turns:
    """A clock whose seconds are looks at it."""

    def __init__(self) -> None:
        self._looks = itertools.count()

    def monotonic(self) -> float:
        return float(next(self._looks))

    def sleep(self, seconds: float) -> None:
        """Nothing: the next look is a turn away."""


class OneByOne(ThreadPoolExecutor):
    """A pool that works in the thread of its caller."""

    def map(self, work: Any, *items: Any, **_: Any) -> Any:
        return map(work, *items)


@pytest.fixture(scope="module")
def drafts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Draft]:
    """Versions that share files: the actors below publish them."""
    folder = tmp_path_factory.mktemp("drafts")
    a, b, c = ([preference(n)] for n in range(3))
    return {
        "first": parted(folder / "first", [a]),
        "ab": parted(folder / "ab", [a, b]),
        "bc": parted(folder / "bc", [b, c]),
        "c": parted(folder / "c", [c]),
    }


def publishing(one: Draft) -> Callable[[MemoryStore], object]:
    return lambda store: publish(store, one)


def collecting(rules: Rules) -> Callable[[MemoryStore], object]:
    return lambda store: collect(store, "demo", rules)


def withdrawing(version: int) -> Callable[[MemoryStore], object]:
    return lambda store: yank(store, "demo", version, "wrong")


def taking_back(version: int) -> Callable[[MemoryStore], object]:
    return lambda store: unyank(store, "demo", version)


@pytest.mark.parametrize("seed", range(4))
def test_whoever_comes_when_no_version_ever_misses_a_file(
    seed: int, drafts: dict[str, Draft], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Waiting is done in turns, not in seconds, and nobody has two hands.
    monkeypatch.setattr("prefline.releases.intents.time", Turns())
    for module in ("publish", "read"):
        monkeypatch.setattr(
            sys.modules[f"prefline.releases.{module}"], "ThreadPoolExecutor", OneByOne
        )
    chance = random.Random(seed)
    for _ in range(SCHEDULES // 4):
        store = MemoryStore()
        publish(store, drafts["first"])
        # What a dead publisher left is what "bc" and "ab" need, and what the sweep condemns.
        for one in drafts["bc"].files:
            store.put(object_key("demo", sha_of(one.path)), one.path.read_bytes())
        works = [
            publishing(drafts["ab"]), publishing(drafts["bc"]), publishing(drafts["c"]),
            collecting(OLD_AND_YANKED), withdrawing(1), taking_back(1),
            collecting(Rules(timedelta(0), yanked=True, take_over=False)),
        ]  # fmt: skip
        actors = [Actor(store, work) for work in works]
        victim = chance.choice([*actors[:4], None])
        play(actors, chance, victim)

        check(store, actors, victim)


def check(store: MemoryStore, actors: list[Actor], victim: Actor | None) -> None:
    shelf = read_shelf(store, "demo")
    withdrawn = yanks_of(store, "demo", shelf)
    living = [n for n in shelf.versions if n not in shelf.collected or n not in withdrawn]
    for manifest in all_manifests(store, "demo"):
        missing = [
            one.sha256
            for one in manifest.files
            if object_key("demo", one.sha256) not in store.objects
        ]
        assert not missing or manifest.version not in living, (
            f"version {manifest.version} misses files"
        )
    for actor in actors:
        if isinstance(actor.result, Release):
            assert actor.result.manifest.version in shelf.versions
        elif actor is not victim and isinstance(actor.result, BaseException):
            # Another collection at work, or one that died; or the files were deleted already.
            assert isinstance(actor.result, ObjectStoreError), repr(actor.result)


def test_a_collection_that_is_killed_anywhere_is_completed_by_the_next(
    drafts: dict[str, Draft],
) -> None:
    for operations in range(60):
        store = MemoryStore()
        for name in ("first", "bc"):
            publish(store, drafts[name])
        yank(store, "demo", 2, "wrong")
        if not killed_after(operations, store, OLD_AND_YANKED):
            break
        collect(store, "demo", Rules(timedelta(0), yanked=True, take_over=True))
        kept = [key for key in store.objects if "/objects/" in key]

        assert kept == [object_key("demo", sha_of(drafts["first"].files[0].path))]
        assert sweeps_under_way(store, "demo") == []
    assert operations > 10


def killed_after(operations: int, store: MemoryStore, rules: Rules) -> bool:
    left = [operations]

    def turn() -> None:
        if left[0] == 0:
            raise Killed
        left[0] -= 1

    try:
        collect(store.seen_by(turn), "demo", rules)
    except Killed:
        return True
    return False


def sha_of(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()
