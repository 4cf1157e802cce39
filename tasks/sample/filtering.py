"""The filters of params, run on prompts; whatever is rejected has a reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from prefline.config import Endpoint, FilterParams, SampleParams
from prefline.filters.base import Check, Rewrite, RowFilter
from prefline.filters.corpus import AskingFilter, CorpusFilter, DuplicateFilter
from prefline.filters.near_duplicates import NearDuplicates
from prefline.filters.semantic import embedding_requests
from prefline.filters.text import check_empty, check_length, check_unicode
from prefline.llm import EmbeddingRequest, Engine, Request
from prefline.tables import Rejection
from prefline.tables.prompts import Prompt, id_of_prompt
from tasks.sample.duplicates import (
    PromptIndex,
    duplicate_rejections,
    find_duplicates,
    index_prompts,
)
from tasks.sample.pool import Positions, id_of

_EXCERPT = 80  # characters


@dataclass(frozen=True)
class RowChecks:
    """The work on each prompt by itself: rewrites, then checks with their reasons, in order."""

    checks: tuple[tuple[str, Check], ...] = ()
    rewrites: tuple[Rewrite, ...] = ()


def prepare_row_checks(params: SampleParams, root: Path) -> RowChecks:
    """Return the checks that every prompt must pass, and those of the filters of params.

    Raises `InputError` for a file of a filter that is missing, outside of its folder, or not as it
    should be.
    """
    checks: list[tuple[str, Check]] = [
        ("empty", check_empty),
        ("broken_unicode", check_unicode),
        ("too_long", partial(check_length, max_characters=params.max_characters)),
    ]
    rewrites = list[Rewrite]()
    for row_filter in params.filters.active:
        if isinstance(row_filter, RowFilter):
            if check := row_filter.check(root):
                checks.append((row_filter.reason, check))
            if rewrite := row_filter.rewrite(root):
                rewrites.append(rewrite)
    return RowChecks(tuple(checks), tuple(rewrites))


@dataclass(frozen=True, slots=True)
class CorpusFilters:
    """The filters of params that look at all prompts, with the engine for those that ask a model.
    Without an engine these do not run."""

    duplicates: tuple[DuplicateFilter, ...] = ()
    corpus: tuple[CorpusFilter, ...] = ()
    engine: Engine | None = None

    def reject(self, index: PromptIndex, positions: Positions) -> dict[int, Rejection]:
        """Return the rejection of each prompt at `positions` that a corpus filter rejects, by its
        position; each filter sees what the one before it left."""
        rejections = dict[int, Rejection]()
        for corpus_filter in self.corpus:
            left = [position for position in positions.tolist() if position not in rejections]
            prompts = index.prompts(np.array(left, np.int64))
            verdicts = corpus_filter.check_all(prompts, self.engine)
            for position, verdict in zip(left, verdicts, strict=True):
                if verdict is not None:
                    identity = id_of(int(index.ids[position]))
                    rejections[position] = Rejection("sample", "prompt", identity, *verdict)
        return rejections


def select_corpus_filters(params: FilterParams, engine: Engine | None) -> CorpusFilters:
    """Return the filters of params that look at all prompts, as far as they can run."""
    runnable = [
        prompt_filter
        for prompt_filter in params.active
        if engine is not None or not isinstance(prompt_filter, AskingFilter)
    ]
    return CorpusFilters(
        tuple(
            prompt_filter
            for prompt_filter in runnable
            if isinstance(prompt_filter, DuplicateFilter)
        ),
        tuple(
            prompt_filter for prompt_filter in runnable if isinstance(prompt_filter, CorpusFilter)
        ),
        engine,
    )


def near_duplicate_params(params: FilterParams) -> NearDuplicates | None:
    """Return the params by which fingerprints of near duplicates are made; None without any."""
    near = (
        prompt_filter
        for prompt_filter in params.active
        if isinstance(prompt_filter, NearDuplicates)
    )
    return next(near, None)


def filter_requests(
    params: SampleParams, prompts: Callable[[], Iterator[Prompt]]
) -> Iterator[tuple[Endpoint, Iterator[Request | EmbeddingRequest]]]:
    """Return what the filters and a diverse mix ask about prompts, at most: each looks at what the
    one before it has left."""
    asking = [
        prompt_filter
        for prompt_filter in params.filters.active
        if isinstance(prompt_filter, AskingFilter)
    ]
    for asking_filter in asking:
        yield asking_filter.endpoint, asking_filter.requests(prompts())
    if (diversity := params.mix.diversity) is not None:
        requests = embedding_requests(prompts(), diversity.endpoint, diversity.max_characters)
        yield diversity.endpoint, requests


class FilterRunner:
    """Runs the filters that look at each prompt by itself.

    `rejected` has rejections by id, `redacted` counts what was taken out of prompts by its kind,
    and `offered` counts all rows.
    """

    def __init__(self, row_checks: RowChecks) -> None:
        self._row_checks = row_checks
        self.rejected: dict[str, Rejection] = {}
        self.redacted = Counter[str]()
        self.offered = 0

    def run(self, rows: Iterable[Prompt | Rejection]) -> Iterator[Prompt]:
        """Return the prompts that pass; a row that its reader rejected stays rejected."""
        for row in rows:
            self.offered += 1
            if isinstance(row, Rejection):
                self.rejected[row.id] = row
                continue
            prompt = self._rewrite(row)
            rejection = self._check(prompt)
            if rejection is None:
                yield prompt
            else:
                self.rejected[prompt.prompt_id] = rejection

    def _rewrite(self, prompt: Prompt) -> Prompt:
        """Return the prompt after all rewrites; one that changed has an id of its own."""
        messages = list(prompt.messages)
        for rewrite in self._row_checks.rewrites:
            for position, message in enumerate(messages):
                text, counts = rewrite(message["content"])
                self.redacted.update(counts)
                messages[position] = {**message, "content": text}
                if "tool_calls" in message:
                    messages[position]["tool_calls"] = self._in_texts(
                        message["tool_calls"], rewrite
                    )
        if tuple(messages) == prompt.messages:
            return prompt
        identity = id_of_prompt(messages, prompt.tools)
        return replace(prompt, messages=tuple(messages), prompt_id=identity)

    def _in_texts(self, value: Any, rewrite: Rewrite) -> Any:
        """Return JSON with every text in it rewritten."""
        if isinstance(value, str):
            text, counts = rewrite(value)
            self.redacted.update(counts)
            return text
        if isinstance(value, dict):
            return {name: self._in_texts(inner, rewrite) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._in_texts(inner, rewrite) for inner in value]
        return value

    def _check(self, prompt: Prompt) -> Rejection | None:
        for reason, check in self._row_checks.checks:
            fault = check(prompt.text)
            if fault is not None:
                detail = f"{fault}: {prompt.text[:_EXCERPT]}"
                return Rejection("sample", "prompt", prompt.prompt_id, reason, detail)
        return None


@dataclass(frozen=True, slots=True)
class Filtered:
    """The prompts that passed every filter, by id and each once, and the rejections of the others.
    `duplicates` counts exact copies: they share the first one's id, so they are counted and are no
    rejections of their own."""

    kept: list[Prompt]
    rejected: list[Rejection]
    duplicates: int


def filter_prompts(
    rows: Iterable[Prompt | Rejection],
    runner: FilterRunner,
    params: FilterParams,
    known: PromptIndex | None = None,
    corpus_filters: CorpusFilters | None = None,
) -> Filtered:
    """Filter rows that fit into memory. Duplicates of a `known` prompt are rejected too.

    Without `corpus_filters`, those of params that ask no model run.
    """
    filters = corpus_filters or select_corpus_filters(params, None)
    passed: dict[str, Prompt] = {}
    for prompt in runner.run(rows):
        passed.setdefault(prompt.prompt_id, prompt)
    n_copies = runner.offered - len(passed) - len(runner.rejected)
    prompts = [passed[identity] for identity in sorted(passed)]
    index, n_fixed = index_prompts(prompts, near_duplicate_params(params)), 0
    if known is not None:
        index, n_fixed = known.followed_by(index), len(known)
    duplicates = find_duplicates(index, filters.duplicates, n_fixed, filters.engine)
    rejections = filters.reject(index, np.flatnonzero(duplicates.left)[n_fixed:])
    kept = [
        prompt
        for position, prompt in enumerate(prompts, start=n_fixed)
        if duplicates.left[position] and position not in rejections
    ]
    rejected = [
        *runner.rejected.values(), *duplicate_rejections(duplicates, index), *rejections.values()
    ]  # fmt: skip
    return Filtered(kept, rejected, n_copies)
