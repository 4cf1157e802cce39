"""People's answers: read from files, and aggregated to one vote of each reviewer on a pair."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import orjson

from prefline.config import ReviewParams
from prefline.errors import InputError
from prefline.ids import pair_id
from prefline.sources import read_rows
from prefline.tables.by_text import ResponsesByText
from tasks.pair.formats import by_text, parse_row
from tasks.pair.formats.plain import TIE, Answer, Answers, without_undone
from tasks.pair.judged import JudgedPair

_SHOWN = 10
_NONE_REFUSED: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Reviews:
    """Votes by pair and reviewer (+1 the pair's lower id is better, -1 the upper, 0 neither), the
    answers on pairs that are not known, how many were skipped, and the answers that count, by the
    keys of `votes`. `repeats` says, of each pair that a reviewer saw twice, whether they said the
    same."""

    votes: Mapping[tuple[str, str], int]
    unknown: tuple[Answer, ...] = ()
    skipped: int = 0
    counted: Mapping[tuple[str, str], Answer] = field(default_factory=dict)
    repeats: Mapping[tuple[str, str], bool] = field(default_factory=dict)

    def by_pair(self) -> dict[str, int]:
        """Return how many answers each pair has."""
        counts: dict[str, int] = {}
        for pair, _ in self.votes:
            counts[pair] = counts.get(pair, 0) + 1
        return counts

    def of_pairs(self) -> dict[str, dict[str, int]]:
        """Return each pair's votes by reviewer."""
        votes: dict[str, dict[str, int]] = defaultdict(dict)
        for (pair, reviewer), vote in self.votes.items():
            votes[pair][reviewer] = vote
        return dict(votes)


def read_answers(folder: Path, responses: Iterable[Mapping[str, Any]] = ()) -> Answers:
    """Return all answers in the `*.jsonl` and `*.json` of a folder, by name of file and row.

    `responses` are this run's rows, for answers that name them by their texts. Pages of
    Markdown and hidden files are no answers. Raises `InputError` that names file, row,
    field and remedy.
    """
    answers: list[Answer] = []
    repeats: list[Answer] = []
    skipped = 0
    known = ResponsesByText(responses)
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.suffix == ".md" or path.name.startswith("."):
            continue
        rows = (
            (place, by_text.with_ids(row, place, known) if by_text.matches(row) else row)
            for place, row in _rows(path)
        )
        for place, row in without_undone(rows):
            parsed = parse_row(row, place)
            answers += parsed.given
            repeats += parsed.repeats
            skipped += parsed.skipped
    return Answers(tuple(answers), skipped, tuple(repeats))


def reviewed_pairs(
    answers: Answers,
    judged: Collection[str],
    prompt_of: Mapping[str, str],
    refused: Collection[str] = (),
) -> list[JudgedPair]:
    """Return the pairs that people answered on and nobody judged, without any evidence.

    `judged` are ids of pairs, `prompt_of` prompts' ids by response id. A pair that is `refused`,
    or is not two responses to one prompt, is left out.
    """
    named = {
        answer.pair_id: answer.other
        for answer in answers.given
        if answer.pair_id not in judged
        and answer.pair_id not in refused
        and answer.other in prompt_of
    }
    prompts = {prompt_of[response] for response in named.values()}
    return pairs_of(named, {r: prompt for r, prompt in prompt_of.items() if prompt in prompts})


def pairs_of(wanted: Collection[str], prompt_of: Mapping[str, str]) -> list[JudgedPair]:
    """Return the pairs of two responses to one prompt whose ids are `wanted`, without evidence."""
    responses: dict[str, list[str]] = defaultdict(list)
    for response, prompt in prompt_of.items():
        responses[prompt].append(response)
    pairs = [
        JudgedPair(identity, prompt, lower, upper)
        for prompt, siblings in responses.items()
        for lower, upper in combinations(sorted(siblings), 2)
        if (identity := pair_id(lower, upper)) in wanted
    ]
    return sorted(pairs, key=lambda pair: pair.pair_id)


def aggregate_answers(answers: Answers, pairs: Iterable[JudgedPair]) -> Reviews:
    """Return one vote of each reviewer on each known pair.

    A later answer replaces an earlier one: by their times where both have one, else by name
    of file and row. Raises `InputError` for an answer that names other responses than the
    pair's.
    """
    known = {pair.pair_id: pair for pair in pairs}
    latest: dict[tuple[str, str], Answer] = {}
    unknown = []
    for answer in answers.given:
        if answer.pair_id not in known:
            unknown.append(answer)
            continue
        _check(answer, known[answer.pair_id])
        key = (answer.pair_id, answer.reviewer)
        if key not in latest or not _earlier(answer, latest[key]):
            latest[key] = answer
    votes = {key: _vote(answer, known[key[0]]) for key, answer in sorted(latest.items())}
    repeats = _repeats(answers.repeats, votes, known)
    return Reviews(votes, tuple(unknown), answers.skipped, latest, repeats)


def _repeats(
    repeats: Iterable[Answer], votes: Mapping[tuple[str, str], int], known: Mapping[str, JudgedPair]
) -> dict[tuple[str, str], bool]:
    """Return whether each reviewer said the same of a pair that they saw twice."""
    same = {}
    for answer in repeats:
        key = (answer.pair_id, answer.reviewer)
        if key in votes:
            _check(answer, known[answer.pair_id])
            same[key] = _vote(answer, known[answer.pair_id]) == votes[key]
    return dict(sorted(same.items()))


def review_warnings(
    reviews: Reviews,
    categories: Collection[str],
    review: ReviewParams,
    refused: Mapping[str, str] = _NONE_REFUSED,
) -> list[str]:
    """Return warnings of answers on unknown pairs, by file and row, and of unknown categories.

    `refused` has the reasons why pairs were not worth judging, by id.
    """
    lines = [
        f"{answer.place}: pair {answer.pair_id} {_why_unknown(answer, refused)}: the answer of "
        f"{answer.reviewer} counts for nothing"
        for answer in reviews.unknown[:_SHOWN]
    ]
    if len(reviews.unknown) > _SHOWN:
        lines.append(f"and {len(reviews.unknown) - _SHOWN:,} more answers on unknown pairs")
    lines += [
        f"pair.review.high_stakes names {name!r}, a category that no prompt has"
        for name in review.high_stakes
        if name not in categories
    ]
    return lines


def _why_unknown(answer: Answer, refused: Mapping[str, str]) -> str:
    if answer.pair_id in refused:
        return f"was rejected by the stage judge ({refused[answer.pair_id]})"
    return "is not among the pairs judged here"


def _rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if path.suffix == ".jsonl":
        return read_rows(path)
    if path.suffix == ".json":
        return _json_rows(path)
    raise InputError(
        f"{path.name}: a review file ends in .jsonl or .json",
        "export as JSON, or move the file elsewhere",
    )


def _json_rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the objects of a JSON array, or the one that is alone in its file."""
    try:
        content = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise InputError(f"{path.name}: not valid JSON: {error}", "export it again") from error
    for number, row in enumerate(content if isinstance(content, list) else [content], 1):
        place = f"{path.name}, row {number}"
        if not isinstance(row, dict):
            raise InputError(f"{place}: not a JSON object", "give an array of objects")
        yield place, row


def _earlier(answer: Answer, other: Answer) -> bool:
    return answer.when is not None and other.when is not None and answer.when < other.when


def _check(answer: Answer, pair: JudgedPair) -> None:
    named = {answer.preferred, answer.other} - {TIE}
    of_pair = {pair.lower, pair.upper}
    if named == of_pair or (answer.preferred == TIE and named < of_pair):
        return
    raise InputError(
        f"{answer.place}: fields {answer.fields} say {answer.preferred!r} and {answer.other!r}, "
        f"which are not the two responses of pair {pair.pair_id}",
        f"its responses are {pair.lower} and {pair.upper}; or correct the pair's id",
    )


def _vote(answer: Answer, pair: JudgedPair) -> int:
    if answer.preferred == TIE:
        return 0
    return 1 if answer.preferred == pair.lower else -1
