"""Verifier of a reply against a JSON schema, with a bound on what a schema or a reply can cost.

Prompts come from anywhere, so a schema is not trusted: no reference leaves it (jsonschema would
fetch `http:` and read `file:`), patterns are matched in linear time, and the check of one reply
ends after a number of steps that is the same on every machine.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Literal, Never

from pydantic import field_validator

from prefline.verifiers.patterns import compile_pattern, found
from prefline.verifiers.verifier import Check, Undecided, Verifier, without_fence

_DEEPEST = 64  # levels of a schema, and of a reply
_MOST_STEPS = 20_000  # keywords applied, and items compared, for one reply

Keyword = Callable[[Any, Any, Any, Any], Iterator[Any] | None]


class JsonSchema(Verifier):
    """Passes if the reply, a code fence around it aside, is JSON valid under `json_schema`."""

    accuracy: ClassVar[float] = 0.97  # the form is what was asked for; values may be wrong

    kind: Literal["json_schema"]
    json_schema: dict[str, Any]

    @field_validator("json_schema", mode="before")
    @classmethod
    def _is_shallow(cls, schema: Any) -> Any:
        if is_deeper_than(_DEEPEST, schema):
            raise ValueError(f"is nested deeper than {_DEEPEST} levels")
        return schema

    @field_validator("json_schema")
    @classmethod
    def _is_schema(cls, schema: dict[str, Any]) -> dict[str, Any]:
        import jsonschema

        try:
            jsonschema.Draft202012Validator.check_schema(schema)
        except jsonschema.SchemaError as error:
            raise ValueError(f"is no JSON schema: {error.message}") from error
        _require_closed(schema, schema)
        return schema

    def check(self, text: str) -> Check:
        """Parse and validate; the first fault, in the order of the schema, is the reason."""
        try:
            content = parse_json(without_fence(text))
        except ValueError as error:
            return Check(passed=False, why=f"is not JSON: {error}")
        fault = _first_fault(self.json_schema, content)
        if fault is None:
            return Check(passed=True, why="is JSON under the schema")
        return Check(passed=False, why=f"{fault.json_path}: {fault.message[:80]}")


def parse_json(text: str) -> Any:
    """Return what a JSON text holds. Raises `ValueError` for one that is none: by RFC 8259 neither
    NaN nor an infinity is a number; and for one nested deeper than 64 levels."""
    try:
        content = json.loads(text, parse_constant=_refuse_constant, parse_float=_parse_float)
    except RecursionError as error:
        raise ValueError(f"it is nested deeper than {_DEEPEST} levels") from error
    if is_deeper_than(_DEEPEST, content):
        raise ValueError(f"it is nested deeper than {_DEEPEST} levels")
    return content


def is_deeper_than(levels: int, content: Any) -> bool:
    """Return whether lists and objects are nested in more levels than that."""
    level = [content]
    for _ in range(levels):
        level = [
            item
            for parent in level
            if isinstance(parent, dict | list)
            for item in (parent.values() if isinstance(parent, dict) else parent)
        ]
        if not level:
            return False
    return any(isinstance(item, dict | list) for item in level)


def _refuse_constant(constant: str) -> Never:
    raise ValueError(f"{constant} is no number")


def _parse_float(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{digits[:20]} is out of range")
    return number


def _require_closed(schema: Any, root: Mapping[str, Any]) -> None:
    """Raise `ValueError` for a reference that leads out of the schema or nowhere, for a pattern
    that is none, and for keywords that jsonschema would match a pattern for by itself."""
    parts = [schema]
    while parts:
        part = parts.pop()
        if isinstance(part, list):
            parts.extend(part)
        elif isinstance(part, dict):
            parts.extend(part.values())
            _require_closed_keywords(part, root)


def _require_closed_keywords(schema: Mapping[str, Any], root: Mapping[str, Any]) -> None:
    for keyword in ("$ref", "$dynamicRef"):
        if isinstance(schema.get(keyword), str):
            _require_inside(keyword, schema[keyword], root)
    patterns = schema.get("patternProperties")
    if isinstance(patterns, dict):
        if "unevaluatedProperties" in schema:
            raise ValueError(
                "patternProperties beside unevaluatedProperties: take additionalProperties"
            )
        for pattern in patterns:
            compile_pattern(pattern)
    if isinstance(schema.get("pattern"), str):
        compile_pattern(schema["pattern"])


def _require_inside(keyword: str, reference: str, root: Mapping[str, Any]) -> None:
    import referencing.exceptions
    from referencing.jsonschema import DRAFT202012

    if not reference.startswith("#"):
        raise ValueError(
            f"{keyword} {reference[:80]!r} leads out of the schema: put what it names under "
            "`$defs` and begin the reference with #"
        )
    resolver = referencing.Registry().resolver_with_root(DRAFT202012.create_resource(root))
    try:
        resolver.lookup(reference)
    except referencing.exceptions.Unresolvable as error:
        raise ValueError(f"{keyword} {reference[:80]!r} leads nowhere in the schema") from error


def _first_fault(schema: Mapping[str, Any], content: Any) -> Any:
    """Return the first `jsonschema.ValidationError`, or None. Raises `Undecided` where it takes too
    many steps."""
    import referencing

    _steps.left = _MOST_STEPS
    validator = _validator_class()(schema, registry=referencing.Registry())
    try:
        return next(validator.iter_errors(content), None)
    except RecursionError as error:
        raise Undecided("the schema leads round in a circle on this reply") from error


_steps = threading.local()


def _spend(count: int) -> None:
    _steps.left -= count
    if _steps.left < 0:
        raise Undecided(f"the schema takes more than {_MOST_STEPS:,} steps on this reply")


def _validator_class() -> Any:
    """Return jsonschema's validator with every keyword counted, made once."""
    if not _made:
        import jsonschema

        base = jsonschema.Draft202012Validator
        linear: dict[str, Keyword] = {
            "pattern": _pattern,
            "patternProperties": _pattern_properties,
            "additionalProperties": _additional_properties,
        }
        keywords = {
            name: _counted(name, linear.get(name, keyword))
            for name, keyword in base.VALIDATORS.items()
        }
        extend: Any = jsonschema.validators.extend
        _made.append(extend(base, keywords))
    return _made[0]


_made: list[Any] = []


def _counted(name: str, keyword: Any) -> Keyword:
    def count_and_apply(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        size = len(instance) if isinstance(instance, list | dict) else 1
        # Items that cannot be sorted are each compared with all others.
        _spend(1 + (size * size if name == "uniqueItems" else size))
        yield from keyword(validator, value, instance, schema) or ()

    return count_and_apply


def _pattern(_validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[Any]:
    import jsonschema

    if isinstance(instance, str) and not found(pattern, instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(
    validator: Any, patterns: Mapping[str, Any], instance: Any, _schema: Any
) -> Iterator[Any]:
    if isinstance(instance, dict):
        for pattern, subschema in patterns.items():
            for name, value in instance.items():
                if found(pattern, name):
                    yield from validator.descend(value, subschema, path=name, schema_path=pattern)


def _additional_properties(
    validator: Any, allowed: Any, instance: Any, schema: Mapping[str, Any]
) -> Iterator[Any]:
    import jsonschema

    if not isinstance(instance, dict):
        return
    patterns = schema.get("patternProperties", {})
    for name in sorted(instance.keys() - schema.get("properties", {}).keys()):
        if any(found(pattern, name) for pattern in patterns):
            continue
        if allowed is False:
            yield jsonschema.ValidationError(f"additional property {name!r}", path=[name])
        elif isinstance(allowed, dict):
            yield from validator.descend(instance[name], allowed, path=name)
