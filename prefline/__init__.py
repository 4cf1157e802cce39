"""Prefline: a production pipeline for preference data.

Importing this package costs next to nothing: what a consumer calls is loaded when it is
first called.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prefline.releases.load import load

__all__ = ["load"]
__version__ = "0.1.0"

_LAZY = {"load": "prefline.releases.load"}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'prefline' has no attribute {name!r}")
