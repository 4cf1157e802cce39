"""All responses of a run, each looked at alone and beside the others."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

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

    The time is linear in the text. Memory is 110 bytes a response, beside what is found: texts are
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
    if not len(rows):
        return {}
    groups, prompts = groups[rows], numbers[rows]
    order = np.lexsort((answered.rank[prompts], groups))
    rows, groups, prompts = rows[order], groups[order], prompts[order]
    starts = np.flatnonzero(np.diff(groups, prepend=np.uint64(0)))
    # The first response to each prompt of a group, and of these prompts the first few.
    fresh = np.diff(prompts, prepend=-1) != 0
    fresh[starts] = True
    n_prompts = np.add.reduceat(fresh, starts, dtype=np.int64)
    before = np.cumsum(fresh)
    place = before - np.repeat(before[starts], np.diff([*starts, len(rows)]))
    compared = fresh & (place < corpus.MOST_COMPARED)
    are_compared = np.zeros(len(answered.counts), bool)
    are_compared[prompts[compared]] = True
    words = _HashedWords(answered, are_compared)
    detail_of: dict[int, str] = {}
    for start, end, count in zip(
        starts.tolist(), [*starts[1:].tolist(), len(rows)], n_prompts.tolist(), strict=True
    ):
        some = prompts[start:end][compared[start:end]].tolist()
        if corpus.are_unrelated([words.of(number) for number in some]):
            detail = f"nearly the same text for {count} prompts that have little in common"
            detail_of |= dict.fromkeys(rows[start:end].tolist(), detail)
    return {
        identity: Finding("constant", detail_of[row])
        for row, identity in _ids(answered, numbers, detail_of)
    }


class _HashedWords:
    """Hashes of the words of some prompts, `wanted` (prompts,): 4 bytes a word, without a text."""

    def __init__(self, answered: AnsweredPrompts, wanted: Bools) -> None:
        self._place = np.cumsum(wanted, dtype=np.int32) - 1
        self._words, self._ends = array("I"), array("q", [0])
        for one in answered.read(wanted):
            vocabulary = Text.of(one.prompt.text).vocabulary
            self._words.extend(crc32(word.encode("utf-8", "surrogatepass")) for word in vocabulary)
            self._ends.append(len(self._words))

    def of(self, number: int) -> frozenset[int]:
        """Return those of one prompt, by its number."""
        at = self._place[number]
        return frozenset(self._words[self._ends[at] : self._ends[at + 1]])


def _ids(
    answered: AnsweredPrompts, numbers: npt.NDArray[np.int32], rows: Collection[int]
) -> Iterator[tuple[int, str]]:
    """Yield the ids of the responses `rows`, by their number; `numbers` (responses,) are those of
    their prompts."""
    wanted, starts = np.zeros(len(answered.counts), bool), answered.starts
    wanted[numbers[np.fromiter(rows, np.int64, len(rows))]] = True
    for one in answered.read(wanted) if rows else ():
        for row, response in enumerate(one.responses, int(starts[one.number])):
            if row in rows:
                yield row, response["response_id"]
