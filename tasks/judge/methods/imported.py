"""Judging method `imported`: verdicts that another judge or people gave, in a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from prefline.config import Judge
from prefline.config.sample import LayoutName
from prefline.config.section import Section
from prefline.sources import watched_file
from prefline.sources.rows import work_folder
from tasks.judge.comparisons import Comparison, Plan
from tasks.judge.context import JudgeContext
from tasks.judge.methods import JudgedRows, JudgingMethod
from tasks.judge.results import JudgeTask

if TYPE_CHECKING:
    from tasks.judge.imported_table import ImportedTable


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


class Imported(JudgingMethod[ImportedJudge]):
    """No calls, and columns in place of tasks; `context.material` is the table."""

    params = ImportedJudge
    asks = "nobody: a table of verdicts in `data/imported/judgments`"
    says = "the table's verdict or probability"
    one_task_per_order = False
    needs_whole_plan = True  # rows of the table that belong to no pair of it

    def read(
        self, judge: ImportedJudge, root: Path, responses: Iterable[Mapping[str, Any]]
    ) -> ImportedTable:
        """Read the table."""
        # Here, so that reading params does not import Arrow.
        from tasks.judge.imported_table import read_answers, read_imported

        folder = "data/imported/judgments"
        path = watched_file(root, judge.path, folder, or_set=judge.layout is not None)
        answers = None
        if judge.answers is not None:
            theirs = watched_file(root, judge.answers.path, "data/imported/responses")
            answers = read_answers(judge.answers, theirs)
        return read_imported(judge, path, responses, answers, work_folder(root))

    def judge_tasks(
        self, judge: ImportedJudge, context: JudgeContext, comparisons: Iterable[Comparison]
    ) -> Iterator[JudgeTask]:
        """Yield none: nobody is asked."""
        return iter(())

    def judge_columns(
        self, judge: ImportedJudge, context: JudgeContext, plan: Plan
    ) -> Iterator[JudgedRows]:
        """Yield the table's verdicts on the pairs of a plan, in the orders in which these were
        shown; at last the rows of the table that belong to no pair of it."""
        table: ImportedTable = context.material
        return table.judgments(judge, plan)

    def applies(self, context: JudgeContext, comparison: Comparison) -> bool:
        """Return whether the table has a verdict on the pair."""
        table: ImportedTable = context.material
        return table.has(int(comparison.pair_id, 16))

    def calls(self, judge: ImportedJudge, context: JudgeContext, comparisons: Plan) -> int:
        """Return none."""
        return 0

    def wording(self, judge: ImportedJudge, context: JudgeContext, sample: Comparison) -> Any:
        """Return what the table's words mean."""
        return {"verdicts": judge.verdicts} | ({"layout": judge.layout} if judge.layout else {})
