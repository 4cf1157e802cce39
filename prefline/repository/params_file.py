"""Changing values of `params.yaml` and leaving all else in it as it is, comments too."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prefline.errors import ParamsError


def set_params(path: Path, values: Mapping[str, Any]) -> None:
    """Set keys, named by dots (`generate.seed`), by an atomic rename; what is there already is
    written just so, and a file in which nothing changes is not touched.

    Raises `ParamsError` for a key that leads through something that holds no keys.
    """
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, 200
    content = yaml.load(path.read_text(encoding="utf-8"))
    changed = False
    for name, value in values.items():
        changed |= _set(content, name, value)
    if not changed:
        return
    draft = path.with_name(f".{path.name}.draft")
    with draft.open("w", encoding="utf-8") as file:
        yaml.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _set(content: Any, name: str, value: Any) -> bool:
    """Whether that changed anything."""
    *path, last = name.split(".")
    here = content
    for part in path:
        if not isinstance(here.get(part), Mapping | None):
            raise ParamsError(
                f"{name} cannot be set: {part} holds no keys", "correct improve.set in params.yaml"
            )
        if here.get(part) is None:
            here[part] = {}
        here = here[part]
    if last in here and here[last] == value:
        return False
    here[last] = value
    return True
