from __future__ import annotations

from pathlib import Path

import pytest

from prefline.errors import FileError, InputError
from prefline.releases import locate, read_manifest
from prefline.releases.transfer import get, verify


@pytest.fixture(params=["published", "published_s3"], ids=["folder", "s3"])
def dataset(request: pytest.FixtureRequest) -> str:
    """The URI of a dataset of two versions, in either kind of store."""
    uri: str = request.getfixturevalue(request.param)
    return uri


def test_plain_load_dataset_reads_what_get_wrote(dataset: str, tmp_path: Path) -> None:
    from datasets import load_dataset

    at = locate(f"{dataset}@1")
    manifest = read_manifest(at)
    get(at, manifest, tmp_path / "got")

    by_file = load_dataset("parquet", data_files=str(tmp_path / "got/train/*"), split="train")
    by_card = load_dataset(str(tmp_path / "got"), split="train")
    assert by_file.num_rows == by_card.num_rows == 5
    assert by_card.column_names == by_file.column_names


def test_get_keeps_what_is_there_and_mends_what_is_damaged(published: str, tmp_path: Path) -> None:
    at = locate(f"{published}@1")
    manifest = read_manifest(at)
    path, *_ = get(at, manifest, tmp_path / "got")
    good, when = path.read_bytes(), path.stat().st_mtime_ns

    get(at, manifest, tmp_path / "got")
    assert path.stat().st_mtime_ns == when
    path.write_bytes(good[:-1])
    get(at, manifest, tmp_path / "got")
    assert path.read_bytes() == good


def test_get_mixes_no_two_versions_in_one_folder(published: str, tmp_path: Path) -> None:
    at = locate(f"{published}@1")
    manifest = read_manifest(at)
    (path, *_) = get(at, manifest, tmp_path / "got")
    path.rename(path.with_name("part-00001.parquet"))  # as of a version of two files

    with pytest.raises(InputError, match=r"part-00001\.parquet is there already"):
        get(at, manifest, tmp_path / "got")
    assert not path.exists()


@pytest.mark.parametrize("taken", ["got", "got/train", "got/train/part-00000.parquet/x"])
def test_get_says_where_something_is_in_its_way(dataset: str, tmp_path: Path, taken: str) -> None:
    (tmp_path / taken).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / taken).write_bytes(b"a file, or a folder with one")
    at = locate(f"{dataset}@1")

    with pytest.raises(FileError, match="got"):
        get(at, read_manifest(at), tmp_path / "got")


def test_a_whole_version_verifies(dataset: str, tmp_path: Path) -> None:
    for wanted in ("1", "latest"):
        at = locate(f"{dataset}@{wanted}")
        assert verify(at, read_manifest(at), tmp_path) == []
    assert list(tmp_path.glob("*.parquet")) == []


@pytest.mark.parametrize(
    ("what", "fault"),
    [
        pytest.param("objects", "does not have the bytes of its name", id="a byte of a file"),
        pytest.param("versions/000001/README.md", "not the card", id="a byte of the card"),
    ],
)
def test_a_changed_byte_is_found(published: str, tmp_path: Path, what: str, fault: str) -> None:
    at = locate(f"{published}@1")
    manifest = read_manifest(at)
    path = Path(published) / what
    path = path if path.is_file() else path / f"{manifest.files[0].sha256}.parquet"
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)

    (found,) = verify(at, manifest, tmp_path)
    assert fault in found


def test_a_file_that_is_gone_is_found(published: str, tmp_path: Path) -> None:
    at = locate(f"{published}@1")
    manifest = read_manifest(at)
    (Path(published) / "objects" / f"{manifest.files[0].sha256}.parquet").unlink()
    (Path(published) / "versions/000001/README.md").unlink()

    assert [fault.rpartition(" is ")[2] for fault in verify(at, manifest, tmp_path)] == [
        "missing",
        "missing",
    ]
