"""New prompts from those that were drawn, written by a model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from prefline.config import EvolveParams, SampleParams
from prefline.ids import content_hash, content_id, seed_from
from prefline.llm import Engine, Outcome, Reply, Request, Sampling
from prefline.tables import Rejection
from prefline.tables.messages import Message
from prefline.tables.prompts import Prompt
from tasks.sample.asking.styles import Instruction, instruction
from tasks.sample.drawing.tickets import Ids, as_number

SOURCE = "evolved"
_INVENT = "invent"
_LABEL = re.compile(
    r"\A\W*(?:here is (?:the|a|my) )?(?:new |rewritten )?prompt\W*:\s*", re.IGNORECASE
)
_REFUSAL = re.compile(r"\A\W*(?:i(?:'|’)?m sorry|i am sorry|sorry,|i cannot|i can(?:'|’)t)\b", re.I)
_QUOTES = "\"“”' \n\t"


@dataclass(frozen=True, slots=True)
class Seedling:
    """One prompt to be made: of which others, in which style, by which call."""

    parents: tuple[Prompt, ...]
    style: str
    told: Instruction
    request: Request


def seedlings(prompts: Sequence[Prompt], params: EvolveParams, seed: int) -> Iterator[Seedling]:
    """What is asked for: the styles in turn, of prompts in an order drawn by hash; none where no
    prompt ends with a person's word. The same whatever the order of `prompts`."""
    asking = [one for one in prompts if one.messages[-1]["role"] == "user"]
    order = sorted(asking, key=lambda one: content_hash([seed, "evolve", one.prompt_id]))
    for number in range(params.size if order else 0):
        style = params.styles[number % len(params.styles)]
        count = min(params.examples, len(order)) if style == _INVENT else 1
        parents = tuple(order[(number + place) % len(order)] for place in range(count))
        told = instruction(style, [one.messages[-1]["content"] for one in parents])
        drawn = seed_from(seed, "evolve", style, number, *(one.prompt_id for one in parents))
        sampling = Sampling(params.temperature, params.top_p, params.max_tokens, drawn)
        index = number // len(order)
        yield Seedling(
            parents, style, told, Request(params.endpoint.model, (told.message,), sampling, index)
        )


def evolving_requests(prompts: Sequence[Prompt], params: SampleParams) -> Iterator[Request]:
    """What evolving asks in the round of params, if anything, of the prompts that were drawn."""
    if params.evolve is not None:
        drawn = [one for one in prompts if one.source != SOURCE]
        yield from (one.request for one in seedlings(drawn, params.evolve, _seed(params)))


def _seed(params: SampleParams) -> int:
    return seed_from(params.seed, params.round)


def evolve(
    engine: Engine, prompts: Sequence[Prompt], params: SampleParams
) -> Iterator[Prompt | Rejection]:
    """The new prompts as the model wrote them, before any filter, and what came to none. Raises
    what the engine raises."""
    assert params.evolve is not None
    planned = list(seedlings(prompts, params.evolve, _seed(params)))
    outcomes = engine.answer(one.request for one in planned)
    for one, outcome in zip(planned, outcomes, strict=True):
        yield grown(one, outcome)


def only_new(
    offered: Iterable[Prompt | Rejection], known: Sequence[Ids]
) -> Iterator[Prompt | Rejection]:
    """The same, with a rejection for each prompt whose id is known: it may be held out, or drawn in
    another round."""
    for one in offered:
        if isinstance(one, Prompt) and _is_in(known, as_number(one.prompt_id)):
            identity = content_id("evolved", one.request_key)
            detail = f"{one.style} of {(one.parent_ids or ('',))[0]} is {one.prompt_id}"
            yield Rejection("sample", "prompt", identity, "not_new", detail)
        else:
            yield one


def _is_in(known: Sequence[Ids], number: int) -> bool:
    return any(bool((ids == np.uint64(number)).any()) for ids in known)


def grown(seedling: Seedling, outcome: Outcome) -> Prompt | Rejection:
    """What came of one call: the earlier turns of the parent's conversation with the new text as
    their last, or a rejection. A check of the parent is none of the child."""
    if not isinstance(outcome, Reply):
        return _rejected(seedling, outcome.reason, outcome.detail)
    text = _bare(outcome.text)
    if fault := _fault(seedling, outcome, text):
        return _rejected(seedling, fault, f"the reply was {outcome.text[:200]!r}")
    first = seedling.parents[0]
    before = () if seedling.style == _INVENT else first.messages[:-1]
    messages = (*before, Message(role="user", content=text))
    return Prompt(
        prompt_id=content_id("prompt", messages),
        messages=messages,
        source=SOURCE,
        category="invented" if seedling.style == _INVENT else first.category,
        license=_license(seedling.parents),
        template=None,
        reference=None,
        verifier=None,
        parent_ids=tuple(one.prompt_id for one in seedling.parents),
        style=seedling.style,
        request_key=outcome.request.key,
    )


def _bare(reply: str) -> str:
    """A reply without a label before it and quotes around it."""
    text = _LABEL.sub("", reply.strip(), count=1).strip()
    whole = len(text) > 1 and text[0] in _QUOTES and text[-1] in _QUOTES
    return text.strip(_QUOTES) if whole else text


def _fault(seedling: Seedling, reply: Reply, text: str) -> str | None:
    """Why a reply is no prompt, in one word: the cases of "elimination evolving" that a rule
    can tell (Xu et al. 2023, section 3.3)."""
    if reply.finish_reason == "length":
        return "truncated"
    if seedling.told.mark_in(reply.text):
        return "copied_marks"
    if not any(letter.isalnum() for letter in text):
        return "empty"
    if reply.finish_reason in ("refusal", "content_filter") or _REFUSAL.match(text):
        return "refused"
    known = {_plain(one.messages[-1]["content"]) for one in seedling.parents}
    return "unchanged" if _plain(text) in known else None


def _plain(text: str) -> str:
    return " ".join(
        "".join(one for one in text.casefold() if one.isalnum() or one.isspace()).split()
    )


def _license(parents: Sequence[Prompt]) -> str:
    """The licence of all parents, if it is one."""
    found = {one.license for one in parents}
    return found.pop() if len(found) == 1 else "unknown"


def _rejected(seedling: Seedling, reason: str, detail: str) -> Rejection:
    key = seedling.request.key
    return Rejection(
        "sample", "prompt", content_id("evolved", key), reason,
        f"{seedling.style} of {seedling.parents[0].prompt_id}, call {key}: {detail}",
    )  # fmt: skip
