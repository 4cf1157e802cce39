"""A judge at hand for the tests of methods: it answers what the test says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from prefline.llm import Failure, Outcome, Reply, Request, Usage
from prefline.llm.conversation import Conversation
from prefline.tables import Rejection
from tasks.judge.results import JudgeTask, Judgment

FAILS = "(fails)"
CUT = "(cut)"
THINKING = "(thinking)"
THOUGHT = "(thought)"


@dataclass
class Collected:
    """What a judge was asked, and what came of it."""

    requests: list[Request] = field(default_factory=list)
    judgments: list[Judgment] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)

    @property
    def sides(self) -> list[str]:
        return [judgment.verdict.side for judgment in self.judgments]


def reply_to(request: Request, text: str, *tops: list[tuple[str, float]]) -> Outcome:
    """Return the reply `text`, or a failure for the text `FAILS`. What ends in `CUT` was cut off
    there, what ends in `THINKING` before its answer."""
    if text == FAILS:
        return Failure(request, "timeout", "no answer")
    candidates = tuple(tuple(top) for top in tops)
    said, finish_reason, reasoning = text.removesuffix(CUT), "stop", None
    if said != text:
        finish_reason = "length"
    elif text.endswith(THINKING):
        said, finish_reason, reasoning = "", "reasoning_only", text.removesuffix(THINKING)
    elif THOUGHT in text:
        reasoning, _, said = text.partition(THOUGHT)
    return Reply(
        request, said, finish_reason, candidates, Usage(10, 2), 0.5, cached=False,
        reasoning=reasoning,
    )  # fmt: skip


def collect(judge_tasks: Iterable[JudgeTask], *texts: str) -> Collected:
    """Answer every call with the next of `texts`, from the start again once they end."""
    collected, number = Collected(), 0
    for task in judge_tasks:
        conversation = Conversation(task)
        while conversation.request is not None:
            collected.requests.append(conversation.request)
            conversation.send(reply_to(conversation.request, texts[number % len(texts)]))
            number += 1
        for item in conversation.result:
            if isinstance(item, Judgment):
                collected.judgments.append(item)
            else:
                collected.rejections.append(item)
    return collected
