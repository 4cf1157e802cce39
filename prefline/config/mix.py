"""In which mix prompts are drawn: the part `mix` of the section `sample`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, field_validator

from prefline.config.endpoints import Endpoint
from prefline.config.section import Section

_CLOSE = 1e-6


class DoubtParams(Section):
    """Draw more of what an earlier version was unsure of."""

    release: str = Field(
        pattern=r"^.+/[^/@]+@[0-9]+$",
        description="a published version by its number, such as store/demo@3",
    )
    by: Literal["uncertainty", "disagreement"] = Field(
        "uncertainty",
        description="4 p (1 - p) of its pairs' p_chosen, or the share of judgments that name the "
        "rejected response; a prompt without pairs has the mean of its template, else category",
    )
    emphasis: float = Field(
        4.0,
        gt=0,
        description="a prompt of doubt d (0 to 1) is drawn with the weight 1 + d emphasis",
    )


class DiversityParams(Section):
    """Draw as many from each of several groups of alike prompts."""

    endpoint: Endpoint = Field(description="that serves /embeddings")
    clusters: int = Field(50, ge=2, description="groups, by k-means on embeddings")
    max_characters: int = Field(
        2_000, ge=1, description="of a prompt that are embedded; the beginning goes first"
    )


class MixParams(Section):
    """In which mix prompts are drawn; by default as they come, by lot."""

    categories: dict[str, float] = Field(
        default_factory=dict,
        description="category: share of the draw, 1 in all; those that are not named are not drawn",
    )
    sources: dict[str, float] = Field(
        default_factory=dict,
        description="name of a source: share of the draw, 1 in all; or give sources a `weight`",
    )
    at_most: dict[str, int] = Field(
        default_factory=dict, description="category: the most prompts of it that are drawn"
    )
    doubt: DoubtParams | None = None
    diversity: DiversityParams | None = None

    @field_validator("categories", "sources")
    @classmethod
    def _sums_to_one(cls, shares: Mapping[str, float]) -> Mapping[str, float]:
        for name, share in shares.items():
            if not 0 < share <= 1:
                raise ValueError(f"the share of {name!r} is {share:g}, not above 0 and up to 1")
        total = sum(shares.values())
        if shares and abs(total - 1) > _CLOSE:
            raise ValueError(f"the shares sum to {total:g}, not to 1")
        return shares

    @field_validator("at_most")
    @classmethod
    def _counts(cls, most: Mapping[str, int]) -> Mapping[str, int]:
        for name, count in most.items():
            if count < 0:
                raise ValueError(f"at most {count} prompts of {name!r} cannot be drawn")
        return most
