"""Judging method `imported`: verdicts that another judge or people gave, in a table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from prefline.config import Judge
from prefline.config.sample import LayoutName
from prefline.config.section import Section
from prefline.errors import InputError
from prefline.ids import content_id
from prefline.llm.completion import split_reasoning
from prefline.sources import Row, read_rows, watched_file
from prefline.sources.judged_sets import UnusableRow, read_judged
from prefline.sources.rows import cell_text
from prefline.tables import Rejection
from prefline.tables.by_text import ResponsesByText, prompt_id_of, text_of_cell
from tasks.judge.comparisons import Comparison, Plan
from tasks.judge.context import JudgeContext
from tasks.judge.methods import JudgingMethod
from tasks.judge.results import (
    JudgeResult,
    JudgeTask,
    Judgment,
    Side,
    Verdict,
    VoteCounts,
    without_calls,
)
from tasks.judge.votes import majority, share_first

_SIDES: Mapping[str, Side] = {
    "first": "first", "second": "second", "tie": "tie", "invalid": "invalid",
}  # fmt: skip
_COLUMNS = (
    "first_id", "second_id", "prompt_id", "first_model", "second_model", "first_sample",
    "second_sample", "prompt", "messages", "tools", "first_text", "second_text", "verdict",
    "p_first", "rationale",
)  # fmt: skip
_ANSWER_COLUMNS = ("id", "prompt", "messages", "tools", "text")
_MIDDLE = 0.5
_TURNED: Mapping[Side, Side] = {"first": "second", "second": "first", "tie": "tie"}

Ids = tuple[str, str]  # of the responses shown first and second
Answer = tuple[str, str]  # the id of the prompt, and the text


class AnswersTable(Section):
    """The table of imported responses whose own ids an imported table of verdicts names: each row
    is `{id, prompt or messages, text}`."""

    path: str = Field(min_length=1, description="in data/imported/responses")
    columns: dict[str, str] = Field(
        default_factory=dict, description="our name of a column: the table's"
    )


class ImportedJudge(Judge):
    """Verdicts that somebody else gave: a table in data/imported/judgments; of a public set in
    data/imported/sets."""

    method: Literal["imported"]
    path: str = Field(min_length=1)
    layout: LayoutName | None = Field(
        None,
        description="a public set of judged answers (docs/formats.md): several verdicts on a pair "
        "become one, with their share as `p_first`; null for `columns`",
    )
    kind: Literal["model", "human"] = Field(
        default="model", description="a person's verdicts are never corrected for length"
    )
    rows: dict[str, str] = Field(
        default_factory=dict, description="only the rows whose columns have these values"
    )
    columns: dict[str, str] = Field(
        default_factory=dict, description="our name of a column: the table's"
    )
    answers: AnswersTable | None = Field(
        None, description="where `first_id` and `second_id` are ids of another table: which"
    )
    verdicts: dict[str, Literal["first", "second", "tie", "invalid"]] = Field(
        default_factory=dict, description="a word of the table's for a verdict: ours"
    )

    @model_validator(mode="after")
    def _one_word_on_the_columns(self) -> ImportedJudge:
        if self.layout and (self.columns or self.verdicts or self.answers):
            raise ValueError(
                "`layout` says what is what: leave out `columns`, `verdicts` and `answers`"
            )
        return self

    @property
    def is_human(self) -> bool:
        """True if the verdicts are a person's."""
        return self.kind == "human"

    @property
    def description(self) -> str:
        """The method and the table."""
        by = f" ({self.layout})" if self.layout else ""
        return f"{self.method} from {self.path}{by}"


@dataclass(frozen=True, slots=True)
class ImportedVerdict:
    """One imported verdict, and where in the file it is."""

    verdict: Verdict
    place: str


@dataclass(frozen=True, slots=True)
class ImportedTable:
    """The verdicts of a table by the ids of the responses, in the order in which they were
    shown; and the rows that name a response which this run does not have."""

    verdicts: Mapping[Ids, ImportedVerdict] = field(default_factory=dict)
    unknown: tuple[Rejection, ...] = ()


class Imported(JudgingMethod[ImportedJudge]):
    """No calls; `context.material` is the table."""

    params = ImportedJudge
    asks = "nobody: a table of verdicts in `data/imported/judgments`"
    says = "the table's verdict or probability"
    one_task_per_order = False
    needs_whole_plan = True  # rows of the table that belong to no pair of it

    def read(
        self, judge: ImportedJudge, root: Path, responses: Iterable[Mapping[str, Any]]
    ) -> ImportedTable:
        """Read the table."""
        folder = "data/imported/judgments"
        path = watched_file(root, judge.path, folder, or_set=judge.layout is not None)
        answers = None
        if judge.answers is not None:
            theirs = watched_file(root, judge.answers.path, "data/imported/responses")
            answers = read_answers(judge.answers, theirs)
        return read_imported(judge, path, responses, answers)

    def judge_tasks(
        self, judge: ImportedJudge, context: JudgeContext, comparisons: Iterable[Comparison]
    ) -> Iterator[JudgeTask]:
        """Yield one for each pair: its verdicts in the orders in which it was shown; and a last one
        for the rows of the table that belong to no pair of the plan."""
        table: ImportedTable = context.material
        planned: set[Ids] = set()
        for comparison in comparisons:
            planned |= {_ids(comparison), _ids(comparison.swapped())}
            yield without_calls(_judgments(table, comparison))
        others = [one for ids, one in table.verdicts.items() if ids not in planned]
        yield without_calls([*table.unknown, *(_not_offered(judge, other) for other in others)])

    def applies(self, context: JudgeContext, comparison: Comparison) -> bool:
        """Return whether the table has a verdict on the pair."""
        verdicts = context.material.verdicts
        return _ids(comparison) in verdicts or _ids(comparison.swapped()) in verdicts

    def calls(self, judge: ImportedJudge, context: JudgeContext, comparisons: Plan) -> int:
        """Return none."""
        return 0

    def wording(self, judge: ImportedJudge, context: JudgeContext, sample: Comparison) -> Any:
        """Return what the table's words mean."""
        return {"verdicts": judge.verdicts} | ({"layout": judge.layout} if judge.layout else {})


def read_answers(table: AnswersTable, path: Path) -> dict[str, Answer]:
    """Return the prompt's id and the text of each answer of a table, by the table's own ids.

    Raises `InputError` that names file, row, field and remedy.
    """
    unknown = sorted(set(table.columns) - set(_ANSWER_COLUMNS))
    if unknown:
        raise InputError(
            f"answers.columns names {unknown[0]!r}, which is no column of ours",
            f"ours are {', '.join(_ANSWER_COLUMNS)}",
        )
    answers: dict[str, Answer] = {}
    for place, cells in read_rows(path):
        row = {name: cells.get(table.columns.get(name, name)) for name in _ANSWER_COLUMNS}
        identity, prompt_id = cell_text(row["id"]), prompt_id_of(row, place)
        if _is_missing(row["id"]) or prompt_id is None:
            raise InputError(
                f"{place}: {'no id' if _is_missing(row['id']) else 'no prompt'}",
                "say in `answers.columns` which columns hold `id`, `prompt` (or `messages`) and "
                "`text`",
            )
        text = text_of_cell(row["text"], place, "text")
        answer = prompt_id, text if isinstance(text, str) else cell_text(text)
        if answers.setdefault(identity, answer) != answer:
            raise InputError(
                f"{place}: id {identity!r} is there twice, of different answers",
                "name a column in `answers.columns.id` whose values are different",
            )
    return answers


def read_imported(
    judge: ImportedJudge,
    path: Path,
    responses: Iterable[Mapping[str, Any]],
    answers: Mapping[str, Answer] | None = None,
) -> ImportedTable:
    """Read the table of an imported judge; `responses` are this run's rows, `answers` those whose
    ids the table names, if they are not ours.

    Raises `InputError` that names file, row, field and remedy.
    """
    unknown_columns = sorted(set(judge.columns) - set(_COLUMNS))
    if unknown_columns:
        raise InputError(
            f"judge {judge.name}: columns names {unknown_columns[0]!r}, which is no column of ours",
            f"ours are {', '.join(_COLUMNS)}",
        )
    if judge.layout is not None:
        return _read_set(judge, path, _KnownResponses(responses))
    known, verdicts = _KnownResponses(responses, answers), dict[Ids, ImportedVerdict]()
    left_out = list[Rejection]()
    for place, cells in _rows_of(judge, path):
        row = {name: cells.get(judge.columns.get(name, name)) for name in _COLUMNS}
        verdict = _verdict(judge, row, place)
        if verdict is None:
            left_out.append(_no_verdict(judge, place))
            continue
        first, second = (known.find(row, side, place) for side in ("first", "second"))
        if first is None or second is None:
            left_out.append(_unknown_response(judge, place))
            continue
        imported = ImportedVerdict(verdict, place)
        _check_new(verdicts, (first, second), imported)
        verdicts[first, second] = imported
    if not verdicts:
        raise _nothing_imported(judge, path, left_out)
    return ImportedTable(verdicts, tuple(left_out))


def _rows_of(judge: ImportedJudge, path: Path) -> Iterator[Row]:
    """Yield the rows whose columns have the values of `rows`."""
    for place, cells in read_rows(path):
        if all(cell_text(cells.get(column)) == value for column, value in judge.rows.items()):
            yield place, cells


def _read_set(judge: ImportedJudge, path: Path, known: _KnownResponses) -> ImportedTable:
    """Read a public set: of several verdicts on a pair the share becomes `p_first`."""
    assert judge.layout is not None
    votes, places = dict[Ids, list[Side]](), dict[Ids, str]()
    left_out = list[Rejection]()
    for place, judged in read_judged(judge.layout, _rows_of(judge, path)):
        if isinstance(judged, UnusableRow):
            identity, detail = _identity(judge, place), f"{place}: {judged.detail}"
            left_out.append(Rejection("judge", "judgment", identity, judged.reason, detail))
            continue
        prompt_id = content_id("prompt", judged.messages)
        ids = [known.by_text(prompt_id, answer.text) for answer in judged.answers]
        for number, verdict in enumerate(judged.verdicts, 1):
            where = f"{place}, verdict {number}"
            first, second = ids[verdict.first], ids[verdict.second]
            if first is None or second is None:
                left_out.append(_unknown_response(judge, where))
            elif first == second:
                detail = f"{where}: both answers are the same"
                identity = _identity(judge, where)
                left_out.append(Rejection("judge", "judgment", identity, "same_text", detail))
            else:
                side: Side = verdict.side
                if (second, first) in votes:
                    first, second, side = second, first, _TURNED[side]
                votes.setdefault((first, second), []).append(side)
                places.setdefault((first, second), where)
    if not votes:
        raise _nothing_imported(judge, path, left_out)
    verdicts = {ids: ImportedVerdict(_of_votes(sides), places[ids]) for ids, sides in votes.items()}
    return ImportedTable(verdicts, tuple(left_out))


def _of_votes(sides: list[Side]) -> Verdict:
    if len(sides) == 1:
        return Verdict(sides[0], None)
    counts = VoteCounts(sides.count("first"), sides.count("second"), sides.count("tie"), 0)
    return Verdict(majority(counts), share_first(counts), votes=counts)


def _nothing_imported(judge: ImportedJudge, path: Path, left_out: list[Rejection]) -> InputError:
    if not left_out:
        of = f" whose columns are as `rows` says ({judge.rows})" if judge.rows else ""
        return InputError(
            f"{path.name} holds no verdict{of}", f"correct path and rows of judge {judge.name}"
        )
    if all(rejection.reason == "no_verdict" for rejection in left_out):
        return InputError(
            f"none of the {len(left_out):,} rows of {path.name} has a value for 'verdict' or "
            "'p_first'",
            f"map a column of the table to one of them in `columns` of judge {judge.name}",
        )
    return InputError(
        f"none of the {len(left_out):,} rows of {path.name} is about a response of this run; the "
        f"first: {left_out[0].detail}",
        "name responses by first_id and second_id as in data/responses, by prompt_id, first_model "
        "and second_model, or by their texts: prompt, first_text and second_text",
    )


class _KnownResponses:
    """This run's responses, found by id, ours or that of a table of `answers`; by prompt, model and
    sample; or by the texts of prompt and response, as a table made elsewhere has them."""

    def __init__(
        self, responses: Iterable[Mapping[str, Any]], answers: Mapping[str, Answer] | None = None
    ) -> None:
        self._answers = answers
        rows = list(responses)
        self._by_name = {
            (row["prompt_id"], row["model"], row["sample_index"]): row["response_id"]
            for row in rows
            if row["parent_id"] is None  # a revision has its draft's model and sample
        }
        self._ids = {row["response_id"] for row in rows}
        self._by_text = ResponsesByText(rows)

    def by_text(self, prompt_id: str, text: str) -> str | None:
        """Return the id of the response of this text to a prompt; None if this run has none such.

        Imported texts are without reasoning in tags and white space around them.
        """
        return self._by_text.find(prompt_id, split_reasoning(text)[0])

    def find(self, row: Mapping[str, Any], side: str, place: str) -> str | None:
        """Return the id of the response on a side of a row; None if this run has none such."""
        if self._answers is not None and not _is_missing(row.get(f"{side}_id")):
            answer = self._answers.get(cell_text(row[f"{side}_id"]))
            return None if answer is None else self.by_text(*answer)
        if row.get(f"{side}_id") is not None:
            identity = _text(row, f"{side}_id", place)
            return identity if identity in self._ids else None
        if row.get(f"{side}_text") is not None:
            prompt_id = prompt_id_of(row, place) or _text(row, "prompt_id", place)
            text = f"{side}_text"
            shown = {text: text_of_cell(row[text], place, text)}
            return self.by_text(prompt_id, _text(shown, text, place))
        prompt, model = _text(row, "prompt_id", place), _text(row, f"{side}_model", place)
        return self._by_name.get((prompt, model, _sample(row, side, place)))


def _judgments(table: ImportedTable, comparison: Comparison) -> JudgeResult:
    return [
        Judgment(ordered, imported.verdict)
        for ordered in (comparison, comparison.swapped())
        if (imported := table.verdicts.get(_ids(ordered))) is not None
    ]


def _ids(comparison: Comparison) -> Ids:
    return comparison.first.response_id, comparison.second.response_id


def _not_offered(judge: ImportedJudge, imported: ImportedVerdict) -> Rejection:
    """Reject a verdict on a pair that this run does not judge."""
    detail = f"{imported.place}: a verdict on a pair that is not offered for judging"
    identity = _identity(judge, imported.place)
    return Rejection("judge", "judgment", identity, "pair_not_offered", detail)


def _no_verdict(judge: ImportedJudge, place: str) -> Rejection:
    detail = f"{place}: neither 'verdict' nor 'p_first' has a value"
    return Rejection("judge", "judgment", _identity(judge, place), "no_verdict", detail)


def _unknown_response(judge: ImportedJudge, place: str) -> Rejection:
    detail = f"{place}: it names a response that is not in the table of responses"
    return Rejection("judge", "judgment", _identity(judge, place), "unknown_response", detail)


def _identity(judge: ImportedJudge, place: str) -> str:
    return content_id("imported", judge.name, place)


def _check_new(
    verdicts: Mapping[Ids, ImportedVerdict], ids: Ids, imported: ImportedVerdict
) -> None:
    if ids in verdicts:
        raise InputError(
            f"{imported.place}: a second verdict on the pair and order of {verdicts[ids].place}",
            "give each annotator a judge of its own, with `rows: {column: value}` to pick its rows",
        )


def _verdict(judge: ImportedJudge, row: Mapping[str, Any], place: str) -> Verdict | None:
    """Return the verdict of a row; None where nobody gave one."""
    p_first = _probability(row.get("p_first"), place)
    given = row.get("verdict")
    if _is_missing(given) and p_first is None:
        return None
    if p_first is not None and _is_missing(given):
        word: Any = "tie" if p_first == _MIDDLE else "first" if p_first > _MIDDLE else "second"
    else:
        word = judge.verdicts.get(cell_text(given), given)
    side = _SIDES.get(str(word))
    if side is None:
        raise InputError(
            f"{place}: field 'verdict' is {word!r}",
            f"say in `verdicts` which of {', '.join(_SIDES)} it stands for",
        )
    rationale = row.get("rationale")
    if rationale is None and side == "invalid":
        rationale = f"imported as {cell_text(given)!r}"  # an invalid verdict keeps what was said
    return Verdict(side, p_first, None if rationale is None else str(rationale))


def _is_missing(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def _probability(value: Any, place: str) -> float | None:
    try:
        number = None if _is_missing(value) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if number is None or 0 <= number <= 1:
        return number
    raise InputError(
        f"{place}: field 'p_first' is {value!r}", "give a probability from 0 to 1, or nothing"
    )


def _sample(row: Mapping[str, Any], side: str, place: str) -> int:
    value = row.get(f"{side}_sample")
    try:
        number = 0 if value is None else int(value)
        if isinstance(value, float) and number != value:
            raise ValueError("no whole number")
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(
            f"{place}: field '{side}_sample' is {value!r}", "give the sample's index, from 0"
        ) from error
    return number


def _text(row: Mapping[str, Any], column: str, place: str) -> str:
    value = row.get(column)
    if isinstance(value, str) and value:
        return value
    raise InputError(
        f"{place}: field '{column}' is missing or not text",
        "name responses by first_id and second_id; by prompt_id, first_model and second_model; or "
        "by prompt, first_text and second_text",
    )
