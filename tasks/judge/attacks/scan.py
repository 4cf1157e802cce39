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
from tasks.judge.attacks import corpus
from tasks.judge.attacks.filler import echo, flood, praise
from tasks.judge.attacks.findings import Detector, Finding, Text
from tasks.judge.attacks.hidden import encoded, invisible
from tasks.judge.attacks.structure import delimiter, verdict
from tasks.judge.attacks.wording import instruction
from tasks.judge.refusals import is_boilerplate

# The first that finds something names the attack: what is hidden before what is in the open.
DETECTORS: tuple[Detector, ...] = (
    invisible, encoded, delimiter, instruction, verdict, praise, flood, echo,
)  # fmt: skip
_LONGEST = 60_000  # characters: what is longer is looked at by its start and its end
_SAMPLE = 20_000  # responses, about, that tell which words are common


@dataclass(slots=True)
class _Sketched:
    """The sketch of a response that is kept for a look at all of them."""

    ids: list[str] = field(default_factory=list)
    prompts: list[int] = field(default_factory=list)
    sketches: array[int] = field(default_factory=lambda: array("Q"))


def find_attacks(
    prompts: Iterable[Prompt], rows: Iterable[Mapping[str, Any]]
) -> dict[str, Finding]:
    """Return the findings by `response_id`, for rows of `responses` in any order.

    Rows of other prompts are passed over. The time is linear in the text, about 0.6 ms for 1,000
    characters.
    """
    answers: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in rows:
        answers[row["prompt_id"]].append((row["response_id"], row["text"]))
    answered = (prompt for prompt in prompts if prompt.prompt_id in answers)
    in_order = sorted(answered, key=lambda prompt: prompt.prompt_id)
    common = _common(in_order, answers)
    findings: dict[str, Finding] = {}
    sketched = _Sketched()
    for number, prompt in enumerate(in_order):
        question = Text.of(prompt.text)
        responses = [(i, Text.of(_excerpt(text))) for i, text in sorted(answers[prompt.prompt_id])]
        findings |= _alone(question, responses)
        findings |= _off_topic(question, responses, common, findings)
        for response_id, text in responses:
            sketched.ids.append(response_id)
            sketched.prompts.append(number)
            sketched.sketches.extend(
                corpus.NO_SKETCH if is_boilerplate(text.raw) else corpus.sketch_of(text.words)
            )
    return _constant(sketched, in_order) | findings


def find_attack(prompt: str, response: str) -> Finding | None:
    """Return what one response shows without the others."""
    return _detect(Text.of(prompt), Text.of(_excerpt(response)))


def attack_figures(
    rows: Sequence[Mapping[str, Any]], findings: Mapping[str, Finding]
) -> dict[str, Any]:
    """Count the responses that were looked at and quarantined, by kind and by model."""
    caught = [row for row in rows if row["response_id"] in findings]
    kinds = Counter(findings[row["response_id"]].kind for row in caught)
    by_model = Counter(row["model"] for row in rows)
    quarantined = Counter(row["model"] for row in caught)
    return {
        "n_responses": len(rows),
        "quarantined": len(caught),
        "by_kind": dict(sorted(kinds.items())),
        "by_model": {
            model: {"n_responses": count, "quarantined": quarantined[model]}
            for model, count in sorted(by_model.items())
        },
    }


def _detect(question: Text, response: Text) -> Finding | None:
    return next(filter(None, (detector(question, response) for detector in DETECTORS)), None)


def _excerpt(text: str) -> str:
    half = _LONGEST // 2
    return text if len(text) <= _LONGEST else f"{text[:half]}\n\n{text[-half:]}"


def _alone(question: Text, responses: list[tuple[str, Text]]) -> dict[str, Finding]:
    findings = {}
    for response_id, text in responses:
        finding = _detect(question, text)
        if finding is not None:
            findings[response_id] = finding
    return findings


def _common(prompts: list[Prompt], answers: Mapping[str, list[tuple[str, str]]]) -> frozenset[str]:
    """Return the common words of a sample of responses drawn by hash."""
    total = sum(len(answers[prompt.prompt_id]) for prompt in prompts)
    share = _SAMPLE / max(_SAMPLE, total)
    drawn = [prompt for prompt in prompts if lot("common words", prompt.prompt_id) < share]
    texts = (text for prompt in drawn for _, text in answers[prompt.prompt_id])
    return corpus.common_words(Text.of(_excerpt(text)).vocabulary for text in texts)


def _off_topic(
    question: Text,
    responses: list[tuple[str, Text]],
    common: frozenset[str],
    findings: Mapping[str, Finding],
) -> dict[str, Finding]:
    others = [(response_id, text) for response_id, text in responses if response_id not in findings]
    vocabularies = [text.vocabulary for _, text in others]
    detail = f"shares no rare word with its prompt or with {len(others) - 1} other answer(s) to it"
    return {
        others[place][0]: Finding("off_topic", detail)
        for place in corpus.off_topic(question.vocabulary, vocabularies, common)
    }


def _constant(sketched: _Sketched, prompts: list[Prompt]) -> dict[str, Finding]:
    if not sketched.ids:
        return {}
    numbers = np.array(sketched.prompts, dtype=np.int64)
    groups = corpus.repeated(corpus.packed(sketched.sketches), numbers)
    members: dict[int, list[int]] = defaultdict(list)
    for place in np.flatnonzero(groups):
        members[int(groups[place])].append(int(place))
    findings: dict[str, Finding] = {}
    for places in members.values():
        of_prompts = sorted({sketched.prompts[place] for place in places})
        compared = of_prompts[: corpus.MOST_COMPARED]
        if corpus.are_unrelated([Text.of(prompts[one].text).vocabulary for one in compared]):
            detail = (
                f"nearly the same text for {len(of_prompts)} prompts that have little in common"
            )
            findings |= {sketched.ids[place]: Finding("constant", detail) for place in places}
    return findings
