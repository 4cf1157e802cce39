"""Prompts with their responses, in the prompts' order, in memory that does not grow with them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from prefline.atomic import atomic_write
from prefline.tables.joining import duckdb_errors, open_duckdb
from prefline.tables.parts import iter_batches, parts_of, read_table
from prefline.tables.prompts import Prompt, prompt_of_row
from prefline.tables.schemas import RESPONSES, has_turns, with_turns

Row = dict[str, Any]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

COLUMNS = (
    "response_id", "prompt_id", "model", "sample_index", "text", "finish_reason", "parent_id",
)  # fmt: skip
_AT_ONCE = 1_000  # rows made Python objects at once
_IDS_AT_ONCE = 100_000
_SORT_GB = 0.5
_IN_ORDER = """
    SELECT r.*
    FROM read_parquet($responses, filename = true, file_row_number = true) r
    JOIN (
        SELECT prompt_id, filename, file_row_number
        FROM read_parquet($prompts, filename = true, file_row_number = true)
    ) p USING (prompt_id)
    ORDER BY p.filename, p.file_row_number, r.filename, r.file_row_number
"""


class Answered(NamedTuple):
    """A prompt, its place in the table of prompts, and its responses in their table's order."""

    number: int
    prompt: Prompt
    responses: list[Row]


class AnsweredPrompts(ABC):
    """Prompts with their responses, which can be read any number of times.

    `ids` are the prompts' in their order, `counts` (prompts,) how many responses each has, and
    `verified` (prompts,) whether it has a check; `models` is how many responses are of each model,
    those to unknown prompts among them. Responses are numbered in the order in which they are read;
    those to unknown prompts are passed over.
    """

    ids: pa.Array[Any]
    counts: Ints
    verified: Bools
    models: Counter[str]

    @abstractmethod
    def read(self, only: Bools | None = None) -> Iterator[Answered]:
        """Yield the prompts in their order; `only` (prompts,) says which."""

    @abstractmethod
    def rows(self) -> Iterable[Row]:
        """Return all responses in the order of their table, to be read any number of times."""

    def verified_prompts(self) -> Iterator[Prompt]:
        """Yield the prompts that have a check."""
        return (one.prompt for one in self.read(self.verified))

    def lengths(self) -> dict[str, int]:
        """Return the characters of every response by its id."""
        return {row["response_id"]: len(row["text"]) for row in self.rows()}

    @property
    def starts(self) -> Ints:
        """(prompts + 1,): the number of the first response to each prompt, and of all."""
        return np.concatenate([[0], np.cumsum(self.counts)])

    @property
    def rank(self) -> Ints:
        """(prompts,): the place of each prompt in the order of their ids."""
        rank = np.empty(len(self.ids), np.int64)
        rank[pc.sort_indices(self.ids).to_numpy()] = np.arange(len(self.ids))
        return rank


class ListedAnswers(AnsweredPrompts):
    """Prompts and responses that are in memory."""

    def __init__(self, prompts: Iterable[Prompt], rows: Iterable[Mapping[str, Any]]) -> None:
        self._prompts, self._rows = list(prompts), [dict(row) for row in rows]
        self._by_prompt: dict[str, list[Row]] = defaultdict(list)
        for row in self._rows:
            self._by_prompt[row["prompt_id"]].append(row)
        self.ids = pa.array([prompt.prompt_id for prompt in self._prompts], pa.string())
        counts = [len(self._by_prompt.get(prompt.prompt_id, ())) for prompt in self._prompts]
        self.counts = np.array(counts, np.int64)
        self.verified = np.array([prompt.verifier is not None for prompt in self._prompts], bool)
        self.models = Counter(row.get("model", "") for row in self._rows)

    def read(self, only: Bools | None = None) -> Iterator[Answered]:
        """Yield the prompts in their order; `only` (prompts,) says which."""
        for number, prompt in enumerate(self._prompts):
            if only is None or only[number]:
                yield Answered(number, prompt, self._by_prompt.get(prompt.prompt_id, []))

    def rows(self) -> Iterable[Row]:
        """Return all responses in the order of their table."""
        return self._rows


class StoredAnswers(AnsweredPrompts):
    """The tables `prompts` and `responses` of a project, read batch by batch.

    A table of responses that is not in the order of its prompts (imported ones come last) is sorted
    once, on the disk, into the folder `scratch`, where other processes find it. Raises `TableError`
    as `read_table` does.
    """

    def __init__(self, prompts: Path, responses: Path, scratch: Path) -> None:
        self._prompts, self._responses = prompts, responses
        columns = read_table(prompts, columns=["prompt_id", "verifier"])
        self.ids = _one_array(columns["prompt_id"])
        self.verified = pc.is_valid(columns["verifier"]).to_numpy()
        self.models = Counter()
        numbers: list[npt.NDArray[np.int32]] = [np.empty(0, np.int32)]
        for batch in iter_batches(responses, columns=["prompt_id", "model"], rows=_IDS_AT_ONCE):
            places: Any = pc.index_in(batch["prompt_id"], value_set=self.ids)
            numbers.append(places.fill_null(-1).to_numpy())
            self.models.update(map(str, batch["model"].to_pylist()))
        self._numbers = np.concatenate(numbers)
        self._in_order = responses
        if (self._numbers < 0).any() or (np.diff(self._numbers) < 0).any():
            self._in_order = _sorted(responses, prompts, scratch)
            self._numbers = np.sort(self._numbers[self._numbers >= 0])
        self.counts = np.bincount(self._numbers, minlength=len(self.ids))

    def read(self, only: Bools | None = None) -> Iterator[Answered]:
        """Yield the prompts in their order; `only` (prompts,) says which."""
        whole = only is None
        wanted = np.ones(len(self.ids), bool) if only is None else only
        prompts = _rows(self._prompts, None, None if whole else wanted)
        columns = _columns_of(self._in_order)
        responses = _rows(self._in_order, columns, None if whole else wanted[self._numbers])
        counts = self.counts[wanted].tolist()
        numbers = np.flatnonzero(wanted).tolist()
        for number, count, row in zip(numbers, counts, prompts, strict=True):
            yield Answered(number, prompt_of_row(row), list(islice(responses, count)))

    def rows(self) -> Iterable[Row]:
        """Return all responses in the order of their table, to be read any number of times."""
        return _StoredRows(self._responses)


class _StoredRows:
    def __init__(self, responses: Path) -> None:
        self._responses = responses

    def __iter__(self) -> Iterator[Row]:
        return _rows(self._responses, _columns_of(self._responses), None)


def _rows(folder: Path, columns: list[str] | None, where: Bools | None) -> Iterator[Row]:
    """Yield the rows of a table where `where` holds."""
    for batch in iter_batches(folder, columns=columns, rows=_AT_ONCE, where=where):
        names = batch.schema.names
        for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            yield dict(zip(names, values, strict=True))


def _columns_of(responses: Path) -> list[str]:
    """Return the columns to read of a table of responses; one with tools has turns too."""
    schema = pq.read_schema(parts_of(responses)[0])
    return [*COLUMNS, *(["turns"] if has_turns(schema) else [])]


def _one_array(column: pa.ChunkedArray[Any]) -> pa.Array[Any]:
    whole: Any = column.combine_chunks()
    return pa.concat_arrays(whole.chunks) if isinstance(whole, pa.ChunkedArray) else whole


def _sorted(responses: Path, prompts: Path, scratch: Path) -> Path:
    """Write the responses to known prompts in the prompts' order, and return that file."""
    path = scratch / "responses.parquet"
    if path.is_file():
        return path
    tables = {
        name: [str(part) for part in parts_of(folder)]
        for name, folder in (("prompts", prompts), ("responses", responses))
    }
    columns = _columns_of(responses)
    whole = with_turns(RESPONSES) if "turns" in columns else RESPONSES
    schema = pa.schema([whole.field(name) for name in columns])
    with open_duckdb(scratch, _SORT_GB) as (database, _), duckdb_errors():
        in_order = database.execute(_IN_ORDER, tables)
        with (
            atomic_write(path) as target,
            pq.ParquetWriter(target, schema, compression="zstd") as file,
        ):
            for batch in in_order.to_arrow_reader(_AT_ONCE * 10):
                file.write_batch(batch.select(columns).cast(schema))
    return path
