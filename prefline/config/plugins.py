"""Plug-ins: declared once each, built in or in another installed package, and found by name.

A judging method, a filter, a verifier, a source, a publish format and a trainer are plug-ins. Each
is one object (a class, or an instance of its kind's dataclass) that holds its params, its facts
and its docs; validation of params, reference pages, cards and the label model read that object and
nothing else. Another package adds one by an entry point, without a change here:

    [project.entry-points."prefline.methods"]
    my_method = "my_package.my_module:MyMethod"
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

from prefline.errors import ParamsError

T = TypeVar("T")


@dataclass(frozen=True)
class PluginGroup(Generic[T]):
    """All plug-ins of one kind.

    `group` is the entry-point group, `kind` what messages call its members ("judging method").
    `builtin` maps a name to "module:attribute"; modules are imported when their plug-in is first
    asked for, so that a command pays for no library of a plug-in that it does not use.
    """

    group: str
    kind: str
    builtin: Mapping[str, str]
    _loaded: dict[str, T] = field(default_factory=dict, compare=False, repr=False)

    def names(self) -> list[str]:
        """Return the names of all plug-ins: built-in ones as declared, then others by name."""
        return [*self.builtin, *sorted(set(_installed(self.group)) - set(self.builtin))]

    def get(self, name: str) -> T:
        """Return the plug-in of that name.

        Raises `ParamsError` that names the nearest known one, the packages that both declare the
        name, or the fault of a package that cannot be imported.
        """
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def refuse_unknown(self, name: str) -> None:
        """Raise `ValueError`, as validators of params do, if no plug-in has that name."""
        if name not in self.names():
            raise ValueError(f"there is no {self.kind} {name!r}; {self._nearest(name)}")

    def _nearest(self, name: str) -> str:
        near = difflib.get_close_matches(name, self.names(), 1)
        return (f"did you mean {near[0]!r}? " if near else "") + (
            f"known: {', '.join(self.names())}; another package adds one by an entry point of the "
            f"group {self.group!r}"
        )

    def origin(self, name: str) -> str | None:
        """Return "package version" of a plug-in from another package, None for a built-in one."""
        installed = _installed(self.group).get(name)
        if name in self.builtin or not installed or installed[0].dist is None:
            return None
        return f"{installed[0].dist.name} {installed[0].dist.version}"

    def _load(self, name: str) -> T:
        installed = _installed(self.group).get(name, ())
        places = [*([self.builtin[name]] if name in self.builtin else []), *map(_place, installed)]
        if not places:
            raise ParamsError(f"there is no {self.kind} {name!r}", self._nearest(name))
        if len(places) > 1:
            raise ParamsError(
                f"the {self.kind} {name!r} is declared more than once: {', '.join(places)}",
                "uninstall all packages but one, or rename the entry point in one of them",
            )
        if name in self.builtin:
            module, _, attribute = self.builtin[name].partition(":")
            builtin: T = getattr(import_module(module), attribute)
            return builtin
        try:
            plugin: T = installed[0].load()
        except Exception as error:  # a foreign module may raise anything
            raise ParamsError(
                f"the {self.kind} {name!r} cannot be imported from {places[0]}: "
                f"{type(error).__name__}: {error}",
                "mend or reinstall that package, or take the name out of params.yaml",
            ) from error
        return plugin


@dataclass(frozen=True)
class PluginSection:
    """Annotation of a section of params that is validated by the plug-in which it names.

    The section's `key` holds the plug-in's name, and the plug-in's `params` is the section's model.
    An unknown name is the error of a tagged union, `union_tag_invalid`.
    """

    group: PluginGroup[Any]
    key: str

    def model(self, name: object) -> type[BaseModel] | None:
        """Return the params model of the plug-in of that name, None if there is no such plug-in."""
        if not isinstance(name, str) or name not in self.group.names():
            return None
        model = getattr(self.group.get(name), "params", None)
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            raise ParamsError(
                f"the {self.group.kind} {name!r} declares no params: its `params` is {model!r}",
                "let `params` be a class of prefline.config.section.Section",
            )
        return model

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_wrap_validator_function(self._validate, handler(source))

    def _validate(self, value: Any, handler: Callable[[Any], Any]) -> Any:
        if isinstance(value, BaseModel):
            return handler(value)
        if not isinstance(value, Mapping) or self.key not in value:
            raise PydanticKnownError("union_tag_not_found", {"discriminator": f"'{self.key}'"})
        model = self.model(value[self.key])
        if model is None:
            known = ", ".join(f"'{name}'" for name in self.group.names())
            tag = str(value[self.key])
            raise PydanticKnownError(
                "union_tag_invalid",
                {"discriminator": f"'{self.key}'", "tag": tag, "expected_tags": known},
            )
        return model.model_validate(value)


def _place(entry: EntryPoint) -> str:
    package = f" of {entry.dist.name}" if entry.dist else ""
    return f"{entry.value}{package}"


@cache
def _installed(group: str) -> Mapping[str, tuple[EntryPoint, ...]]:
    """Return the entry points of a group by name; read once, since it looks into every package."""
    by_name: dict[str, tuple[EntryPoint, ...]] = {}
    for entry in entry_points(group=group):
        by_name[entry.name] = (*by_name.get(entry.name, ()), entry)
    return by_name
