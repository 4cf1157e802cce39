"""The config of a simulated server: its models, limits and faults, from Python or a YAML file."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Self, get_args

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from prefline.config.section import Section
from prefline.errors import ParamsError
from prefline.simulator.dialects import Name, ReasoningStyle
from prefline.simulator.faults import check_faults
from prefline.simulator.truth import JudgeWeights, PairDistribution, sharpness_for


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
    pairs: PairDistribution = PairDistribution()

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if self.accuracy is not None and self.sharpness is not None:
            raise ValueError("give accuracy or sharpness, not both")
        if self.tie_rate + self.invalid_rate > 1:
            raise ValueError("tie_rate and invalid_rate add up to more than 1")
        return self

    def weights(self) -> JudgeWeights:
        """Return the weights of the judge's decisions; without accuracy and sharpness, 1.

        Raises `ParamsError` if no sharpness gives the accuracy.
        """
        weights = JudgeWeights(1.0, self.position_bias, self.length_bias)
        if self.accuracy is not None:
            sharpness = sharpness_for(self.accuracy, weights, self.pairs)
            return replace(weights, sharpness=sharpness)
        return weights if self.sharpness is None else replace(weights, sharpness=self.sharpness)


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
    many requests in flight; `slots` queues the requests above it instead, so latency rises
    with load.
    """

    requests_per_minute: float | None = Field(None, gt=0)
    tokens_per_minute: float | None = Field(None, gt=0)
    burst_s: float = Field(1.0, gt=0)
    concurrent: int | None = Field(None, ge=1)
    slots: int | None = Field(None, ge=1)


class Batching(Section):
    """Time and planted failures of the batch API.

    A batch is validated in the first tenth of `latency_ms`, its lines are answered evenly over
    the next eight and its files are written at the end of the last. With an `expired_share`
    every batch ends `expired`, that share of its lines (rounded up) not reached. Failures are
    drawn per body (of a line) or file (of a batch), and per attempt.
    """

    latency_ms: float = Field(0.0, ge=0, description="from creation to completion")
    line_failures: float = Field(0.0, ge=0, le=1, description="share of lines in the error file")
    expired_share: float = Field(0.0, ge=0, le=1, description="of the lines; 0: never expires")
    fail: float = Field(0.0, ge=0, le=1, description="share of batches that end `failed`")
    max_lines: int = Field(50_000, ge=1, description="of an input file")
    max_bytes: int = Field(200 * 2**20, ge=1, description="of an input file")


RetryAfter = Literal["both", "seconds", "milliseconds", "date", "none"]


class SimulatorConfig(Section):
    """A simulated server. The same config and requests give the same replies."""

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
    dialect: Name | None = Field(
        None, description="a provider's API, as strict as it is; null for OpenAI's, lenient"
    )
    reasoning: ReasoningStyle | None = Field(
        None, description="where reasoning stands in replies; null for the dialect's own way"
    )
    logprobs: bool = Field(True, description="false: none are in replies, whoever asks")
    list_models: bool = Field(True, description="false: no key may list the models (403)")
    cached_share: float = Field(0.0, ge=0, le=1, description="of the prompt tokens, in `usage`")
    reasoning_tokens: int = Field(0, ge=0, description="per choice, on top of the text's")
    faults: dict[str, float] = Field(default_factory=dict, description="share by name")
    lasting: dict[str, float] = Field(
        default_factory=dict, description="share by name, of requests that meet it every time"
    )
    retry_after: RetryAfter = Field("both", description="how a 429 or 503 says when to return")
    fault_retry_after_s: float | None = Field(None, ge=0, description="said by planted 429, 503")
    huge_body_bytes: int = Field(100 * 2**20, ge=1)
    log: str | None = Field(None, description="file that gets the request log as JSON lines")
    log_entries: int = Field(200_000, ge=0, description="latest entries that GET /log has")
    fast: bool = Field(False, description="keep no log and no bodies; counts of requests only")

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        shared = self.generators.keys() & self.judges.keys()
        if shared:
            raise ValueError(f"a model is generator and judge at once: {', '.join(sorted(shared))}")
        if self.fast and self.log is not None:
            raise ValueError("fast keeps no log: leave out log or fast")
        check_faults(self.faults)
        check_faults(self.lasting)
        return self


def same_model_pairs(generator: Generator) -> PairDistribution:
    """Return the distribution of pairs of one generator's responses, for a judge's `pairs`.

    With r and spread of the generator: L = spread * (r * D + sqrt(1 - r^2) * (e1 - e2)).
    """
    r, spread = generator.length_follows_quality, generator.spread
    return PairDistribution(length_slope=spread * r, length_sd=spread * math.sqrt(2 * (1 - r * r)))


_REMEDY = "mend it; docs/simulate.md lists every key and option"


def read_config(path: Path | None, options: Mapping[str, Any]) -> SimulatorConfig:
    """Return the config of a YAML file (None: the defaults), overridden by `options`.

    A mapping among the options overrides the file's key by key; any other value replaces it.
    Raises `ParamsError` that names the place of every bad value.
    """
    content = {} if path is None else _load(path)
    try:
        return SimulatorConfig.model_validate(_merged(content, options))
    except ValidationError as error:
        problems = [_explain(detail) for detail in error.errors()]
        where = path.name if path else "the simulator's options"
        raise ParamsError(
            f"{where}: {len(problems)} bad value(s):\n" + "\n".join(problems), _REMEDY
        ) from error


def _load(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ParamsError(
            f"{path} cannot be read: {error.strerror}", "name a YAML file that exists"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParamsError(f"{path} is not valid YAML: {error}", "mend it at that line") from error
    if content is not None and not isinstance(content, dict):
        raise ParamsError(f"{path} does not hold a mapping of keys to values", _REMEDY)
    return content or {}


def _merged(content: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(content)
    for name, value in options.items():
        old = merged.get(name)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            merged[name] = _merged(old, value)
        else:
            merged[name] = value
    return merged


def _explain(detail: ErrorDetails) -> str:
    place = ".".join(str(part) for part in detail["loc"]) or "config"
    if detail["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return f"    {place}: unknown key{_nearest(detail['loc'])}"
    # The value of a section would be all of the file, and that of the key a secret.
    shown = not isinstance(detail["input"], dict) and detail["loc"] != ("key",)
    bad_value = f", not {detail['input']!r}" if shown else ""
    return f"    {place}: {detail['msg'].removeprefix('Value error, ')}{bad_value}"


def _nearest(place: tuple[int | str, ...]) -> str:
    section: Any = SimulatorConfig
    for part in place[:-1]:
        section = _subsection(section, str(part))
    known = list(getattr(section, "model_fields", None) or section.__dataclass_fields__)
    close = difflib.get_close_matches(str(place[-1]), known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; known here: {', '.join(known)}"


def _subsection(section: Any, part: str) -> Any:
    """Return the section under a key; a dict of sections is one step, its names another."""
    if isinstance(section, type) and issubclass(section, BaseModel):
        return section.model_fields[part].annotation
    return get_args(section)[1]
