"""How a response came about: the answers that it revises, and what each call behind it was for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from prefline.tables.calls import keys_of

Row = dict[str, Any]

_REVISION = ("critique", "revision")
_TO_NO_END = "to no end"  # for a revision that came to nothing


def ancestors(responses: Iterable[Row], find: Callable[[list[str]], list[Row]]) -> list[Row]:
    """What `responses` revise, oldest first: drafts, then their revisions; none of them is among
    `responses` themselves. `find` gives rows by their ids."""
    known = {row["response_id"]: row for row in responses}
    found: list[Row] = []
    while wanted := _parents(known.values()) - known.keys():
        rows = find(sorted(wanted))
        if not rows:
            break
        found = [*rows, *found]
        known |= {row["response_id"]: row for row in rows}
    return found


def _parents(rows: Iterable[Row]) -> set[str]:
    return {row["parent_id"] for row in rows if row["parent_id"]}


def purposes(response: Row) -> Iterator[tuple[str, str]]:
    """The key of each call behind a response, and what it was for, in the order of the row."""
    keys = keys_of(response["request_key"])
    roles = _REVISION if response["parent_id"] else ("draft",)
    for number, key in enumerate(keys):
        yield key, roles[number] if number < len(roles) else _TO_NO_END


def describe_response(response: Row, texts: Mapping[str, str]) -> list[str]:
    """A response with the calls behind it; `texts` are the replies' by key. What a critique said,
    and a call to no end, is told too."""
    row = response
    lines = [
        f"response  {row['response_id']} by {row['model']}, sample {row['sample_index']}, "
        f"{row['finish_reason']}, {row['origin']}"
    ]
    if row["parent_id"]:
        lines.append(f"          revises {row['parent_id']} by principle {row['principle']}")
    for key, purpose in purposes(row):
        said = f": {texts[key]!r}" if key in texts and purpose in ("critique", _TO_NO_END) else ""
        lines.append(f"          {purpose}, call {key}{said}")
    return [*lines, f"          {row['text']!r}"]
