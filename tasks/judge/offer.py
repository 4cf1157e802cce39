"""The pairs of a whole run in columns, about 30 bytes a pair, and what each judge is asked of them.

They are made in one pass over the responses. A judge's plan reads these once more, as far as it
needs them, and makes the comparisons as they are asked for.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from prefline.config import Judge, JudgeParams, ModelJudge
from prefline.ids import pair_id
from prefline.stats import Bools, Ints
from prefline.tables import Rejection
from prefline.tables.answered import AnsweredPrompts
from tasks.judge.attacks import Finding, Kind
from tasks.judge.comparisons import Comparison, response_of
from tasks.judge.context import JudgeContext
from tasks.judge.jobs import draw, draw_key, is_asked, is_decided, is_drawn, sees_both_orders
from tasks.judge.methods import method_of
from tasks.judge.pairs import not_drawn_fault, select_pairs_of

Numbers = npt.NDArray[np.int32]
Ids = npt.NDArray[np.uint64]
_COLUMNS = ("prompt", "first", "second", "pair_id", "lower_first")
_SIDES = ("first_id", "second_id")
_NOT_JUDGED = "no verifier for its prompt, and no model judge was asked or answered"


@dataclass(frozen=True, slots=True)
class PairOffer:
    """The pairs worth judging, (pairs,) each, in the prompts' order and within a prompt in that of
    their ids.

    `prompt` is the place of the prompt in its table; `first` and `second` are places among its
    responses, in the order in which a judge sees them; `pair_id` is the id as a number, and
    `lower_first` whether the lower of the two responses' ids is first. `asked` says by judge which
    of them it is asked about. `not_drawn` are the ids of those that params left out
    (`pairs_per_prompt`); `quarantined` counts attacks by kind and model.
    """

    prompt: Numbers
    first: Numbers
    second: Numbers
    pair_id: Ids
    lower_first: Bools
    asked: Mapping[str, Bools]
    not_drawn: Ids
    quarantined: Counter[tuple[Kind, str]]


class PairPlan:
    """The plan of one judge, in the prompts' order: some of the pairs, each in both orders where
    it is to see both."""

    def __init__(
        self, answered: AnsweredPrompts, offer: PairOffer, pairs: Ints, *, both_orders: bool
    ) -> None:
        self._answered, self._offer, self._pairs = answered, offer, pairs
        self._both_orders = both_orders

    @property
    def n_pairs(self) -> int:
        """The number of pairs that it is about."""
        return len(self._pairs)

    @property
    def prompt_ids(self) -> pa.Array[Any]:
        """The ids of all prompts."""
        return self._answered.ids

    def columns(self) -> pa.Table:
        """Return the pairs in the plan's order: `pair_id` as a number, `prompt`, a place in
        `prompt_ids`, and whether the lower of the two responses' ids is first (`lower_first`)."""
        names = ("pair_id", "prompt", "lower_first")
        return pa.table({name: getattr(self._offer, name)[self._pairs] for name in names})

    def __len__(self) -> int:
        return len(self._pairs) * (2 if self._both_orders else 1)

    def __iter__(self) -> Iterator[Comparison]:
        offer, pairs = self._offer, self._pairs
        counts = np.bincount(offer.prompt[pairs], minlength=len(self._answered.counts))
        ends = np.cumsum(counts)
        start = 0
        for one in self._answered.read(counts > 0):
            end = int(ends[one.number])
            here, start = pairs[start:end], end
            sides = [response_of(row) for row in one.responses]
            for first, second in zip(
                offer.first[here].tolist(), offer.second[here].tolist(), strict=True
            ):
                comparison = Comparison(one.prompt, sides[first], sides[second])
                yield comparison
                if self._both_orders:
                    yield comparison.swapped()


def plan_of(
    answered: AnsweredPrompts,
    offer: PairOffer,
    judge: Judge,
    start: int = 0,
    stop: int | None = None,
) -> PairPlan:
    """Return the plan of one judge, or of it what is about the prompts at places `start` to
    `stop`; a judge that must see its whole plan (`JudgingMethod.needs_whole_plan`) sees it with the
    first of them."""
    asked = offer.asked[judge.name]
    if method_of(judge).needs_whole_plan:
        start, stop = (0, None) if start == 0 else (0, 0)
    low = int(np.searchsorted(offer.prompt, start))
    high = len(asked) if stop is None else int(np.searchsorted(offer.prompt, stop))
    pairs = low + np.flatnonzero(asked[low:high])
    return PairPlan(answered, offer, pairs, both_orders=sees_both_orders(judge))


def save_offer(offer: PairOffer, folder: Path) -> None:
    """Write the columns of an offer that plans are made of, for other processes."""
    for name in _COLUMNS:
        np.save(folder / f"{name}.npy", getattr(offer, name))
    for number, asked in enumerate(offer.asked.values()):
        np.save(folder / f"asked-{number}.npy", asked)


def load_offer(folder: Path, judges: Sequence[Judge]) -> PairOffer:
    """Return what `save_offer` wrote of an offer to these judges, in memory that processes
    share."""
    columns = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in _COLUMNS}
    asked = {
        judge.name: np.load(folder / f"asked-{number}.npy", mmap_mode="r")
        for number, judge in enumerate(judges)
    }
    return PairOffer(
        **columns, asked=asked, not_drawn=np.empty(0, np.uint64), quarantined=Counter()
    )


def offer_pairs(
    answered: AnsweredPrompts,
    params: JudgeParams,
    contexts: Sequence[JudgeContext],
    attacks: Mapping[str, Finding],
    reject: Callable[[Iterable[Rejection]], None],
    passed: Callable[[int], None] = lambda _: None,
) -> PairOffer:
    """Sort every pair of responses into worth judging and not, and tell what each judge is asked.

    `contexts` are the judges', in the order of params; `reject` takes the pairs that no judge and
    nobody else is to see, `passed` how many prompts have been looked at since.
    """
    prompts, firsts, seconds, not_drawn = array("i"), array("i"), array("i"), array("Q")
    ids, lower_first, quarantined = array("Q"), bytearray(), Counter[tuple[Kind, str]]()
    draws = [_Draw(*each) for each in zip(params.judges, contexts, strict=True)]
    for one in answered.read():
        for row in one.responses if attacks else ():
            if (finding := attacks.get(row["response_id"])) is not None:
                quarantined[finding.kind, row["model"]] += 1
        responses = [response_of(row) for row in one.responses]
        place = {response.response_id: at for at, response in enumerate(responses)}
        selection = select_pairs_of(one.prompt, responses, params, attacks)
        for comparison in selection.comparisons:
            prompts.append(one.number)
            firsts.append(place[comparison.first.response_id])
            seconds.append(place[comparison.second.response_id])
            ids.append(int(comparison.pair_id, 16))
            lower_first.append(comparison.first.response_id < comparison.second.response_id)
            for each in draws:
                each.add(comparison)
        not_drawn.extend(int(other.id, 16) for other in selection.rejections if _for_pair(other))
        reject(other for other in selection.rejections if not _for_pair(other))
        passed(1)
    return PairOffer(
        np.array(prompts, np.int32),
        np.array(firsts, np.int32),
        np.array(seconds, np.int32),
        np.array(ids, np.uint64),
        np.frombuffer(lower_first, bool),
        {each.judge.name: each.asked() for each in draws},
        np.array(not_drawn, np.uint64),
        quarantined,
    )


def _for_pair(rejection: Rejection) -> bool:
    return rejection.stage == "pair"


@dataclass(slots=True)
class _Draw:
    """The pairs that a judge is asked about: all those that it can be, or some of them."""

    judge: Judge
    context: JudgeContext
    _can: bytearray = field(default_factory=bytearray)
    _keys: array[int] = field(default_factory=lambda: array("Q"))
    _decided: bytearray = field(default_factory=bytearray)

    def add(self, comparison: Comparison) -> None:
        """Look at the next pair."""
        can = is_asked(self.judge, self.context, comparison)
        self._can.append(can)
        if can and isinstance(self.judge, ModelJudge) and self.judge.max_pairs is not None:
            self._keys.append(draw_key(self.judge, self.context, comparison))
            self._decided.append(bool(self.judge.gold_share) and is_decided(comparison))

    def asked(self) -> Bools:
        """Return for each pair, (pairs,), whether the judge is asked about it."""
        can = np.frombuffer(self._can, bool)
        places = np.flatnonzero(can)
        if not is_drawn(self.judge, len(places)):
            return can
        decided = np.frombuffer(self._decided, bool)
        kept = places[draw(self.judge, np.array(self._keys, np.uint64), decided)]
        asked = np.zeros(len(can), bool)
        asked[kept] = True
        return asked


class Judged:
    """The pairs of an offer that some judge has spoken of."""

    def __init__(self, offer: PairOffer) -> None:
        self.n_judgments = 0
        self._offer = offer
        self._ids = np.sort(offer.pair_id)
        self._judged = np.zeros(len(self._ids), bool)

    def add(self, judgments: pa.Table) -> None:
        """Note the pairs that these rows of `judgments` are about."""
        sides = [judgments[name] for name in _SIDES]
        lower, upper = pc.min_element_wise(*sides), pc.max_element_wise(*sides)
        pairs = set(zip(lower.to_pylist(), upper.to_pylist(), strict=True))
        numbers = np.array([int(pair_id(*pair), 16) for pair in pairs], np.uint64)
        self.n_judgments += judgments.num_rows
        self._judged[np.searchsorted(self._ids, numbers)] = True

    def others(self, params: JudgeParams) -> Iterator[Rejection]:
        """Yield the pairs that no judge was asked about, or none answered on, in the order of their
        ids.

        The stage `pair` rejects them unless people have looked at them.
        """
        unjudged, not_drawn = self._ids[~self._judged], self._offer.not_drawn
        faults = (("not_judged", _NOT_JUDGED), not_drawn_fault(params))
        ids = np.concatenate([unjudged, not_drawn])
        for place in np.argsort(ids, kind="stable"):
            fault = faults[int(place >= len(unjudged))]
            yield Rejection("pair", "pair", f"{ids[place]:016x}", *fault)
