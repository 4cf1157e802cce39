"""Filters of a reader, and the files that they rule out.

A filter is a list of conditions `(column, operator, value)` that must all hold, or a list of such
lists of which one must hold: the form of pyarrow and pandas.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from prefline.errors import InputError
from prefline.releases.manifest import DataFile

Condition = tuple[str, str, Any]
Filters = Sequence[Condition] | Sequence[Sequence[Condition]]

# Whether any value between the smallest and the largest of a file can fulfil the condition.
_POSSIBLE: dict[str, Callable[[Any, Any, Any], bool]] = {
    "=": lambda low, high, value: low <= value <= high,
    "==": lambda low, high, value: low <= value <= high,
    "<": lambda low, high, value: low < value,  # noqa: ARG005
    "<=": lambda low, high, value: low <= value,  # noqa: ARG005
    ">": lambda low, high, value: high > value,  # noqa: ARG005
    ">=": lambda low, high, value: high >= value,  # noqa: ARG005
    "!=": lambda low, high, value: not low == high == value,
    "in": lambda low, high, value: any(low <= one <= high for one in value),
    "not in": lambda low, high, value: not (low == high and low in value),
}


def alternatives(filters: Filters, columns: Iterable[str]) -> list[list[Condition]]:
    """The filter as alternatives, each a list of conditions that must all hold; an empty one
    always does.

    Raises `InputError` for what is no filter, or names a column that is not there.
    """
    known = set(columns)
    if isinstance(filters, str) or not isinstance(filters, Iterable):
        raise _no_condition(filters)
    given: list[Any] = list(filters)
    if all(_is_condition(one) for one in given):
        return [[_checked(one, known) for one in given]]
    return [
        [_checked(one, known) for one in (part if _is_list(part) else [part])]
        for part in ([one] if _is_condition(one) else one for one in given)
    ]


def may_hold(one: DataFile, found: list[list[Condition]]) -> bool:
    """Whether a file can have a row that passes: False only where its ranges rule that out."""
    return any(all(_may_fulfil(one, condition) for condition in part) for part in found)


def _may_fulfil(one: DataFile, condition: Condition) -> bool:
    column, operator, value = condition
    if column not in one.ranges:
        return True
    low, high = one.ranges[column]
    try:
        return _POSSIBLE[operator](low, high, value)
    except TypeError:
        return True  # values of another type: what reads the file says what is wrong


def _is_condition(one: Any) -> bool:
    return _is_list(one) and bool(one) and isinstance(one[0], str)


def _is_list(one: Any) -> bool:
    return isinstance(one, tuple | list)


def _checked(condition: Any, known: set[str]) -> Condition:
    if not _is_condition(condition) or len(condition) != 3:  # noqa: PLR2004
        raise _no_condition(condition)
    column, operator, value = condition
    if not isinstance(operator, str) or operator not in _POSSIBLE:
        raise _no_condition(condition)
    if column not in known:
        raise InputError(
            f"the filter names a column {column!r} that is not there",
            f"the columns are {', '.join(sorted(known))}",
        )
    if operator not in ("in", "not in"):
        return column, operator, value
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise _no_condition(condition)  # the letters of a word are not what is meant
    return column, operator, list(value)  # read more than once


def _no_condition(found: Any) -> InputError:
    return InputError(
        f"{found!r} is no condition of a filter",
        'write [("p_chosen", ">=", 0.9), ("source", "in", ["maths"])]; operators are '
        + ", ".join(_POSSIBLE),
    )


@contextmanager
def applied() -> Iterator[None]:
    """Raise `InputError` where pyarrow cannot compare a column with the value of a condition."""
    import pyarrow as pa

    try:
        yield
    # What pyarrow raises of a comparison depends on the two types.
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise InputError(
            f"the filter cannot be applied: {error}",
            "compare a column of words or numbers with values of its own type",
        ) from error
