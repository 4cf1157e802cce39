"""The declaration of a trainer, and what it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from prefline.config import Endpoint, Training
from prefline.config.learning import TRAINERS
from prefline.errors import TableError

if TYPE_CHECKING:
    # Not at run time: to read params is to load a trainer's declaration.
    from prefline.llm import Engine, Request
    from prefline.reward.models import Kind
    from prefline.reward.version import Preferences

ParamsT = TypeVar("ParamsT", bound=Training)


class Requests(Protocol):
    """Requests, made as they are iterated, and their number."""

    def __len__(self) -> int:
        """Return their number."""

    def __iter__(self) -> Iterator[Request]:
        """Make them."""


@dataclass(frozen=True, slots=True)
class TrainingJob(Generic[ParamsT]):
    """The preferences to train on (the split `train`), and where the model goes. Their rows are
    read anew, in batches, whenever they are iterated.

    The trainer writes the model's files to `draft`. `engine` answers the requests of a trainer
    that declares endpoints; it is None for the others. `root` is the project's folder.
    """

    rows: Preferences
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
    requests: Callable[[ParamsT, Preferences], Requests] = lambda *_: ()


def trainer_of(params: Training) -> Trainer[Any]:
    """Return the trainer that the section `train` names. Raises `ParamsError` as `get` does."""
    trainer: Any = TRAINERS.get(params.method)
    checked: Trainer[Any] = trainer
    return checked


def require_rows(rows: Preferences) -> None:
    """Raise `TableError` where there is nothing to train on."""
    if not len(rows):
        raise TableError(
            "the version has no preferences to train on", "publish preferences of the split train"
        )
