"""Getting a version's files, and checking every byte of it. Several files at a time."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pyarrow.parquet as pq

from prefline.atomic import atomic_write, disk_full
from prefline.errors import FileError, InputError, StoreUnreachable, VersionCorrupt
from prefline.ids import sha256_of
from prefline.releases.cache import cached_object, is_offline
from prefline.releases.card import partial_card
from prefline.releases.croissant import CROISSANT, croissant
from prefline.releases.layout import Location, card_key, folder_path, object_key
from prefline.releases.manifest import DataFile, Manifest
from prefline.storage import ObjectMissing

_THREADS = 4
# A byte may be changed on the way where neither TLS nor a checksum of the store tells.
_DOWNLOADS = 2

S = TypeVar("S")
T = TypeVar("T")


def map_in_threads(work: Callable[[S], T], items: Iterable[S]) -> Iterator[T]:
    """Yield what `work` makes of each item, in their order, several at a time. Raises what it
    raises, without beginning another."""
    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            yield from pool.map(work, items)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def verified_path(location: Location, file: DataFile) -> Path:
    """Return a file with the bytes that the manifest names, checked: the store's own where it is a
    folder, else one in the cache, fetched unless it is there.

    Raises `VersionCorrupt` if what the store has is missing or not what the manifest says, and
    `StoreUnreachable` if it is not to be asked for a file that is not in the cache.
    """
    key = object_key(location.dataset, file.sha256)
    path = location.store.local_path(key)
    if path is None:
        return fetch(location, file, cached_object(file.sha256), ask=not is_offline())
    with _file_errors(path):
        if not path.is_file():
            raise _corrupt(f"{location.store.uri}/{key} is missing")
        _require_hash(sha256_of(path), file, f"{location.store.uri}/{key}")
    return path


@contextmanager
def verified_copy(location: Location, file: DataFile, scratch: Path) -> Iterator[Path]:
    """Give a checked file for as long as the block lasts: the store's own where it is a folder,
    else one in `scratch`, which is removed then. Raises what `verified_path` does."""
    if location.store.local_path(object_key(location.dataset, file.sha256)) is not None:
        yield verified_path(location, file)
        return
    path = fetch(location, file, scratch / f"{file.sha256}.parquet")
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def fetch(location: Location, file: DataFile, target: Path, *, ask: bool = True) -> Path:
    """Download a data file to `target` unless it is there with the right bytes.

    `target` never has wrong ones, even for a moment. Raises `VersionCorrupt` if what the store
    has is missing or not what the manifest says, `FileError` if `target` cannot be read or
    written, and `StoreUnreachable` if it is not there and the store is not to be asked.
    """
    with _file_errors(target):
        if target.is_file() and sha256_of(target) == file.sha256:
            return target
        if not ask:
            raise _not_asked(location, file)
        return _download(location, file, target)


def _download(location: Location, file: DataFile, target: Path) -> Path:
    key = object_key(location.dataset, file.sha256)
    arriving = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        for _ in range(_DOWNLOADS):
            sha256 = location.store.download(key, arriving)
            if sha256 == file.sha256:
                break
        _require_hash(sha256, file, f"{location.store.uri}/{key}")
        arriving.replace(target)
    except ObjectMissing as error:
        raise _corrupt(f"{location.store.uri}/{key} is missing") from error
    finally:
        arriving.unlink(missing_ok=True)
    return target


@contextmanager
def _file_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise disk_full(error, path) or FileError(
            f"cannot read or write {path}: {error.strerror or error}",
            "check what is there, and that this user may read and write it",
        ) from error


def _not_asked(location: Location, file: DataFile) -> StoreUnreachable:
    return StoreUnreachable(
        f"a file of {location.uri}@{location.wanted} ({file.format}, {file.split}) is not in the "
        "cache, and PREFLINE_OFFLINE or one of Hugging Face's variables like it is set",
        "load it once with the store at hand; or set PREFLINE_CACHE to the folder that has it",
    )


def get(
    location: Location,
    manifest: Manifest,
    folder: Path,
    files: Sequence[DataFile] | None = None,
) -> list[Path]:
    """Write a version, or some of its files, into `folder`, with its card as `README.md` and what
    `croissant.json` says of them; files that are there are kept.

    They are `<split>/part-00000.parquet`, those of another format than `preference` under
    `<format>/`, as the card's front matter names them, so that `load_dataset(folder)` finds them;
    where not all files are wanted it names those that are.

    Raises `InputError` for a folder with Parquet files of another version beside these: who reads
    the folder would read both. Else what `fetch` raises.
    """
    files = manifest.files if files is None else files
    names = _names(files)
    targets = [(file, folder / name) for file, name in zip(files, names, strict=True)]
    _refuse_strays({path for _, path in targets})
    paths = list(map_in_threads(lambda target: fetch(location, *target), targets))
    card = location.store.get(card_key(location.dataset, manifest.version)).decode()
    if len(files) < len(manifest.files):
        card = partial_card(card, files)
    schemas = {file.format: pq.read_schema(path) for file, path in zip(files, paths, strict=True)}
    metadata = croissant(manifest, list(zip(files, names, strict=True)), schemas)
    written = {"README.md": card.encode(), CROISSANT: metadata}
    for name, content in written.items():
        with atomic_write(folder / name) as file:
            file.write(content)
    return [*paths, *(folder / name for name in written)]


def _refuse_strays(targets: Set[Path]) -> None:
    for folder in sorted({path.parent for path in targets}):
        strays = sorted({*folder.glob("*.parquet")} - targets)
        if strays:
            raise InputError(
                f"{strays[0]} is there already and is no file of this version: who reads {folder} "
                "would read both",
                "name an empty folder, or remove what is there",
            )


def _names(files: Sequence[DataFile]) -> list[str]:
    names: list[str] = []
    counts: dict[tuple[str, str], int] = {}
    for file in files:
        group = (file.format, file.split)
        number = counts.get(group, 0)
        counts[group] = number + 1
        names.append(folder_path(*group, number))
    return names


def verify(location: Location, manifest: Manifest, scratch: Path) -> list[str]:
    """Return what is wrong with a version, byte for byte; empty if nothing is.

    `scratch` is a folder for a few files at a time.
    """
    problems = map_in_threads(lambda file: _problem(location, file, scratch), manifest.files)
    faults = [problem for problem in problems if problem]
    key = card_key(location.dataset, manifest.version)
    uri = f"{location.store.uri}/{key}"
    try:
        if hashlib.sha256(location.store.get(key)).hexdigest() != manifest.card_sha256:
            faults.append(f"{uri} is not the card that the manifest names")
    except ObjectMissing:
        faults.append(f"{uri} is missing")
    return faults


def _problem(location: Location, file: DataFile, scratch: Path) -> str | None:
    try:
        with verified_copy(location, file, scratch):
            return None
    except VersionCorrupt as error:
        return error.problem


def _require_hash(sha256: str, file: DataFile, uri: str) -> None:
    if sha256 != file.sha256:
        raise _corrupt(f"{uri} does not have the bytes of its name")


def _corrupt(problem: str) -> VersionCorrupt:
    return VersionCorrupt(
        problem,
        "take another version (`prefline versions`), or have this one published again",
    )
