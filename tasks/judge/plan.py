"""Which judge is asked about which pair, in which order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prefline.ids import content_hash
from prefline.params import JudgeSpec
from tasks.judge.comparisons import Comparison
from tasks.judge.verifier import verify


def plan_comparisons(
    comparisons: Iterable[Comparison], judge: JudgeSpec, seed: int
) -> Iterator[Comparison]:
    """What one judge is asked, in the order of the pairs' ids.

    A verifier's verdict does not depend on the order and is asked for once, where the
    prompt has one.
    """
    if judge.method == "verifier":
        yield from (one for one in comparisons if one.prompt.verifier is not None)
        return
    for comparison in _draw(list(comparisons), judge, seed):
        yield comparison
        if judge.orders == "both":
            yield comparison.swapped()


def _draw(comparisons: list[Comparison], judge: JudgeSpec, seed: int) -> list[Comparison]:
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
