"""The verdicts of an imported table in columns: read in batches, kept on disk, joined by DuckDB.

In memory are 8 bytes a pair for its id; while a table is read, 8 a verdict, and some 40 a response
of the run. Text that names a response is looked up by hashes of 64 bits: with ten million
responses the chance that any two have one hash is below 3 in a million.
"""

from __future__ import annotations

import math
import shutil
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any
from weakref import finalize

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from xxhash import xxh3_64_intdigest

from prefline.atomic import disk_errors
from prefline.errors import InputError
from prefline.ids import content_id, pair_id
from prefline.llm.completion import split_reasoning
from prefline.sources import read_rows
from prefline.sources.judged_sets import UnusableRow, read_judged
from prefline.sources.parquet import column_names, read_batches, rows_of_batch
from prefline.sources.rows import cell_text
from prefline.tables import JUDGMENTS, REJECTIONS, Rejection
from prefline.tables.by_text import prompt_id_of, text_of_cell
from prefline.tables.draft import Draft, read_draft
from prefline.tables.joining import duckdb_errors, offer, open_duckdb, quoted
from prefline.tables.parts import ROWS_PER_GROUP
from prefline.tables.shards import shards
from tasks.judge.comparisons import Plan
from tasks.judge.offer import PairPlan
from tasks.judge.results import Side, Verdict, VoteCounts
from tasks.judge.votes import majority, share_first

if TYPE_CHECKING:
    from tasks.judge.methods import JudgedRows
    from tasks.judge.methods.imported import AnswersTable, ImportedJudge

_SIDES: Mapping[str, Side] = {
    "first": "first", "second": "second", "tie": "tie", "invalid": "invalid",
}  # fmt: skip
COLUMNS = (
    "first_id", "second_id", "prompt_id", "first_model", "second_model", "first_sample",
    "second_sample", "prompt", "messages", "tools", "first_text", "second_text", "verdict",
    "p_first", "rationale",
)  # fmt: skip
_ANSWER_COLUMNS = ("id", "prompt", "messages", "tools", "text")
_MIDDLE = 0.5
_TURNED: Mapping[Side, Side] = {"first": "second", "second": "first", "tie": "tie"}
_VOTES = [f"votes_{side}" for side in _SIDES]
_TEXT: pa.DataType = pa.string()
_COUNT: pa.DataType = pa.int32()
_SAID: dict[str, pa.DataType] = {
    "place": _TEXT, "verdict": _TEXT, "p_first": pa.float64(), "rationale": _TEXT,
    **dict.fromkeys(_VOTES, _COUNT),
}  # fmt: skip
_OF_PAIR: dict[str, pa.DataType] = {
    "first_id": _TEXT, "second_id": _TEXT, "pair_id": pa.uint64(),
    "lower_first": pa.bool_(),  # of the two ids
}  # fmt: skip
_VERDICTS = pa.schema(_SAID | _OF_PAIR)
_MEMORY_GB = 0.5
_AT_ONCE = 10_000  # rows
_UNKNOWN_RESPONSE = (
    "unknown_response", "it names a response that is not in the table of responses",
)  # fmt: skip
_JUDGED = """
    SELECT left(sha256({prefix} || to_json(first_id) || ',' || to_json(second_id) || ']'), 16)
            AS judgment_id, plan.prompt, verdicts.*
    FROM verdicts JOIN plan USING (pair_id)
    ORDER BY plan.row_at, verdicts.lower_first <> plan.lower_first
"""  # the id as `tasks.judge.results.judgment_id` makes it
_NOT_OFFERED = """
    SELECT place FROM verdicts WHERE pair_id NOT IN (SELECT pair_id FROM plan) ORDER BY row_at
"""
_SECOND_VERDICTS = """
    SELECT list(place ORDER BY row_at)[:2] AS places, min(row_at, 2)[2] AS second_at
    FROM verdicts GROUP BY first_id, second_id HAVING count(*) > 1 ORDER BY second_at LIMIT 1
"""

Answer = tuple[str, str]  # the id of the prompt, and the text
Hashes = npt.NDArray[np.uint64]
_Naming = Callable[[Mapping[str, Any]], int | None]
"""Return the hash by which a response is found; None for one that is not found so."""


class ImportedTable:
    """The verdicts of a table on responses of this run, in the order in which these were shown,
    with the rows that are left out, in a folder of its own that is removed with it."""

    def __init__(self, work: Path | None) -> None:
        if work is not None:
            work.mkdir(parents=True, exist_ok=True)
        self.work = Path(mkdtemp(dir=work, prefix="imported-"))
        finalize(self, shutil.rmtree, self.work, ignore_errors=True)
        self.verdicts = self.work / "verdicts.parquet"
        self.left_out = self.work / "rejections.arrow"
        self.pairs: array[int] = array("Q")

    def has(self, pair: int) -> bool:
        """Return whether there is a verdict on a pair, in either order; `pair` is its id as a
        number."""
        at = bisect_left(self.pairs, pair)
        return at < len(self.pairs) and self.pairs[at] == pair

    def judgments(self, judge: ImportedJudge, plan: Plan) -> Iterator[JudgedRows]:
        """Yield rows of `judgments` in the order of a plan, with rejections: at last the rows that
        belong to no pair of it."""
        assert isinstance(plan, PairPlan)  # that of a run, in columns
        prefix = orjson.dumps(["judgment", judge.name, judge.method, None])[:-1].decode() + ","
        constants = {"judge": judge.name, "method": judge.method}
        with duckdb_errors(), open_duckdb(self.work, _MEMORY_GB) as (database, _):
            offer(database, "verdicts", [self.verdicts])
            offer(database, "plan", plan.columns())
            judged = database.execute(_JUDGED.format(prefix=quoted(prefix)))
            for batch in judged.to_arrow_reader(ROWS_PER_GROUP):
                more = constants | {"prompt_id": plan.prompt_ids.take(batch["prompt"])}
                yield _of_schema(batch, more), []
            others = database.execute(_NOT_OFFERED)
            for batch in others.to_arrow_reader(ROWS_PER_GROUP):
                places = batch["place"].to_pylist()
                yield JUDGMENTS.empty_table(), [_not_offered(judge, str(place)) for place in places]
        for batch in read_draft(self.left_out):
            yield JUDGMENTS.empty_table(), [Rejection(**row) for row in batch.to_pylist()]


def _of_schema(rows: pa.RecordBatch, more: Mapping[str, Any]) -> pa.Table:
    """Return columns as rows of `judgments`, with `more`: columns, or one text for all rows."""
    columns = []
    for field in JUDGMENTS:
        if field.name in rows.schema.names:
            columns.append(rows[field.name].cast(field.type))
        elif isinstance(value := more.get(field.name), str):
            columns.append(pa.repeat(pa.scalar(value, field.type), rows.num_rows))
        else:
            columns.append(pa.nulls(rows.num_rows, field.type) if value is None else value)
    return pa.Table.from_arrays(columns, schema=JUDGMENTS)


def read_answers(table: AnswersTable, path: Path) -> dict[str, Answer]:
    """Return the prompt's id and the text of each answer of a table, by the table's own ids.

    Raises `InputError` that names file, row, field and remedy.
    """
    _require_ours("answers.columns", table.columns, _ANSWER_COLUMNS)
    answers: dict[str, Answer] = {}
    for place, cells in read_rows(path):
        row = {name: cells.get(table.columns.get(name, name)) for name in _ANSWER_COLUMNS}
        identity, prompt_id = cell_text(row["id"]), prompt_id_of(row, place)
        if _is_missing(row["id"]) or prompt_id is None:
            raise InputError(
                f"{place}: {'no id' if _is_missing(row['id']) else 'no prompt'}",
                "say in `answers.columns` which columns hold `id`, `prompt` (or `messages`) and "
                "`text`",
            )
        text = text_of_cell(row["text"], place, "text")
        answer = prompt_id, text if isinstance(text, str) else cell_text(text)
        if answers.setdefault(identity, answer) != answer:
            raise InputError(
                f"{place}: id {identity!r} is there twice, of different answers",
                "name a column in `answers.columns.id` whose values are different",
            )
    return answers


def read_imported(
    judge: ImportedJudge,
    path: Path,
    responses: Iterable[Mapping[str, Any]],
    answers: Mapping[str, Answer] | None = None,
    work: Path | None = None,
) -> ImportedTable:
    """Read the table of an imported judge; `responses` are this run's rows, `answers` those whose
    ids the table names, if they are not ours. The verdicts are kept in the folder `work`, or among
    the machine's temporary files.

    Raises `InputError` that names file, row, field and remedy.
    """
    _require_ours(f"judge {judge.name}: columns", judge.columns, COLUMNS)
    table = ImportedTable(work)
    with _Writer(table, judge, _KnownResponses(responses, answers)) as writer:
        if judge.layout is not None:
            _read_set(judge, path, writer)
        elif path.suffix.lower() == ".parquet" and path.is_file():
            _read_parquet(judge, path, writer)
        else:
            for place, cells in read_rows(path):
                writer.add_row(place, cells)
    if not table.pairs:
        raise _nothing_imported(judge, path, writer)
    writer.check_once()
    return table


def _require_ours(key: str, named: Iterable[str], ours: Sequence[str]) -> None:
    """Raise `InputError` if a key of params names a column that is none of ours."""
    if unknown := sorted(set(named) - set(ours)):
        raise InputError(
            f"{key} names {unknown[0]!r}, which is no column of ours",
            f"ours are {', '.join(ours)}",
        )


class _Writer:
    """Writes the verdicts and the rows left out of a table that is read, and counts them."""

    def __init__(self, table: ImportedTable, judge: ImportedJudge, known: _KnownResponses) -> None:
        self.known, self._table, self._judge = known, table, judge
        self.n_left_out, self.first_left_out = Counter[str](), ""
        self._said: list[dict[str, Any]] = []
        self._shown = array("Q")
        self._batches: list[pa.RecordBatch] = []
        self._pairs = {True: array("Q"), False: array("Q")}  # by whether the lower id is first

    def __enter__(self) -> _Writer:
        with ExitStack() as stack:
            self._left_out = stack.enter_context(Draft(self._table.left_out, REJECTIONS))
            stack.enter_context(disk_errors(self._table.verdicts))
            self._verdicts = stack.enter_context(
                pq.ParquetWriter(self._table.verdicts, _VERDICTS, compression="zstd")
            )
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        with self._stack:
            if error[0] is None:
                self._write_rows()
                self._write_batches()
        self._table.pairs = array("Q", _distinct(*self._pairs.values()).tobytes())

    def add_row(self, place: str, cells: Mapping[str, Any]) -> None:
        """Add a row of the table, or leave it out. Raises `InputError` for a bad one."""
        judge = self._judge
        if any(cell_text(cells.get(column)) != value for column, value in judge.rows.items()):
            return
        row = {name: cells.get(judge.columns.get(name, name)) for name in COLUMNS}
        verdict = _verdict(judge, row, place)
        if verdict is None:
            self.leave_out(place, "no_verdict", "neither 'verdict' nor 'p_first' has a value")
        else:
            shown = [self.known.name_of(row, side, place) for side in ("first", "second")]
            self.add(place, verdict, *shown)

    def add(self, place: str, verdict: Verdict, first: int, second: int) -> None:
        """Add a verdict on two responses, named by hashes (`_KnownResponses`)."""
        votes = asdict(verdict.votes) if verdict.votes else {}
        self._said.append(
            {"place": place, "verdict": verdict.side, "p_first": verdict.p_first,
             "rationale": verdict.rationale}
            | {f"votes_{side}": count for side, count in votes.items()}
        )  # fmt: skip
        self._shown.extend((first, second))
        if len(self._said) >= _AT_ONCE:
            self._write_rows()

    def leave_out(self, place: str, reason: str, detail: str) -> None:
        """Leave out a row, with the reason."""
        rejection = _rejection(self._judge, place, reason, detail)
        self.n_left_out[reason] += 1
        self.first_left_out = self.first_left_out or str(rejection.detail)
        self._left_out.reject([rejection])

    def write(self, said: pa.RecordBatch, first: Hashes, second: Hashes) -> None:
        """Write verdicts, and leave out those on responses that this run does not have."""
        self._write_rows()
        shown = [self.known.places(first), self.known.places(second)]
        is_known = (shown[0] >= 0) & (shown[1] >= 0)
        for place in said["place"].filter(pa.array(~is_known)).to_pylist():
            self.leave_out(str(place), *_UNKNOWN_RESPONSE)
        ids = [self.known.ids.take(pa.array(places[is_known])) for places in shown]
        pairs = [
            int(pair_id(*pair), 16)
            for pair in zip(*(each.to_pylist() for each in ids), strict=True)
        ]
        numbers, lower_first = np.array(pairs, np.uint64), pc.less(*ids)
        for is_lower, of_these in self._pairs.items():
            of_these.frombytes(
                numbers[lower_first.to_numpy(zero_copy_only=False) == is_lower].tobytes()
            )
        columns = [*said.filter(pa.array(is_known)).columns, *ids, pa.array(numbers), lower_first]
        self._batches.append(pa.RecordBatch.from_arrays(columns, schema=_VERDICTS))
        if sum(batch.num_rows for batch in self._batches) >= ROWS_PER_GROUP:
            self._write_batches()

    def _write_rows(self) -> None:
        if self._said:
            said, self._said = pa.RecordBatch.from_pylist(self._said, pa.schema(_SAID)), []
            shown, self._shown = np.array(self._shown, np.uint64), array("Q")
            self.write(said, shown[::2], shown[1::2])

    def _write_batches(self) -> None:
        batches, self._batches = self._batches, []
        with disk_errors(self._table.verdicts):
            self._verdicts.write_table(pa.Table.from_batches(batches, _VERDICTS))

    def check_once(self) -> None:
        """Raise `InputError` for two verdicts on one pair in one order."""
        if all(len(_distinct(each)) == len(each) for each in self._pairs.values()):
            return
        with open_duckdb(self._table.work, _MEMORY_GB) as (database, _):
            offer(database, "verdicts", [self._table.verdicts])
            row = database.execute(_SECOND_VERDICTS).fetchone()
        assert row is not None
        first, second = row[0]
        raise InputError(
            f"{second}: a second verdict on the pair and order of {first}",
            "give each annotator a judge of its own, with `rows: {column: value}` to pick its rows",
        )


def _distinct(*numbers: array[int]) -> Hashes:
    """Return the numbers that differ, ascending."""
    every = np.concatenate([np.frombuffer(each, np.uint64) for each in numbers])
    every.sort()
    distinct: Hashes = every[np.concatenate([[True], every[1:] != every[:-1]])[: len(every)]]
    return distinct


def _read_parquet(judge: ImportedJudge, path: Path, writer: _Writer) -> None:
    """Read a file in columns, and row by row where a batch has a row that wants a look of its
    own."""
    ours = {name: judge.columns.get(name, name) for name in COLUMNS}
    wanted = {*ours.values(), *judge.rows}.intersection(column_names(path))
    for before, batch in read_batches(path, wanted, _AT_ONCE):
        named = {
            name: batch[theirs] for name, theirs in ours.items() if theirs in batch.schema.names
        }
        said = None if judge.rows or judge.answers else _said_plainly(judge, named)
        if said is None:
            for place, cells in rows_of_batch(path, before, batch):
                writer.add_row(place, cells)
            continue
        numbers = pa.array(np.arange(before + 1, before + batch.num_rows + 1)).cast(pa.string())
        name: Any = pa.scalar(f"{path.name}, row ")
        places = pc.binary_join_element_wise(name, numbers, pa.scalar(""))
        nulls = [pa.nulls(batch.num_rows, pa.int32())] * len(_VOTES)
        writer.write(
            pa.RecordBatch.from_arrays([places, *said, *nulls], schema=pa.schema(_SAID)),
            *(_hashes_of_ids(named[f"{side}_id"]) for side in ("first", "second")),
        )


def _said_plainly(judge: ImportedJudge, named: Mapping[str, pa.Array[Any]]) -> list[Any] | None:
    """Return verdict, p_first and rationale, as `_verdict` reads them, of rows of which each names
    two responses by their ids and has a known word for a verdict; None where any does not.

    `named` are a table's columns by our names.
    """
    needed = [named.get(name) for name in ("first_id", "second_id", "verdict")]
    if not all(column is not None and _is_full_text(column) for column in needed):
        return None
    n_rows = len(named["verdict"])
    p_first = named.get("p_first", pa.nulls(n_rows, pa.float64()))
    rationale = named.get("rationale", pa.nulls(n_rows, pa.string()))
    if not pa.types.is_floating(p_first.type) or not _is_text(rationale):
        return None
    p_first = p_first.cast(pa.float64())
    p_first = pc.if_else(pc.is_nan(p_first), None, p_first)
    low, high = pc.min_max(p_first).values()
    words = named["verdict"].dictionary_encode()
    try:
        verdicts = [_verdict(judge, {"verdict": word}, "") for word in words.dictionary.to_pylist()]
        for probability in (low, high):
            _probability(probability.as_py(), "")
    except InputError:
        return None  # which the row itself then raises, with its place
    sides = pa.array([verdict and verdict.side for verdict in verdicts], pa.string())
    reasons = pa.array([verdict and verdict.rationale for verdict in verdicts], pa.string())
    reason = pc.coalesce(rationale.cast(pa.string()), reasons.take(words.indices))
    return [sides.take(words.indices), p_first, reason]


def _is_text(column: pa.Array[Any]) -> bool:
    """Return whether a column is of text, all of it UTF-8."""
    if not pa.types.is_string(column.type) and not pa.types.is_large_string(column.type):
        return False
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _is_full_text(column: pa.Array[Any]) -> bool:
    return (
        _is_text(column)
        and not column.null_count
        and not pc.any(pc.equal(column, pa.scalar(""))).as_py()
    )


def _read_set(judge: ImportedJudge, path: Path, writer: _Writer) -> None:
    """Read a public set: of several verdicts on a pair the share becomes `p_first`."""
    assert judge.layout is not None
    votes, places = dict[tuple[int, int], list[Side]](), dict[tuple[int, int], str]()
    rows = (
        (place, cells)
        for place, cells in read_rows(path)
        if all(cell_text(cells.get(column)) == value for column, value in judge.rows.items())
    )
    for place, judged in read_judged(judge.layout, rows):
        if isinstance(judged, UnusableRow):
            writer.leave_out(place, judged.reason, judged.detail)
            continue
        prompt_id = content_id("prompt", judged.messages)
        names = [writer.known.by_text(prompt_id, answer.text) for answer in judged.answers]
        found = writer.known.places(np.array(names, np.uint64)).tolist()
        for number, verdict in enumerate(judged.verdicts, 1):
            where = f"{place}, verdict {number}"
            first, second = found[verdict.first], found[verdict.second]
            if first < 0 or second < 0:
                writer.leave_out(where, *_UNKNOWN_RESPONSE)
            elif first == second:
                writer.leave_out(where, "same_text", "both answers are the same")
            else:
                side: Side = verdict.side
                if (second, first) in votes:
                    first, second, side = second, first, _TURNED[side]
                votes.setdefault((first, second), []).append(side)
                places.setdefault((first, second), where)
    for (first, second), sides in votes.items():
        ids = writer.known.ids.take(pa.array([first, second])).to_pylist()
        writer.add(places[first, second], _of_votes(sides), *map(_by_id, ids))


def _of_votes(sides: list[Side]) -> Verdict:
    if len(sides) == 1:
        return Verdict(sides[0], None)
    counts = VoteCounts(sides.count("first"), sides.count("second"), sides.count("tie"), 0)
    return Verdict(majority(counts), share_first(counts), votes=counts)


def _nothing_imported(judge: ImportedJudge, path: Path, writer: _Writer) -> InputError:
    left_out = writer.n_left_out
    if not left_out:
        of = f" whose columns are as `rows` says ({judge.rows})" if judge.rows else ""
        return InputError(
            f"{path.name} holds no verdict{of}", f"correct path and rows of judge {judge.name}"
        )
    if set(left_out) == {"no_verdict"}:
        return InputError(
            f"none of the {left_out.total():,} rows of {path.name} has a value for 'verdict' or "
            "'p_first'",
            f"map a column of the table to one of them in `columns` of judge {judge.name}",
        )
    return InputError(
        f"none of the {left_out.total():,} rows of {path.name} is about a response of this run; "
        f"the first: {writer.first_left_out}",
        "name responses by first_id and second_id as in data/responses, by prompt_id, first_model "
        "and second_model, or by their texts: prompt, first_text and second_text",
    )


class _KnownResponses:
    """This run's responses by a hash of what names one: its id, ours or that of a table of
    `answers`; prompt, model and sample; or the texts of prompt and response, as a table made
    elsewhere has them.

    `ids` are theirs in the order of their table.
    """

    def __init__(
        self, responses: Iterable[Mapping[str, Any]], answers: Mapping[str, Answer] | None = None
    ) -> None:
        self._responses, self._answers = responses, answers
        ids = (pa.array([row["response_id"] for row in rows], pa.string())
               for rows in shards(responses, _AT_ONCE))  # fmt: skip
        self.ids: Any = pa.concat_arrays([pa.array([], pa.string()), *ids])
        self._indexes: dict[_Naming, tuple[Hashes, npt.NDArray[np.int32]]] = {}
        self._want(_named_by_id)

    def _want(self, naming: _Naming) -> None:
        """Have responses found by what names them so."""
        if naming in self._indexes:
            return
        hashes, places = array("Q"), array("i")
        for place, row in enumerate(self._responses):
            if (name := naming(row)) is not None:
                hashes.append(name)
                places.append(place)
        order = np.argsort(np.array(hashes, np.uint64), kind="stable")
        self._indexes[naming] = (
            np.array(hashes, np.uint64)[order],
            np.array(places, np.int32)[order],
        )

    def places(self, names: Hashes) -> npt.NDArray[np.int32]:
        """Return the place in `ids` of each response that is named so, the last one if several
        are; -1 for one that this run does not have."""
        found = np.full(len(names), -1, np.int32)
        for hashes, places in self._indexes.values():
            if len(hashes):
                at = np.searchsorted(hashes, names, side="right") - 1
                found = np.where(hashes[at] == names, places[at], found)
        return found

    def by_text(self, prompt_id: str, text: str) -> int:
        """Return the hash of the texts of a prompt and a response, which may have reasoning in
        tags: responses are imported without."""
        self._want(_named_by_text)
        return _by_text(prompt_id, split_reasoning(text)[0])

    def name_of(self, row: Mapping[str, Any], side: str, place: str) -> int:
        """Return the hash of what names the response on a side of a row."""
        if self._answers is not None and not _is_missing(row.get(f"{side}_id")):
            answer = self._answers.get(cell_text(row[f"{side}_id"]))
            return _NO_RESPONSE if answer is None else self.by_text(*answer)
        if row.get(f"{side}_id") is not None:
            return _by_id(_text(row, f"{side}_id", place))
        if row.get(f"{side}_text") is not None:
            prompt_id = prompt_id_of(row, place) or _text(row, "prompt_id", place)
            text = f"{side}_text"
            shown = {text: text_of_cell(row[text], place, text)}
            return self.by_text(prompt_id, _text(shown, text, place))
        prompt, model = _text(row, "prompt_id", place), _text(row, f"{side}_model", place)
        self._want(_named_by_model)
        return _by_model(prompt, model, _sample(row, side, place))


def _by_id(response_id: str) -> int:
    return xxh3_64_intdigest(f"id\0{response_id}".encode("utf-8", "surrogatepass"))


def _hashes_of_ids(ids: pa.Array[Any]) -> Hashes:
    return np.fromiter(map(_by_id, map(str, ids.to_pylist())), np.uint64, len(ids))


def _by_model(prompt_id: str, model: str, sample: int) -> int:
    name = f"model\0{prompt_id}\0{model}\0{sample}"
    return xxh3_64_intdigest(name.encode("utf-8", "surrogatepass"))


def _by_text(prompt_id: str, text: str) -> int:
    name = f"text\0{prompt_id}\0{text.strip()}"
    return xxh3_64_intdigest(name.encode("utf-8", "surrogatepass"))


def _named_by_id(row: Mapping[str, Any]) -> int | None:
    return _by_id(row["response_id"])


def _named_by_text(row: Mapping[str, Any]) -> int | None:
    return _by_text(row["prompt_id"], row["text"])


def _named_by_model(row: Mapping[str, Any]) -> int | None:
    if row["parent_id"] is not None:
        return None  # a revision has its draft's model and sample
    return _by_model(row["prompt_id"], row["model"], row["sample_index"])


_NO_RESPONSE = _by_id("")


def _not_offered(judge: ImportedJudge, place: str) -> Rejection:
    """Reject a verdict on a pair that this run does not judge."""
    detail = "a verdict on a pair that is not offered for judging"
    return _rejection(judge, place, "pair_not_offered", detail)


def _rejection(judge: ImportedJudge, place: str, reason: str, detail: str) -> Rejection:
    identity = content_id("imported", judge.name, place)
    return Rejection("judge", "judgment", identity, reason, f"{place}: {detail}")


def _verdict(judge: ImportedJudge, row: Mapping[str, Any], place: str) -> Verdict | None:
    """Return the verdict of a row; None where nobody gave one."""
    p_first = _probability(row.get("p_first"), place)
    given = row.get("verdict")
    if _is_missing(given) and p_first is None:
        return None
    if p_first is not None and _is_missing(given):
        word: Any = "tie" if p_first == _MIDDLE else "first" if p_first > _MIDDLE else "second"
    else:
        word = judge.verdicts.get(cell_text(given), given)
    side = _SIDES.get(str(word))
    if side is None:
        raise InputError(
            f"{place}: field 'verdict' is {word!r}",
            f"say in `verdicts` which of {', '.join(_SIDES)} it stands for",
        )
    rationale = row.get("rationale")
    if rationale is None and side == "invalid":
        rationale = f"imported as {cell_text(given)!r}"  # an invalid verdict keeps what was said
    return Verdict(side, p_first, None if rationale is None else str(rationale))


def _is_missing(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def _probability(value: Any, place: str) -> float | None:
    try:
        number = None if _is_missing(value) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if number is None or 0 <= number <= 1:
        return number
    raise InputError(
        f"{place}: field 'p_first' is {value!r}", "give a probability from 0 to 1, or nothing"
    )


def _sample(row: Mapping[str, Any], side: str, place: str) -> int:
    value = row.get(f"{side}_sample")
    try:
        number = 0 if value is None else int(value)
        if isinstance(value, float) and number != value:
            raise ValueError("no whole number")
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(
            f"{place}: field '{side}_sample' is {value!r}", "give the sample's index, from 0"
        ) from error
    return number


def _text(row: Mapping[str, Any], column: str, place: str) -> str:
    value = row.get(column)
    if isinstance(value, str) and value:
        return value
    raise InputError(
        f"{place}: field '{column}' is missing or not text",
        "name responses by first_id and second_id; by prompt_id, first_model and second_model; or "
        "by prompt, first_text and second_text",
    )
