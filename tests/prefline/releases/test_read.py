from __future__ import annotations

import sys
from pathlib import Path

import pytest
from datasets import load_dataset

import prefline
from prefline.errors import VersionCorrupt, VersionNotFound
from prefline.objects import open_store
from prefline.releases import locate, publish, read_manifest
from prefline.releases.diff import diff
from prefline.releases.manifest import decode
from prefline.releases.transfer import get, verify
from tests.prefline.releases.drafts import draft, preference


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A folder store with two versions of `demo`; gives the dataset's URI."""
    monkeypatch.setenv("PREFLINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "hf"))
    store = open_store(str(tmp_path / "store"))
    publish(store, draft(tmp_path / "one", [preference(n) for n in range(5)]))
    flipped = preference(1, chosen_id="1b", rejected_id="1a")
    surer, moved = preference(2, p_chosen=0.99), preference(3, split="test")
    rows = [preference(0), flipped, surer, moved, preference(9, category="new")]
    publish(store, draft(tmp_path / "two", rows))
    return f"{tmp_path}/store/demo"


@pytest.mark.parametrize(("wanted", "version"), [("", 2), ("@latest", 2), ("@1", 1), ("@2", 2)])
def test_a_version_is_found_by_number_or_channel(published: str, wanted: str, version: int) -> None:
    assert read_manifest(locate(published + wanted)).version == version


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        pytest.param("@7", "has no version 7", id="no such version"),
        pytest.param("@production", "no channel 'production'", id="no such channel"),
        pytest.param("x@1", "there is no dataset", id="no such dataset"),
    ],
)
def test_what_is_not_there_is_named_with_what_is(published: str, uri: str, message: str) -> None:
    with pytest.raises(VersionNotFound, match=message):
        read_manifest(locate(published + uri))


def test_a_uri_without_a_dataset_says_how_to_write_one() -> None:
    with pytest.raises(VersionNotFound, match="write <store>/<dataset>@<version>"):
        locate("demo")


def test_load_gives_the_rows_as_a_dataset(published: str) -> None:
    rows = prefline.load(f"{published}@1", split="train")

    assert rows.num_rows == 5
    assert rows[0]["chosen"] == [{"role": "assistant", "content": "answer 0"}]


def test_load_reads_only_the_columns_asked_for(published: str) -> None:
    rows = prefline.load(f"{published}@1", split="train", columns=["pair_id", "p_chosen"])

    assert rows.column_names == ["pair_id", "p_chosen"]


def test_a_split_that_is_not_there_is_named_with_those_that_are(published: str) -> None:
    with pytest.raises(VersionNotFound, match="it has train"):
        prefline.load(published, split="validation")


def test_plain_load_dataset_reads_what_get_wrote(published: str, tmp_path: Path) -> None:
    at = locate(f"{published}@1")
    get(at, read_manifest(at), tmp_path / "got")
    rows = load_dataset("parquet", data_files=str(tmp_path / "got/train/*.parquet"), split="train")

    assert rows.num_rows == 5
    assert (tmp_path / "got/README.md").read_text().startswith("---\nlicense")


def test_diff_tells_every_kind_of_change(published: str, tmp_path: Path) -> None:
    at = locate(published)
    found = diff(at, read_manifest(locate(f"{published}@1")), read_manifest(at), tmp_path / "cache")

    assert (found.added, found.removed, found.kept) == (1, 1, 4)
    assert (found.flipped, found.p_changed, found.moved) == (1, 1, 1)
    assert found.categories == {"c": {"added": 0, "removed": 1}, "new": {"added": 1, "removed": 0}}


def test_a_changed_byte_is_found(published: str, tmp_path: Path) -> None:
    at = locate(f"{published}@1")
    manifest = read_manifest(at)
    path = Path(published) / "objects" / f"{manifest.files[0].sha256}.parquet"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)

    (fault,) = verify(at, manifest, tmp_path / "scratch")
    assert "does not have the bytes of its name" in fault
    with pytest.raises(VersionCorrupt):
        prefline.load(f"{published}@1", split="train")


def test_a_cached_version_needs_its_objects_no_more(published: str) -> None:
    prefline.load(f"{published}@1", split="train")
    for path in (Path(published) / "objects").iterdir():
        path.unlink()

    assert prefline.load(f"{published}@1", split="train").num_rows == 5


def test_a_changed_manifest_is_refused(published: str) -> None:
    path = Path(published) / "versions/000001/manifest.json"
    changed = (
        path.read_bytes().replace(b'"rows": 5', b'"rows": 6', 1).replace(b'"train"', b'"test"')
    )

    with pytest.raises(VersionCorrupt, match="is damaged"):
        decode(changed, "here")


def test_importing_prefline_loads_nothing_heavy() -> None:
    import subprocess

    code = "import sys, prefline; print([m for m in ('pyarrow', 'datasets', 'boto3', 'prefect') if m in sys.modules])"  # noqa: E501
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert said.stdout.strip() == "[]"
