"""New prompts from drawn ones: the part `evolve` of the section `sample`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from prefline.config.endpoints import Endpoint
from prefline.config.section import Section

Style = Literal["constrain", "deepen", "concretise", "reason", "broaden", "invent"]


class EvolveParams(Section):
    """New prompts that a model makes of those that were drawn, beside them: Evol-Instruct (Xu et
    al. 2023, arXiv 2304.12244) and, as the style `invent`, Self-Instruct (Wang et al. 2022, arXiv
    2212.10560)."""

    endpoint: Endpoint = Field(description="that writes them")
    size: int = Field(ge=1, description="prompts to ask for; filters may leave fewer")
    styles: tuple[Style, ...] = Field(
        ("constrain", "deepen", "concretise", "reason", "broaden", "invent"),
        min_length=1,
        description="in turn; a style that stands twice is asked for twice as often",
    )
    examples: int = Field(4, ge=2, description="drawn prompts that the style `invent` is shown")
    temperature: float = Field(0.8, ge=0)
    top_p: float = Field(1.0, gt=0, le=1)
    max_tokens: int = Field(256, ge=1)
