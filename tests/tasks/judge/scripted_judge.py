"""A judge at hand for the tests of methods: it answers what the test says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from prefline.llm import Failure, Outcome, Reply, Request, Usage
from prefline.llm.conversation import Conversation
from prefline.tables import Rejection
from tasks.judge.results import JudgeTask, Judgment

FAILS = "(fails)"


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
    """Return the reply `text`, or a failure for the text `FAILS`."""
    if text == FAILS:
        return Failure(request, "timeout", "no answer")
    candidates = tuple(tuple(top) for top in tops)
    return Reply(request, text, "stop", candidates, Usage(10, 2), 0.5, cached=False)


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
