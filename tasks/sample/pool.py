"""Prompts as columns, so that millions fit into memory: what is held out of them, and the pool that
is drawn from, with draw keys and clusters."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from prefline.config import DiversityParams, HoldOut
from prefline.errors import InputError
from prefline.filters.semantic import embed_prompts
from prefline.ids import content_hash, lot
from prefline.llm import Engine
from prefline.tables.prompts import Prompt

Ids = npt.NDArray[np.uint64]
Codes = npt.NDArray[np.int32]
Positions = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_HEX_DIGITS = 13  # 52 bits: all that a float between 0 and 1 holds
_DIGITS = 6  # of an embedding: more would tell machines apart
_MAX_FITTED = 50_000  # prompts that the centres of clusters are found on


@dataclass(frozen=True, slots=True)
class PromptColumns:
    """Prompts as columns, each of shape `(n,)`.

    `ids` are numbers; `source`, `category` and `template` are positions in `sources`, `categories`
    and `templates` (-1: no template); `has_verifier` says whether there is a programmatic check.
    """

    ids: Ids
    source: Codes
    category: Codes
    template: Codes
    has_verifier: Mask
    sources: tuple[str, ...]
    categories: tuple[str, ...]
    templates: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def at(self, positions: Positions) -> PromptColumns:
        """Return the prompts at some positions, without the names that none of these has."""
        names = ("ids", "source", "category", "template", "has_verifier")
        columns = {name: getattr(self, name)[positions] for name in names}
        return concatenate_columns([replace(self, **columns)])

    def count(self, codes: Codes, names: tuple[str, ...]) -> Counter[str]:
        """Count prompts by name: `codes` is a column of positions in `names`."""
        counts = np.bincount(codes[codes >= 0], minlength=len(names)).tolist()
        return Counter({name: n for name, n in zip(names, counts, strict=True) if n})


def concatenate_columns(parts: Sequence[PromptColumns]) -> PromptColumns:
    """Return the prompts of all parts, one after the other; there is at least one part. Names are
    sorted, and each is that of some prompt."""
    (source, sources), (category, categories), (template, templates) = (
        _merge_codes([(getattr(part, codes), getattr(part, names)) for part in parts])
        for codes, names in (
            ("source", "sources"), ("category", "categories"), ("template", "templates")
        )
    )  # fmt: skip
    ids = np.concatenate([part.ids for part in parts])
    has_verifier = np.concatenate([part.has_verifier for part in parts])
    return PromptColumns(
        ids, source, category, template, has_verifier, sources, categories, templates
    )


def prompt_columns(prompts: Iterable[Prompt]) -> PromptColumns:
    """Return prompts as columns, in their order."""
    ids, has_verifier = array("Q"), bytearray()
    names: tuple[dict[str, int], ...] = ({}, {}, {})
    columns = (array("i"), array("i"), array("i"))
    for prompt in prompts:
        ids.append(number_of(prompt.prompt_id))
        has_verifier.append(prompt.verifier is not None)
        values = (prompt.source, prompt.category, prompt.template)
        for codes, known, name in zip(columns, names, values, strict=True):
            codes.append(-1 if name is None else known.setdefault(name, len(known)))
    source, category, template = (np.array(codes, np.int32) for codes in columns)
    sources, categories, templates = (tuple(known) for known in names)
    unsorted = PromptColumns(
        np.array(ids, np.uint64), source, category, template,
        np.frombuffer(bytes(has_verifier), np.bool_), sources, categories, templates,
    )  # fmt: skip
    return concatenate_columns([unsorted])


def number_of(prompt_id: str) -> int:
    """Return an id, 16 hex digits, as a number."""
    return int(prompt_id, 16)


def id_of(number: int) -> str:
    """Return the id that a number is."""
    return f"{number:016x}"


def is_held_out(prompt: Prompt, params: HoldOut) -> bool:
    """Return whether a prompt is never to be trained on: it is of one of the templates, or among
    the share of the others whose hash is lowest. The hash knows no seed and no round, so a prompt
    that is held out once is never drawn, however often the rest is."""
    if prompt.template in params.templates:
        return True
    return params.share > 0 and lot("hold_out", prompt.prompt_id) < params.share


def check_templates(params: HoldOut, known: Collection[str | None]) -> None:
    """Raise `InputError` for a template to hold out that no prompt has."""
    missing = [template for template in params.templates if template not in known]
    if missing:
        raise InputError(
            f"sample.hold_out.templates: no prompt has the template {missing[0]!r}",
            f"there are {', '.join(sorted(filter(None, known))) or 'none at all'}",
        )


@dataclass(frozen=True, slots=True)
class SamplingPool:
    """The prompts that can be drawn, the draw key of each (the lowest are drawn first) and its
    cluster, if they were clustered. Columns of shape `(n,)`."""

    columns: PromptColumns
    key: Floats
    cluster: Codes | None = None


def hash_uniforms(columns: PromptColumns, seed: int) -> Floats:
    """Return a number in [0, 1) for each prompt, by hash with the seed: shape `(n,)`, the same
    whatever other prompts there are."""
    hashes = (content_hash([seed, id_of(int(number))])[:_HEX_DIGITS] for number in columns.ids)
    numbers = (int(digits, 16) for digits in hashes)
    return np.fromiter(numbers, np.float64, len(columns)) / 16.0**_HEX_DIGITS


def draw_keys(uniforms: Floats, weights: Floats) -> Floats:
    """Return the keys, shape `(n,)`, the lowest of which are drawn: -ln(1 - u) / weight.

    A draw without replacement in which the next prompt is always drawn with a chance in
    proportion to its weight (Efraimidis and Spirakis 2006, Information Processing Letters 97).
    Equal weights keep the order of the uniforms.
    """
    return np.asarray(-np.log1p(-uniforms) / weights, np.float64)


def cluster_prompts(
    engine: Engine, prompts: Iterable[Prompt], params: DiversityParams, seed: int
) -> Codes:
    """Return the cluster of each prompt, shape `(n,)`, by k-means on embeddings; -1 for one that
    the endpoint gave no embedding of. Each text is paid for once.

    Raises what `embed_prompts` does.
    """
    embeddings = embed_prompts(
        engine, prompts, params.endpoint, params.max_characters, "sample.mix.diversity.endpoint"
    )
    clusters = np.full(embeddings.count, -1, np.int32)
    if embeddings.positions:
        vectors = embeddings.vectors
        clusters[embeddings.positions] = cluster_vectors(vectors, params.clusters, seed)
    return clusters


def cluster_vectors(vectors: Floats, count: int, seed: int) -> Codes:
    """Return the cluster of each vector, shape `(n,)` for vectors of shape `(n, dimensions)`:
    k-means on their directions (spherical, Dhillon and Modha 2001), centres found on the first
    50,000.

    On one thread, because several add up in an order of their own. Raises `InputError` if
    scikit-learn is not installed.
    """
    try:
        from sklearn.cluster import KMeans
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise InputError(
            "sample.mix.diversity needs scikit-learn, which is not installed",
            "install the extra: `uv sync --extra pipeline`, or `pip install 'prefline[pipeline]'`",
        ) from error
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    directions = np.round(vectors / np.maximum(lengths, np.finfo(float).tiny), _DIGITS)
    distinct = len(np.unique(directions[:_MAX_FITTED], axis=0))
    with threadpool_limits(limits=1):
        model = KMeans(min(count, distinct), n_init=1, random_state=seed)
        model.fit(directions[:_MAX_FITTED])
        return np.asarray(model.predict(directions), np.int32)


def _merge_codes(parts: Iterable[tuple[Codes, tuple[str, ...]]]) -> tuple[Codes, tuple[str, ...]]:
    """Return one column of all parts' codes, and its names: sorted, so that codes know no order."""
    numbers, columns = dict[str, int](), list[Codes]()
    for codes, names in parts:
        new_codes = np.array(
            [*(numbers.setdefault(name, len(numbers)) for name in names), -1], np.int32
        )
        columns.append(new_codes[codes])  # the last one is for -1
    column = np.concatenate(columns)
    in_use = np.bincount(column[column >= 0], minlength=len(numbers)) > 0
    known = sorted(name for name, number in numbers.items() if in_use[number])
    ranks = np.full(len(numbers) + 1, -1, np.int32)
    ranks[[numbers[name] for name in known]] = np.arange(len(known))
    return ranks[column], tuple(known)
