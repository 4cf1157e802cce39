"""Verdicts that rest on a call for each answer: those calls, and which verdict pays for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prefline.config import Judge
from prefline.llm import Failure, Outcome, Reply
from prefline.tables import Rejection
from tasks.judge.comparisons import Comparison
from tasks.judge.ruling import lost


def charge(replies: Sequence[Reply], charged: set[str]) -> tuple[tuple[Reply, ...], int]:
    """The replies behind a verdict, those that it is charged with first, and how many these are:
    each call is charged to the first verdict that rests on it. The keys of those are added to
    `charged`."""
    fresh = [reply for reply in replies if reply.request.key not in charged]
    known = [reply for reply in replies if reply.request.key in charged]
    charged |= {reply.request.key for reply in fresh}
    return (*fresh, *known), len(fresh)


def replies_on(
    judge: Judge, one: Comparison, heard: Mapping[str, Outcome]
) -> list[Reply] | Rejection:
    """The replies on the first and the second answer, of the outcomes by response; a rejection of
    the comparison if there is none on either."""
    replies: list[Reply] = []
    for side in (one.first, one.second):
        outcome = heard[side.response_id]
        if isinstance(outcome, Failure):
            return lost(judge, one, outcome)
        replies.append(outcome)
    return replies
