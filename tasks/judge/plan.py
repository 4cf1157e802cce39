"""Which judge is asked about which pair, in which order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prefline.ids import content_hash
from prefline.params import JudgeSpec
from tasks.judge.comparisons import Comparison


def plan_comparisons(
    comparisons: Iterable[Comparison], judge: JudgeSpec, seed: int
) -> Iterator[Comparison]:
    """What one judge is asked, in the order of the pairs' ids.

    A verifier's verdict does not depend on the order and is asked for once, where the
    prompt has one. Of the others' pairs `max_pairs` are drawn by hash with `seed`.
    """
    if judge.method == "verifier":
        yield from (one for one in comparisons if one.prompt.verifier is not None)
        return
    for comparison in _draw(list(comparisons), judge, seed):
        yield comparison
        if judge.orders == "both":
            yield comparison.swapped()


def _draw(comparisons: list[Comparison], judge: JudgeSpec, seed: int) -> list[Comparison]:
    if judge.max_pairs is None or judge.max_pairs >= len(comparisons):
        return comparisons
    lottery = sorted(comparisons, key=lambda one: content_hash([seed, judge.name, one.pair_id]))
    return sorted(lottery[: judge.max_pairs], key=lambda one: one.pair_id)
