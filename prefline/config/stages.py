"""The sections that decide what a stage makes; each is a DVC dependency of its stage."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from prefline.config.endpoints import Endpoint
from prefline.config.judges import AnyJudge, AskingJudge
from prefline.config.ladder import LadderParams
from prefline.config.sample import Benchmark
from prefline.config.section import Section


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


class PairParams(Section):
    """How judgments become preferences."""

    min_p_chosen: float = Field(0.65, gt=0.5, lt=1)
    verifier_accuracy: float = Field(
        0.99, gt=0.5, lt=1, description="share of the verifiers' verdicts that are right"
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
