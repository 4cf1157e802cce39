"""Getting a version's files, and checking every byte of it. Several files at a time."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from prefline.atomic import atomic_write, disk_full
from prefline.errors import FileError, InputError, StoreUnreachable, VersionCorrupt
from prefline.ids import sha256_of
from prefline.releases.cache import cached_object, is_offline
from prefline.releases.card import card_of_some
from prefline.releases.folder_paths import folder_path
from prefline.releases.layout import card_key, object_key
from prefline.releases.manifest import DataFile, Manifest
from prefline.releases.read import Location
from prefline.storage import ObjectMissing

_THREADS = 4

S = TypeVar("S")
T = TypeVar("T")


def at_once(work: Callable[[S], T], items: Iterable[S]) -> Iterator[T]:
    """What `work` makes of each item, in their order, several at a time. Raises what it raises,
    without beginning another."""
    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            yield from pool.map(work, items)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def readable(at: Location, one: DataFile) -> Path:
    """A file with the bytes that the manifest names, checked: the store's own where it is a
    folder, else one in the cache, fetched unless it is there.

    Raises `VersionCorrupt` if what the store has is missing or not what the manifest says, and
    `StoreUnreachable` if it is not to be asked for a file that is not in the cache.
    """
    key = object_key(at.dataset, one.sha256)
    here = at.store.local_path(key)
    if here is None:
        return fetch(at, one, cached_object(one.sha256), ask=not is_offline())
    with _disk(here):
        if not here.is_file():
            raise _corrupt(f"{at.store.uri}/{key} is missing")
        _compare(sha256_of(here), one, f"{at.store.uri}/{key}")
    return here


@contextmanager
def passing(at: Location, one: DataFile, scratch: Path) -> Iterator[Path]:
    """A checked file for as long as the block lasts: the store's own where it is a folder, else one
    in `scratch`, which is let go. Raises what `readable` does."""
    if at.store.local_path(object_key(at.dataset, one.sha256)) is not None:
        yield readable(at, one)
        return
    path = fetch(at, one, scratch / f"{one.sha256}.parquet")
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def fetch(at: Location, one: DataFile, target: Path, *, ask: bool = True) -> Path:
    """Download a data file to `target` unless it is there with the right bytes.

    `target` never has wrong ones, even for a moment. Raises `VersionCorrupt` if what the store
    has is missing or not what the manifest says, `FileError` if `target` cannot be read or
    written, and `StoreUnreachable` if it is not there and the store is not to be asked.
    """
    with _disk(target):
        if target.is_file() and sha256_of(target) == one.sha256:
            return target
        if not ask:
            raise _not_asked(at, one)
        return _download(at, one, target)


def _download(at: Location, one: DataFile, target: Path) -> Path:
    key = object_key(at.dataset, one.sha256)
    arriving = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        found = at.store.download(key, arriving)
        _compare(found, one, f"{at.store.uri}/{key}")
        arriving.replace(target)
    except ObjectMissing as error:
        raise _corrupt(f"{at.store.uri}/{key} is missing") from error
    finally:
        arriving.unlink(missing_ok=True)
    return target


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise disk_full(error, path) or FileError(
            f"cannot read or write {path}: {error.strerror or error}",
            "check what is there, and that this user may read and write it",
        ) from error


def _not_asked(at: Location, one: DataFile) -> StoreUnreachable:
    return StoreUnreachable(
        f"a file of {at.uri}@{at.wanted} ({one.format}, {one.split}) is not in the cache, and "
        "PREFLINE_OFFLINE or one of Hugging Face's variables like it is set",
        "load it once with the store at hand; or set PREFLINE_CACHE to the folder that has it",
    )


def get(
    at: Location, manifest: Manifest, folder: Path, files: Sequence[DataFile] | None = None
) -> list[Path]:
    """Write a version, or some of its files, into `folder`, with its card as `README.md`; files
    that are there are kept.

    They are `<split>/part-00000.parquet`, those of another format than `preference` under
    `<format>/`, as the card's front matter names them, so that `load_dataset(folder)` finds them;
    where not all files are wanted it names those that are.

    Raises `InputError` for a folder with Parquet files of another version beside these: who reads
    the folder would read both. Else what `fetch` raises.
    """
    files = manifest.files if files is None else files
    names = _names(files)
    targets = [(one, folder / name) for one, name in zip(files, names, strict=True)]
    _refuse_strays({path for _, path in targets})
    paths = list(at_once(lambda pair: fetch(at, *pair), targets))
    card = at.store.get(card_key(at.dataset, manifest.version)).decode()
    if len(files) < len(manifest.files):
        card = card_of_some(card, files)
    with atomic_write(folder / "README.md") as file:
        file.write(card.encode())
    return [*paths, folder / "README.md"]


def _refuse_strays(targets: Set[Path]) -> None:
    for place in sorted({path.parent for path in targets}):
        strays = sorted({*place.glob("*.parquet")} - targets)
        if strays:
            raise InputError(
                f"{strays[0]} is there already and is no file of this version: who reads {place} "
                "would read both",
                "name an empty folder, or remove what is there",
            )


def _names(files: Sequence[DataFile]) -> list[str]:
    names: list[str] = []
    counts: dict[tuple[str, str], int] = {}
    for one in files:
        place = (one.format, one.split)
        number = counts.get(place, 0)
        counts[place] = number + 1
        names.append(folder_path(*place, number))
    return names


def verify(at: Location, manifest: Manifest, scratch: Path) -> list[str]:
    """What is wrong with a version, byte for byte; empty if nothing is.

    `scratch` is a folder for a few files at a time.
    """
    faults = [
        fault for fault in at_once(lambda one: _fault(at, one, scratch), manifest.files) if fault
    ]
    key = card_key(at.dataset, manifest.version)
    try:
        if hashlib.sha256(at.store.get(key)).hexdigest() != manifest.card_sha256:
            faults.append(f"{at.store.uri}/{key} is not the card that the manifest names")
    except ObjectMissing:
        faults.append(f"{at.store.uri}/{key} is missing")
    return faults


def _fault(at: Location, one: DataFile, scratch: Path) -> str | None:
    try:
        with passing(at, one, scratch):
            return None
    except VersionCorrupt as error:
        return error.problem


def _compare(found: str, one: DataFile, where: str) -> None:
    if found != one.sha256:
        raise _corrupt(f"{where} does not have the bytes of its name")


def _corrupt(problem: str) -> VersionCorrupt:
    return VersionCorrupt(
        problem,
        "take another version (`prefline versions`), or have this one published again",
    )
