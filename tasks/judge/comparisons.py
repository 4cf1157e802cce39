"""Two responses to one prompt, in the order in which a judge sees them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from prefline.ids import pair_id
from prefline.tables.prompts import Prompt


@dataclass(frozen=True, slots=True)
class Response:
    """A row of `responses`, as far as judging needs it."""

    response_id: str
    text: str
    finish_reason: str
    model: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
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


def by_prompt(comparisons: Iterable[Comparison]) -> list[list[Comparison]]:
    """Group comparisons by prompt, for judges that see all answers to one."""
    groups: dict[str, list[Comparison]] = {}
    for comparison in comparisons:
        groups.setdefault(comparison.prompt.prompt_id, []).append(comparison)
    return list(groups.values())


def answers_of(comparisons: Iterable[Comparison]) -> list[Response]:
    """Return the answers that occur in comparisons, each once, in the order of their ids."""
    answers = {
        side.response_id: side
        for comparison in comparisons
        for side in (comparison.first, comparison.second)
    }
    return [answers[response_id] for response_id in sorted(answers)]
