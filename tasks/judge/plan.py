"""Which judge is asked about which pair, in which order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prefline.config import Judge, ModelJudge, OrderedJudge
from prefline.ids import content_hash
from tasks.judge.comparisons import Comparison
from tasks.judge.kinship import one_sided
from tasks.judge.kit import Kit
from tasks.judge.methods import METHODS
from tasks.judge.methods.verifier import verify


def plan_comparisons(
    comparisons: Sequence[Comparison], judge: Judge, kit: Kit
) -> Iterator[Comparison]:
    """What one judge is asked, in the order of the pairs' ids.

    A pair on which its method has no word is left out; one in which the order plays no part is
    asked for once.
    """
    method = METHODS[judge.method]
    askable = [one for one in comparisons if method.applies(kit, one)]
    if not isinstance(judge, ModelJudge):
        yield from askable
        return
    if judge.own_family == "skip":
        askable = [one for one in askable if not one_sided(judge, kit.families, one)]
    for comparison in _draw(askable, judge, kit.seed):
        yield comparison
        if method.in_order and isinstance(judge, OrderedJudge) and judge.orders == "both":
            yield comparison.swapped()


def _draw(comparisons: list[Comparison], judge: ModelJudge, seed: int) -> list[Comparison]:
    """`max_pairs` pairs, drawn by hash with `seed`; of them a share of `gold_share`, as far
    as there are that many, from those that a verifier decides, since only these show how
    often the judge is right."""
    if judge.max_pairs is None or judge.max_pairs >= len(comparisons):
        return comparisons
    lottery = sorted(comparisons, key=lambda one: content_hash([seed, judge.name, one.pair_id]))
    gold = [one for one in lottery if _is_decided(one)][: round(judge.gold_share * judge.max_pairs)]
    taken = {one.pair_id for one in gold}
    others = [one for one in lottery if one.pair_id not in taken]
    drawn = gold + others[: judge.max_pairs - len(gold)]
    return sorted(drawn, key=lambda one: (one.prompt.prompt_id, one.pair_id))


def _is_decided(comparison: Comparison) -> bool:
    return comparison.prompt.verifier is not None and verify(comparison).side != "tie"
