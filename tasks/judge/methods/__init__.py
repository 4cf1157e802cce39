"""Judging methods, each a module with one declaration: a class of `JudgingMethod`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeAlias, TypeVar

from prefline.config import Judge
from prefline.config.judge import METHODS
from prefline.errors import ParamsError
from tasks.judge.comparisons import Comparison, Plan
from tasks.judge.context import JudgeContext
from tasks.judge.judge_prompt import Slot
from tasks.judge.results import JudgeTask

if TYPE_CHECKING:
    import pyarrow as pa

    from prefline.tables import Rejection

J = TypeVar("J", bound=Judge)
JudgedRows: TypeAlias = "tuple[pa.Table, list[Rejection]]"
"""Rows of `judgments`, and what was asked and failed."""


class JudgingMethod(ABC, Generic[J]):
    """A judging method, declared once: everything else reads it here.

    `params` is the model of a judge's section in params; its bases in `prefline.config.judge` say
    whether it asks an endpoint, can be limited to some pairs, sees orders and can offer ties. Name
    the class in `METHODS` there, or in an entry point of the group `prefline.methods`.
    """

    params: type[J]
    asks: ClassVar[str]
    """The question that it asks, for the documentation."""
    says: ClassVar[str]
    """The grounds of its verdicts, for the documentation."""
    sees_order: ClassVar[bool] = True
    """True if the order of the answers can sway it: else it gets no position bias."""
    one_task_per_order: ClassVar[bool] = True
    """True if a plan holds a comparison in each order that it is to be seen in, each of which is a
    task of its own; other methods see no order, or make both themselves."""
    needs_whole_plan: ClassVar[bool] = False
    """True if it tells something of its plan as a whole, so that no part of it can be judged
    elsewhere."""
    gives_probability: ClassVar[bool] = True
    """True if its verdicts come with a probability, as far as the endpoint allows it."""
    slots: ClassVar[tuple[Slot, ...]] = ()
    """The slots of a judge's own prompt, which it finds in `JudgeContext.prompt`; none for a method
    that takes no such prompt."""

    @abstractmethod
    def judge_tasks(
        self, judge: J, context: JudgeContext, comparisons: Iterable[Comparison]
    ) -> Iterator[JudgeTask]:
        """Yield the conversations with a judge about a plan, in its order.

        Each yields requests, is sent their outcomes, and returns what they say of comparisons of
        the plan, each of which ends once, as a `Judgment` or as a rejection.
        """

    def judge_columns(
        self, judge: J, context: JudgeContext, plan: Plan
    ) -> Iterator[JudgedRows] | None:
        """Return what a judge that asks nobody says of a plan, in its order, in columns and not by
        tasks; None for one that has tasks."""
        return None

    def applies(self, context: JudgeContext, comparison: Comparison) -> bool:
        """Return whether a judge can say anything of a comparison at all."""
        return True

    def calls(self, judge: J, context: JudgeContext, comparisons: Plan) -> int:
        """Return how many calls a plan takes at most."""
        return len(comparisons)

    def read(self, judge: J, root: Path, responses: Iterable[Mapping[str, Any]]) -> Any:
        """Read what the method needs from the project at `root`, for `JudgeContext.material`.

        `responses` are the run's rows. Raises `InputError` for a file that is not as it should be.
        """
        return None

    def costliest(self, judge: J, context: JudgeContext) -> JudgeContext:
        """Return the context under which a call costs most, where it differs by comparison."""
        return context

    def wording(self, judge: J, context: JudgeContext, sample: Comparison) -> Any:
        """Return what the verdicts depend on besides the model, to be hashed: what a judge is shown
        first of a comparison that is always the same."""
        return {"asked": self.first_messages(judge, context, sample), "weights": []}

    def first_messages(
        self, judge: J, context: JudgeContext, sample: Comparison
    ) -> list[list[Any]]:
        """Return the messages of the first call of each task about one comparison."""
        messages = []
        for task in self.judge_tasks(judge, context, [sample]):
            messages.append(list(next(task).messages))
            task.close()
        return messages


def method_of(judge: Judge) -> JudgingMethod[Any]:
    """Return the judging method of a judge. Raises `ParamsError` if it is not declared as one."""
    declaration: Any = METHODS.get(judge.method)
    if not (isinstance(declaration, type) and issubclass(declaration, JudgingMethod)):
        raise ParamsError(
            f"the judging method {judge.method!r} is no class of JudgingMethod: {declaration!r}",
            "let its entry point name a class of tasks.judge.methods.JudgingMethod",
        )
    method: JudgingMethod[Any] = declaration()
    return method
