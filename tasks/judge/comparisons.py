"""Two responses to one prompt, in the order in which a judge sees them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple, Protocol

from prefline.ids import pair_id
from prefline.tables.messages import Message, message_from_row
from prefline.tables.prompts import Prompt


@dataclass(frozen=True, slots=True)
class Response:
    """A row of `responses`, as far as judging needs it."""

    response_id: str
    text: str
    finish_reason: str
    model: str = ""
    turns: tuple[Message, ...] | None = None

    @property
    def answer(self) -> str | tuple[Message, ...]:
        """The answer: its turns where it has several or calls tools, else its text."""
        return self.text if self.turns is None else self.turns


class Comparison(NamedTuple):
    """Two responses to one prompt in the order in which a judge sees them."""

    prompt: Prompt
    first: Response
    second: Response

    @property
    def pair_id(self) -> str:
        """Id of the pair, whatever the order."""
        return pair_id(self.first.response_id, self.second.response_id)

    def swapped(self) -> Comparison:
        """Return the same pair in the other order."""
        return Comparison(self.prompt, self.second, self.first)


class Plan(Protocol):
    """The comparisons that a judge is asked about, those of one prompt one after another. It may be
    read any number of times."""

    def __iter__(self) -> Iterator[Comparison]: ...

    def __len__(self) -> int: ...


def by_prompt(comparisons: Iterable[Comparison]) -> Iterator[list[Comparison]]:
    """Yield comparisons prompt by prompt, for judges that see all answers to one."""
    for _, group in groupby(comparisons, key=lambda comparison: comparison.prompt.prompt_id):
        yield list(group)


def pairs_in(plan: Plan) -> int:
    """Return how many pairs a plan is about, in either order."""
    n_pairs: int | None = getattr(plan, "n_pairs", None)
    return len({comparison.pair_id for comparison in plan}) if n_pairs is None else n_pairs


def response_of(row: Mapping[str, Any]) -> Response:
    """Return a row of `responses`, as far as judging needs it."""
    return Response(
        row["response_id"], row["text"], row["finish_reason"], row["model"], _turns_of(row)
    )


def answer_of(row: Mapping[str, Any]) -> str | tuple[Message, ...]:
    """Return what a row of `responses` is: its text, or its turns where it has some."""
    turns = _turns_of(row)
    return str(row["text"]) if turns is None else turns


def _turns_of(row: Mapping[str, Any]) -> tuple[Message, ...] | None:
    turns = row.get("turns")
    return None if turns is None else tuple(map(message_from_row, turns))


def answers_of(comparisons: Iterable[Comparison]) -> list[Response]:
    """Return the answers that occur in comparisons, each once, in the order of their ids."""
    answers = {
        side.response_id: side
        for comparison in comparisons
        for side in (comparison.first, comparison.second)
    }
    return [answers[response_id] for response_id in sorted(answers)]
