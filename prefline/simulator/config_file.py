"""Reading a simulator's config: a YAML file, options laid over it, and what is wrong with them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from prefline.errors import ParamsError
from prefline.simulator.config import SimulatorConfig

_REMEDY = "mend it; docs/simulate.md lists every key and option"


def read_config(path: Path | None, options: Mapping[str, Any]) -> SimulatorConfig:
    """The config of `path` (none: the defaults) with `options` over it.

    A mapping among the options is laid over the file's, key by key; any other value
    replaces it. Raises `ParamsError` that names the place of every bad value.
    """
    content = {} if path is None else _load(path)
    try:
        return SimulatorConfig.model_validate(_over(content, options))
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


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for name, value in above.items():
        old: Any = merged.get(name)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        merged[name] = _over(old, value) if both else value
    return merged


def _explain(detail: ErrorDetails) -> str:
    place = ".".join(str(part) for part in detail["loc"]) or "config"
    if detail["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return f"    {place}: unknown key{_nearest(detail['loc'])}"
    # The message names what is wrong where a whole section is; its value would be all of it.
    simple = not isinstance(detail["input"], dict) and detail["loc"] != ("key",)
    given = f", not {detail['input']!r}" if simple else ""
    return f"    {place}: {detail['msg'].removeprefix('Value error, ')}{given}"


def _nearest(place: tuple[int | str, ...]) -> str:
    section: Any = SimulatorConfig
    for part in place[:-1]:
        section = _inner(section, str(part))
    known = list(getattr(section, "model_fields", None) or section.__dataclass_fields__)
    close = difflib.get_close_matches(str(place[-1]), known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; known here: {', '.join(known)}"


def _inner(section: Any, part: str) -> Any:
    """The section under a key; a dict of sections is one step, its names another."""
    if isinstance(section, type) and issubclass(section, BaseModel):
        return section.model_fields[part].annotation
    return get_args(section)[1]
