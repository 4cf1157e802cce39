"""Several votes of one judge on one question: the same conversation again, at a temperature.

Each vote is a conversation of its own, so that all of them can be under way at once, or in one
batch. Its requests differ from those of the other votes in seed and sample index, which both are in
the keys of the reply store: no vote is bought twice, and none is taken for another.

The share of the votes that name the first answer (a tie counts one half) is an unbiased estimate
of the judge's own probability, as the log-probability of the letter is where an endpoint gives it.
How far it can be trusted with few votes is the label model's to say: `prefline/labeling`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from prefline.config import Judge
from prefline.ids import content_id
from prefline.llm import Outcome, Request
from prefline.tables import Rejection
from tasks.judge.results import (
    JudgeResult,
    JudgeTask,
    Judgment,
    Side,
    Verdict,
    VoteCounts,
    judgment_id,
)

_SIDES: tuple[Side, ...] = ("first", "second", "tie", "invalid")


def vote_tasks(streams: Sequence[Iterator[JudgeTask]], temperature: float) -> Iterator[JudgeTask]:
    """Yield the tasks of equal streams, one for each vote: those on one question one after the
    other, each sampled at `temperature` with a seed of its own."""
    for tasks in zip(*streams, strict=True):
        for index, task in enumerate(tasks):
            yield _sampled_task(task, index, temperature)


def count_votes(
    judge: Judge, results: Iterator[JudgeResult], n_votes: int
) -> Iterator[JudgeResult]:
    """Yield one result for every `n_votes` that follow one another.

    Each judgment is the majority of its votes, with their counts and all their replies. A vote
    whose call failed is a rejection of its own; where all failed, the judgment is the rejection.
    """
    while votes := list(islice(results, n_votes)):
        by_judgment: dict[str, list[tuple[int, Judgment | Rejection]]] = {}
        for index, result in enumerate(votes):
            for item in result:
                by_judgment.setdefault(_id_of(judge, item), []).append((index, item))
        yield [
            item
            for identity, said in by_judgment.items()
            for item in _joined(identity, said, n_votes)
        ]


def majority(counts: VoteCounts) -> Side:
    """Return the verdict with the most votes; a tie between the two answers is a tie, and
    invalid votes decide only where there are no others."""
    valid = Counter({"first": counts.first, "second": counts.second, "tie": counts.tie})
    if not valid.total():
        return "invalid"
    if counts.first == counts.second or counts.tie > max(counts.first, counts.second):
        return "tie"
    return "first" if counts.first > counts.second else "second"


def share_first(counts: VoteCounts) -> float | None:
    """Return the share of the valid votes for the first answer, ties as one half; None without."""
    valid = counts.first + counts.second + counts.tie
    return (counts.first + counts.tie / 2) / valid if valid else None


def _sampled_task(task: JudgeTask, index: int, temperature: float) -> JudgeTask:
    """Return the same conversation with every request sampled as the vote `index`."""
    try:
        request = next(task)
        while True:
            outcome: Outcome = yield _sampled(request, index, temperature)
            request = task.send(outcome)
    except StopIteration as end:
        result: JudgeResult = end.value
        return result


def _sampled(request: Request, index: int, temperature: float) -> Request:
    sampling = replace(request.sampling, temperature=temperature, seed=index)
    return replace(request, sampling=sampling, sample_index=index, top_logprobs=0)


def _id_of(judge: Judge, item: Judgment | Rejection) -> str:
    if isinstance(item, Rejection):
        return item.id
    return judgment_id(judge, item.comparison, item.principle)


def _joined(
    identity: str, said: Sequence[tuple[int, Judgment | Rejection]], n_votes: int
) -> Iterator[Judgment | Rejection]:
    """Yield the judgment of several votes, and the votes that failed."""
    judgments = [item for _, item in said if isinstance(item, Judgment)]
    failed = [(index, item) for index, item in said if isinstance(item, Rejection)]
    if not judgments:
        _, first = failed[0]
        yield replace(first, detail=f"all {n_votes} votes failed, the first: {first.detail}")
        return
    yield _judgment_of(judgments)
    for index, vote in failed:
        detail = f"vote {index + 1} of {n_votes} of judgment {identity}: {vote.detail}"
        yield replace(vote, id=content_id("vote", identity, index), detail=detail)


def _judgment_of(votes: Sequence[Judgment]) -> Judgment:
    numbers = Counter(vote.verdict.side for vote in votes)
    counts = VoteCounts(*(numbers[side] for side in _SIDES))
    side = majority(counts)
    agreeing = [vote.verdict for vote in votes if vote.verdict.side == side] or [votes[0].verdict]
    rationales = [verdict.rationale for verdict in agreeing if verdict.rationale is not None]
    rationale = "\n\n".join(rationales if side == "invalid" else rationales[:1])
    verdict = Verdict(
        side,
        share_first(counts),
        rationale if rationales else None,
        agreeing[0].reason if side == "invalid" else None,
        counts,
    )
    charged = [reply for vote in votes for reply in vote.replies[: vote.charged]]
    others = [
        reply
        for vote in votes
        if vote.charged is not None
        for reply in vote.replies[vote.charged :]
    ]
    return votes[0]._replace(verdict=verdict, replies=(*charged, *others), charged=len(charged))
