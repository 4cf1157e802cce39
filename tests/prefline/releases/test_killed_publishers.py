"""Publishers that are killed, and many of them at once, with readers all the while."""

from __future__ import annotations

import os
import random
import signal
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from prefline.releases import Location, list_versions, locate, read_manifest
from prefline.releases.channels import read_channel
from prefline.releases.gc import GcRules, collect_garbage
from prefline.releases.transfer import verify
from prefline.releases.yanks import read_version_index
from prefline.storage import open_store
from tests.prefline.releases.publishers import publish_number, start

KILLS = int(os.environ.get("PREFLINE_TEST_KILLS", "30"))
AT_ONCE = 16
# About as many operations as a publisher needs from its first write on: some come through.
MOST_OPERATIONS = 13


class Reader(threading.Thread):
    """Looks at a dataset all the while: every version that it sees must verify, and `latest` must
    lead to one of them."""

    def __init__(self, uri: str, scratch: Path) -> None:
        super().__init__()
        self.seen: dict[int, list[str]] = {}
        self.looks = 0
        self.error: BaseException | None = None
        self._uri, self._scratch = uri, scratch
        self._told_to_end = threading.Event()

    def run(self) -> None:
        store = open_store(self._uri)
        try:
            while not self._told_to_end.wait(0.1):
                self._look(store)
        except BaseException as error:  # noqa: BLE001 - the test raises it
            self.error = error

    def _look(self, store: object) -> None:
        at = Location(store, "demo", "latest")  # type: ignore[arg-type]
        numbers = list_versions(at.store, "demo")
        if read_channel(at.store, "demo", "latest") is not None:
            numbers.append(read_manifest(at).version)
        for number in numbers:
            if number not in self.seen:
                one = Location(at.store, "demo", str(number))
                self.seen[number] = verify(one, read_manifest(one), self._scratch)
        self.looks += 1

    def end(self) -> None:
        self._told_to_end.set()
        self.join()
        if self.error is not None:
            raise self.error


def verified(uri: str, number: int, scratch: Path) -> bool:
    at = locate(f"{uri}/demo@{number}")
    return verify(at, read_manifest(at), scratch) == []


def gaps_are_explained(uri: str) -> bool:
    """Whether every number is a version's, or has the card of a publisher that died."""
    index = read_version_index(open_store(uri), "demo")
    return set(range(1, index.versions[-1] + 1)) == set(index.versions) | index.cards


@pytest.mark.timeout(240)
def test_killed_at_any_moment_no_reader_sees_a_version_that_does_not_verify(
    store_uri: str, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scratch").mkdir()
    reader = Reader(store_uri, tmp_path / "scratch")
    reader.start()
    chance = random.Random(0)
    killed, acknowledged, running = 0, [], []
    for number in range(10_000):
        inside = chance.random() < 0.8  # at a drawn operation; else from outside, at any moment
        last = chance.randrange(1, MOST_OPERATIONS) if inside else 0
        running.append(
            start(store_uri, str(tmp_path / "drafts"), number, last, chance.random() < 0.5)
        )
        if len(running) < 2:  # so that two are always at work
            continue
        process, answer = running.pop(0)
        process.join(None if inside else chance.uniform(0, 0.1))
        process.kill()
        process.join()
        killed += process.exitcode == -signal.SIGKILL
        acknowledged += [answer.recv()] if answer.poll() and process.exitcode == 0 else []
        if killed >= KILLS:
            break
    for process, _ in running:
        process.kill()
        process.join()
    last_number = publish_number(store_uri, str(tmp_path / "drafts"), 20_000)
    reader.end()

    assert killed >= KILLS
    assert reader.looks > 10
    assert len(reader.seen) > 10
    assert all(faults == [] for faults in reader.seen.values())
    assert set(acknowledged) <= set(list_versions(open_store(store_uri), "demo"))
    assert read_manifest(locate(f"{store_uri}/demo")).version == last_number
    assert gaps_are_explained(store_uri)

    # What the dead have left is garbage after a while, and goes; what is published stays.
    monkeypatch.setattr("prefline.releases.gc.WEEK", timedelta(0))
    found = collect_garbage(open_store(store_uri), "demo", GcRules(grace=timedelta(0)))
    assert found.objects
    assert open_store(store_uri).list("demo/intents/") == []
    numbers = list_versions(open_store(store_uri), "demo")
    assert all(verified(store_uri, number, tmp_path / "scratch") for number in numbers)


def test_all_of_sixteen_publishers_at_once_get_their_version(
    store_uri: str, tmp_path: Path, cache: Path
) -> None:
    (tmp_path / "scratch").mkdir()
    started = [start(store_uri, str(tmp_path / "drafts"), number) for number in range(AT_ONCE)]
    numbers = [answer.recv() for _, answer in started]
    for process, _ in started:
        process.join()

    assert sorted(numbers) == list(range(1, AT_ONCE + 1))
    assert read_channel(open_store(store_uri), "demo", "latest") == AT_ONCE
    assert all(verified(store_uri, number, tmp_path / "scratch") for number in numbers)
    contents = [read_manifest(locate(f"{store_uri}/demo@{number}")).content for number in numbers]
    assert len(set(contents)) == AT_ONCE


def test_several_who_publish_the_same_at_once_make_one_version(
    store_uri: str, tmp_path: Path, cache: Path
) -> None:
    started = [start(store_uri, str(tmp_path / f"drafts-{n}"), 7) for n in range(4)]
    numbers = [answer.recv() for _, answer in started]
    for process, _ in started:
        process.join()

    assert numbers == [1, 1, 1, 1]
    assert list_versions(open_store(store_uri), "demo") == [1]
