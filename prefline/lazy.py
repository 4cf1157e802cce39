"""Imports put off until they are needed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def lazy_names(package: str, modules: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """Return the `__getattr__` (PEP 562) of a package that gives out names of its `modules`.

    A module is imported when one of its names is first asked for, so that the declaration of a
    plug-in, which needs a type or two, does not pay for the libraries of a whole package.
    """
    module_of = {name: module for module, names in modules.items() for name in names}

    def get(name: str) -> Any:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f"{package}.{module_of[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return get


def defer_pandas() -> None:
    """Keep Arrow from importing pandas until a table becomes a data frame.

    Arrow imports pandas when it first converts a list, in case the list is a series; that takes
    half a second, longer than most stages compute. From here on it looks for data frames only once
    it has made one itself. For processes of our own, not for a consumer's.
    """
    if "pandas" in sys.modules:
        return
    import pyarrow as pa

    refusal = _RefusePandas()
    sys.meta_path.insert(0, refusal)
    try:
        pa.array([])
    finally:
        sys.meta_path.remove(refusal)


class _RefusePandas:
    """A finder of modules that says of pandas that it is not installed."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        del path, target
        if name == "pandas":
            raise ModuleNotFoundError("pandas is imported later, if at all", name=name)
