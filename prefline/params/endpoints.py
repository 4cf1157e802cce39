"""Where a model is, and what it costs."""

from __future__ import annotations

from pydantic import Field, field_validator

from prefline.params.section import Section

LOCAL = "local"
BUNDLED_MODEL = "SmolLM2-135M-Instruct"


class Prices(Section):
    """Price in USD per million tokens; zero for a model of one's own."""

    input: float = Field(0.0, ge=0)
    output: float = Field(0.0, ge=0)


class Endpoint(Section):
    """An OpenAI-compatible endpoint.

    `base_url` ends in `/v1` as the vendors give it; `local` is the bundled model, which
    the line starts and stops itself. `key_env` names the environment variable that holds
    the key; the key itself is never in a file.
    """

    base_url: str = LOCAL
    model: str = BUNDLED_MODEL
    key_env: str | None = None
    prices: Prices = Prices()

    @field_validator("base_url")
    @classmethod
    def _is_local_or_url(cls, value: str) -> str:
        if value != LOCAL and not value.startswith(("http://", "https://")):
            raise ValueError("must be 'local' or start with http:// or https://")
        return value.rstrip("/")

    @property
    def is_local(self) -> bool:
        """Whether the line starts this model itself."""
        return self.base_url == LOCAL
