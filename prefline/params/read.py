"""Reading `params.yaml` and saying what is wrong with it."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, Field, ValidationError
from pydantic_core import ErrorDetails

from prefline.errors import ParamsError
from prefline.params.endpoints import Endpoint
from prefline.params.run import EngineParams, PipelineParams
from prefline.params.section import Section
from prefline.params.stages import (
    GenerateParams,
    JudgeParams,
    PairParams,
    PublishParams,
    SampleParams,
    ValidateParams,
)

_ALIKE = 0.6  # of 1: the least likeness of a key that may have been meant


class Params(Section):
    """All of `params.yaml`. `endpoints` only holds anchors that other sections refer to."""

    endpoints: dict[str, Endpoint] = Field(default_factory=dict)
    sample: SampleParams
    generate: GenerateParams
    judge: JudgeParams
    pair: PairParams = PairParams()
    validation: ValidateParams = Field(ValidateParams(), alias="validate")
    publish: PublishParams = PublishParams()
    engine: EngineParams = EngineParams()
    pipeline: PipelineParams = PipelineParams()


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
    try:
        return Params.model_validate(content)
    except ValidationError as error:
        problems = [_explain(detail) for detail in error.errors()]
        raise ParamsError(
            f"{path.name} has {len(problems)} bad value(s):\n" + "\n".join(problems),
            f"mend {path.name}; docs/params.md lists every key with its default",
        ) from error


def _explain(detail: ErrorDetails) -> str:
    place = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        return f"    {place}: unknown key{_nearest(detail['loc'])}"
    given = "" if detail["type"] == "missing" else f", not {detail['input']!r}"
    if "@" in given and "://" in given:
        given = ""  # a URL with a password in it is not said again
    return f"    {place}: {detail['msg'].removeprefix('Value error, ')}{given}"


def _nearest(place: tuple[int | str, ...]) -> str:
    known = _known_keys(place[:-1])
    key = str(place[-1])

    def likeness(name: str) -> float:
        """Of the whole name, or of its beginning where the key is an abbreviation of it."""
        return max(
            difflib.SequenceMatcher(None, key, part).ratio() for part in (name, name[: len(key)])
        )

    nearest = max(known, key=likeness)
    if likeness(nearest) >= _ALIKE:
        return f"; did you mean {nearest!r}?"
    return f"; known here: {', '.join(known)}"


def _known_keys(place: tuple[int | str, ...]) -> list[str]:
    """The keys of the section at `place`, found by walking the models."""
    model: Any = Params
    for part in place:
        if isinstance(model, type) and issubclass(model, BaseModel) and isinstance(part, str):
            fields = {field.alias or name: field for name, field in model.model_fields.items()}
            model = _section_of(fields[part].annotation)
    return [field.alias or name for name, field in model.model_fields.items()]


def _section_of(annotation: Any) -> Any:
    """The section inside an annotation such as `tuple[Source, ...]` or `Endpoint | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in get_args(annotation):
        found = _section_of(inner)
        if found is not None:
            return found
    return None
