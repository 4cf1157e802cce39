"""Lists in pages: `limit` and `after`, as OpenAI's API has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from prefline.simulator.wire import Refusal


class Listed(Protocol):
    """What has an id and describes itself."""

    @property
    def id(self) -> str:
        """Its id."""
        ...

    def describe(self) -> dict[str, Any]:
        """Its object in the API."""
        ...


def page(items: Sequence[Listed], after: str | None, limit: int) -> dict[str, Any] | Refusal:
    """At most `limit` of the items that follow the one with id `after` (None: from the first)."""
    places = {item.id: at for at, item in enumerate(items)} if after else {}
    if after and after not in places:
        return Refusal(400, f"No such object: {after}.", param="after")
    start = places[after] + 1 if after else 0
    data = [item.describe() for item in items[start : start + limit]]
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": start + limit < len(items),
    }


def whole_number(query: dict[str, str], name: str, default: int, most: int) -> int | Refusal:
    """A number from 1 to `most` in the query."""
    text = query.get(name, str(default))
    if text.isascii() and text.isdigit() and 1 <= int(text) <= most:
        return int(text)
    return Refusal(400, f"Invalid '{name}': it must be from 1 to {most}.", param=name)
