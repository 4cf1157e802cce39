from __future__ import annotations

import warnings
from pathlib import Path

import pytest

import prefline
from prefline.errors import VersionNotFound, VersionYanked, YankedWarning
from prefline.releases import list_versions, locate, publish, read_manifest
from prefline.releases.channels import channel_history, point_channel, read_channel
from prefline.releases.versions import take_back, withdraw
from prefline.releases.yanks import read_yank
from prefline.storage import open_store
from tests.prefline.releases.drafts import draft, preference


def three_versions(store_uri: str, tmp_path: Path) -> str:
    for number in range(3):
        publish(open_store(store_uri), draft(tmp_path / str(number), [preference(number)]))
    return f"{store_uri}/demo"


@pytest.fixture
def dataset(tmp_path: Path, cache: Path) -> str:
    """The URI of a dataset of three versions in a folder."""
    return three_versions(str(tmp_path / "store"), tmp_path)


def test_no_channel_leads_to_a_withdrawn_version(
    store_uri: str, tmp_path: Path, cache: Path
) -> None:
    dataset = three_versions(store_uri, tmp_path)
    at = locate(f"{dataset}@3")
    point_channel(at.store, "demo", "production", 3)
    number, moved = withdraw(at, "wrong labels")

    assert (number, moved) == (3, {"latest": 2, "production": None})
    assert read_manifest(locate(dataset)).version == 2
    with pytest.raises(VersionYanked, match="wrong labels"):
        read_manifest(locate(f"{dataset}@production"))
    # Who knows of no withdrawals takes the highest entry.
    assert channel_history(at.store, "demo", "latest")[-1]["version"] == 2


def test_it_can_still_be_read_by_its_number_with_a_warning(dataset: str) -> None:
    withdraw(locate(f"{dataset}@3"), "wrong labels")

    with pytest.warns(YankedWarning, match=r"demo@3 was withdrawn on .*: wrong labels"):
        rows = prefline.load(f"{dataset}@3", split="train")
    assert rows.num_rows == 1
    assert list_versions(open_store(dataset.rpartition("/")[0]), "demo") == [1, 2, 3]


def test_a_withdrawal_can_be_taken_back(dataset: str) -> None:
    at = locate(f"{dataset}@3")
    withdraw(at, "wrong labels")
    assert take_back(at) == (3, True)
    assert take_back(at) == (3, False)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_manifest(at).version == 3
    withdraw(at, "wrong after all")
    found = read_yank(at.store, "demo", 3)
    assert found is not None
    assert found.reason == "wrong after all"


def test_a_channel_passes_over_every_withdrawn_version(dataset: str) -> None:
    at = locate(dataset)
    for number in (2, 3):
        withdraw(locate(f"{dataset}@{number}"), "wrong")

    assert read_channel(at.store, "demo", "latest") == 1
    with pytest.raises(VersionYanked, match="wrong"):
        point_channel(at.store, "demo", "production", 2)


def test_a_new_version_is_latest_although_the_last_was_withdrawn(
    dataset: str, tmp_path: Path
) -> None:
    withdraw(locate(f"{dataset}@3"), "wrong")
    publish(open_store(dataset.rpartition("/")[0]), draft(tmp_path / "next", [preference(7)]))

    assert read_manifest(locate(dataset)).version == 4


@pytest.mark.parametrize(
    ("wanted", "message"), [("7", "no version 7"), ("latest", "names a channel")]
)
def test_only_a_version_that_exists_can_be_withdrawn_and_by_its_number(
    dataset: str, wanted: str, message: str
) -> None:
    with pytest.raises(VersionNotFound, match=message):
        withdraw(locate(f"{dataset}@{wanted}"), "wrong")
