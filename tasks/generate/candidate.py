"""An answer on its way into the table, and a revision that came to nothing."""

from __future__ import annotations

from dataclasses import dataclass

from prefline.ids import content_id
from prefline.llm import Reply
from prefline.tables import Rejection

SAMPLED, REVISED, IMPORTED = "sampled", "revised", "imported"
# How a reply ended that nobody can make better by revising it.
_ENDED_BADLY = {
    "length": "was cut off by max_tokens",
    "refusal": "is a refusal",
    "content_filter": "was cut off by a content filter",
}


@dataclass(slots=True)
class Candidate:
    """An answer: `reply` holds its words, `calls` are those that were paid for it in their order.

    A revision has two of them, the critique and itself. `calls` grows by those for a revision of
    this answer that came to nothing: they are billed here, so that no cost is lost.
    """

    reply: Reply
    calls: list[Reply]
    parent: Candidate | None = None
    principle: str | None = None

    @property
    def text(self) -> str:
        """What was written, without white space around it."""
        return self.reply.text.strip()

    @property
    def origin(self) -> str:
        """The word in the column of that name."""
        return REVISED if self.parent else SAMPLED

    @property
    def response_id(self) -> str:
        """Its id in the table."""
        asked = self.reply.request
        return response_id(asked.tag, asked.model, asked.sample_index, self.origin, self.text)

    @property
    def flaw(self) -> str | None:
        """Why there is nothing to revise; None where there is."""
        if not self.text:
            return "is empty"
        return _ENDED_BADLY.get(self.reply.finish_reason)


@dataclass(frozen=True, slots=True)
class Unmade:
    """A revision that came to nothing: why, and the calls that were paid for all the same."""

    reason: str
    detail: str
    calls: tuple[Reply, ...] = ()


# What one sample comes to: answers, the draft first, and what it did not come to.
Ended = list[Candidate | Rejection]


def response_id(prompt_id: str, model: str, index: int, origin: str, text: str) -> str:
    """Id of a response."""
    return content_id(prompt_id, model, index, origin, text)
