"""The bases of filters that look at all prompts, and of filters that ask a model."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Protocol

from pydantic import Field

from prefline.config.endpoints import Endpoint
from prefline.config.sample import PromptFilter
from prefline.tables.prompts import Prompt

if TYPE_CHECKING:
    # Not at run time: on by default, so params load it, and these bring NumPy and the engine.
    from prefline.filters.fingerprints import Fingerprints, Positions
    from prefline.llm import EmbeddingRequest, Engine, Request


class PromptTexts(Protocol):
    """Prompts by position, among which duplicates are looked for."""

    @property
    def fingerprints(self) -> Fingerprints:
        """The fingerprint of each prompt."""
        ...

    @property
    def prompts(self) -> Callable[[Positions], Iterator[Prompt]]:
        """Gives the prompts at rising positions."""
        ...

    def __len__(self) -> int: ...


class DuplicateFilter(PromptFilter):
    """A filter that rejects prompts for others that stay; it sees all prompts by id."""

    scope = "all prompts"

    @abstractmethod
    def find(
        self, texts: PromptTexts, n_fixed: int, engine: Engine | None
    ) -> tuple[Positions, Positions]:
        """Return the positions of duplicates, and for each that of the prompt that stays.

        The first `n_fixed` prompts stay. Without an `engine` no model may be asked.
        """


class CorpusFilter(PromptFilter):
    """A filter that sees all prompts that the other filters left, by id and as a stream."""

    scope = "all prompts"

    @abstractmethod
    def check_all(
        self, prompts: Iterable[Prompt], engine: Engine | None
    ) -> Iterator[tuple[str, str] | None]:
        """Return reason and detail for each prompt to reject, None for each that stays, in order.

        Without an `engine` no model may be asked.
        """


class AskingFilter(PromptFilter):
    """A filter that asks a model: derive from this and from one of the others."""

    asks_model = True

    endpoint: Endpoint = Field(description="of the model that is asked")

    @abstractmethod
    def requests(self, prompts: Iterable[Prompt]) -> Iterator[Request | EmbeddingRequest]:
        """Return what is asked about prompts, at most; `prefline estimate` counts it."""
