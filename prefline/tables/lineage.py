"""The ancestors of a row: parents of a prompt, the answers that a response revises, and
the purpose of each call behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from prefline.tables.calls import keys_of
from prefline.tables.messages import message_from_row, parts_of

Row = dict[str, Any]

_REVISION = ("critique", "revision")
_TO_NO_END = "to no end"  # for a revision that came to nothing


def parents(prompts: Iterable[Row], find: Callable[[list[str]], list[Row]]) -> list[Row]:
    """Return the prompts that a model made `prompts` of, by their ids. `find` gives rows by their
    ids.

    They are prompts of sources: none is made of one that is made itself.
    """
    wanted = sorted({one for row in prompts for one in parent_ids_of(row)})
    return find(wanted) if wanted else []


def parent_ids_of(prompt: Row) -> list[str]:
    """Return the ids of the prompts that a prompt was made of. Tables of older runs name none."""
    return list(prompt.get("parent_ids") or ())


def describe_prompt(prompt: Row, parents: Iterable[Row], texts: Mapping[str, str]) -> list[str]:
    """Return a prompt, and if a model made it how, of which others and by which call; `texts` are
    the replies' by key."""
    lines = [f"prompt    {_named(prompt)}", *_turns(prompt)]
    if prompt["verifier"]:
        lines.append(f"          verifier: {prompt['verifier']}")
    of, rows = parent_ids_of(prompt), {row["prompt_id"]: row for row in parents}
    if not of:
        return lines
    key = prompt["request_key"]
    said = f": {texts[key]!r}" if key in texts else ""
    lines.append(
        f"          made by a model, {prompt['style']} of {', '.join(of)}, call {key}{said}"
    )
    for one in of:
        lines += _parent(one, rows.get(one))
    return lines


def _parent(identity: str, row: Row | None) -> list[str]:
    if row is None:
        return [f"parent    {identity}, in no table"]
    return [f"parent    {_named(row)}", *_turns(row)]


def _named(prompt: Row) -> str:
    return f"{prompt['prompt_id']} ({prompt['source']}, {prompt['category']})"


def _turns(prompt: Row) -> list[str]:
    parts = parts_of(map(message_from_row, prompt["messages"]), prompt.get("tools"))
    return [f"          {label}: {text}" for label, text in parts]


def ancestors(responses: Iterable[Row], find: Callable[[list[str]], list[Row]]) -> list[Row]:
    """Return what `responses` revise, oldest first: drafts, then their revisions; none of them is
    among `responses` themselves. `find` gives rows by their ids."""
    known = {row["response_id"]: row for row in responses}
    earlier: list[Row] = []
    while wanted := _revised(known.values()) - known.keys():
        rows = find(sorted(wanted))
        if not rows:
            break
        earlier = [*rows, *earlier]
        known |= {row["response_id"]: row for row in rows}
    return earlier


def _revised(rows: Iterable[Row]) -> set[str]:
    return {row["parent_id"] for row in rows if row["parent_id"]}


def purposes(response: Row) -> Iterator[tuple[str, str]]:
    """Yield the key of each call behind a response and its purpose, in the order of the row."""
    keys = keys_of(response["request_key"])
    roles = _REVISION if response["parent_id"] else ("draft",)
    for number, key in enumerate(keys):
        yield key, roles[number] if number < len(roles) else _TO_NO_END


def describe_response(response: Row, texts: Mapping[str, str]) -> list[str]:
    """Return a response with the calls behind it; `texts` are the replies' by key. What a critique
    said, and a call to no end, is told too."""
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
