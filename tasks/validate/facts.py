"""Facts in SQL, as plain columns: each holds what is wrong with a row of `t`, and is null where
nothing is."""

from __future__ import annotations

from prefline.tables.joining import quoted

NOTHING = "CAST(NULL AS VARCHAR)"
OF_PAIR = "stage = 'pair' AND kind = 'pair'"
"""The rejections of pairs by the stage `pair`."""


def literal(value: object) -> str:
    """Return a text or number as SQL has it."""
    return quoted(value) if isinstance(value, str) else repr(value)


def columns(facts: dict[str, str]) -> str:
    """Return what a query selects beside the columns of `t`."""
    return "".join(f", {fact} AS {name}" for name, fact in facts.items())


def when(condition: str, value: str) -> str:
    """Return the value where the condition is true; where it is false or null, null."""
    return f"CASE WHEN {condition} THEN {value} END"


def unknown(ids: str, known: str) -> str:
    """Return the ids that the join to `known` has not found."""
    return when(f"{known}.key IS NULL", ids)


def shared(ids: str, known: str) -> str:
    """Return the ids that the join to `known` has found."""
    return when(f"{known}.key IS NOT NULL", ids)


def join(rows: str, alias: str, ids: str) -> str:
    """Return the join of rows by their `key` to ids."""
    return f"LEFT JOIN {rows} {alias} ON {alias}.key = id_hash({ids})"


def of_side(side: str, ids: str, alias: str, prompt: str = "t.prompt_id") -> dict[str, str]:
    """Return whether a response of `ids`, joined with the hash of its `prompt`, is known, and
    answers the row's prompt."""
    return {
        f"unknown_{side}_id": unknown(ids, alias),
        f"{side}_answers_other_prompt": when(f"{alias}.prompt <> id_hash({prompt})", ids),
    }
