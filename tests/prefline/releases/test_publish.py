from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from prefline.errors import StoreUnwritable
from prefline.objects import open_store
from prefline.releases import Location, list_versions, publish, read_manifest
from prefline.releases.channels import channel_history, move_channel, read_channel
from prefline.releases.transfer import verify
from tests.prefline.releases.drafts import draft, preference

SCRIPT = Path(__file__).parent / "publish_once.py"


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


def test_publishers_at_once_get_a_number_each_and_nothing_is_lost(
    store_uri: str, tmp_path: Path
) -> None:
    drafts = [draft(tmp_path / str(n), [preference(n)]) for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda one: publish(open_store(store_uri), one), drafts))
    numbers = sorted(release.manifest.version for release in made)

    assert numbers == list(range(1, 9))
    assert list_versions(open_store(store_uri), "demo") == numbers
    assert read_channel(open_store(store_uri), "demo", "latest") == 8
    assert all(faults(store_uri, number, tmp_path / "scratch") == [] for number in numbers)


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


def test_killed_at_any_moment_no_reader_sees_a_version_that_does_not_verify(
    store_uri: str, tmp_path: Path
) -> None:
    seen: dict[int, list[str]] = {}
    stop = threading.Event()

    def read_all_the_while() -> None:
        while not stop.is_set():
            for number in list_versions(open_store(store_uri), "demo"):
                if number not in seen:
                    seen[number] = faults(store_uri, number, tmp_path / "scratch")
            time.sleep(0.02)

    reader = threading.Thread(target=read_all_the_while)
    reader.start()
    kill_at = random.Random(0)
    for number in range(8):
        child = subprocess.Popen(
            [sys.executable, str(SCRIPT), store_uri, str(tmp_path / f"k{number}"), str(number)],
            env=dict(os.environ),
        )
        time.sleep(kill_at.uniform(0.4, 1.2))
        child.send_signal(signal.SIGKILL)
        child.wait()
    last = publish(open_store(store_uri), draft(tmp_path / "last", [preference(99)]))
    stop.set()
    reader.join()

    assert faults(store_uri, last.manifest.version, tmp_path / "scratch") == []
    assert all(found == [] for found in seen.values())


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
