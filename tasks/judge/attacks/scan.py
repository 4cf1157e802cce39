"""All responses of a run, each looked at alone and beside the others."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from prefline.ids import lot
from prefline.stats import Bools
from prefline.tables.answered import Answered, AnsweredPrompts, ListedAnswers
from prefline.tables.prompts import Prompt
from prefline.tables.shards import Spread, here, shards
from tasks.judge.attacks import corpus
from tasks.judge.attacks.filler import echo, flood, praise
from tasks.judge.attacks.findings import Detector, Finding, Kind, Text
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
_SHARD = 200  # prompts looked at in one go


@dataclass(frozen=True, slots=True)
class _Shown:
    """A prompt's text, and its responses by id."""

    prompt: str
    ids: list[str]
    texts: list[str]

    @classmethod
    def of(cls, answered: Answered) -> _Shown:
        """Return what is looked at of a prompt and its responses."""
        rows = answered.responses
        ids, texts = [row["response_id"] for row in rows], [row["text"] for row in rows]
        return cls(answered.prompt.text, ids, texts)


@dataclass(frozen=True, slots=True)
class _Looked:
    """The attacks in some prompts' responses: `findings` by `response_id`, and the `sketches`
    (responses, 8) that are compared with those of all others."""

    n_prompts: int
    findings: dict[str, Finding]
    sketches: corpus.Sketches


def find_attacks(
    prompts: Iterable[Prompt], rows: Iterable[Mapping[str, Any]]
) -> dict[str, Finding]:
    """Return the findings by `response_id`, for rows of `responses` in any order.

    Rows of other prompts are passed over.
    """
    return scan_attacks(ListedAnswers(prompts, rows))


def scan_attacks(
    answered: AnsweredPrompts,
    spread: Spread = here,
    passed: Callable[[int], None] = lambda _: None,
) -> dict[str, Finding]:
    """Return the findings by `response_id`.

    The time is linear in the text. Memory is 130 bytes a response, beside what is found: texts are
    read once for a sample of their words, once each by itself, and once more where several are
    alike. `passed` is told how many prompts have been looked at since.
    """
    common = _common(answered)
    findings: dict[str, Finding] = {}
    sketches = np.zeros((int(answered.counts.sum()), corpus.SKETCH), np.uint64)
    at = 0
    shown = map(_Shown.of, answered.read(answered.counts > 0))
    for looked in spread(partial(_look_at, common), map(list, shards(shown, _SHARD))):
        findings |= looked.findings
        sketches[at : at + len(looked.sketches)] = looked.sketches
        at += len(looked.sketches)
        passed(looked.n_prompts)
    return _constant(answered, sketches) | findings


def find_attack(prompt: str, response: str) -> Finding | None:
    """Return what one response shows without the others."""
    return _detect(Text.of(prompt), Text.of(_excerpt(response)))


def attack_figures(
    models: Mapping[str, int], quarantined: Mapping[tuple[Kind, str], int]
) -> dict[str, Any]:
    """Return how many responses were looked at, by model (`models`), and how many of them were
    `quarantined`, given by kind and model."""
    kinds, by_model = Counter[str](), Counter[str]()
    for (kind, model), count in quarantined.items():
        kinds[kind] += count
        by_model[model] += count
    return {
        "n_responses": sum(models.values()),
        "quarantined": kinds.total(),
        "by_kind": dict(sorted(kinds.items())),
        "by_model": {
            model: {"n_responses": count, "quarantined": by_model[model]}
            for model, count in sorted(models.items())
        },
    }


def _detect(question: Text, response: Text) -> Finding | None:
    return next(filter(None, (detector(question, response) for detector in DETECTORS)), None)


def _excerpt(text: str) -> str:
    half = _LONGEST // 2
    return text if len(text) <= _LONGEST else f"{text[:half]}\n\n{text[-half:]}"


def _common(answered: AnsweredPrompts) -> frozenset[str]:
    """Return the common words of a sample of responses drawn by hash."""
    total = int(answered.counts.sum())
    share = _SAMPLE / max(_SAMPLE, total)
    drawn = np.array([lot("common words", one) < share for one in answered.ids.to_pylist()], bool)
    texts = (row["text"] for one in answered.read(drawn) for row in one.responses)
    return corpus.common_words(Text.of(_excerpt(text)).vocabulary for text in texts)


def _look_at(common: frozenset[str], prompts: list[_Shown]) -> _Looked:
    """Look at the responses to some prompts, each alone and beside the others to its prompt."""
    findings: dict[str, Finding] = {}
    words: list[list[str]] = []
    for shown in prompts:
        question = Text.of(shown.prompt)
        texts = [Text.of(_excerpt(text)) for text in shown.texts]
        found = [_detect(question, text) for text in texts]
        others = [place for place, finding in enumerate(found) if finding is None]
        off = corpus.off_topic(
            question.vocabulary, [texts[place].vocabulary for place in others], common
        )
        for place in off:
            found[others[place]] = Finding(
                "off_topic",
                "shares no rare word with its prompt or with "
                f"{len(others) - 1} other answer(s) to it",
            )
        findings |= {
            response_id: finding
            for response_id, finding in zip(shown.ids, found, strict=True)
            if finding is not None
        }
        words += [[] if is_boilerplate(text.raw) else text.words for text in texts]
    return _Looked(len(prompts), findings, corpus.sketches_of(words))


def _constant(answered: AnsweredPrompts, sketches: corpus.Sketches) -> dict[str, Finding]:
    """Return the responses that are nearly the same to prompts that have little in common."""
    numbers = np.repeat(np.arange(len(answered.counts), dtype=np.int32), answered.counts)
    groups = corpus.repeated(sketches, numbers)
    rows = np.flatnonzero(groups)
    members: dict[int, list[int]] = defaultdict(list)
    for row in rows.tolist():
        members[int(groups[row])].append(row)
    if not members:
        return {}
    rank = answered.rank
    prompts = {
        group: sorted({int(numbers[row]) for row in of_group}, key=rank.__getitem__)
        for group, of_group in members.items()
    }
    alike = np.zeros(len(answered.counts), bool)
    alike[numbers[rows]] = True
    ids, vocabularies = _ids_and_vocabularies(
        answered,
        alike,
        set(rows.tolist()),
        {number for some in prompts.values() for number in some[: corpus.MOST_COMPARED]},
    )
    findings: dict[str, Finding] = {}
    for group, of_group in members.items():
        compared = prompts[group][: corpus.MOST_COMPARED]
        if corpus.are_unrelated([vocabularies[number] for number in compared]):
            detail = (
                f"nearly the same text for {len(prompts[group])} prompts that have little in common"
            )
            findings |= {ids[row]: Finding("constant", detail) for row in of_group}
    return findings


def _ids_and_vocabularies(
    answered: AnsweredPrompts, alike: Bools, rows: Set[int], prompts: Set[int]
) -> tuple[dict[int, str], dict[int, frozenset[str]]]:
    """Return the ids of the responses `rows`, by their number, and the words of `prompts`, by
    theirs; all are of prompts that are `alike` by a response."""
    starts = answered.starts
    ids: dict[int, str] = {}
    vocabularies: dict[int, frozenset[str]] = {}
    for one in answered.read(alike):
        for row, response in enumerate(one.responses, int(starts[one.number])):
            if row in rows:
                ids[row] = response["response_id"]
        if one.number in prompts:
            vocabularies[one.number] = Text.of(one.prompt.text).vocabulary
    return ids, vocabularies
