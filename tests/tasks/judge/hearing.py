"""A judge at hand for the tests of methods: it answers what the test says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from prefline.llm import Failure, Outcome, Reply, Request, Usage
from prefline.llm.conversation import Conversation
from prefline.tables import Rejection
from tasks.judge.methods import METHODS
from tasks.judge.ruling import Hearing, Judged

FAILS = "(fails)"


@dataclass
class Heard:
    """What a judge was asked, and what came of it."""

    requests: list[Request] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)

    @property
    def sides(self) -> list[str]:
        return [one.verdict.side for one in self.judged]


def reply_to(request: Request, text: str, *tops: list[tuple[str, float]]) -> Outcome:
    """The reply `text`, or a failure for the text `FAILS`."""
    if text == FAILS:
        return Failure(request, "timeout", "no answer")
    candidates = tuple(tuple(top) for top in tops)
    return Reply(request, text, "stop", candidates, Usage(10, 2), 0.5, cached=False)


def hear(hearings: Iterable[Hearing], *texts: str) -> Heard:
    """Answer every call with the next of `texts`, from the start again once they end."""
    heard, asked = Heard(), 0
    for steps in hearings:
        conversation = Conversation(steps)
        while conversation.request is not None:
            heard.requests.append(conversation.request)
            conversation.send(reply_to(conversation.request, texts[asked % len(texts)]))
            asked += 1
        for one in conversation.result:
            (heard.judged if isinstance(one, Judged) else heard.rejected).append(one)  # type: ignore[arg-type]
    return heard


__all__ = ["FAILS", "METHODS", "Heard", "hear", "reply_to"]
