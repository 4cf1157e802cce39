"""A version as a Hugging Face dataset, with filters that pass over whole files.

A filter is a list of conditions `(column, operator, value)` that must all hold, or a list of such
lists of which one must hold: the form of pyarrow and pandas.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from prefline.errors import InputError, VersionNotFound
from prefline.releases.layout import Location, locate
from prefline.releases.manifest import PREFERENCE, DataFile, Manifest
from prefline.releases.transfer import map_in_threads, verified_path
from prefline.releases.versions import read_manifest
from prefline.tables.turns import published_rows

Condition = tuple[str, str, Any]
Filters = Sequence[Condition] | Sequence[Sequence[Condition]]

# Whether any value between the smallest and the largest of a file can fulfil the condition.
_POSSIBLE: dict[str, Callable[[Any, Any, Any], bool]] = {
    "=": lambda low, high, value: low <= value <= high,
    "==": lambda low, high, value: low <= value <= high,
    "<": lambda low, high, value: low < value,  # noqa: ARG005
    "<=": lambda low, high, value: low <= value,  # noqa: ARG005
    ">": lambda low, high, value: high > value,  # noqa: ARG005
    ">=": lambda low, high, value: high >= value,  # noqa: ARG005
    "!=": lambda low, high, value: not low == high == value,
    "in": lambda low, high, value: any(low <= one <= high for one in value),
    "not in": lambda low, high, value: not (low == high and low in value),
}


def load(  # what `datasets.load_dataset` calls by the same names
    uri: str,
    split: str | None = None,
    *,
    format: str = PREFERENCE,  # noqa: A002
    columns: Sequence[str] | None = None,
    filters: Filters | None = None,
    streaming: bool = False,
) -> Any:
    """Load a version of a dataset, such as `load("s3://bucket/demo@production", split="train")`.

    Returns a `datasets.Dataset` (an `IterableDataset` with `streaming`), or a dict of them by
    split where `split` is None. `format` is one of those that the version has. `filters` are
    conditions such as `[("p_chosen", ">=", 0.9)]`; files that cannot hold such a row are not
    fetched. Every file is checked against its hash, and kept by hash under the user's cache
    folder where the store is not a folder itself; with `streaming` that happens to each file
    when the reader comes to it, and what was read before needs no store.

    Raises `VersionNotFound`, `VersionYanked`, `VersionCorrupt`, `InputError` for a column or
    a filter that makes no sense, or another `ObjectStoreError`. Warns of a version that was
    withdrawn, and of a channel that is taken as last seen.
    """
    location = locate(uri)
    manifest = read_manifest(location)
    known = _schema(uri, manifest, format)
    for name in columns or ():
        if not isinstance(name, str) or name not in known:
            raise _no_column(uri, name, known)
    alternatives = [[]] if filters is None else parse_filters(filters, known)
    files = {
        name: _possible_files(files, alternatives)
        for name, files in _files_by_split(uri, manifest, format, split).items()
    }
    selection = _Selection(
        list(dict.fromkeys(columns)) if columns else None,
        alternatives if all(alternatives) else None,
    )
    read = _read_streams if streaming else _read_tables
    sets = read(location, files, selection)
    if split is not None:
        return sets[split]
    from datasets import DatasetDict, IterableDatasetDict

    return IterableDatasetDict(sets) if streaming else DatasetDict(sets)


class _Selection:
    """The columns and rows that a reader wants; it travels to the workers of a data loader."""

    def __init__(self, columns: list[str] | None, filters: list[list[Condition]] | None) -> None:
        self.columns = columns
        self.filters = filters


def _read_tables(
    location: Location, files: dict[str, list[DataFile]], selection: _Selection
) -> dict[str, Any]:
    items = [(split, file) for split, of_split in files.items() for file in of_split]
    found = map_in_threads(lambda item: verified_path(location, item[1]), items)
    paths: dict[str, list[str]] = {}
    for (split, _), path in zip(items, found, strict=True):
        paths.setdefault(split, []).append(str(path))
    return {split: _read_table(of_split, selection) for split, of_split in paths.items()}


def _read_table(paths: list[str], selection: _Selection) -> Any:
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq
    from datasets import Dataset, load_dataset

    if selection.filters:
        data = ds.dataset(paths, format="parquet")
        with filter_errors():
            expression = pq.filters_to_expression(cast("Any", selection.filters))
            rows = data.count_rows(filter=expression)
        if not rows:  # of which `datasets` makes an error
            columns = selection.columns or data.schema.names
            return Dataset(data.schema.empty_table().select(columns))
    # `datasets` takes the filter as pyarrow does, for whole row groups first and then for rows.
    return load_dataset(
        "parquet",
        data_files=paths,
        split="train",
        columns=selection.columns,
        filters=selection.filters,
    )


def _read_streams(
    location: Location, files: dict[str, list[DataFile]], selection: _Selection
) -> dict[str, Any]:
    from datasets import IterableDataset

    return {
        split: IterableDataset.from_generator(
            # A list in `gen_kwargs` is what workers share among them: a shard for each file.
            _stream_rows,
            gen_kwargs={
                "files": of_split,
                "uri": f"{location.uri}@{location.wanted}",
                "columns": tuple(selection.columns) if selection.columns else None,
                "filters": selection.filters and tuple(tuple(part) for part in selection.filters),
            },
        )
        for split, of_split in files.items()
    }


def _stream_rows(
    files: list[DataFile], uri: str, columns: tuple[str, ...] | None, filters: Any
) -> Iterator[dict[str, Any]]:
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq

    location = locate(uri)
    names = None if columns is None else list(columns)
    for file in files:
        data = ds.dataset(verified_path(location, file), format="parquet")
        with filter_errors():
            expression = (
                pq.filters_to_expression([list(part) for part in filters]) if filters else None
            )
            batches = data.to_batches(columns=names, filter=expression)
        while (batch := _next_batch(batches)) is not None:
            yield from published_rows(batch)


def _next_batch(batches: Iterator[Any]) -> Any:
    with filter_errors():
        return next(batches, None)


def _files_by_split(
    uri: str, manifest: Manifest, name: str, split: str | None
) -> dict[str, list[DataFile]]:
    files: dict[str, list[DataFile]] = {}
    for file in manifest.of(name, split):
        files.setdefault(file.split, []).append(file)
    if not files:
        splits = sorted({file.split for file in manifest.of(name)})
        raise VersionNotFound(f"{uri} has no split {split!r}", f"it has {', '.join(splits)}")
    return files


def _possible_files(files: list[DataFile], alternatives: list[list[Condition]]) -> list[DataFile]:
    """Return the files that may hold such rows; one of them where none can, for the columns."""
    return [file for file in files if may_match(file, alternatives)] or files[:1]


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
    hint = f"did you mean {near[0]!r}? " if near else ""
    return InputError(f"{uri} has no column {name!r}", f"{hint}it has {', '.join(known)}")


def parse_filters(filters: Filters, columns: Iterable[str]) -> list[list[Condition]]:
    """Return the filter as alternatives, each a list of conditions that must all hold; an empty
    one always does.

    Raises `InputError` for what is no filter, or names a column that is not there.
    """
    known = set(columns)
    if isinstance(filters, str) or not isinstance(filters, Iterable):
        raise _no_condition(filters)
    parts: list[Any] = list(filters)
    if all(_is_condition(part) for part in parts):
        return [[_check_condition(part, known) for part in parts]]
    lists = [[part] if _is_condition(part) or not _is_list(part) else part for part in parts]
    return [[_check_condition(condition, known) for condition in part] for part in lists]


def may_match(file: DataFile, alternatives: list[list[Condition]]) -> bool:
    """Tell whether a file can have a row that passes: no only where its ranges rule that out."""
    return any(all(_may_fulfil(file, condition) for condition in part) for part in alternatives)


def _may_fulfil(file: DataFile, condition: Condition) -> bool:
    column, operator, value = condition
    if column not in file.ranges:
        return True
    low, high = file.ranges[column]
    try:
        return _POSSIBLE[operator](low, high, value)
    except TypeError:
        return True  # values of another type: what reads the file says what is wrong


def _is_condition(value: Any) -> bool:
    return _is_list(value) and bool(value) and isinstance(value[0], str)


def _is_list(value: Any) -> bool:
    return isinstance(value, tuple | list)


def _check_condition(condition: Any, known: set[str]) -> Condition:
    if not _is_condition(condition) or len(condition) != 3:  # noqa: PLR2004
        raise _no_condition(condition)
    column, operator, value = condition
    if not isinstance(operator, str) or operator not in _POSSIBLE:
        raise _no_condition(condition)
    if column not in known:
        raise InputError(
            f"the filter names a column {column!r} that is not there",
            f"the columns are {', '.join(sorted(known))}",
        )
    if operator not in ("in", "not in"):
        return column, operator, value
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise _no_condition(condition)  # the letters of a word are not what is meant
    return column, operator, list(value)  # read more than once


def _no_condition(value: Any) -> InputError:
    return InputError(
        f"{value!r} is no condition of a filter",
        'write [("p_chosen", ">=", 0.9), ("source", "in", ["maths"])]; operators are '
        + ", ".join(_POSSIBLE),
    )


@contextmanager
def filter_errors() -> Iterator[None]:
    """Raise `InputError` where pyarrow cannot compare a column with the value of a condition."""
    import pyarrow as pa

    try:
        yield
    # What pyarrow raises of a comparison depends on the two types.
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise InputError(
            f"the filter cannot be applied: {error}",
            "compare a column of words or numbers with values of its own type",
        ) from error
