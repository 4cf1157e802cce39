"""Prefline: a production pipeline for preference data.

Importing this package costs next to nothing: what a consumer calls is loaded when it is
first called.
"""

from typing import TYPE_CHECKING

from prefline.lazy import lazy_names

if TYPE_CHECKING:
    from prefline.releases.load import load

__all__ = ["load"]
__version__ = "0.1.0"
__getattr__ = lazy_names(__name__, {"releases.load": ["load"]})
