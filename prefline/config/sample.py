"""The section `sample`: sources, filters, the mix of a draw, evolved prompts.

A source and a filter are plug-ins: the class that reads rows or finds what to reject is also the
section of params that configures it, so each is declared once. `FILTERS` and `SOURCES` name the
built-in ones.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    create_model,
    field_validator,
    model_validator,
)

from prefline.config.endpoints import Endpoint
from prefline.config.plugins import PluginGroup
from prefline.config.section import Section, Seed

if TYPE_CHECKING:
    from prefline.sources.rows import OpenedSource

FIELDS = (
    "prompt", "messages", "system", "id", "category", "license", "template", "reference",
    "verifier", "tools",
)  # fmt: skip
"""The fields that a row of a source may hold."""

LAYOUTS: PluginGroup[Any] = PluginGroup(
    "prefline.layouts",
    "layout",
    {
        name: f"prefline.sources.judged_sets:{name.upper()}"
        for name in (
            "hh_rlhf", "helpsteer3", "pku_saferlhf", "pku_saferlhf_safer", "ultrafeedback",
            "ultrafeedback_binarized", "nectar", "arena", "arena_55k", "mt_bench", "pandalm",
            "auto_j", "llmbar", "judge_bench", "reward_bench", "reward_bench_2",
        )
    },
)  # fmt: skip
"""Public sets of judged answers, by the name in `layout`."""


def _known_layout(name: str) -> str:
    LAYOUTS.refuse_unknown(name)
    return name


LayoutName = Annotated[str, AfterValidator(_known_layout)]
"""The name of a layout, in any section that reads such sets."""

Style = Literal["constrain", "deepen", "concretise", "reason", "broaden", "invent"]

_SHARES_TOLERANCE = 1e-6


class Source(Section):
    """Prompts from one place.

    `kind` says what it is: a `file`, a file on S3 (`s3`), a dataset of the Hugging Face Hub
    (`hub`) or a query over files (`sql`), which are told apart by `path` and `sql`; the source of
    another package is named.
    """

    name: str = Field(min_length=1)
    kind: str | None = Field(None, description="null where `path` or `sql` tell it")
    format: Literal["rows", "chat_log"] = Field(
        "rows", description="chat_log: logged requests of a policy, their answers dropped"
    )
    layout: LayoutName | None = Field(
        None,
        description="a public set of judged answers, of which the prompts are taken "
        "(docs/formats.md); null for rows of `columns`",
    )
    answered: Literal["reject", "cut"] = Field(
        "reject",
        description="of rows whose messages end with the assistant's: reject them, or cut what "
        "stands after the last question; a policy must not be asked to go on with an answer",
    )
    columns: dict[str, str] = Field(
        default_factory=dict,
        description="field: the source's column that it is taken from; others are left out. Fields "
        f"are {', '.join(FIELDS)}",
    )
    category: str | None = Field(None, description="of rows that name none")
    license: str | None = Field(None, description="of rows that name none")
    weight: float | None = Field(
        None, gt=0, description="share of the draw, relative to the other sources' weights"
    )

    def open(self, root: Path) -> OpenedSource:
        """Return the rows, each with its place for messages, and the origin to note.

        A relative path is taken from the project at `root`. Rows are read as they are asked for.
        Raises `InputError` for what cannot be found or is not what params say.
        """
        raise NotImplementedError

    @property
    def location(self) -> str:
        """The origin of rows, for messages."""
        return f"source {self.name!r}"

    @property
    def local_files(self) -> tuple[str, ...]:
        """The paths of files on this machine that rows depend on."""
        return ()

    @classmethod
    def plugin_sections(cls) -> list[type[BaseModel]]:
        """Return the sections of all kinds, for messages about unknown keys."""
        return [SOURCES.get(name) for name in SOURCES.names()] if cls is Source else [cls]

    @model_validator(mode="wrap")
    @classmethod
    def _select_kind(cls, value: Any, handler: ModelWrapValidatorHandler[Source]) -> Source:
        if cls is Source and isinstance(value, Mapping):
            return SOURCES.get(_kind_of(value)).model_validate(value)
        return handler(value)

    @model_validator(mode="after")
    def _columns_are_of_fields(self) -> Source:
        for field in self.columns:
            if field not in FIELDS:
                near = difflib.get_close_matches(field, FIELDS, 1)
                meant = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(FIELDS)}"
                raise ValueError(f"columns.{field}: unknown field{meant}")
        if self.layout and (self.columns or self.format == "chat_log"):
            raise ValueError("`layout` says what is what: leave out `columns` and `format`")
        if self.columns and self.format == "chat_log":
            raise ValueError("`columns` are of `format: rows`; a log says itself what is what")
        if self.columns and not {"prompt", "messages"} & self.columns.keys():
            raise ValueError("`columns` must say which column is the `prompt`, or the `messages`")
        return self


SOURCES: PluginGroup[type[Source]] = PluginGroup(
    "prefline.sources",
    "source",
    {
        "file": "prefline.sources.files:FileSource",
        "s3": "prefline.sources.s3:S3Source",
        "hub": "prefline.sources.hub:HubSource",
        "sql": "prefline.sources.sql:SqlSource",
    },
)


def _kind_of(keys: Mapping[str, Any]) -> str:
    """Return the kind that the keys of a source name or, for a built-in one, imply."""
    if keys.get("kind") is not None:
        return str(keys["kind"])
    path, sql = keys.get("path"), keys.get("sql")
    if (path is None) == (sql is None):
        raise ValueError("give `path` or `sql`, one of them")
    if sql is not None:
        return "sql"
    if "files" in keys:
        raise ValueError("`sql` and `files` go together: a query reads the files named there")
    scheme, separator, _ = str(path).partition("://")
    kind = {"hf": "hub", "s3": "s3"}.get(scheme, "file") if separator else "file"
    if kind != "hub" and {"subset", "split", "revision"} & keys.keys():
        raise ValueError("`subset`, `split` and `revision` are of a path that begins with hf://")
    return kind


class Benchmark(Section):
    """A table of an evaluation set: JSONL, CSV or Parquet in data/imported/benchmarks."""

    path: str = Field(min_length=1)
    column: str = Field("prompt", min_length=1, description="the column with the text")


class PromptFilter(Section):
    """A filter of prompts. Its fields are what `sample.filters.<name>` says.

    The subclasses in `prefline.filters.base` say what a filter looks at, and which method to
    write.
    """

    scope: ClassVar[str]
    """The prompts that the filter looks at: `each prompt` or `all prompts`."""
    asks_model: ClassVar[bool] = False
    """The filter asks a model: it does not run where no model may be asked, as in an estimate."""
    reason: ClassVar[str]
    """The reason in `rejections`; of several, separated by commas."""
    shorthand: ClassVar[str | None] = None
    """The field that a value without keys is for: `words: FILE` is `words: {path: FILE}`."""

    @model_validator(mode="before")
    @classmethod
    def _expand_shorthand(cls, value: Any) -> Any:
        if cls.shorthand is None or isinstance(value, Mapping | PromptFilter):
            return value
        return {cls.shorthand: value}


FILTERS: PluginGroup[type[PromptFilter]] = PluginGroup(
    "prefline.filters",
    "filter",
    {
        "languages": "prefline.filters.language:LanguageFilter",
        "words": "prefline.filters.words:WordFilter",
        "personal": "prefline.filters.personal:PersonalDataFilter",
        "benchmarks": "prefline.filters.leaks:BenchmarkFilter",
        "near_duplicates": "prefline.filters.near_duplicates:NearDuplicates",
        "semantic_duplicates": "prefline.filters.semantic:SemanticDuplicates",
        "safety": "prefline.filters.safety:SafetyFilter",
    },
)
"""By name, in the order in which they run."""


_DEFAULT_FILTERS: Mapping[str, Any] = {"near_duplicates": {}}


class FilterParams(Section):
    """The filters that run, by their names; null turns one off. What is rejected has the filter's
    reason in `rejections`. Filters of other packages stand beside the built-in ones."""

    model_config = ConfigDict(extra="allow")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the filters that run, in their order."""
        filters = self.__pydantic_extra__ or {}
        return tuple(name for name in FILTERS.names() if filters.get(name) is not None)

    @property
    def active(self) -> tuple[PromptFilter, ...]:
        """The filters that run, in their order."""
        filters = self.__pydantic_extra__ or {}
        return tuple(filters[name] for name in self.names)

    @classmethod
    def plugin_keys(cls) -> dict[str, type[BaseModel]]:
        """Return the section of each key, for messages about unknown keys."""
        return {name: FILTERS.get(name) for name in FILTERS.names()}

    @model_validator(mode="before")
    @classmethod
    def _validate_each(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        named = {**_DEFAULT_FILTERS, **value}
        # Only what is named is imported: some filters bring whole libraries.
        fields: dict[str, Any] = {
            name: (FILTERS.get(name) | None, None) for name in FILTERS.names() if name in named
        }
        validated = create_model("FilterParams", __base__=Section, **fields).model_validate(named)
        return {name: getattr(validated, name) for name in fields}


class HoldOut(Section):
    """Prompts that nothing is ever trained on: `evaluate` tries policies on them."""

    share: float = Field(0.0, ge=0, lt=1, description="of all prompts, by hash")
    templates: tuple[str, ...] = Field(
        (), description="templates of which every prompt is held out: none is seen in training"
    )


class UncertaintyParams(Section):
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
        description="a prompt of uncertainty u (0 to 1) is drawn with the weight 1 + u emphasis",
    )


class DiversityParams(Section):
    """Draw as many from each of several clusters of prompts."""

    endpoint: Endpoint = Field(description="that serves /embeddings")
    clusters: int = Field(50, ge=2, description="by k-means on embeddings")
    max_characters: int = Field(
        2_000, ge=1, description="of a prompt that are embedded; the beginning goes first"
    )


def _shares_of_one(shares: Mapping[str, float]) -> Mapping[str, float]:
    for name, share in shares.items():
        if not 0 < share <= 1:
            raise ValueError(f"the share of {name!r} is {share:g}, not above 0 and up to 1")
    total = sum(shares.values())
    if shares and abs(total - 1) > _SHARES_TOLERANCE:
        raise ValueError(f"the shares sum to {total:g}, not to 1")
    return shares


class MixParams(Section):
    """The mix in which prompts are drawn; by default each is as likely as any other."""

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
    uncertainty: UncertaintyParams | None = None
    diversity: DiversityParams | None = None

    _sums_to_one = field_validator("categories", "sources")(_shares_of_one)

    @field_validator("at_most")
    @classmethod
    def _counts(cls, most: Mapping[str, int]) -> Mapping[str, int]:
        for name, count in most.items():
            if count < 0:
                raise ValueError(f"at most {count} prompts of {name!r} cannot be drawn")
        return most


class TargetParams(Section):
    """The preferences for which the pipeline goes on drawing prompts, more each time."""

    preferences: int = Field(ge=1, description="that pass everything up to `publish`, its warrant")
    categories: dict[str, float] = Field(
        default_factory=dict,
        description="category: share of these preferences, 1 in all; empty to leave it to the mix",
    )
    max_prompts: int | None = Field(None, ge=1, description="the most prompts that are drawn")
    max_rounds: int = Field(8, ge=1, description="the most draws, the first one counted")

    _sums_to_one = field_validator("categories")(_shares_of_one)


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


class SampleParams(Section):
    """The sources, filters and mix of prompts."""

    sources: tuple[Source, ...] = Field(min_length=1)
    size: int | None = Field(
        None, ge=1, description="prompts to draw; null for all, in every round"
    )
    until: TargetParams | None = Field(
        None,
        description="`make run` and the schedule draw more, and set `size` and mix.categories, "
        "until so many preferences pass; null to draw `size` once",
    )
    max_characters: int = Field(8_000, ge=1)
    filters: FilterParams = Field(default_factory=FilterParams)
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
    seed: Seed = 0

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
        if self.until and self.size is None:
            raise ValueError("`until` needs a `size`: the prompts of the first draw")
        if self.until and self.until.categories and self.mix.at_most:
            raise ValueError("mix.at_most and until.categories both say how many: give one of them")
        for name in self.mix.sources:
            if name not in names:
                raise ValueError(f"mix.sources: {name!r} is no source; there are {names}")
        return self

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The endpoints that sampling asks; none by default."""
        askers = (*self.filters.active, self.mix.diversity, self.evolve)
        endpoints = (getattr(asker, "endpoint", None) for asker in askers)
        return tuple(endpoint for endpoint in endpoints if endpoint is not None)

    @property
    def plugins(self) -> dict[str, str]:
        """The filters and kinds of sources of other packages that are used: name and version of the
        package of each."""
        names = {f"filters.{name}": FILTERS.origin(name) for name in self.filters.names}
        names |= {
            f"sources.{source.kind}": SOURCES.origin(source.kind)
            for source in self.sources
            if source.kind is not None
        }
        return {name: package for name, package in names.items() if package is not None}

    @property
    def source_shares(self) -> dict[str, float]:
        """The share of the draw that each source is to have; empty if that is left to chance."""
        weights = {
            source.name: source.weight for source in self.sources if source.weight is not None
        }
        total = sum(weights.values())
        return {name: weight / total for name, weight in weights.items()} or self.mix.sources
