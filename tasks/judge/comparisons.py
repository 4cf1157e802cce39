"""Which pairs of responses are worth a judge's time, and why the others are not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from types import MappingProxyType
from typing import Any

import pyarrow as pa

from prefline.config import JudgeParams
from prefline.ids import content_hash, pair_id
from prefline.tables import Rejection
from prefline.tables.prompts import Prompt
from tasks.judge.attacks import Finding, find_attacks
from tasks.judge.likeness import likeness
from tasks.judge.refusals import is_refusal


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
    """The pairs of one prompt or of all: those worth judging, and the others with a reason.

    `attacks` are the quarantined responses by id, where responses were looked at.
    """

    comparisons: list[Comparison]
    rejections: list[Rejection]
    attacks: Mapping[str, Finding] = field(default_factory=dict)


def offer_pairs(
    prompts: Iterable[Prompt], rows: Iterable[Mapping[str, Any]], params: JudgeParams
) -> Offer:
    """The pairs of all prompts, in the prompts' order; `rows` are those of `responses`.

    Every response is looked at for an attack on the judge first, among all of the run, if
    params say so.
    """
    prompts, rows = list(prompts), list(rows)
    attacks = find_attacks(prompts, rows) if params.quarantine else {}
    responses: dict[str, list[Response]] = defaultdict(list)
    for row in rows:
        response = Response(row["response_id"], row["text"], row["finish_reason"], row["model"])
        responses[row["prompt_id"]].append(response)
    whole = Offer([], [], attacks)
    for prompt in prompts:
        offer = offer_for(prompt, responses[prompt.prompt_id], params, attacks)
        whole.comparisons.extend(offer.comparisons)
        whole.rejections.extend(offer.rejections)
    return whole


def offer_for(
    prompt: Prompt,
    responses: list[Response],
    params: JudgeParams,
    attacks: Mapping[str, Finding] = MappingProxyType({}),
) -> Offer:
    """Every pair of a prompt's responses, sorted into worth judging and not.

    `attacks` are the responses that no judge may see, by id. At most `pairs_per_prompt` are
    kept, drawn by hash with the seed. A pair's order here is drawn by hash too, so that a judge
    asked in one order sees either side first as often.
    """
    most = params.pairs_per_prompt
    comparisons: list[Comparison] = []
    rejections: list[Rejection] = []
    faults = {one.response_id: _fault_of(one, params, attacks) for one in responses}
    for comparison in _by_lottery(prompt, responses, params.seed):
        fault = (
            faults[comparison.first.response_id]
            or faults[comparison.second.response_id]
            or _fault_between(comparison)
        )
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


def _fault_of(
    response: Response, params: JudgeParams, attacks: Mapping[str, Finding]
) -> tuple[str, str] | None:
    """Reason and detail for a response of which no judgment can make a preference."""
    name, length = f"response {response.response_id}", len(response.text)
    if not response.text.strip():
        return "empty", f"{name} is empty"
    if response.finish_reason == "length":
        return "truncated", f"{name} was cut off by max_tokens"
    if response.finish_reason in ("refusal", "content_filter"):
        return response.finish_reason, name
    if (found := attacks.get(response.response_id)) is not None:
        return "attack", f"{name}: {found.kind}: {found.detail}"
    if length > params.max_characters:
        return (
            "too_long",
            f"{name} has {length:,} characters, params allow {params.max_characters:,}",
        )
    return None


def _fault_between(comparison: Comparison) -> tuple[str, str] | None:
    """Reason and detail for two sound responses between which there is nothing to choose."""
    first, second = comparison.first.text, comparison.second.text
    if (alike := likeness(comparison.prompt.text, first, second)) is not None:
        return alike
    if is_refusal(first) and is_refusal(second):
        return "both_refused", "neither response answers the prompt"
    return None
