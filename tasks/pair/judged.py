"""The judgments on each pair, in the order of the pairs' ids: out of core, by DuckDB.

The judgments are sorted by pair once, into a file. From there they are read in blocks of whole
pairs. Pairs of which the same was said share one `Said`, so that what follows from it is worked
out once for all of them: of two judges in two orders there are some hundreds of combinations.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from prefline.labeling import VERIFIER, Observation
from prefline.stats import Ints
from prefline.tables.encoding import encode_texts
from prefline.tables.joining import duckdb_errors, offer, open_duckdb, quoted
from prefline.tables.parts import open_parquet, parts_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Source = Path | Sequence[Path] | pa.Table
"""A table: its folder, its files, or in memory."""

PAIR_ID = """left(sha256('["pair",' || to_json(least({0}, {1})) || ','
    || to_json(greatest({0}, {1})) || ']'), 16)"""  # as `prefline.ids.pair_id` makes it
_SORTED = f"""
    WITH lengths AS (SELECT response_id, length(text)::DOUBLE AS length FROM responses),
    kinds AS (SELECT prompt_id, category, verifier ->> '$.kind' AS kind FROM prompts)
    SELECT {PAIR_ID.format("first_id", "second_id")} AS pair_id, j.prompt_id, first_id, second_id,
        judge, method, verdict, p_first, votes_first, votes_second, votes_tie,
        one.length AS first_length, two.length AS second_length, category, kind AS verifier
    FROM judgments j
    LEFT JOIN lengths one ON one.response_id = first_id
    LEFT JOIN lengths two ON two.response_id = second_id
    LEFT JOIN kinds p ON p.prompt_id = j.prompt_id
    ORDER BY pair_id, j.row_at
"""  # noqa: S608 - no value of a user's
COLUMNS = [
    "prompt_id",
    "first_id",
    "second_id",
    "judge",
    "method",
    "verdict",
    "p_first",
    "votes_first",
    "votes_second",
    "votes_tie",
]  # of judgments that labels are made of
_OF_PAIRS = [
    "pair_id", "prompt_id", "first_id", "second_id", "judge", "method", "verdict", "category",
    "verifier",
]  # fmt: skip
FIT_JUDGMENTS = 1_000_000  # to which the label model is fitted: beyond, its error is far below
# what judges differ by, and it would take 0.2 GB for each million
FEWEST_VERDICTS = 50_000  # of a judge by a method, if it has so many
_ROWS_PER_BLOCK = 250_000  # judgments
_ROWS_AS_OBJECTS = 100_000  # judgments whose pairs are made Python objects at once
_ROWS_PER_BATCH = 10_000
_STORED = "FORMAT parquet, ROW_GROUP_SIZE 20480"  # rows, which are gathered beside the limit
_NAMED = ("tie", "first", "second")  # verdicts by place; any other but `invalid` names nothing
_INVALID = "invalid"


@dataclass(frozen=True)
class Said:
    """Everything that was said of a pair, seen from its lower id; `invalid` counts invalid
    verdicts. Pairs share it."""

    observations: tuple[Observation, ...] = ()
    invalid: int = 0

    @cached_property
    def verified(self) -> int | None:
        """+1 or -1 where a verifier decides, 0 where it says tie, None where there is none."""
        votes = [each.vote for each in self.observations if each.method == VERIFIER]
        return votes[0] if votes else None

    @cached_property
    def winners(self) -> dict[str, int]:
        """Return the response that each judge names over its valid verdicts.

        +1 the lower id, -1 the upper, 0 neither (ties, or as many for each).
        """
        votes: dict[str, int] = {}
        for each in self.observations:
            votes[each.judge] = votes.get(each.judge, 0) + each.vote
        return {judge: (total > 0) - (total < 0) for judge, total in votes.items()}

    @cached_property
    def by_models(self) -> list[int]:
        """The winners that the model judges name."""
        models = {each.judge for each in self.observations if each.method != VERIFIER}
        return [winner for judge, winner in self.winners.items() if winner and judge in models]

    @cached_property
    def source(self) -> str:
        """The source of labels on the word of judges alone: ai or imported."""
        methods = {each.method for each in self.observations if each.method != VERIFIER}
        return "imported" if methods == {"imported"} else "ai"

    @cached_property
    def judges(self) -> str:
        """The judges with a valid verdict, comma-separated, by name."""
        return ",".join(sorted({each.judge for each in self.observations}))

    @cached_property
    def agreement(self) -> Mapping[int, float]:
        """The share of valid verdicts that name the lower id (+1), and the upper (-1)."""
        votes = [each.vote for each in self.observations]
        return {way: votes.count(way) / len(votes) if votes else 0.0 for way in (1, -1)}

    @cached_property
    def why_open(self) -> tuple[str, str]:
        """Why the judges leave a pair open, as (reason, what exactly); the latter is empty where
        nothing but their probability says so."""
        if not self.observations:
            return "no_valid_verdict", f"{self.invalid} invalid verdict(s)"
        named = self.winners
        if {1, -1} <= set(named.values()):
            sides = [sorted(judge for judge, w in named.items() if w == side) for side in (1, -1)]
            return "judges_disagree", f"{' and '.join(sides[0])} against {' and '.join(sides[1])}"
        flipped = [judge for judge in sorted(named) if self._flips(judge)]
        if flipped:
            return "order_flip", f"the verdict of {', '.join(flipped)} depends on the order"
        if not any(named.values()) and any(each.vote == 0 for each in self.observations):
            return "tie", f"{', '.join(sorted(named))}: neither is better"
        return "uncertain", ""

    def _flips(self, judge: str) -> bool:
        """Tell whether a judge names one response in one order and the other in the other.

        By their sum where a judge has several verdicts in an order, such as by principle.
        """
        votes = [(each.shown_first, each.vote) for each in self.observations if each.judge == judge]
        lower_first = sum(vote for shown_first, vote in votes if shown_first)
        return lower_first * sum(vote for shown_first, vote in votes if not shown_first) < 0


NOTHING_SAID = Said()


@dataclass(frozen=True, slots=True)
class JudgedPair:
    """A pair and what was `said` of it.

    `lower` and `upper` are its responses' ids in their natural order, which says nothing about
    quality; `category` and kind of `verifier` are its prompt's, None where that is not at hand.
    """

    pair_id: str
    prompt_id: str
    lower: str
    upper: str
    said: Said = NOTHING_SAID
    category: str | None = None
    verifier: str | None = None

    @property
    def verified(self) -> int:
        """+1 or -1 where a verifier decides for the lower or the upper id, else 0."""
        return self.said.verified or 0


class JudgedPairs:
    """All pairs that were judged, in the order of their ids; each iteration reads them anew."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __iter__(self) -> Iterator[JudgedPair]:
        for block in self.blocks(_OF_PAIRS, _ROWS_AS_OBJECTS):
            yield from _pairs_of_block(block)

    def anchors(self, asked: Collection[str]) -> Iterator[tuple[int, list[tuple[int, JudgedPair]]]]:
        """Yield of each block how many pairs there are, and those that a verifier spoke of or that
        people were `asked` about, with their places in it."""
        ids, verifier = pa.array(asked, pa.string()), pa.scalar(VERIFIER)
        for block in self.blocks(_OF_PAIRS):
            starts = _starts(block["pair_id"])
            told = pc.or_(pc.equal(block["method"], verifier), pc.is_in(block["pair_id"], ids))
            rows = np.flatnonzero(told.to_numpy())
            places = np.unique(np.searchsorted(starts, rows, side="right") - 1)
            bounds = np.r_[starts, block.num_rows]
            whole = [np.arange(bounds[at], bounds[at + 1]) for at in places.tolist()]
            of_these = _rows_of(block, np.concatenate(whole)) if whole else block.slice(0, 0)
            yield len(starts), list(zip(places.tolist(), _pairs_of_block(of_these), strict=True))

    @property
    def n_judgments(self) -> int:
        """The number of judgments."""
        return pq.read_metadata(self._path).num_rows

    def sample(self, asked: Collection[str]) -> tuple[pa.Table, Ints]:
        """Return judgments to fit the label model to, of whole pairs, and these pairs' numbers.

        All, or those of the first pairs up to `FIT_JUDGMENTS`, which are drawn at random, since ids
        are hashes; of the other pairs those that people were `asked` about, and the first of each
        judge and method that has few verdicts among those before.
        """
        if self.n_judgments <= FIT_JUDGMENTS:
            table = pq.read_table(self._path)
            return table, np.arange(len(_starts(table["pair_id"])))
        taken, numbers, at = list[pa.Table](), list[Ints](), 0
        seen, rows = dict[str, int](), 0
        ids = pa.array(asked, pa.string())
        for block in self.blocks():
            starts = _starts(block["pair_id"])
            place = np.cumsum(np.isin(np.arange(block.num_rows), starts)) - 1
            names, code = _annotators(block)
            kept = np.full(len(starts), rows < FIT_JUDGMENTS)
            kept[place[pc.is_in(block["pair_id"], ids).to_numpy()]] = True
            for number, name in enumerate(names):
                if name.endswith(_INVALID):
                    continue
                missing = FEWEST_VERDICTS - seen.get(name, 0)
                if missing > 0:
                    kept[np.unique(place[code == number])[:missing]] = True
            use = np.flatnonzero(kept[place])
            for number, count in zip(*np.unique(code[use], return_counts=True), strict=True):
                seen[names[number]] = seen.get(names[number], 0) + int(count)
            taken.append(_rows_of(block, use))
            numbers.append(at + np.flatnonzero(kept))
            rows, at = rows + len(use), at + len(starts)
        return pa.concat_tables(taken), np.concatenate(numbers)

    def blocks(
        self, columns: list[str] | None = None, rows: int = _ROWS_PER_BLOCK
    ) -> Iterator[pa.Table]:
        """Yield the judgments in tables of whole pairs, of about so many rows."""
        rest: pa.Table | None = None
        for batch in open_parquet(self._path).iter_batches(rows, columns=columns):
            block = pa.Table.from_batches([batch])
            if rest is not None:
                block = pa.concat_tables([rest, block])
            start = int(_starts(block["pair_id"])[-1])
            rest = block.slice(start)
            if start:
                yield block.slice(0, start)
        if rest is not None:
            yield rest


class PairTables:
    """The tables that labels are made of: `judgments`, `responses`, `prompts`, by DuckDB."""

    def __init__(
        self,
        database: DuckDBPyConnection,
        work: Path,
        sources: Mapping[str, Source],
        memory_gb: float,
    ) -> None:
        self.database = database
        self.work = work
        self._sources, self._memory_gb = sources, memory_gb

    def read(self, query: str) -> Iterator[pa.RecordBatch]:
        """Yield what a query gives, batch by batch."""
        yield from self.database.execute(query).to_arrow_reader(_ROWS_PER_BATCH)

    def stored(self, name: str, query: str) -> Path:
        """Write what a query gives to a file of this name, in its order, and return the file.

        What a join holds in memory is its right side, whichever DuckDB takes for the smaller: it
        counts rows, not what is in them.
        """
        path = self.work / f"{name}.parquet"
        self.database.execute("SET disabled_optimizers = 'build_side_probe_side'")
        self.database.execute(f"COPY ({query}) TO {quoted(path)} ({_STORED})")
        self.database.execute("RESET disabled_optimizers")
        return path

    def has(self, table: str, column: str) -> bool:
        """Tell whether a table has a column."""
        return column in self.database.table(table).columns

    def judged(self) -> JudgedPairs:
        """Return the pairs of the judgments, which this sorts."""
        path = self.work / "judged.parquet"
        # In a database of its own: one that is open keeps what memory it had for the sort, beside
        # that of the label model.
        with open_duckdb(self.work, self._memory_gb) as (database, _):
            _offer_all(database, self._sources)
            database.execute(f"COPY ({_SORTED}) TO {quoted(path)} (FORMAT parquet)")
        return JudgedPairs(path)

    def judgments_on(self, pairs: Collection[str]) -> list[dict[str, Any]]:
        """Return the judgments on these pairs, by id."""
        if not pairs:
            return []
        path = self.work / "judged.parquet"
        self._offer_ids(pairs)
        query = f"SELECT * FROM {quoted(path)} WHERE pair_id IN (SELECT id FROM wanted)"  # noqa: S608
        return [row for batch in self.read(query) for row in batch.to_pylist()]

    def siblings_of(self, responses: Collection[str]) -> dict[str, str]:
        """Return all responses to the prompts that these answer, with their prompts' ids."""
        if not responses:
            return {}
        self._offer_ids(responses)
        rows = self.database.execute(
            "SELECT response_id, prompt_id FROM responses WHERE prompt_id IN (SELECT prompt_id "
            "FROM responses WHERE response_id IN (SELECT id FROM wanted))"
        ).fetchall()
        return dict(rows)

    def pairs_named(self, ids: Collection[str]) -> list[JudgedPair]:
        """Return the pairs of two responses to one prompt whose ids are among these, in order."""
        if not ids:
            return []
        self._offer_ids(ids)
        rows = self.database.execute(
            f"""WITH pairs AS (
                SELECT {PAIR_ID.format("one.response_id", "two.response_id")} AS pair_id,
                    prompt_id, one.response_id AS lower, two.response_id AS upper
                FROM responses one JOIN responses two USING (prompt_id)
                WHERE one.response_id < two.response_id
            )
            SELECT pair_id, prompt_id, lower, upper, category
            FROM pairs LEFT JOIN prompts USING (prompt_id)
            WHERE pair_id IN (SELECT id FROM wanted) ORDER BY pair_id"""  # noqa: S608
        ).fetchall()
        return [
            JudgedPair(identity, prompt, lower, upper, category=category)
            for identity, prompt, lower, upper, category in rows
        ]

    def _offer_ids(self, ids: Collection[str]) -> None:
        self.database.register("wanted", pa.table({"id": pa.array(list(ids), pa.string())}))


@contextmanager
def open_pairs(
    judgments: Source,
    responses: Source,
    prompts: Source,
    *,
    work: Path | None = None,
    memory_gb: float = 1.0,
) -> Iterator[PairTables]:
    """Give the tables that labels are made of.

    What does not fit into `memory_gb` is put into a folder in `work`, or that of the machine's
    temporary files, which is removed in the end. Raises `DiskFull` where that does not do, and
    `TableError` for a table that cannot be read.
    """
    # Half, since it is beside the labels of all pairs in memory; the sort before them has all.
    with duckdb_errors(), open_duckdb(work, memory_gb / 2) as (database, folder):
        sources = {"judgments": judgments, "responses": responses, "prompts": prompts}
        _offer_all(database, sources)
        yield PairTables(database, folder, sources, memory_gb)


def _offer_all(database: DuckDBPyConnection, sources: Mapping[str, Source]) -> None:
    for name, source in sources.items():
        offer(database, name, parts_of(source) if isinstance(source, Path) else source)


def _starts(ids: Any) -> Any:
    """Return the places at which another pair begins, of sorted ids."""
    column = ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids
    if not len(column):
        return np.zeros(0, dtype=np.int64)
    turns = pc.not_equal(column.slice(1), column.slice(0, len(column) - 1))
    return np.r_[0, 1 + np.flatnonzero(turns.to_numpy(zero_copy_only=False))]


def _rows_of(block: pa.Table, rows: Ints) -> pa.Table:
    return block.take(pa.array(rows, pa.int64()))


def _annotators(block: pa.Table) -> tuple[list[str], Ints]:
    """Return the name of each judge by a method, with or without probabilities, and the number of
    each row's (n,). Names of invalid verdicts end in `_INVALID`."""
    soft = pc.if_else(pc.is_null(block["p_first"]), pa.scalar("hard"), pa.scalar("soft"))
    valid = pc.if_else(pc.equal(block["verdict"], pa.scalar(_INVALID)), block["verdict"], soft)
    who: Any = pc.binary_join_element_wise(block["judge"], block["method"], valid, pa.scalar("\n"))
    encoded = encode_texts(who)
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy()


def _pairs_of_block(block: pa.Table) -> Iterator[JudgedPair]:
    if not block.num_rows:
        return
    starts = _starts(block["pair_id"])
    said = _said(block, starts)
    first = _rows_of(block, starts)
    one, two = first["first_id"], first["second_id"]
    columns = [
        first["pair_id"], first["prompt_id"], pc.min_element_wise(one, two),
        pc.max_element_wise(one, two),
    ]  # fmt: skip
    rest = (first[name].to_pylist() for name in ("category", "verifier"))
    lists = [column.to_pylist() for column in columns]
    for row in zip(*lists, said, *rest, strict=True):
        yield JudgedPair(*row)


def _said(block: pa.Table, starts: Any) -> list[Said]:
    """Return what was said of each pair of a block, one object for all pairs that are alike."""
    judge, method = encode_texts(block["judge"]), encode_texts(block["method"])
    named = pc.index_in(block["verdict"], pa.array(_NAMED)).fill_null(0)
    place = named.to_numpy().astype(np.int64)
    lower_first = pc.less_equal(block["first_id"], block["second_id"]).to_numpy()
    vote = np.array([0, 1, -1])[place] * np.where(lower_first, 1, -1)
    who = judge.indices.to_numpy().astype(np.int64) * len(method.dictionary)
    code = ((who + method.indices.to_numpy()) * 3 + vote + 1) * 2 + lower_first
    invalid = pc.equal(block["verdict"], pa.scalar(_INVALID)).to_numpy()
    codes, each = np.unique(np.where(invalid, -1, code), return_inverse=True)

    judges, methods = judge.dictionary.to_pylist(), method.dictionary.to_pylist()
    observations: list[Observation | None] = []
    for number in codes.tolist():
        rest, shown_first = divmod(number, 2)
        rest, shifted = divmod(rest, 3)
        by, how = divmod(rest, len(methods))
        observations.append(
            Observation(judges[by], methods[how], shifted - 1, bool(shown_first))
            if number >= 0 else None
        )  # fmt: skip

    # The codes of a pair, one after the other, are a key of bytes: Arrow finds those alike.
    keys = each.astype(np.uint32)
    bounds = (np.r_[starts, len(keys)] * keys.itemsize).astype(np.int32)
    buffers = [None, *(pa.py_buffer(each.tobytes()) for each in (bounds, keys))]
    alike: Any = pa.Array.from_buffers(pa.binary(), len(starts), buffers).dictionary_encode()
    different = [
        _decoded(np.frombuffer(key, np.uint32).tolist(), observations)
        for key in alike.dictionary.to_pylist()
    ]
    return [different[number] for number in alike.indices.to_pylist()]


def _decoded(codes: list[int], observations: list[Observation | None]) -> Said:
    valid = [each for code in codes if (each := observations[code]) is not None]
    return Said(tuple(valid), len(codes) - len(valid))
