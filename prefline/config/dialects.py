"""Dialects: what providers want otherwise in a request than OpenAI's chat completions have it.

A dialect is data. What a single model wants otherwise stands in its endpoint's `request`, which is
added to the dialect's changes.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import Field, field_validator

from prefline.config.section import Section

PARAMETERS = (
    "temperature", "top_p", "max_tokens", "seed", "logprobs", "top_logprobs", "response_format",
    "encoding_format",
)  # fmt: skip
"""The parameters that Prefline sends beside the model and the messages, by OpenAI's names."""


class RequestChanges(Section):
    """The changes that an endpoint wants in the body of a request.

    The names in `omit` and before the colons of `rename` are OpenAI's: temperature, top_p,
    max_tokens, seed, logprobs, top_logprobs, response_format, encoding_format.
    """

    omit: tuple[str, ...] = Field((), description="parameters that are not sent")
    rename: dict[str, str] = Field(
        default_factory=dict, description="parameters that have another name there"
    )
    extra: dict[str, Any] = Field(
        default_factory=dict, description="more of the body, such as `reasoning_effort: low`"
    )

    @field_validator("omit", "rename")
    @classmethod
    def _are_sent(cls, names: Any) -> Any:
        for name in names:
            if name not in PARAMETERS:
                close = difflib.get_close_matches(name, PARAMETERS, n=1)
                hint = f"; did you mean {close[0]}?" if close else ""
                raise ValueError(f"{name!r} is no parameter that is sent{hint}")
        return names

    @field_validator("extra")
    @classmethod
    def _keeps_the_question(cls, extra: dict[str, Any]) -> dict[str, Any]:
        for name in ("model", "messages", "input", "stream", "n"):
            if name in extra:
                raise ValueError(f"{name} cannot be set here")
        return extra

    def __bool__(self) -> bool:
        """True if anything is changed."""
        return bool(self.omit or self.rename or self.extra)

    def plus(self, other: RequestChanges) -> RequestChanges:
        """Return both changes; where they say different things, `other` holds."""
        return RequestChanges(
            omit=tuple(dict.fromkeys((*self.omit, *other.omit))),
            rename=self.rename | other.rename,
            extra=self.extra | other.extra,
        )


Name = Literal[
    "openai", "openai-reasoning", "anthropic", "gemini", "vllm", "ollama", "openrouter", "azure"
]


@dataclass(frozen=True, slots=True)
class Dialect:
    """The changes that a provider wants, and how it takes the key, as `source` says."""

    source: str
    changes: RequestChanges = field(default_factory=RequestChanges)
    api: Literal["openai", "anthropic"] = "openai"
    key_header: str = "Authorization"
    key_form: str = "Bearer {key}"
    headers: tuple[tuple[str, str], ...] = ()


PLAIN = Dialect("https://platform.openai.com/docs/api-reference/chat/create, as of 2024")

DIALECTS: dict[Name, Dialect] = {
    # `max_tokens` is deprecated for all models, and refused by those that reason.
    "openai": Dialect(
        "https://platform.openai.com/docs/api-reference/chat/create",
        RequestChanges(rename={"max_tokens": "max_completion_tokens"}),
    ),
    "openai-reasoning": Dialect(
        "https://learn.microsoft.com/azure/ai-services/openai/how-to/reasoning, which lists what "
        "the o-series and GPT-5 do not take, with OpenAI as with Azure",
        RequestChanges(
            omit=("temperature", "top_p", "logprobs", "top_logprobs"),
            rename={"max_tokens": "max_completion_tokens"},
        ),
    ),
    # From Opus 4.1 on temperature and top_p cannot both be given; from Opus 4.7 on neither can.
    "anthropic": Dialect(
        "https://platform.claude.com/docs/en/api/messages",
        RequestChanges(omit=("top_p", "seed", "logprobs", "top_logprobs")),
        api="anthropic",
        key_header="x-api-key",
        key_form="{key}",
        headers=(("anthropic-version", "2023-06-01"),),
    ),
    # An unknown name is refused; log-probabilities are not served for today's models.
    "gemini": Dialect(
        "https://ai.google.dev/gemini-api/docs/openai",
        RequestChanges(omit=("seed", "logprobs", "top_logprobs")),
    ),
    "vllm": Dialect("https://docs.vllm.ai/en/latest/serving/openai_compatible_server"),
    "ollama": Dialect("https://docs.ollama.com/api/openai-compatibility"),
    # What the model behind it does not take is left out there.
    "openrouter": Dialect("https://openrouter.ai/docs/api/reference/parameters"),
    "azure": Dialect(
        "https://learn.microsoft.com/azure/ai-services/openai/reference",
        key_header="api-key",
        key_form="{key}",
    ),
}
