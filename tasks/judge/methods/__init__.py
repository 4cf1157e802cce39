"""Ways of judging, each a module with one contract: how a judge is asked, what its words mean.

A method's `hearings` are dialogues with the judge (`prefline.llm.Steps`), one for each thing
that it is asked about: it yields requests, is sent their outcomes, and returns what they say of
the comparisons of the plan, each of which ends as `Judged` or as `Lost`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tasks.judge.comparisons import Comparison
from tasks.judge.kit import Kit
from tasks.judge.methods import (
    constitution,
    imported,
    listwise,
    pairwise,
    reasoned,
    reference,
    reward_model,
    rubric,
    verifier,
)
from tasks.judge.ruling import Hearing

Plan = Sequence[Comparison]


def _every(_: Kit, __: Comparison) -> bool:
    return True


def _one_each(_: Any, __: Kit, plan: Plan) -> int:
    return len(plan)


def _none(_: Any, __: Kit, ___: Plan) -> int:
    return 0


@dataclass(frozen=True, slots=True)
class Method:
    """A way of judging.

    `hearings(judge, kit, plan)` are the dialogues for a plan, in its order. `applies(kit,
    comparison)` says whether a judge has a word on a comparison at all. `in_order` says that
    a plan holds a comparison in each order that it is to be seen in; other methods see no order,
    or make both themselves.
    `calls(judge, kit, plan)` is how many calls a plan takes at most.
    """

    hearings: Callable[[Any, Kit, Iterable[Comparison]], Iterator[Hearing]]
    applies: Callable[[Kit, Comparison], bool] = _every
    in_order: bool = True
    calls: Callable[[Any, Kit, Plan], int] = _one_each


METHODS: Mapping[str, Method] = {
    "verifier": Method(verifier.hearings, verifier.applies, in_order=False, calls=_none),
    "pairwise": Method(pairwise.hearings),
    "reasoned": Method(reasoned.hearings, calls=reasoned.calls),
    "constitution": Method(constitution.hearings, calls=constitution.calls),
    "reference": Method(reference.hearings, reference.applies),
    "rubric": Method(rubric.hearings, in_order=False, calls=rubric.calls),
    "listwise": Method(listwise.hearings, in_order=False, calls=listwise.calls),
    "reward_model": Method(reward_model.hearings, in_order=False, calls=reward_model.calls),
    "imported": Method(imported.hearings, imported.applies, in_order=False, calls=_none),
}
