"""A version as a Hugging Face dataset."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import Any, cast

from prefline.errors import InputError, VersionNotFound
from prefline.releases.filters import Condition, Filters, alternatives, applied, may_hold
from prefline.releases.manifest import PREFERENCE, DataFile, Manifest
from prefline.releases.read import Location, locate, read_manifest
from prefline.releases.transfer import at_once, readable


def load(  # what `datasets.load_dataset` calls by the same names
    uri: str,
    split: str | None = None,
    *,
    format: str = PREFERENCE,  # noqa: A002
    columns: Sequence[str] | None = None,
    filters: Filters | None = None,
    streaming: bool = False,
) -> Any:
    """A version of a dataset, such as `load("s3://bucket/demo@production", split="train")`.

    Gives a `datasets.Dataset` (an `IterableDataset` with `streaming`), or a dict of them by
    split where `split` is None. `format` is one of those that the version has. `filters` are
    conditions such as `[("p_chosen", ">=", 0.9)]`; files that cannot hold such a row are not
    fetched. Every file is checked against its hash, and kept by hash under the user's cache
    folder where the store is not a folder itself; with `streaming` that happens to each file
    when the reader comes to it, and what was read before needs no store.

    Raises `VersionNotFound`, `VersionYanked`, `VersionCorrupt`, `InputError` for a column or
    a filter that makes no sense, or another `ObjectStoreError`. Warns of a version that was
    withdrawn, and of a channel that is taken as last seen.
    """
    at = locate(uri)
    manifest = read_manifest(at)
    known = _schema(uri, manifest, format)
    for name in columns or ():
        if not isinstance(name, str) or name not in known:
            raise _no_column(uri, name, known)
    found = [[]] if filters is None else alternatives(filters, known)
    wanted = _by_split(uri, manifest, format, split)
    chosen = {name: _possible(files, found) for name, files in wanted.items()}
    pick = _Pick(list(dict.fromkeys(columns)) if columns else None, found if all(found) else None)
    sets = _streams(at, chosen, pick) if streaming else _tables(at, chosen, pick)
    if split is not None:
        return sets[split]
    from datasets import DatasetDict, IterableDatasetDict

    return IterableDatasetDict(sets) if streaming else DatasetDict(sets)


class _Pick:
    """Which columns and rows a reader wants; it travels to the workers of a data loader."""

    def __init__(self, columns: list[str] | None, filters: list[list[Condition]] | None) -> None:
        self.columns = columns
        self.filters = filters


def _tables(at: Location, chosen: dict[str, list[DataFile]], pick: _Pick) -> dict[str, Any]:
    names = [(split, one) for split, files in chosen.items() for one in files]
    paths: dict[str, list[str]] = {}
    for (split, _), path in zip(
        names, at_once(lambda pair: readable(at, pair[1]), names), strict=True
    ):
        paths.setdefault(split, []).append(str(path))
    return {split: _table(these, pick) for split, these in paths.items()}


def _table(paths: list[str], pick: _Pick) -> Any:
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq
    from datasets import Dataset, load_dataset

    if pick.filters:
        data = ds.dataset(paths, format="parquet")
        with applied():
            expression = pq.filters_to_expression(cast("Any", pick.filters))
            rows = data.count_rows(filter=expression)
        if not rows:  # of which `datasets` makes an error
            return Dataset(data.schema.empty_table().select(pick.columns or data.schema.names))
    # `datasets` takes the filter as pyarrow does, for whole row groups first and then for rows.
    return load_dataset(
        "parquet", data_files=paths, split="train", columns=pick.columns, filters=pick.filters
    )


def _streams(at: Location, chosen: dict[str, list[DataFile]], pick: _Pick) -> dict[str, Any]:
    from datasets import IterableDataset

    return {
        split: IterableDataset.from_generator(
            # A list in `gen_kwargs` is what workers share among them: a shard for each file.
            _rows,
            gen_kwargs={
                "files": files,
                "uri": f"{at.uri}@{at.wanted}",
                "columns": tuple(pick.columns) if pick.columns else None,
                "filters": pick.filters and tuple(tuple(part) for part in pick.filters),
            },
        )
        for split, files in chosen.items()
    }


def _rows(
    files: list[DataFile], uri: str, columns: tuple[str, ...] | None, filters: Any
) -> Iterator[dict[str, Any]]:
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq

    at = locate(uri)
    names = None if columns is None else list(columns)
    for one in files:
        data = ds.dataset(readable(at, one), format="parquet")
        with applied():
            expression = (
                pq.filters_to_expression([list(part) for part in filters]) if filters else None
            )
            batches = data.to_batches(columns=names, filter=expression)
        while (batch := _next(batches)) is not None:
            yield from batch.to_pylist()


def _next(batches: Iterator[Any]) -> Any:
    with applied():
        return next(batches, None)


def _by_split(
    uri: str, manifest: Manifest, name: str, split: str | None
) -> dict[str, list[DataFile]]:
    wanted: dict[str, list[DataFile]] = {}
    for one in manifest.of(name, split):
        wanted.setdefault(one.split, []).append(one)
    if not wanted:
        there = sorted({one.split for one in manifest.of(name)})
        raise VersionNotFound(f"{uri} has no split {split!r}", f"it has {', '.join(there)}")
    return wanted


def _possible(files: list[DataFile], found: list[list[Condition]]) -> list[DataFile]:
    """The files that may hold such rows; one of them where none can, for the columns."""
    return [one for one in files if may_hold(one, found)] or files[:1]


def _schema(uri: str, manifest: Manifest, name: str) -> dict[str, str]:
    if name not in manifest.formats:
        raise VersionNotFound(
            f"{uri} has no format {name!r}",
            f"it has {', '.join(manifest.formats)}; `publish.formats` of the project that makes it "
            "says which",
        )
    return dict(manifest.schema if name == PREFERENCE else manifest.schemas[name])


def _no_column(uri: str, name: object, known: dict[str, str]) -> InputError:
    near = difflib.get_close_matches(str(name), known, 1)
    meant = f"did you mean {near[0]!r}? " if near else ""
    return InputError(f"{uri} has no column {name!r}", f"{meant}it has {', '.join(known)}")
