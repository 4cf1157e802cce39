"""The verdicts of the pipeline's own judgments: as a table, and as arrays read batch by batch."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefline.audit.table import FIRST, NONE, SECOND, VERDICTS, VOTES
from prefline.audit.verdicts import Names, Verdicts
from prefline.errors import InputError
from prefline.ids import lot
from prefline.stats import Bools, Ints
from prefline.tables import read_table
from prefline.tables.answered import AnsweredPrompts
from prefline.tables.gold import VERIFIER, pair_keys, verified_verdicts
from prefline.tables.prompts import Prompt, read_prompts


def read_own(judgments: Path) -> pa.Table:
    """Return the audit table of `data/judgments`, with the prompts and responses beside it.

    Raises `InputError` for a folder that is no such table, `TableError` for a damaged one.
    """
    data = judgments.resolve().parent
    missing = [
        folder
        for folder in (judgments, data / "prompts", data / "responses")
        if not any(folder.glob("part-*.parquet"))
    ]
    if missing:
        raise InputError(
            f"{missing[0]} holds no table of the pipeline",
            "name a file of verdicts, or the folder data/judgments of a project, with its prompts "
            "and responses beside it",
        )
    prompts = read_prompts(data / "prompts")
    return audit_rows(read_table(judgments), prompts, read_table(data / "responses"))


def audit_rows(judgments: pa.Table, prompts: Iterable[Prompt], responses: pa.Table) -> pa.Table:
    """Return the table that `prefline audit` takes (docs/audit.md), without Python rows.

    It has one row for each verdict. `gold` is what the verifier says in the row's own order, where
    it decides: a tie of it says that both pass or both fail, not that they are equally good. Its
    own rows have none.
    """
    is_gold = pc.equal(judgments["method"], pa.scalar(VERIFIER))
    gold = verified_verdicts(judgments, judgments)
    decides = pc.and_(pc.invert(is_gold), pc.is_in(gold, pa.array(["first", "second"])))
    categories = {prompt.prompt_id: prompt.category for prompt in prompts}
    columns: dict[str, Any] = {
        "pair_id": pair_keys(judgments),
        "gold": pc.if_else(decides, gold, None),
        "category": _looked_up(
            judgments["prompt_id"], pa.array(categories), pa.array(categories.values())
        ),
    }
    for name in ("judge", "prompt_id", "first_id", "second_id", "verdict", "p_first", *VOTES):
        columns[name] = judgments[name]
    ids, lengths = responses["response_id"], pc.utf8_length(responses["text"])
    for side in ("first", "second"):
        side_ids = judgments[f"{side}_id"]
        columns[f"{side}_model"] = _looked_up(side_ids, ids, responses["model"])
        columns[f"{side}_length"] = _looked_up(side_ids, ids, lengths)
    return pa.table(columns)


def _looked_up(keys: Any, known: Any, values: Any) -> Any:
    return pc.take(values, pc.index_in(keys, value_set=known))


_CODES = np.array([*VERDICTS.values()], np.int8)
_PARTS = {
    "first": np.int32, "second": np.int32, "verdict": np.int8, "p_first": np.float64,
    "n_votes": np.float32, "is_gold": np.bool_,
}  # fmt: skip
COLUMNS = (
    "first_id", "second_id", "judge", "method", "principle", "verdict", "p_first",
    "invalid_reason", *VOTES,
)  # fmt: skip
"""The columns of `judgments` that are measured."""
MOST_VERDICTS = 1_000_000
"""About as many are measured: of more, those on prompts drawn by hash."""


@dataclass(frozen=True, slots=True)
class OwnVerdicts:
    """The verdicts of a run as arrays, and what was counted on the way over all of them.

    `principle` (n,) is the place of each one's principle in `principles`, -1 for none. `invalid`
    counts invalid verdicts by judge and reason. `share` is that of the prompts whose verdicts these
    are, 1 for all.
    """

    verdicts: Verdicts
    names: Names
    principle: Ints
    principles: tuple[str, ...]
    invalid: Counter[tuple[str, str]]
    share: float


def own_verdicts(
    judgments: Iterable[pa.RecordBatch],
    answered: AnsweredPrompts,
    n_judgments: int,
    most: int = MOST_VERDICTS,
) -> OwnVerdicts:
    """Return the verdicts in batches of `judgments` with `COLUMNS`, `n_judgments` in all.

    What `audit_rows` and `read_verdicts` make of the same rows, in 70 bytes a verdict and without a
    text. Of more than `most` those on prompts drawn by hash are kept: about so many.
    """
    share = min(1.0, most / max(n_judgments, 1))
    responses = _Responses.of(answered, share)
    columns = _Columns(responses)
    for batch in judgments:
        columns.add(batch)
    return columns.verdicts(share)


@dataclass(frozen=True, slots=True)
class _Responses:
    """Responses in the order of their ids, (responses,) each; `prompt` is the place of the prompt
    in the order of ids, `category` and `model` are places in the sorted names."""

    ids: Any
    prompt: Ints
    category: Ints
    model: Ints
    length: Ints
    categories: tuple[str, ...]
    models: tuple[str, ...]

    @classmethod
    def of(cls, answered: AnsweredPrompts, share: float) -> _Responses:
        """Return the responses to a share of the prompts, drawn by hash."""
        kept = np.array([lot("audit", one) < share for one in answered.ids.to_pylist()], bool)
        rank, ids = answered.rank, list[str]()
        numbers, lengths = array("i"), array("i")
        categories, models = _Numbering(), _Numbering()
        for one in answered.read(kept):
            for row in one.responses:
                ids.append(row["response_id"])
                numbers.append(rank[one.number])
                lengths.append(len(row["text"]))
                categories.add(one.prompt.category)
                models.add(row["model"])
        known = pa.array(ids, pa.string())
        order = pc.sort_indices(known)
        by_id = order.to_numpy()
        category, category_names = categories.sorted()
        model, model_names = models.sorted()
        return cls(
            known.take(order),
            np.array(numbers, np.int32)[by_id],
            category[by_id],
            model[by_id],
            np.array(lengths, np.int32)[by_id],
            category_names,
            model_names,
        )


class _Numbering:
    """A column of words as numbers."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._codes = array("i")

    def add(self, word: str) -> None:
        """Append a word."""
        self._codes.append(self._numbers.setdefault(word, len(self._numbers)))

    def extend(self, words: Any) -> None:
        """Append an Arrow array of words; null is -1."""
        encoded = pc.dictionary_encode(words)
        of_batch = [
            self._numbers.setdefault(word, len(self._numbers))
            for word in encoded.dictionary.to_pylist()
        ]
        codes = np.array([*of_batch, -1], np.int32)[encoded.indices.fill_null(-1).to_numpy()]
        self._codes.frombytes(codes.tobytes())

    def sorted(self) -> tuple[Ints, tuple[str, ...]]:
        """Return each word's place in the sorted list of all, (n,), -1 for null; and that list."""
        names = tuple(sorted(self._numbers))
        rank = np.full(len(names) + 1, -1, np.int32)
        for place, name in enumerate(names):
            rank[self._numbers[name]] = place
        codes: Any = rank[np.frombuffer(self._codes, np.int32)]
        return codes, names


class _Columns:
    """The columns of verdicts on some responses, batch by batch."""

    def __init__(self, responses: _Responses) -> None:
        self._responses = responses
        self._invalid = Counter[tuple[str, str]]()
        self._judges, self._principles = _Numbering(), _Numbering()
        self._parts: dict[str, list[Any]] = {name: [] for name in _PARTS}

    def add(self, batch: pa.RecordBatch) -> None:
        """Append the verdicts on known responses."""
        wrong = batch.filter(pc.is_valid(batch["invalid_reason"]))
        judges, reasons = (
            map(str, wrong[name].to_pylist()) for name in ("judge", "invalid_reason")
        )
        self._invalid.update(zip(judges, reasons, strict=True))
        ids = self._responses.ids
        shown = [pc.index_in(batch[name], value_set=ids) for name in ("first_id", "second_id")]
        known = pc.and_(*map(pc.is_valid, shown))
        first, second = (places.filter(known).to_numpy() for places in shown)
        batch = batch.filter(known)
        self._judges.extend(batch["judge"])
        self._principles.extend(batch["principle"])
        codes = pc.index_in(batch["verdict"], value_set=pa.array(list(VERDICTS))).to_numpy()
        is_gold = pc.equal(batch["method"], pa.scalar(VERIFIER))
        votes = [batch[name].to_numpy(zero_copy_only=False) for name in VOTES]
        for name, values in (
            ("first", first),
            ("second", second),
            ("verdict", _CODES[codes]),
            ("p_first", batch["p_first"].to_numpy(zero_copy_only=False)),
            ("n_votes", sum(np.nan_to_num(one.astype(np.float32)) for one in votes)),
            ("is_gold", is_gold.to_numpy(zero_copy_only=False)),
        ):
            self._parts[name].append(values)

    def verdicts(self, share: float) -> OwnVerdicts:
        """Return them all."""
        first, second, verdict, p_first, n_votes, is_gold = map(self._whole, _PARTS)
        responses = self._responses
        judge, judges = self._judges.sorted()
        principle, principles = self._principles.sorted()
        low, high = np.minimum(first, second), np.maximum(first, second)
        keys = low.astype(np.int64) * len(responses.ids) + high
        pair: Any = np.unique(keys, return_inverse=True)[1].astype(np.int32)
        del low, high, keys
        side: Any = np.where(first < second, np.int8(1), np.int8(-1))
        prompt = responses.prompt[first]
        # Of models only those whose responses were judged have a name, and a number.
        models, model = np.unique(
            responses.model[np.concatenate([first, second])], return_inverse=True
        )
        model = model.astype(np.int32)
        arrays: Any = Verdicts(
            judge=judge,
            pair=pair,
            prompt=prompt,
            cluster=prompt,
            category=responses.category[first],
            first=first,
            second=second,
            side=side,
            verdict=verdict,
            gold=_gold(pair, side, verdict, is_gold),
            p_first=p_first,
            n_votes=n_votes,
            first_length=responses.length[first],
            second_length=responses.length[second],
            first_model=model[: len(first)],
            second_model=model[len(first) :],
        )
        names = Names(judges, responses.categories, tuple(responses.models[m] for m in models))
        return OwnVerdicts(arrays, names, principle, principles, self._invalid, share)

    def _whole(self, name: str) -> Any:
        kind = _PARTS[name]
        return np.concatenate([np.empty(0, kind), *self._parts.pop(name)]).astype(kind, copy=False)


def _gold(pair: Ints, side: Ints, verdict: Ints, is_gold: Bools) -> Ints:
    """Return the winner by the first verifier's verdict on each row's pair, in the row's order;
    none where it names none, and for its own rows."""
    pairs, start = np.unique(pair[is_gold], return_index=True)
    winner = np.full(int(pair.max(initial=-1)) + 1, NONE, np.int8)
    told = verdict[is_gold][start]
    decides = np.isin(told, (FIRST, SECOND))
    winner[pairs[decides]] = (told * side[is_gold][start])[decides]
    gold: Any = winner[pair]
    return np.where((gold == NONE) | is_gold, NONE, gold * side).astype(np.int8)
