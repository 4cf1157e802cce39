"""The sections that decide what a stage makes; each is a DVC dependency of its stage."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from prefline.config.sample import Benchmark
from prefline.config.section import Section, Seed

STAGES = ("sample", "generate", "judge", "pair", "validate", "publish", "train", "evaluate")
"""The stages in their order, as `dvc.yaml` has them."""


class ReviewParams(Section):
    """The pairs that go to people, and the worth of their answers."""

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
    anchors_first: int = Field(
        20,
        ge=0,
        description="until the truth of so many judged pairs is known, pairs drawn at random come "
        "first in the queue, at least this many",
    )
    human_accuracy: float = Field(
        0.95, gt=0.5, lt=1,
        description="share of a reviewer's words that are right, before reviewers are compared",
    )  # fmt: skip


class PriorAccuracyParams(Section):
    """The accuracy of a judge that is known beforehand, such as from a public benchmark."""

    accuracy: float = Field(
        gt=0, lt=1, description="share of pairs on which it is right; a flip counts one half"
    )
    pairs: float = Field(50, gt=0, le=1e6, description="how many checked pairs that is worth")


class PairParams(Section):
    """The thresholds by which judgments become preferences."""

    min_p_chosen: float = Field(0.65, gt=0.5, lt=1)
    verifier_accuracy: float | None = Field(
        None,
        gt=0.5,
        lt=1,
        description="share of the verifiers' verdicts that are right, before people looked at any; "
        "null takes what each kind of verifier declares",
    )
    prior_accuracy: dict[str, PriorAccuracyParams] = Field(
        default_factory=dict, description="what is known of a judge, by its name"
    )
    test_share: float = Field(0.1, ge=0, lt=1)
    review: ReviewParams = ReviewParams()
    seed: Seed = 0


Gate = Literal[
    "gold_accuracy", "calibration_error", "position_bias", "drift", "length_ratio",
    "category_share", "duplicate_share", "canaries",
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
        (), description="gates of quality that stop the pipeline; the others warn"
    )
