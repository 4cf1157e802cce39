"""Reading `params.yaml` and saying what is wrong with it."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import yaml
from pydantic import BaseModel, Field, ValidationError
from pydantic_core import ErrorDetails

from prefline.config.endpoints import NO_VARIABLE, Endpoint
from prefline.config.generate import GenerateParams
from prefline.config.judge import JudgeParams
from prefline.config.learning import (
    TRAINERS,
    AnyTraining,
    EvaluateParams,
    ImproveParams,
    RewardHeadParams,
)
from prefline.config.plugins import PluginSection
from prefline.config.publishing import PublishParams
from prefline.config.run import (
    EngineParams,
    PipelineParams,
    RunParams,
    ShardParams,
    TableParams,
)
from prefline.config.sample import FilterParams, SampleParams, Source
from prefline.config.section import Section
from prefline.config.stages import PairParams, ValidateParams
from prefline.errors import ParamsError
from prefline.text import without_surrogates

_MIN_SIMILARITY = 0.6  # of 1: the least similarity of a key that may have been meant


class Params(Section):
    """All of `params.yaml`. `endpoints` only holds anchors that other sections refer to."""

    endpoints: dict[str, Endpoint] = Field(default_factory=dict)
    sample: SampleParams
    generate: GenerateParams
    judge: JudgeParams
    pair: PairParams = PairParams()
    validation: ValidateParams = Field(ValidateParams(), alias="validate")
    publish: PublishParams = PublishParams()
    train: AnyTraining = RewardHeadParams(method="reward_head")
    evaluate: EvaluateParams = EvaluateParams()
    improve: ImproveParams = ImproveParams()
    engine: EngineParams = EngineParams()
    tables: TableParams = TableParams()
    run: RunParams = RunParams()
    shards: ShardParams = ShardParams()
    pipeline: PipelineParams = PipelineParams()

    def endpoints_of(self, stage: str) -> tuple[Endpoint, ...]:
        """Return the endpoints that a stage asks, but for models that are still to be trained."""
        policy = self.evaluate.policy
        served = [one for one in (policy.tuned, policy.previous) if one and not one.is_local]
        judges = policy.judge.endpoints if policy.judge else ()
        asked: dict[str, Sequence[Endpoint]] = {
            "sample": self.sample.endpoints,
            "generate": self.generate.endpoints,
            "judge": self.judge.endpoints,
            "train": TRAINERS.get(self.train.method).endpoints(self.train),
            "evaluate": (policy.endpoint, *served, *judges),
        }
        return tuple(asked.get(stage, ()))


def read_params(path: Path) -> Params:
    """Read and check the whole of `params.yaml`.

    Raises `ParamsError` that names every bad key with its place, and for an unknown key
    the nearest known one.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ParamsError(f"{path} does not exist", "run this in the project's folder") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParamsError(f"{path} is not valid YAML: {error}", "mend it at that line") from error
    except RecursionError as error:
        raise ParamsError(
            f"{path} is nested too deep to be read", "params have few levels: see docs/params.md"
        ) from error
    if (bad := _half_surrogate(content, set())) is not None:
        raise ParamsError(
            f"{path.name}: {bad!r} holds half a surrogate pair, which no text has",
            'write the character itself, or "\\U0001F600" with its whole number',
        )
    try:
        return Params.model_validate(content)
    except ValidationError as error:
        problems = [f"    {one}" for one in problems_of(error, content)]
        raise ParamsError(
            f"{path.name} has {len(problems)} bad value(s):\n" + "\n".join(problems),
            f"mend {path.name}; docs/params.md lists every key with its default",
        ) from error


def _half_surrogate(value: Any, seen: set[int]) -> str | None:
    """Return the first text in params that cannot be encoded; anchors are looked at once."""
    if isinstance(value, str):
        return None if without_surrogates(value) == value else value
    if not isinstance(value, dict | list) or id(value) in seen:
        return None
    seen.add(id(value))
    inner = [*value, *value.values()] if isinstance(value, dict) else value
    return next((bad for one in inner if (bad := _half_surrogate(one, seen)) is not None), None)


def problems_of(error: ValidationError, content: object, *, section: str = "") -> list[str]:
    """Return what is wrong with params, each bad key with its place and the nearest known one.

    `content` is what was validated: the whole of `params.yaml`, or the one section of this name.
    """
    within = (section,) if section else ()
    whole = {section: content} if section else content
    return [
        _explain({**detail, "loc": (*within, *detail["loc"])}, whole)
        for detail in _told_once(error.errors())
    ]


def _told_once(details: list[ErrorDetails]) -> list[ErrorDetails]:
    """Without lists that are too short only because their items are wrong."""
    places = [detail["loc"] for detail in details]
    return [
        detail
        for detail in details
        if detail["type"] != "too_short"
        or not any(place[: len(detail["loc"])] == detail["loc"] != place for place in places)
    ]


def _explain(detail: ErrorDetails, content: object) -> str:
    models, place = _walk(detail["loc"], content)
    where = ".".join(str(part) for part in place)
    if detail["type"] == "extra_forbidden":
        return f"{where}: unknown key{_nearest(str(place[-1]), _keys_of(models))}"
    if detail["type"].startswith("union_tag"):
        return f"{where}.{_wrong_tag(detail)}"
    is_section = isinstance(detail["input"], dict | list | tuple) or detail["type"] == NO_VARIABLE
    value = "" if detail["type"] == "missing" or is_section else f", not {detail['input']!r}"
    if "@" in value and "://" in value:
        value = ""  # a URL with a password in it is not said again
    return f"{where}: {detail['msg'].removeprefix('Value error, ')}{value}"


def _wrong_tag(detail: ErrorDetails) -> str:
    """For a section whose kind is told by one of its keys, and is not known."""
    about = detail["ctx"]
    key = about["discriminator"].strip("'")
    if detail["type"] == "union_tag_not_found":
        return f"{key}: is missing: it says which keys the section has"
    known = [tag.strip(" '") for tag in about["expected_tags"].split(",")]
    return f"{key}: unknown {about['tag']!r}{_nearest(about['tag'], known)}"


def _nearest(key: str, known: list[str]) -> str:
    def similarity(name: str) -> float:
        """Return the similarity to the whole name, or to its beginning for an abbreviation."""
        return max(
            difflib.SequenceMatcher(None, key, part).ratio() for part in (name, name[: len(key)])
        )

    if not known:
        return ""
    nearest = max(known, key=similarity)
    if similarity(nearest) >= _MIN_SIMILARITY:
        return f"; did you mean {nearest!r}?"
    return f"; known here: {', '.join(known)}"


Place = tuple[int | str, ...]
Models = list[type[BaseModel]]


def _walk(place: Place, content: object) -> tuple[Models, Place]:
    """Return the sections that the last part of `place` may belong to, found by walking the models
    and the file's content; and the place without what is no key in the file: the kinds of
    sections."""
    models: Models = [Params]
    plugins: list[PluginSection] = []
    here, shown, is_name = models, list[int | str](), False
    for part in place:
        if is_name:  # of an item, in a mapping of sections by their names
            shown.append(part)
            content, is_name = _value_at(content, part), False
            continue
        kinds = [model for model in models if _is_kind(model, part)]
        if kinds:
            models = here = kinds
            continue
        shown.append(part)
        here = models
        content = _value_at(content, part)
        if isinstance(part, str):
            annotations = [_fields(model).get(part) for model in models]
            models = [found for annotation in annotations for found in _sections_in(annotation)]
            is_name = any(get_origin(annotation) is dict for annotation in annotations)
            plugins = [found for annotation in annotations for found in _plugins_in(annotation)]
        named = [section.model(_value_at(content, section.key)) for section in plugins]
        models = [model for model in named if model is not None] or models
    return here, tuple(shown)


def _value_at(content: object, part: int | str) -> object:
    """Return the value of a key or at an index, None where there is none."""
    if isinstance(content, dict):
        return content.get(part)
    if isinstance(content, list) and isinstance(part, int) and part < len(content):
        return content[part]
    return None


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    """Return the annotation of every key of a section, those of its plug-ins included."""
    annotations: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        marks = [one for one in field.metadata if isinstance(one, PluginSection)]
        kind = Annotated[(field.annotation, *marks)] if marks else field.annotation
        annotations[field.alias or name] = kind
    return annotations | (model.plugin_keys() if issubclass(model, FilterParams) else {})


def _keys_of(models: Models) -> list[str]:
    return [key for model in models for key in _fields(model)]


def _is_kind(model: type[BaseModel], part: int | str) -> bool:
    """Return whether `part` says which of several kinds of sections `model` is."""
    return any(
        get_origin(annotation) is Literal and get_args(annotation) == (part,)
        for annotation in _fields(model).values()
    )


def _sections_in(annotation: Any) -> Models:
    """Return the sections inside an annotation such as `tuple[Source, ...]` or `Endpoint |
    None`."""
    if isinstance(annotation, type) and issubclass(annotation, Source):
        return annotation.plugin_sections()
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for inner in get_args(annotation) for found in _sections_in(inner)]


def _plugins_in(annotation: Any) -> list[PluginSection]:
    """Return the marks of sections inside an annotation whose models plug-ins declare."""
    if isinstance(annotation, PluginSection):
        return [annotation]
    return [found for inner in get_args(annotation) for found in _plugins_in(inner)]
