"""What a simulated server serves, and how badly; a file of it is read in `config_file.py`."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal, Self

from pydantic import Field, model_validator

from prefline.config.section import Section
from prefline.simulator.accuracy import Pairs, sharpness_for
from prefline.simulator.faults import check_faults
from prefline.simulator.truth import Lean


class Generator(Section):
    """A model that writes responses of planted quality.

    Quality ~ N(quality, 1). Length in characters is lognormal:
    ln(length) = ln(characters) + spread * (r * z + sqrt(1 - r^2) * e), where z is the
    quality above the model's mean, e ~ N(0, 1) and r = length_follows_quality.
    """

    quality: float = Field(0.0, ge=-40, le=40)
    characters: int = Field(600, ge=20, le=1_000_000, description="median length of a text")
    spread: float = Field(0.4, ge=0, le=2, description="standard deviation of ln(length)")
    length_follows_quality: float = Field(0.3, ge=-1, le=1)


class Judge(Section):
    """A model that prefers one of two tagged texts; see `truth.p_first` for the formula.

    Give `accuracy` (share of verdicts that name the better text, over both orders, on pairs
    as `pairs` describes them, its own biases included) or `sharpness`.
    """

    accuracy: float | None = Field(None, ge=0.5, lt=1)
    sharpness: float | None = Field(None, ge=0)
    position_bias: float = Field(0.0, description="log-odds for the text shown first")
    length_bias: float = Field(0.0, description="log-odds per unit of log length ratio")
    tie_rate: float = Field(0.0, ge=0, le=1, description="where the prompt offers a tie")
    invalid_rate: float = Field(0.0, ge=0, le=1, description="replies that name no verdict")
    pairs: Pairs = Pairs()

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if self.accuracy is not None and self.sharpness is not None:
            raise ValueError("give accuracy or sharpness, not both")
        if self.tie_rate + self.invalid_rate > 1:
            raise ValueError("tie_rate and invalid_rate add up to more than 1")
        return self

    def lean(self) -> Lean:
        """The judge's log-odds; an accuracy is solved for here. Neither given: sharpness 1."""
        biased = Lean(1.0, self.position_bias, self.length_bias)
        if self.accuracy is not None:
            return replace(biased, sharpness=sharpness_for(self.accuracy, biased, self.pairs))
        return biased if self.sharpness is None else replace(biased, sharpness=self.sharpness)


class Latency(Section):
    """Time to a reply in milliseconds.

    `fixed`: ms. `uniform`: from ms - spread to ms + spread. `lognormal`: median ms,
    spread = standard deviation of the logarithm.
    """

    distribution: Literal["fixed", "uniform", "lognormal"] = "fixed"
    ms: float = Field(0.0, ge=0)
    spread: float = Field(0.0, ge=0)

    @model_validator(mode="after")
    def _not_negative(self) -> Self:
        if self.distribution == "uniform" and self.spread > self.ms:
            raise ValueError("spread of a uniform latency must not exceed ms")
        return self


class Limits(Section):
    """Rate limits, as token buckets that refill evenly; null for none.

    A bucket holds `burst_s` seconds' worth and starts full. A request costs its prompt's
    words plus `max_tokens` (256 where it names none). `concurrent` answers 429 above that
    many requests in flight; `slots` lets the requests above it wait in line instead, so
    latency rises with load.
    """

    requests_per_minute: float | None = Field(None, gt=0)
    tokens_per_minute: float | None = Field(None, gt=0)
    burst_s: float = Field(1.0, gt=0)
    concurrent: int | None = Field(None, ge=1)
    slots: int | None = Field(None, ge=1)


class Batching(Section):
    """How the batch API serves `POST /v1/batches`, and how badly.

    A batch is validated in the first tenth of `latency_ms`, its lines are answered evenly over
    the next eight and its files are written at the end of the last. With an `expired_share`
    every batch ends `expired`, that share of its lines (rounded up) not reached. Which lines
    fail and which batches do is drawn per body, or file, and per time that it was seen.
    """

    latency_ms: float = Field(0.0, ge=0, description="from creation to completion")
    line_failures: float = Field(0.0, ge=0, le=1, description="share of lines in the error file")
    expired_share: float = Field(0.0, ge=0, le=1, description="of the lines; 0: never expires")
    fail: float = Field(0.0, ge=0, le=1, description="share of batches that end `failed`")
    max_lines: int = Field(50_000, ge=1, description="of an input file")
    max_bytes: int = Field(200 * 2**20, ge=1, description="of an input file")


RetryAfter = Literal["both", "seconds", "milliseconds", "date", "none"]


class SimulatorConfig(Section):
    """All of a simulated server. The same config and requests give the same replies."""

    host: str = "127.0.0.1"
    port: int = Field(0, ge=0, le=65535, description="0 for a free one")
    key: str | None = Field(None, min_length=1, repr=False, description="null for no check")
    seed: int = 0
    generators: dict[str, Generator] = Field(
        default_factory=lambda: {
            "sim-strong": Generator(quality=0.5),
            "sim-weak": Generator(quality=-0.5),
        }
    )
    judges: dict[str, Judge] = Field(
        default_factory=lambda: {
            "sim-judge": Judge(accuracy=0.75),
            "sim-judge-biased": Judge(accuracy=0.7, position_bias=1.0, length_bias=0.7),
        }
    )
    latency: Latency = Latency()
    limits: Limits = Limits()
    batch: Batching = Batching()
    cached_share: float = Field(0.0, ge=0, le=1, description="of the prompt tokens, in `usage`")
    reasoning_tokens: int = Field(0, ge=0, description="per choice, on top of the text's")
    faults: dict[str, float] = Field(default_factory=dict, description="share by name")
    retry_after: RetryAfter = Field("both", description="how a 429 or 503 says when to return")
    fault_retry_after_s: float | None = Field(None, ge=0, description="said by planted 429, 503")
    huge_body_bytes: int = Field(100 * 2**20, ge=1)
    log: str | None = Field(None, description="file that gets the request log as JSON lines")
    log_entries: int = Field(200_000, ge=0, description="latest entries that GET /log has")
    fast: bool = Field(False, description="keep no log and no bodies; counts of requests only")

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        both = self.generators.keys() & self.judges.keys()
        if both:
            raise ValueError(f"a model is generator and judge at once: {', '.join(sorted(both))}")
        if self.fast and self.log is not None:
            raise ValueError("fast keeps no log: leave out log or fast")
        check_faults(self.faults)
        return self


def same_model_pairs(generator: Generator) -> Pairs:
    """The pairs of two responses of one generator, for a judge's `pairs`.

    With r and spread of the generator: L = spread * (r * D + sqrt(1 - r^2) * (e1 - e2)).
    """
    r, spread = generator.length_follows_quality, generator.spread
    return Pairs(length_slope=spread * r, length_sd=spread * math.sqrt(2 * (1 - r * r)))
