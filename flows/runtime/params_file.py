"""Changing values of `params.yaml` and leaving all else in it as it is, comments too."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from prefline.atomic import atomic_write
from prefline.errors import ParamsError


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


_ALIAS = re.compile(r"\s*:\s+\*[^\s,\]}]+")
_COLON = re.compile(r"\s*:")


def with_value(text: str, name: str, value: Any) -> str:
    """Return the text with the key `name`, by dots, set to a value of plain types; the same text
    where it has that value already.

    Raises `ParamsError` for a key that leads through something that holds no keys, and where the
    change would reach others: what an alias elsewhere stands for is defined there.
    """
    content = yaml.safe_load(text)
    wanted = _with(content, name.split("."), value, name)
    if wanted == content:
        return text
    edited = _edited(text, name.split("."), wanted)
    try:
        is_good = yaml.safe_load(edited) == wanted
    except yaml.YAMLError:
        is_good = False
    if not is_good:
        raise ParamsError(
            f"{name} cannot be set alone: other keys refer to what is there, by an anchor",
            "define anchors in the section endpoints only, and set the keys that refer to them",
        )
    return edited


def _with(content: Any, path: Sequence[str], value: Any, name: str) -> dict[str, Any]:
    """Return what the text should say: a copy with one value changed."""
    if not isinstance(content, Mapping | None):
        raise ParamsError(
            f"{name} cannot be set: what leads to {path[0]} holds no keys",
            "correct improve.set in params.yaml",
        )
    here = content or {}
    first, *rest = path
    return {**here, first: _with(here.get(first), rest, value, name) if rest else value}


def _edited(text: str, path: Sequence[str], wanted: Any) -> str:
    """Go down as far as the text itself has keys, and write the rest there."""
    node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    for depth, part in enumerate(path, 1):
        wanted = wanted[part]
        entries = [(key, value) for key, value in node.value if key.value == part]
        if not entries:
            return _added(text, node, part, wanted)
        key, value = entries[0]
        is_alias = value.start_mark.index < key.end_mark.index
        if is_alias or depth == len(path) or not isinstance(value, yaml.MappingNode):
            return _replaced(text, key, None if is_alias else value, wanted)
        node = value
    raise AssertionError("a path has a last part")


def _replaced(text: str, key: yaml.Node, node: yaml.Node | None, value: Any) -> str:
    """With another value after a key; what stands behind the key stays, a comment for example,
    where its value began below. `node` is None for an alias."""
    start = key.end_mark.index
    if node is None:
        end = _matched(_ALIAS, text, start)
        return f"{text[:start]}: {_inline(value)}{text[end:]}"
    colon, end = _matched(_COLON, text, start), _end(text, node)
    line_end = min(text.find("\n", colon) % (len(text) + 1), end)
    begun_below = node.start_mark.line > key.end_mark.line
    behind = text[colon:line_end] if begun_below else ""
    return f"{text[:colon]} {_inline(value)}{behind}{text[end:]}"


def _added(text: str, node: yaml.MappingNode, key: str, value: Any) -> str:
    """With one more key at the end of a mapping."""
    pair = f"{_inline(key)}: {_inline(value)}"
    if not node.flow_style:
        end, indent = _end(text, node), " " * node.value[0][0].start_mark.column
        return f"{text[:end]}\n{indent}{pair}{text[end:]}"
    brace = node.end_mark.index - 1
    before = text[:brace].rstrip()
    comma = "" if before.endswith(("{", ",")) else ", "
    return f"{before}{comma}{pair}{text[brace:]}"


def _end(text: str, node: yaml.Node) -> int:
    """Return where a node ends: a block without the comments and blank lines that follow it."""
    start, end = node.start_mark.index, node.end_mark.index
    if isinstance(node, yaml.CollectionNode) and node.flow_style:
        return end
    lines = text[start:end].split("\n")
    while len(lines) > 1 and lines[-1].strip()[:1] in ("", "#"):
        lines.pop()
    return start + len("\n".join(lines))


def _matched(pattern: re.Pattern[str], text: str, start: int) -> int:
    match = pattern.match(text, start)
    return match.end() if match else start


class _Inline(yaml.SafeDumper):
    """In one line, without anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        """Return every value is written out."""
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = None if text.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Inline.add_representer(str, _represent_text)


def _inline(value: Any) -> str:
    line: str = yaml.dump(
        value, Dumper=_Inline, default_flow_style=True, width=math.inf, allow_unicode=True,
        sort_keys=False,
    )  # fmt: skip
    return line.removesuffix("\n").removesuffix("...").rstrip("\n")
