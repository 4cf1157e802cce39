"""Publishers, collections and withdrawals, in any order of their operations on the store."""

from __future__ import annotations

import hashlib
import itertools
import random
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from prefline.errors import ObjectStoreError, VersionYanked
from prefline.releases import Draft, Release, intact_manifests, publish
from prefline.releases.gc import GcRules, collect_garbage, sweeps_under_way
from prefline.releases.layout import VersionIndex, object_key
from prefline.releases.yanks import (
    mark_collected,
    read_version_index,
    read_yank,
    read_yanks,
    unyank,
    yank,
)
from tests.prefline.releases.drafts import parted, preference
from tests.prefline.releases.memory import Actor, Killed, MemoryStore, play

OLD_AND_YANKED = GcRules(grace=timedelta(0), yanked=True)
SCHEDULES = 400
# Turns enough for any work, but not for one who waits for a sweep to lose patience.
WHILE_WAITING = 60


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
    """Versions that share files, the first but one: the actors below publish them."""
    folder = tmp_path_factory.mktemp("drafts")
    a, b, c, own = ([preference(n)] for n in range(4))
    return {
        # With a file that no other version protects, once this one is withdrawn or taken back.
        "first": parted(folder / "first", [a, own]),
        "ab": parted(folder / "ab", [a, b]),
        "bc": parted(folder / "bc", [b, c]),
        "c": parted(folder / "c", [c]),
    }


def publishing(one: Draft) -> Callable[[MemoryStore], object]:
    return lambda store: publish(store, one)


def collecting(rules: GcRules) -> Callable[[MemoryStore], object]:
    return lambda store: collect_garbage(store, "demo", rules)


def withdrawing(version: int) -> Callable[[MemoryStore], object]:
    return lambda store: yank(store, "demo", version, "wrong")


def taking_back(version: int) -> Callable[[MemoryStore], object]:
    return lambda store: unyank(store, "demo", version)


@pytest.fixture(autouse=True)
def _in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting is done in turns, not in seconds, and nobody has two hands."""
    monkeypatch.setattr("prefline.releases.gc.time", Turns())
    for module in ("publish", "versions"):
        monkeypatch.setattr(
            sys.modules[f"prefline.releases.{module}"], "ThreadPoolExecutor", OneByOne
        )


def before_all(drafts: dict[str, Draft]) -> MemoryStore:
    """A version; and what a dead publisher left, which "bc" and "ab" need and a sweep condemns."""
    store = MemoryStore()
    publish(store, drafts["first"])
    for one in drafts["bc"].files:
        store.put(object_key("demo", sha_of(one.path)), one.path.read_bytes())
    return store


@pytest.mark.parametrize("seed", range(4))
def test_whoever_comes_when_no_version_ever_misses_a_file(
    seed: int, drafts: dict[str, Draft]
) -> None:
    chance = random.Random(seed)
    for _ in range(SCHEDULES // 4):
        store = before_all(drafts)
        works = [
            publishing(drafts["ab"]), publishing(drafts["bc"]), publishing(drafts["c"]),
            collecting(OLD_AND_YANKED), withdrawing(1), taking_back(1),
            collecting(GcRules(timedelta(0), yanked=True, take_over=False)),
        ]  # fmt: skip
        # A few of them meet more often at the one place that matters than all do.
        some = chance.sample(works, chance.randint(2, len(works)))
        actors = [Actor(store, work) for work in some]
        victim = chance.choice([*actors, None])
        play(actors, chance, victim)

        check(store, actors, victim)


@pytest.mark.parametrize("who", ["a publisher", "one who takes back"])
def test_at_any_two_moments_of_a_collection_another_may_do_a_part_of_his_work(
    who: str, drafts: dict[str, Draft]
) -> None:
    work = publishing(drafts["bc"]) if who == "a publisher" else taking_back(1)
    before = before_all(drafts)
    yank(before, "demo", 1, "wrong")
    chance = random.Random(0)
    for first, second in itertools.combinations(range(operations_of_a_collection(before)), 2):
        store = MemoryStore()
        store.objects = dict(before.objects)
        other = Actor(store, work)
        other.start()
        turns = {first: chance.randrange(1, 25), second: WHILE_WAITING}
        collect_garbage(store.seen_by(at_operations(turns, other)), "demo", OLD_AND_YANKED)
        play([other], chance)

        check(store, [other], None)


def at_operations(turns: dict[int, int], other: Actor) -> Callable[[], None]:
    """Another's turns before the operations of these numbers."""
    operations = itertools.count()

    def turn() -> None:
        for _ in range(turns.get(next(operations), 0)):
            if not other.done:
                other.step()

    return turn


def operations_of_a_collection(before: MemoryStore) -> int:
    store, operations = MemoryStore(), itertools.count()
    store.objects = dict(before.objects)
    collect_garbage(store.seen_by(lambda: next(operations) and None), "demo", OLD_AND_YANKED)
    return next(operations)


def check(store: MemoryStore, actors: list[Actor], victim: Actor | None) -> None:
    index = read_version_index(store, "demo")
    withdrawn = read_yanks(store, "demo", index)
    collected = {n for n, found in withdrawn.items() if found.collected}
    living = [n for n in index.versions if n not in collected]
    for manifest in intact_manifests(store, "demo"):
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
            assert actor.result.manifest.version in index.versions
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
        collect_garbage(store, "demo", GcRules(timedelta(0), yanked=True, take_over=True))
        kept = [key for key in store.objects if "/objects/" in key]

        firsts = {object_key("demo", sha_of(one.path)) for one in drafts["first"].files}
        assert set(kept) == firsts
        assert sweeps_under_way(store, "demo") == []
    assert operations > 10


@pytest.mark.parametrize("operation", range(3))
def test_of_one_who_takes_back_and_a_collection_the_first_to_write_wins(operation: int) -> None:
    given_up, taken_back = MemoryStore(), MemoryStore()
    for store in (given_up, taken_back):
        yank(store, "demo", 1, "wrong")

    late = given_up.seen_by(before(operation, lambda: mark_collected(given_up, "demo", 1)))
    with pytest.raises(VersionYanked, match="deleted since"):
        unyank(late, "demo", 1)
    late = taken_back.seen_by(before(operation, lambda: unyank(taken_back, "demo", 1)))
    assert not mark_collected(late, "demo", 1)

    assert mark_collected(given_up, "demo", 1)  # a second collection changes nothing
    assert read_yanks(given_up, "demo", VersionIndex((1,), frozenset(), {1: 2}))[1].collected
    assert read_yank(taken_back, "demo", 1) is None


def before(operation: int, work: Callable[[], object]) -> Callable[[], None]:
    """A turn that lets another work first, once, before one of the operations."""
    operations = itertools.count()

    def turn() -> None:
        if next(operations) == operation:
            work()

    return turn


def killed_after(operations: int, store: MemoryStore, rules: GcRules) -> bool:
    left = [operations]

    def turn() -> None:
        if left[0] == 0:
            raise Killed
        left[0] -= 1

    try:
        collect_garbage(store.seen_by(turn), "demo", rules)
    except Killed:
        return True
    return False


def sha_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
