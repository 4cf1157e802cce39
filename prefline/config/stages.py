"""The sections that decide what a stage makes; each is a DVC dependency of its stage."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from prefline.config.endpoints import Endpoint
from prefline.config.evolve import EvolveParams
from prefline.config.filters import Benchmark, FilterParams
from prefline.config.judges import AnyJudge, AskingJudge
from prefline.config.ladder import LadderParams
from prefline.config.mix import MixParams
from prefline.config.section import Section
from prefline.config.sources import Source


class HoldOut(Section):
    """Prompts that nothing is ever trained on: `evaluate` tries policies on them."""

    share: float = Field(0.0, ge=0, lt=1, description="of all prompts, by hash")
    templates: tuple[str, ...] = Field(
        (), description="templates of which every prompt is held out: none is seen in training"
    )


class SampleParams(Section):
    """Which prompts go in."""

    sources: tuple[Source, ...] = Field(min_length=1)
    size: int | None = Field(
        None, ge=1, description="prompts to draw; null for all, in every round"
    )
    max_characters: int = Field(8_000, ge=1)
    filters: FilterParams = FilterParams()
    hold_out: HoldOut = HoldOut()
    mix: MixParams = MixParams()
    evolve: EvolveParams | None = Field(
        None, description="new prompts from drawn ones, by a model; null for none"
    )
    round: int = Field(
        0, ge=0, description="each round draws prompts that no earlier one drew: data/drawn"
    )
    reuse: bool = Field(
        False, description="begin anew when all prompts have been drawn; else that is an error"
    )
    seed: int = 0

    @model_validator(mode="after")
    def _sources_have_names_and_weights(self) -> SampleParams:
        names = [source.name for source in self.sources]
        if len(set(names)) < len(names):
            raise ValueError(f"two sources have the same name: {', '.join(names)}")
        weighted = [source for source in self.sources if source.weight is not None]
        if weighted and len(weighted) < len(names):
            raise ValueError("give a `weight` to every source, or to none")
        if weighted and self.mix.sources:
            raise ValueError("give sources a `weight`, or shares in mix.sources, not both")
        for name in self.mix.sources:
            if name not in names:
                raise ValueError(f"mix.sources: {name!r} is no source; there are {names}")
        return self

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The endpoints that sampling asks; none by default."""
        filters = (self.filters.semantic_duplicates, self.filters.safety)
        asked = (*filters, self.mix.diversity, self.evolve)
        return tuple(one.endpoint for one in asked if one is not None)

    @property
    def source_shares(self) -> dict[str, float]:
        """The share of the draw that each source is to have; empty if that is left to chance."""
        weights = {one.name: one.weight for one in self.sources if one.weight is not None}
        total = sum(weights.values())
        return {name: weight / total for name, weight in weights.items()} or self.mix.sources


class JudgeParams(Section):
    """Which pairs are judged, by whom."""

    judges: tuple[AnyJudge, ...] = Field(min_length=1)
    families: dict[str, str] = Field(
        default_factory=dict,
        description="model: its family, where the name does not begin with it (gpt-4o: gpt)",
    )
    pairs_per_prompt: int | None = Field(None, ge=1, description="null for every pair")
    ladder: LadderParams | None = Field(
        None, description="adaptive judging; null asks every judge everything"
    )
    quarantine: bool = Field(
        True, description="keep responses that attack a model judge from being judged"
    )
    max_characters: int = Field(
        50_000, ge=1, description="characters of a response; a pair with a longer one is not judged"
    )
    seed: int = 0
    shard_size: int = Field(1_000, ge=1, description="calls per Prefect task")

    @model_validator(mode="after")
    def _names_differ(self) -> JudgeParams:
        names = [judge.name for judge in self.judges]
        if len(set(names)) < len(names):
            raise ValueError(f"two judges have the same name: {', '.join(names)}")
        return self

    @model_validator(mode="after")
    def _a_budget_has_prices(self) -> JudgeParams:
        prices = [endpoint.prices for endpoint in self.endpoints]
        free = all(price.input == price.output == 0 for price in prices)
        if self.ladder and self.ladder.max_usd is not None and free:
            raise ValueError("ladder.max_usd needs an endpoint with prices; else use max_calls")
        return self

    @model_validator(mode="after")
    def _a_model_is_at_one_endpoint(self) -> JudgeParams:
        known: dict[str, Endpoint] = {}
        for endpoint in self.endpoints:
            if known.setdefault(endpoint.model, endpoint) != endpoint:
                raise ValueError(
                    f"two judges have different endpoints for one model, {endpoint.model}: the "
                    "reply store tells replies apart by model; give one of them another name, or "
                    "both the same endpoint (with replicas)"
                )
        return self

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The endpoints of the judges that ask a model."""
        return tuple(judge.endpoint for judge in self.judges if isinstance(judge, AskingJudge))


class ReviewParams(Section):
    """Which pairs go to people, and what their words are worth."""

    size: int = Field(
        50, ge=0, description="pairs in the queue because a label is worth most there"
    )
    random_share: float = Field(
        0.02, ge=0, le=1, description="share of all pairs drawn to measure labels, by hash"
    )
    reviewers_per_pair: int = Field(
        1, ge=1, description="a pair stays in the queue until it has so many answers"
    )
    high_stakes: tuple[str, ...] = Field(
        (), description="categories of prompts in which a wrong label costs more"
    )
    high_stakes_weight: float = Field(
        3.0, ge=1, description="how many times as much it costs there"
    )
    human_accuracy: float = Field(
        0.95, gt=0.5, lt=1,
        description="share of a reviewer's words that are right, before reviewers are compared",
    )  # fmt: skip


class PriorAccuracyParams(Section):
    """What is known of a judge beforehand, such as from a public benchmark."""

    accuracy: float = Field(
        gt=0, lt=1, description="share of pairs on which it is right; a flip counts one half"
    )
    pairs: float = Field(50, gt=0, le=1e6, description="how many checked pairs that is worth")


class PairParams(Section):
    """How judgments become preferences."""

    min_p_chosen: float = Field(0.65, gt=0.5, lt=1)
    verifier_accuracy: float = Field(
        0.99, gt=0.5, lt=1, description="share of the verifiers' verdicts that are right"
    )
    prior_accuracy: dict[str, PriorAccuracyParams] = Field(
        default_factory=dict, description="what is known of a judge, by its name"
    )
    test_share: float = Field(0.1, ge=0, lt=1)
    review: ReviewParams = ReviewParams()
    seed: int = 0


Gate = Literal[
    "gold_accuracy", "calibration_error", "position_bias", "drift", "length_ratio",
    "category_share", "duplicate_share",
]  # fmt: skip


class ValidateParams(Section):
    """Thresholds of the expectations that are not plain matters of right and wrong."""

    min_preferences: int = Field(1, ge=0)
    max_invalid_share: float = Field(0.2, ge=0, le=1)
    max_truncated_share: float = Field(0.5, ge=0, le=1)
    max_length_ratio: float = Field(4.0, gt=0)
    max_category_share: float = Field(
        0.8, gt=0, le=1, description="of the preferences that one category may have"
    )
    max_duplicate_share: float = Field(
        0.05, ge=0, le=1, description="of the preferences that repeat another's prompt and texts"
    )
    min_gold_accuracy: float = Field(
        0.55, ge=0, le=1, description="of a judge on checked pairs, by its interval's upper end"
    )
    max_calibration_error: float = Field(
        0.15, ge=0, le=1, description="of a judge as asked, by its interval's lower end"
    )
    max_position_bias: float = Field(
        0.2,
        ge=0,
        le=0.5,
        description="how far from one half a judge prefers what it sees first, by the interval's "
        "nearer end",
    )
    require_anchors: int = Field(
        0,
        ge=0,
        description="pairs whose truth a verifier or people told, of which the labels "
        "must have learnt; with fewer the stage fails",
    )
    max_drift: float | None = Field(
        0.2,
        ge=0,
        le=1,
        description="total variation distance of p_chosen, categories and label sources from the "
        "version that the channel leads to; null does not compare",
    )
    benchmarks: tuple[Benchmark, ...] = Field(
        (), description="evaluation sets of which no preference may hold a prompt"
    )
    benchmark_run: int = Field(
        13, ge=4, description="words in a row that a prompt must not share with a benchmark"
    )
    critical: tuple[Gate, ...] = Field(
        (), description="gates of quality that stop the line; the others warn"
    )
