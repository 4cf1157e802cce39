"""The declaration of a trainer, and what it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from prefline.config import Endpoint, Training
from prefline.config.learning import TRAINERS
from prefline.errors import TableError
from prefline.tables.messages import Conversation, conversation_of

if TYPE_CHECKING:
    # Not at run time: to read params is to load a trainer's declaration.
    from prefline.llm import Engine, Request
    from prefline.reward.models import Kind

ParamsT = TypeVar("ParamsT", bound=Training)


@dataclass(frozen=True, slots=True)
class TrainingJob(Generic[ParamsT]):
    """The preferences to train on (rows of the split `train`), and where the model goes.

    The trainer writes the model's files to `draft`. `engine` answers the requests of a trainer
    that declares endpoints; it is None for the others. `root` is the project's folder.
    """

    rows: Sequence[dict[str, Any]]
    params: ParamsT
    draft: Path
    root: Path
    engine: Engine | None = None

    def asked_engine(self) -> Engine:
        """Return the engine of a trainer that declares endpoints."""
        assert self.engine is not None, "the trainer declares no endpoints"
        return self.engine


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """The base that a model started from, the figures of its training, and their curve.

    A point of the curve has `step`, `loss` and any other figures.
    """

    base: str
    figures: Mapping[str, Any]
    curve: Sequence[Mapping[str, float]]


@dataclass(frozen=True)
class Trainer(Generic[ParamsT]):
    """A way of training, declared once.

    `params` is the model of the section `train`, whose `method` is `name`. `produces` says what
    kind of model the folder holds; `card` describes it on the model card. `needs_extra` says that
    the extra `train` must be installed. `endpoints` returns those that training asks, and
    `requests` what it asks about some pairs, for estimates and progress.
    """

    name: str
    params: type[ParamsT]
    train: Callable[[TrainingJob[ParamsT]], TrainingResult]
    produces: Kind
    card: str
    needs_extra: bool = False
    endpoints: Callable[[ParamsT], Sequence[Endpoint]] = lambda _: ()
    requests: Callable[[ParamsT, Sequence[dict[str, Any]]], Iterable[Request]] = lambda *_: ()


def trainer_of(params: Training) -> Trainer[Any]:
    """Return the trainer that the section `train` names. Raises `ParamsError` as `get` does."""
    trainer: Any = TRAINERS.get(params.method)
    checked: Trainer[Any] = trainer
    return checked


def require_rows(rows: Sequence[dict[str, Any]]) -> None:
    """Raise `TableError` where there is nothing to train on."""
    if not rows:
        raise TableError(
            "the version has no preferences to train on", "publish preferences of the split train"
        )


def conversations_of(rows: Sequence[dict[str, Any]]) -> list[Conversation]:
    """Return both sides of every pair, chosen first: twice as many conversations as rows."""
    return [
        conversation_of(row["prompt"], row[side]) for row in rows for side in ("chosen", "rejected")
    ]
