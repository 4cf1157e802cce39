"""All responses of a run, each looked at alone and beside the others."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from prefline.ids import lot
from prefline.tables.prompts import Prompt
from tasks.judge.attacks.constant import (
    MOST_COMPARED,
    NO_SKETCH,
    packed,
    repeated,
    sketch_of,
    unrelated,
)
from tasks.judge.attacks.delimiters import delimiter
from tasks.judge.attacks.echo import echo
from tasks.judge.attacks.encoded import encoded
from tasks.judge.attacks.finding import Detector, Finding
from tasks.judge.attacks.floods import flood
from tasks.judge.attacks.instructions import instruction
from tasks.judge.attacks.invisible import invisible
from tasks.judge.attacks.off_topic import common_words, off_topic
from tasks.judge.attacks.praise import praise
from tasks.judge.attacks.text import Text
from tasks.judge.attacks.verdicts import verdict
from tasks.judge.refusals import is_boilerplate

# The first that finds something names the attack: what is hidden before what is in the open.
DETECTORS: tuple[Detector, ...] = (
    invisible, encoded, delimiter, instruction, verdict, praise, flood, echo,
)  # fmt: skip
_LOOKED_AT = 60_000  # characters: what is longer is looked at by its start and its end
_SAMPLE = 20_000  # responses, about, that tell which words are common


@dataclass(slots=True)
class _Table:
    """What is kept of every response for a look at all of them."""

    ids: list[str] = field(default_factory=list)
    prompts: list[int] = field(default_factory=list)
    sketches: array[int] = field(default_factory=lambda: array("Q"))


def find_attacks(
    prompts: Iterable[Prompt], rows: Iterable[Mapping[str, Any]]
) -> dict[str, Finding]:
    """The findings by `response_id`, for rows of `responses` in any order.

    Rows of other prompts are passed over. The time is linear in the text, about 0.6 ms for 1,000
    characters.
    """
    answers: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in rows:
        answers[row["prompt_id"]].append((row["response_id"], row["text"]))
    there = (prompt for prompt in prompts if prompt.prompt_id in answers)
    asked = sorted(there, key=lambda prompt: prompt.prompt_id)
    common = _common(asked, answers)
    found: dict[str, Finding] = {}
    table = _Table()
    for number, prompt in enumerate(asked):
        question = Text.of(prompt.text)
        said = [(i, Text.of(_excerpt(text))) for i, text in sorted(answers[prompt.prompt_id])]
        found |= _alone(question, said)
        found |= _beside(question, said, common, found)
        for identity, text in said:
            table.ids.append(identity)
            table.prompts.append(number)
            table.sketches.extend(NO_SKETCH if is_boilerplate(text.raw) else sketch_of(text.words))
    return _constant(table, asked) | found


def find_attack(prompt: str, response: str) -> Finding | None:
    """What one response shows without the others."""
    question, said = Text.of(prompt), Text.of(_excerpt(response))
    return next(filter(None, (detect(question, said) for detect in DETECTORS)), None)


def attack_figures(
    rows: Sequence[Mapping[str, Any]], findings: Mapping[str, Finding]
) -> dict[str, Any]:
    """How many responses were looked at and quarantined, by kind and by model."""
    caught = [row for row in rows if row["response_id"] in findings]
    kinds = Counter(findings[row["response_id"]].kind for row in caught)
    asked, models = Counter(row["model"] for row in rows), Counter(row["model"] for row in caught)
    return {
        "n_responses": len(rows),
        "quarantined": len(caught),
        "by_kind": dict(sorted(kinds.items())),
        "by_model": {
            model: {"n_responses": count, "quarantined": models[model]}
            for model, count in sorted(asked.items())
        },
    }


def _excerpt(text: str) -> str:
    half = _LOOKED_AT // 2
    return text if len(text) <= _LOOKED_AT else f"{text[:half]}\n\n{text[-half:]}"


def _alone(question: Text, said: list[tuple[str, Text]]) -> dict[str, Finding]:
    found = {}
    for identity, text in said:
        finding = next(filter(None, (detect(question, text) for detect in DETECTORS)), None)
        if finding is not None:
            found[identity] = finding
    return found


def _common(asked: list[Prompt], answers: Mapping[str, list[tuple[str, str]]]) -> frozenset[str]:
    """The common words of a sample of responses drawn by hash."""
    total = sum(len(answers[prompt.prompt_id]) for prompt in asked)
    share = _SAMPLE / max(_SAMPLE, total)
    drawn = [p for p in asked if lot("common words", p.prompt_id) < share]
    texts = (text for p in drawn for _, text in answers[p.prompt_id])
    return common_words(Text.of(_excerpt(text)).vocabulary for text in texts)


def _beside(
    question: Text,
    said: list[tuple[str, Text]],
    common: frozenset[str],
    found: Mapping[str, Finding],
) -> dict[str, Finding]:
    honest = [(identity, text) for identity, text in said if identity not in found]
    places = off_topic(question.vocabulary, [text.vocabulary for _, text in honest], common)
    detail = f"shares no rare word with its prompt or with {len(honest) - 1} other answer(s) to it"
    return {honest[at][0]: Finding("off_topic", detail) for at in places}


def _constant(table: _Table, prompts: list[Prompt]) -> dict[str, Finding]:
    if not table.ids:
        return {}
    numbers = np.array(table.prompts, dtype=np.int64)
    groups = repeated(packed(table.sketches), numbers)
    members: dict[int, list[int]] = defaultdict(list)
    for at in np.flatnonzero(groups):
        members[int(groups[at])].append(int(at))
    found: dict[str, Finding] = {}
    for places in members.values():
        asked = sorted({table.prompts[at] for at in places})
        if unrelated([Text.of(prompts[one].text).vocabulary for one in asked[:MOST_COMPARED]]):
            detail = f"nearly the same text for {len(asked)} prompts that have little in common"
            found |= {table.ids[at]: Finding("constant", detail) for at in places}
    return found
