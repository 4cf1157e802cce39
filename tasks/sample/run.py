"""All of sampling: read, filter, hold out, draw, evolve; and its figures."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from prefline.config import SampleParams
from prefline.llm import Engine
from prefline.sources.rows import work_folder
from prefline.tables import Rejection, by_kind_and_id
from prefline.tables.prompts import Prompt
from prefline.tables.shards import Spread, here
from tasks.sample.draw import Ledger, Shortfall, draw_round, read_ledger
from tasks.sample.duplicates import (
    Duplicates,
    PromptIndex,
    duplicate_rejections,
    find_duplicates,
)
from tasks.sample.evolve import evolve, reject_known
from tasks.sample.filtering import (
    CorpusFilters,
    FilterRunner,
    RowChecks,
    filter_prompts,
    near_duplicate_params,
    prepare_row_checks,
    select_corpus_filters,
)
from tasks.sample.partitions import PartitionedRows, partitioned_rows
from tasks.sample.pool import (
    Ids,
    Mask,
    Positions,
    PromptColumns,
    SamplingPool,
    check_templates,
    cluster_prompts,
    draw_keys,
    hash_uniforms,
    number_of,
)
from tasks.sample.read import SourceReading, read_prompts
from tasks.sample.shards import (
    FilterShard,
    IndexedPrompts,
    IndexPartitions,
    OfferedRows,
    filter_shards,
    index_partitions,
)
from tasks.sample.uncertainty import draw_weights, read_uncertainties


@dataclass(frozen=True, slots=True)
class SamplingResult:
    """The decisions of sampling.

    `drawn` are the prompts of this round, `held_out` counts those that nothing is trained on,
    `rejected` counts rejections by reason, `evolved` are the prompts that a model made of the drawn
    ones. `ledger` says what each round up to this one has, by ids as numbers; `left` counts prompts
    that no round has drawn yet.
    """

    drawn: PromptColumns
    held_out: int
    rejected: Counter[str]
    duplicates: int
    redacted: Counter[str]
    readings: tuple[SourceReading, ...]
    ledger: Ledger
    shortfalls: tuple[Shortfall, ...]
    evolved: list[Prompt]
    left: int


@dataclass(frozen=True, slots=True)
class SampledPrompts:
    """The decisions, and by id: the prompts that go in, those that are held out, all that no filter
    rejected, and the rejections. Each is read from disk whenever it is asked for."""

    result: SamplingResult
    kept: Callable[[], Iterator[Prompt]]
    held_out: Callable[[], Iterator[Prompt]]
    accepted: Callable[[], Iterator[Prompt]]
    rejected: Callable[[], Iterator[Rejection]]


@dataclass(frozen=True)
class GatheredPrompts:
    """All prompts of all sources on disk, by position: their columns and index, the duplicates and
    rejections among them, the rows that were rejected before, and what was read of each source."""

    prompts: IndexedPrompts
    duplicates: Duplicates
    rejections: Mapping[int, Rejection]
    rejected_rows: PartitionedRows
    offered: OfferedRows
    readings: tuple[SourceReading, ...]

    @cached_property
    def left(self) -> Mask:
        """True for each position whose prompt no filter rejects."""
        mask = self.duplicates.left.copy()
        mask[[*self.rejections]] = False
        return mask

    @cached_property
    def drawable(self) -> Positions:
        """The positions of prompts that can be drawn."""
        return np.flatnonzero(self.left & ~self.prompts.held_out)

    @cached_property
    def held_out(self) -> Positions:
        """The positions of prompts that nothing is trained on."""
        return np.flatnonzero(self.left & self.prompts.held_out)

    @property
    def n_copies(self) -> int:
        """The number of rows that were exact copies of others, under the same id."""
        return self.offered.rows - len(self.prompts.index) - len(self.rejected_rows)

    @property
    def accepted(self) -> PromptIndex:
        """The index of all prompts that no filter rejects."""
        return self.prompts.index.at(np.flatnonzero(self.left))

    def reasons(self) -> Counter[str]:
        """Count rejections by reason."""
        counts = Counter(row["reason"] for row in self.rejected_rows.rows())
        counts.update(rejection.reason for rejection in self.rejections.values())
        return counts + self.duplicates.by_reason()

    def rejected(self) -> tuple[Iterator[Rejection], ...]:
        """Return rejections of rows, of duplicates and of corpus filters, each by id."""
        rows = (Rejection(**row) for row in self.rejected_rows.rows())
        by_corpus = (self.rejections[position] for position in sorted(self.rejections))
        return rows, duplicate_rejections(self.duplicates, self.prompts.index), by_corpus


@contextmanager
def gathering(
    params: SampleParams,
    root: Path,
    row_checks: RowChecks,
    corpus_filters: CorpusFilters,
    spread: Spread,
) -> Iterator[GatheredPrompts]:
    """Read all sources and filter them; what is on disk is there for as long as the block lasts.
    The work that each prompt takes by itself is `spread`.

    Raises what `read_prompts` and `check_templates` do, and `DiskFull`.
    """
    readings = tuple(SourceReading(source.name) for source in params.sources)
    with partitioned_rows(work_folder(root), "prompts", "rejected") as (passed, rejected):
        rows = _read_all(params, root, readings)
        offered = filter_shards(rows, FilterShard(row_checks), passed, rejected, spread)
        work = IndexPartitions(near_duplicate_params(params.filters), params.hold_out)
        prompts = index_partitions(passed, work, spread)
        duplicates = find_duplicates(
            prompts.index, corpus_filters.duplicates, engine=corpus_filters.engine
        )
        rejections = corpus_filters.reject(prompts.index, np.flatnonzero(duplicates.left))
        gathered = GatheredPrompts(prompts, duplicates, rejections, rejected, offered, readings)
        left = prompts.columns.at(np.flatnonzero(gathered.left))
        check_templates(params.hold_out, left.templates)
        yield gathered


@contextmanager
def sampling(
    params: SampleParams, root: Path, engine: Engine | None = None, spread: Spread = here
) -> Iterator[SampledPrompts]:
    """Read all sources, filter, hold out, draw, and evolve; the prompts are there for as long as
    the block lasts.

    Without an `engine` nothing is asked of a model: filters that ask one do not run, and prompts
    are neither clustered nor evolved. The work that each prompt takes by itself is `spread`.

    Raises what `gathering` and `draw_round` do.
    """
    row_checks = prepare_row_checks(params, root)
    corpus_filters = select_corpus_filters(params.filters, engine)
    with gathering(params, root, row_checks, corpus_filters, spread) as gathered:
        drawable = gathered.prompts.index.at(gathered.drawable)
        columns = gathered.prompts.columns.at(gathered.drawable)
        ledger = read_ledger(root / "data" / "drawn", params.round)
        draw = draw_round(_sampling_pool(columns, drawable, params, root, engine), params, ledger)
        drawn = drawable.at(draw.positions)

        runner = FilterRunner(row_checks)
        held_out_ids = gathered.prompts.index.ids[gathered.held_out]
        known_ids = [columns.ids, held_out_ids, *ledger.values()]
        evolved = filter_prompts(
            _evolve(drawn, params, engine, known_ids), runner, params.filters,
            gathered.accepted if params.evolve else None, corpus_filters,
        )  # fmt: skip

        evolved_ids = [number_of(prompt.prompt_id) for prompt in evolved.kept]
        round_ids = np.concatenate([drawn.ids, np.array(evolved_ids, np.uint64)])
        ledger = {**ledger, params.round: round_ids}
        result = SamplingResult(
            drawn=columns.at(draw.positions),
            held_out=len(gathered.held_out),
            rejected=gathered.reasons() + Counter(row.reason for row in evolved.rejected),
            duplicates=gathered.n_copies + evolved.duplicates,
            redacted=gathered.offered.redacted + runner.redacted,
            readings=gathered.readings,
            ledger=ledger,
            shortfalls=draw.shortfalls,
            evolved=evolved.kept,
            left=int((~np.isin(columns.ids, np.concatenate([*ledger.values()]))).sum()),
        )
        yield SampledPrompts(
            result,
            lambda: heapq.merge(drawn.all(), evolved.kept, key=lambda prompt: prompt.prompt_id),
            lambda: gathered.prompts.index.prompts(gathered.held_out),
            gathered.accepted.all,
            lambda: heapq.merge(
                *gathered.rejected(),
                sorted(evolved.rejected, key=by_kind_and_id),
                key=by_kind_and_id,
            ),
        )


def sample_prompts(params: SampleParams, root: Path) -> tuple[list[Prompt], list[Prompt]]:
    """Return the prompts that would go in and those that would be held out, where all fit into
    memory and no model is asked. Raises what `sampling` raises."""
    with sampling(params, root) as sample:
        return list(sample.kept()), list(sample.held_out())


def _read_all(
    params: SampleParams, root: Path, readings: Sequence[SourceReading]
) -> Iterator[Prompt | Rejection]:
    for source, reading in zip(params.sources, readings, strict=True):
        yield from read_prompts(source, root, reading)


def _sampling_pool(
    columns: PromptColumns,
    index: PromptIndex,
    params: SampleParams,
    root: Path,
    engine: Engine | None,
) -> SamplingPool:
    uncertainty, diversity = params.mix.uncertainty, params.mix.diversity
    weights = np.ones(len(columns))
    if uncertainty is not None:
        uncertainties = read_uncertainties(uncertainty, root)
        weights = draw_weights(columns, uncertainties, uncertainty.emphasis)
    clusters = None
    if diversity is not None and engine is not None:
        clusters = cluster_prompts(engine, index.all(), diversity, params.seed)
    return SamplingPool(columns, draw_keys(hash_uniforms(columns, params.seed), weights), clusters)


def _evolve(
    drawn: PromptIndex, params: SampleParams, engine: Engine | None, known: list[Ids]
) -> Iterator[Prompt | Rejection]:
    """Return what a model makes of the drawn prompts, before any filter."""
    if params.evolve is not None and engine is not None:
        yield from reject_known(evolve(engine, list(drawn.all()), params), known)


def metrics(result: SamplingResult, params: SampleParams) -> dict[str, Any]:
    """Return the stage's metrics, for DVC.

    `sources` says where rows came from: what changes outside of the project is seen here, as
    another hash or commit, once the stage has run again. `plugins`, where there are some, names the
    versions of other packages that filters and sources are from: DVC does not watch these.
    """
    drawn = result.drawn
    categories = drawn.count(drawn.category, drawn.categories)
    categories.update(prompt.category for prompt in result.evolved)
    sources = drawn.count(drawn.source, drawn.sources)
    return {
        "prompts": len(drawn) + len(result.evolved),
        "held_out": result.held_out,
        "verifiable": int(drawn.has_verifier.sum()),
        "rejected": dict(sorted(result.rejected.items())),
        "duplicates": result.duplicates,
        "redacted": dict(sorted(result.redacted.items())),
        "not_drawn_yet": result.left,
        "evolved": len(result.evolved),
        "categories": dict(sorted(categories.items())),
        "too_few": [asdict(shortfall) for shortfall in result.shortfalls],
        "sources": {
            reading.source: {
                "rows": reading.rows, "drawn": sources[reading.source], **reading.origin,
            }
            for reading in result.readings
        },
        **({"plugins": params.plugins} if params.plugins else {}),
    }  # fmt: skip


def summary(result: SamplingResult, params: SampleParams) -> Iterator[str]:
    """Return the lines for the terminal: the counts, and what there was too little of."""
    n_drawn = len(result.drawn)
    yield (
        f"{n_drawn + len(result.evolved):,} prompts, {result.drawn.has_verifier.sum():,} with a "
        f"verifier, {result.held_out:,} held out, {result.rejected.total():,} rejected, "
        f"{result.duplicates:,} duplicates"
    )
    if params.evolve is not None:
        asked = params.evolve.size
        yield f"{len(result.evolved):,} of the prompts are evolved, of {asked:,} asked for"
    for short in result.shortfalls:
        part = " of ".join(name for name in (short.category, short.source) if name)
        yield f"there are {short.there:,} prompts of {part} left, {short.asked:,} were to be drawn"
    if params.size is not None and n_drawn < params.size:
        yield (
            f"{params.size:,} prompts were to be drawn in round {params.round}: add sources, or "
            "set sample.reuse to draw some again"
        )
