"""Filters of a reader, and the files that they rule out.

A filter is a list of conditions `(column, operator, value)` that must all hold, or a list of such
lists of which one must hold: the form of pyarrow and pandas.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
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
    """The filter as alternatives, each a list of conditions that must all hold.

    Raises `InputError` for what is no filter, or names a column that is not there.
    """
    known = set(columns)
    given: list[Any] = list(filters)
    flat = all(_is_condition(one) for one in given)
    found = [given] if flat else [[one] if _is_condition(one) else list(one) for one in given]
    for condition in (one for part in found for one in part):
        _check(condition, known)
    return found


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
    return isinstance(one, tuple | list) and bool(one) and isinstance(one[0], str)


def _check(condition: Any, known: set[str]) -> None:
    if not _is_condition(condition) or len(condition) != 3 or condition[1] not in _POSSIBLE:  # noqa: PLR2004
        raise InputError(
            f"{condition!r} is no condition of a filter",
            f'write ("p_chosen", ">=", 0.9); operators are {", ".join(_POSSIBLE)}',
        )
    if condition[0] not in known:
        raise InputError(
            f"the filter names a column {condition[0]!r} that is not there",
            f"the columns are {', '.join(sorted(known))}",
        )
