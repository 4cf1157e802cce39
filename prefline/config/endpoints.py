"""The section of an endpoint: the address of a model, its limits and its prices."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from prefline.config.dialects import DIALECTS, PLAIN, Dialect, Name, RequestChanges
from prefline.config.section import Section

LOCAL = "local"
BUNDLED_MODEL = "SmolLM2-135M-Instruct"
# The same weights, which give embeddings under this name: a server does one or the other.
BUNDLED_EMBEDDER = f"{BUNDLED_MODEL}-embeddings"


class Prices(Section):
    """Price in USD per million tokens; zero for a model of one's own."""

    input: float = Field(0.0, ge=0)
    output: float = Field(0.0, ge=0, description="reasoning tokens are billed as output")
    cached_input: float | None = Field(
        None, ge=0, description="input that the vendor had cached; null for the price of input"
    )
    batch: float = Field(0.5, ge=0, le=1, description="share of these prices in batch mode")


class RateLimits(Section):
    """The limits of an endpoint; null where it does not say.

    With `shared`, processes and machines that name the same one share these limits through
    Prefect's global concurrency limits, instead of each having all of them.
    """

    max_in_flight: int | None = Field(
        None, ge=1, description="calls at once; null for engine.max_in_flight"
    )
    requests_per_minute: float | None = Field(None, gt=0)
    tokens_per_minute: float | None = Field(None, gt=0)
    shared: str | None = Field(None, pattern=r"^[A-Za-z0-9_.-]+$")

    @model_validator(mode="after")
    def _shares_something(self) -> RateLimits:
        if self.shared and not (self.requests_per_minute or self.tokens_per_minute):
            raise ValueError("shared needs requests_per_minute or tokens_per_minute to share")
        return self


class BatchLimits(Section):
    """The limits of a provider's Batch API, and how often it is polled."""

    max_requests: int = Field(50_000, ge=1, description="lines of one batch")
    max_bytes: int = Field(190_000_000, ge=1_000, description="of one batch's file")
    poll_s: float = Field(30.0, gt=0, description="seconds between two looks")


def _plain_url(value: str) -> str:
    """Return a URL to which paths can be added, and which may be shown in errors and logs."""
    if "@" in value.partition("://")[2].partition("/")[0]:
        raise ValueError("must hold no user and password; key_env names the variable with the key")
    if "?" in value or "#" in value:
        raise ValueError("must end in its path, usually /v1: no ? and no #")
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise ValueError("must be ASCII without spaces: xn-- names, % escapes")
    return value.rstrip("/")


NO_VARIABLE = "no_variable"
"""The type of a fault whose value is not shown."""


def _variable(value: str) -> str:
    """Return a name of an environment variable. What is none may be the key itself, so no message
    shows it."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,99}", value):
        raise PydanticCustomError(
            NO_VARIABLE,
            "is no name of an environment variable (it is not shown here, lest it is the key): put "
            "the key into a variable, such as OPENAI_API_KEY, and name that",
        )
    return value


class Endpoint(Section):
    """An endpoint: OpenAI-compatible, or of the API that its `dialect` names.

    `base_url` ends in `/v1` as the vendors give it; `local` is the bundled model, which
    the pipeline starts and stops itself. `dialect` and `request` say what the endpoint wants
    otherwise than OpenAI's chat completions: see docs/endpoints.md. `key_env` names the
    environment variable that holds the key; the key itself is never in a file.
    """

    base_url: str = LOCAL
    replicas: tuple[str, ...] = Field((), description="more URLs that serve the same model")
    model: str = BUNDLED_MODEL
    family: str | None = Field(
        None, description="family of the model, where its name does not begin with it"
    )
    key_env: Annotated[str, AfterValidator(_variable)] | None = None
    dialect: Name | None = Field(
        None, description="whose API it speaks, where that differs from OpenAI's as of 2024"
    )
    request: RequestChanges = RequestChanges()
    api_version: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9.-]+$",
        description="of Azure's paths /openai/deployments/<model>; null for its v1 API",
    )
    mode: Literal["live", "batch"] = Field(
        "live", description="batch: through the provider's Batch API, at about half the price"
    )
    weights: str | None = Field(
        None,
        description="of a local model: a GGUF file, or the folder of a sentence-embedding model "
        "(Sentence Transformers; the extra `train`); null for the bundled model's",
    )
    prices: Prices = Prices()
    limits: RateLimits = RateLimits()
    batch: BatchLimits = BatchLimits()

    @field_validator("base_url")
    @classmethod
    def _is_local_or_url(cls, value: str) -> str:
        if value != LOCAL and not value.startswith(("http://", "https://")):
            raise ValueError("must be 'local' or start with http:// or https://")
        return _plain_url(value)

    @field_validator("replicas")
    @classmethod
    def _are_urls(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        if not all(value.startswith(("http://", "https://")) for value in values):
            raise ValueError("each must start with http:// or https://")
        return tuple(_plain_url(value) for value in values)

    @model_validator(mode="after")
    def _local_is_live_and_alone(self) -> Endpoint:
        if self.is_local and (self.replicas or self.mode == "batch"):
            raise ValueError("a local model has no replicas and no batch mode")
        if self.weights is not None and not self.is_local:
            raise ValueError("weights are of a local model (base_url: local) only")
        if self.weights is not None and self.model in (BUNDLED_MODEL, BUNDLED_EMBEDDER):
            raise ValueError("other weights need a name of their own: give `model` one")
        return self

    @model_validator(mode="after")
    def _api_version_is_azures(self) -> Endpoint:
        if self.api_version is not None and self.dialect != "azure":
            raise ValueError("api_version is of `dialect: azure` only")
        if self.api_version is not None and self.mode == "batch":
            raise ValueError("batch mode needs Azure's v1 API: base_url to /openai/v1, no version")
        if self.is_local and (self.dialect is not None or self.request):
            raise ValueError("a local model has neither dialect nor request")
        return self

    @property
    def spoken(self) -> Dialect:
        """The changes that its provider wants."""
        return PLAIN if self.dialect is None else DIALECTS[self.dialect]

    @property
    def changes(self) -> RequestChanges:
        """Everything that this endpoint wants otherwise in a request."""
        return self.spoken.changes.plus(self.request)

    @property
    def is_local(self) -> bool:
        """True if the pipeline starts this model itself."""
        return self.base_url == LOCAL

    @property
    def urls(self) -> tuple[str, ...]:
        """Every URL that serves the model."""
        return (self.base_url, *self.replicas)
