"""Which pairs of responses are worth a judge's time, and why the others are not."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pyarrow as pa

from prefline.ids import content_hash, pair_id
from prefline.params import JudgeParams
from prefline.prompts import Prompt
from prefline.tables import Rejection


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
        """The same pair in the other order."""
        return Comparison(self.prompt, self.second, self.first)


@dataclass(frozen=True, slots=True)
class Offer:
    """The pairs of one prompt: those worth judging, and the others with a reason."""

    comparisons: list[Comparison]
    rejections: list[Rejection]


def offer_pairs(
    prompts: Iterable[Prompt], rows: Iterable[Mapping[str, Any]], params: JudgeParams
) -> Offer:
    """The pairs of all prompts, in the prompts' order; `rows` are those of `responses`."""
    responses: dict[str, list[Response]] = defaultdict(list)
    for row in rows:
        response = Response(row["response_id"], row["text"], row["finish_reason"], row["model"])
        responses[row["prompt_id"]].append(response)
    whole = Offer([], [])
    for prompt in prompts:
        offer = offer_for(prompt, responses[prompt.prompt_id], params)
        whole.comparisons.extend(offer.comparisons)
        whole.rejections.extend(offer.rejections)
    return whole


def offer_for(prompt: Prompt, responses: list[Response], params: JudgeParams) -> Offer:
    """Every pair of a prompt's responses, sorted into worth judging and not.

    At most `pairs_per_prompt` are kept, drawn by hash with the seed. A pair's order here is
    drawn by hash too, so that a judge asked in one order sees either side first as often.
    """
    most = params.pairs_per_prompt
    comparisons: list[Comparison] = []
    rejections: list[Rejection] = []
    for comparison in _by_lottery(prompt, responses, params.seed):
        fault = _fault(comparison)
        if fault is None and most is not None and len(comparisons) >= most:
            fault = ("not_drawn", f"params allow {most} pair(s) per prompt")
        if fault is None:
            comparisons.append(comparison)
        else:
            rejections.append(Rejection("judge", "pair", comparison.pair_id, *fault))
    comparisons.sort(key=lambda comparison: comparison.pair_id)
    return Offer(comparisons, rejections)


def unjudged(comparisons: Iterable[Comparison], judgments: pa.Table) -> list[Rejection]:
    """The pairs that no judge was asked about, or none answered on."""
    rows = judgments.select(["first_id", "second_id"]).to_pylist()
    judged = {pair_id(row["first_id"], row["second_id"]) for row in rows}
    detail = "no verifier for its prompt, and no model judge was asked or answered"
    return [
        Rejection("judge", "pair", comparison.pair_id, "not_judged", detail)
        for comparison in comparisons
        if comparison.pair_id not in judged
    ]


def _by_lottery(prompt: Prompt, responses: list[Response], seed: int) -> Iterator[Comparison]:
    drawn = []
    for one, other in combinations(responses, 2):
        comparison = Comparison(prompt, *sorted((one, other), key=lambda r: r.response_id))
        ticket = content_hash([seed, comparison.pair_id])
        drawn.append((ticket, comparison.swapped() if int(ticket[-1], 16) % 2 else comparison))
    for _, comparison in sorted(drawn, key=lambda item: item[0]):
        yield comparison


def _fault(comparison: Comparison) -> tuple[str, str] | None:
    """Reason and detail for a pair that no judgment can make a preference."""
    for response in (comparison.first, comparison.second):
        if not response.text.strip():
            return "empty", f"response {response.response_id} is empty"
        if response.finish_reason == "length":
            return "truncated", f"response {response.response_id} was cut off by max_tokens"
        if response.finish_reason in ("refusal", "content_filter"):
            return response.finish_reason, f"response {response.response_id}"
    if _normalised(comparison.first.text) == _normalised(comparison.second.text):
        return "identical", "the same text, letter case and spacing aside"
    return None


def _normalised(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
