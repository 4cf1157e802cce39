"""Select the pairs of responses that are worth a judge's time; reject others with a reason."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import combinations
from types import MappingProxyType
from typing import Any

from prefline.config import JudgeParams
from prefline.ids import content_hash
from prefline.tables import Rejection
from prefline.tables.answered import ListedAnswers
from prefline.tables.endings import CALLS, UNFINISHED
from prefline.tables.prompts import Prompt
from tasks.judge.attacks import Finding, scan_attacks
from tasks.judge.comparisons import Comparison, Response, response_of
from tasks.judge.refusals import is_refusal

_BULLET = re.compile(r"^[ \t]*(?:[-*\u2022\u2013+]|#{1,6}|>)[ \t]+", re.MULTILINE)
# Around a word these are punctuation or Markdown; inside one ("3.5", "a.b", "foo_bar") they mean
# something, and so do all other signs everywhere ("-5", "x<y", "5%").
_AROUND = "*_`#~.,;:!?\"'\u2018\u2019\u201c\u201d\u00ab\u00bb\u2026\u3002\u3001\uff0c\uff01\uff1f()"
# To these prompts punctuation, form or case is the answer.
_FORM = re.compile(
    r"\b(?:punctuat\w*|commas?|full stops?|apostrophes?|quot(?:e|ation)s?|markdown|format\w*|bold"
    r"|italics?|capital\w*|upper.?case|lower.?case|bullets?|headings?|code|program|function"
    r"|regex\w*|json|yaml|xml|html|latex|brackets?|parenthes\w+|typograph\w*|correct\w*|proofread"
    r"|edit)\b",
    re.IGNORECASE,
)


_NOT_DRAWN = "not_drawn"
# Endings that leave no text.
_SAYING_NOTHING = ("reasoning_only", CALLS)


@dataclass(frozen=True, slots=True)
class PairSelection:
    """The pairs of one prompt or of all: those worth judging, and the others with a reason.

    `attacks` are the quarantined responses by id, where responses were looked at.
    """

    comparisons: list[Comparison]
    rejections: list[Rejection]
    attacks: Mapping[str, Finding] = field(default_factory=dict)


def select_pairs(
    prompts: Iterable[Prompt], rows: Iterable[Mapping[str, Any]], params: JudgeParams
) -> PairSelection:
    """Return the pairs of all prompts, in the prompts' order; `rows` are those of `responses`.

    Every response is looked at for an attack on the judge first, among all of the run, if
    params say so.
    """
    answered = ListedAnswers(prompts, rows)
    attacks = scan_attacks(answered) if params.quarantine else {}
    selection = PairSelection([], [], attacks)
    for one in answered.read():
        responses = list(map(response_of, one.responses))
        of_prompt = select_pairs_of(one.prompt, responses, params, attacks)
        selection.comparisons.extend(of_prompt.comparisons)
        selection.rejections.extend(of_prompt.rejections)
    return selection


def select_pairs_of(
    prompt: Prompt,
    responses: list[Response],
    params: JudgeParams,
    attacks: Mapping[str, Finding] = MappingProxyType({}),
) -> PairSelection:
    """Sort every pair of a prompt's responses into worth judging and not.

    `attacks` are the responses that no judge may see, by id. At most `pairs_per_prompt` are
    kept, drawn by hash with the seed. A pair's order here is drawn by hash too, so that a judge
    asked in one order sees either side first as often.
    """
    most = params.pairs_per_prompt
    comparisons: list[Comparison] = []
    rejections: list[Rejection] = []
    faults = {response.response_id: _fault_of(response, params, attacks) for response in responses}
    for comparison in _in_drawn_order(prompt, responses, params.seed):
        fault = (
            faults[comparison.first.response_id]
            or faults[comparison.second.response_id]
            or _fault_between(comparison)
        )
        if fault is None and most is not None and len(comparisons) >= most:
            fault = not_drawn_fault(params)
        if fault is None:
            comparisons.append(comparison)
        else:
            stage = "pair" if fault[0] == _NOT_DRAWN else "judge"
            rejections.append(Rejection(stage, "pair", comparison.pair_id, *fault))
    comparisons.sort(key=lambda comparison: comparison.pair_id)
    return PairSelection(comparisons, rejections)


def not_drawn_fault(params: JudgeParams) -> tuple[str, str]:
    """Return reason and detail for a pair beyond those that params allow a prompt."""
    return _NOT_DRAWN, f"params allow {params.pairs_per_prompt} pair(s) per prompt"


def duplicate_reason(prompt: str, first: str, second: str) -> tuple[str, str] | None:
    """Return `identical` or `duplicate` with a detail; None for two different responses.

    Duplicates have the same words in the same order, punctuation and Markdown aside. They are
    not looked for in code, nor where the prompt is about form or correctness of form.
    """
    normal_first, normal_second = _normalised(first), _normalised(second)
    if normal_first == normal_second:
        return "identical", "the same text, letter case and spacing aside"
    lengths = len(normal_first), len(normal_second)
    if abs(lengths[0] - lengths[1]) > sum(lengths) // 2 or _is_code(first, second):
        return None
    if _words(first) == _words(second) and _words(first) and not _FORM.search(prompt):
        return "duplicate", "the same words in the same order, punctuation and Markdown aside"
    return None


def _in_drawn_order(prompt: Prompt, responses: list[Response], seed: int) -> Iterator[Comparison]:
    drawn = []
    for first, second in combinations(responses, 2):
        comparison = Comparison(prompt, *sorted((first, second), key=lambda r: r.response_id))
        draw_key = content_hash([seed, comparison.pair_id])
        drawn.append((draw_key, comparison.swapped() if int(draw_key[-1], 16) % 2 else comparison))
    for _, comparison in sorted(drawn, key=lambda item: item[0]):
        yield comparison


def _fault_of(
    response: Response, params: JudgeParams, attacks: Mapping[str, Finding]
) -> tuple[str, str] | None:
    """Return reason and detail for a response of which no judgment can make a preference."""
    name, length = f"response {response.response_id}", len(response.text)
    if not response.text.strip() and response.finish_reason not in _SAYING_NOTHING:
        return "empty", f"{name} is empty"
    calls = response.finish_reason == CALLS and response.turns is not None
    if response.finish_reason in UNFINISHED and not calls:
        reason, what = UNFINISHED[response.finish_reason]
        return reason, f"{name} {what}"
    if (attack := attacks.get(response.response_id)) is not None:
        return "attack", f"{name}: {attack.kind}: {attack.detail}"
    if length > params.max_characters:
        return (
            "too_long",
            f"{name} has {length:,} characters, params allow {params.max_characters:,}",
        )
    return None


def _fault_between(comparison: Comparison) -> tuple[str, str] | None:
    """Return reason and detail for two sound responses between which there is nothing to choose."""
    first, second = comparison.first.text, comparison.second.text
    if comparison.first.turns is not None or comparison.second.turns is not None:
        # A sign or a letter's case in what a tool is called with may mean something.
        return ("identical", "the same turns") if first == second else None
    if (reason := duplicate_reason(comparison.prompt.text, first, second)) is not None:
        return reason
    if is_refusal(first) and is_refusal(second):
        return "both_refused", "neither response answers the prompt"
    return None


def _is_code(*texts: str) -> bool:
    return any("```" in text or "    " in text or "\t" in text for text in texts)


@lru_cache(maxsize=64)  # a response is compared with each of the others to its prompt
def _normalised(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


@lru_cache(maxsize=64)
def _words(text: str) -> tuple[str, ...]:
    stripped = (word.strip(_AROUND) for word in _normalised(_BULLET.sub("", text)).split())
    return tuple(word for word in stripped if word)
