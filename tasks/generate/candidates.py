"""Candidates: an answer on its way into the table, its row, and counts of responses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from prefline.ids import content_id
from prefline.llm import Reply, call_columns
from prefline.llm.completion import FINISH_REASONS
from prefline.tables import RESPONSES, Rejection, table_from_rows, texts
from prefline.tables.endings import UNFINISHED
from prefline.tables.messages import Message, message_to_row, text_of
from prefline.text import number_of

SAMPLED, REVISED, IMPORTED = "sampled", "revised", "imported"
REASONING_ONLY = "reasoning_only"


@dataclass(slots=True)
class Candidate:
    """An answer: `reply` holds its text and, apart from that, its reasoning; `calls` are those that
    were paid for it in their order.

    A revision has two of them, the critique and itself. `calls` grows by those for a revision of
    this answer that failed: they are billed here, so that no cost is lost.
    """

    reply: Reply
    calls: list[Reply]
    parent: Candidate | None = None
    principle: str | None = None

    @property
    def turns(self) -> tuple[Message, ...] | None:
        """Its one turn, where that calls tools that the prompt offers; None for a text."""
        if self.reply.request.tools is None or not self.reply.tool_calls:
            return None
        turn = Message(role="assistant", content=self.reply.text.strip())
        if self.reply.reasoning:
            turn["reasoning"] = self.reply.reasoning
        turn["tool_calls"] = list(self.reply.tool_calls)
        return (turn,)

    @property
    def text(self) -> str:
        """The text, without white space around it, and with what it calls."""
        return self.reply.text.strip() if self.turns is None else text_of(self.turns)

    @property
    def answer(self) -> str | tuple[Message, ...]:
        """Its turns where it calls tools, else its text."""
        return self.text if self.turns is None else self.turns

    @property
    def origin(self) -> str:
        """The value of the column `origin`."""
        return REVISED if self.parent else SAMPLED

    @property
    def response_id(self) -> str:
        """The id in the table."""
        request = self.reply.request
        return response_id(
            request.tag, request.model, request.sample_index, self.origin, self.text,
            _turn_rows(self.turns),
        )  # fmt: skip

    @property
    def flaw(self) -> str | None:
        """The reason why there is nothing to revise; None where there is something."""
        if self.turns is not None:
            return "calls tools"
        if not self.text:
            return "is empty"
        return UNFINISHED.get(self.reply.finish_reason, (None, None))[1]

    def rejection(self, reason: str, detail: str) -> Rejection:
        """Return the rejection of this answer."""
        return Rejection("generate", "response", self.response_id, reason, detail)


@dataclass(frozen=True, slots=True)
class FailedRevision:
    """The reason why a revision failed, and the calls that were paid for all the same."""

    reason: str
    detail: str
    calls: tuple[Reply, ...] = ()


def no_answer(reply: Reply, key: str) -> str:
    """Say that a reply is all reasoning, and which key of params to raise."""
    most = reply.request.sampling.max_tokens
    return f"the model's reasoning used all of {most:,} tokens and left no answer: raise {key}"


SampleResult = list[Candidate | Rejection]
"""The result of one sample: answers, the draft first, and rejections."""


def response_id(
    prompt_id: str,
    model: str,
    index: int,
    origin: str,
    text: str,
    turns: Sequence[Mapping[str, Any]] | None = None,
) -> str:
    """Return the id of a response: of its text and, if it is more than that, its turns."""
    more = [] if turns is None else [turns]
    return content_id(prompt_id, model, index, origin, text, *more)


def response_table(samples: Iterable[SampleResult]) -> tuple[pa.Table, list[Rejection]]:
    """Return the answers of samples as a table, and their rejections."""
    results = [result for sample in samples for result in sample]
    rows = [_row(result) for result in results if isinstance(result, Candidate)]
    rejections = [result for result in results if isinstance(result, Rejection)]
    return table_from_rows(rows, RESPONSES), rejections


def imported_table(rows: Iterable[dict[str, Any]]) -> pa.Table:
    """Return imported responses as a table."""
    return table_from_rows(rows, RESPONSES)


def _row(candidate: Candidate) -> dict[str, Any]:
    request = candidate.reply.request
    return {
        "response_id": candidate.response_id,
        "prompt_id": request.tag,
        "model": request.model,
        "sample_index": request.sample_index,
        "text": candidate.text,
        "turns": _turn_rows(candidate.turns),
        "reasoning": candidate.reply.reasoning,
        "finish_reason": candidate.reply.finish_reason,
        "origin": candidate.origin,
        "parent_id": candidate.parent.response_id if candidate.parent else None,
        "principle": candidate.principle,
        **call_columns(candidate.calls),
    }


def _turn_rows(turns: Sequence[Message] | None) -> list[dict[str, Any]] | None:
    return None if turns is None else [message_to_row(turn) for turn in turns]


@dataclass(slots=True)
class ResponseCounts:
    """Counts of responses, shard by shard; `principle` counts the revisions by each."""

    origin: Counter[str] = field(default_factory=Counter)
    finish_reason: Counter[str] = field(default_factory=Counter)
    principle: Counter[str] = field(default_factory=Counter)

    def add(self, responses: pa.Table) -> None:
        """Count one more shard."""
        self.origin.update(texts(responses, "origin"))
        self.finish_reason.update(texts(responses, "finish_reason"))
        self.principle.update(name for name in responses["principle"].to_pylist() if name)

    def metrics(self) -> dict[str, Any]:
        """Return the counts for `data/metrics/generate.json`."""
        return {
            "responses": self.origin.total(),
            "origin": dict(self.origin),
            "finish_reason": dict(self.finish_reason),
            "principle": dict(self.principle),
        }

    def warnings(self) -> list[str]:
        """Return a sentence for each ending that nobody knows: such texts are taken to be whole."""
        return [
            f"{number_of(count, 'response')} ended by {word!r}, a finish_reason that is not known: "
            "taken to be whole; look at some of them"
            for word, count in sorted(self.finish_reason.items())
            if word not in FINISH_REASONS
        ]

    def summary(self) -> str:
        """Return the counts in a few words."""
        total = number_of(self.origin.total(), "response")
        if set(self.origin) <= {SAMPLED}:
            return total
        return f"{total} ({', '.join(f'{n:,} {name}' for name, n in self.origin.items())})"
