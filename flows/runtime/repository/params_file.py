"""Changing values of `params.yaml` and leaving all else in it as it is, comments too."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flows.runtime.repository.params_text import with_value
from prefline.atomic import atomic_write


def set_params(path: Path, values: Mapping[str, Any]) -> None:
    """Set keys, named by dots (`generate.seed`), by an atomic rename; what is there already is
    left just so, and a file in which nothing changes is not touched.

    Raises `ParamsError` for a key that leads through something that holds no keys, or whose
    change would reach other keys through an anchor; then nothing is set.
    """
    before = text = path.read_text(encoding="utf-8")
    for name, value in values.items():
        text = with_value(text, name, value)
    if text == before:
        return
    with atomic_write(path) as file:
        file.write(text.encode())
