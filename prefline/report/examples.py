"""A few real rows, with why their label is what it is."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

_EXAMPLES = 24


@dataclass(frozen=True, slots=True)
class Example:
    """One preference; `why` has a line for each judgment behind it."""

    pair_id: str
    category: str
    label_source: str
    p_chosen: float
    prompt: str
    chosen: str
    rejected: str
    why: tuple[str, ...]


def draw_examples(preferences: pa.Table, judgments: pa.Table) -> list[Example]:
    """Preferences of as many categories as there are, the same ones for the same table: by
    turns the first of each category, by id (a hash, so that the first is any)."""
    ids = preferences.select(["pair_id", "category"]).sort_by("pair_id").to_pylist()
    turns: dict[str, int] = {}
    ranked = []
    for row in ids:
        turns[row["category"]] = turns.get(row["category"], 0) + 1
        ranked.append((turns[row["category"]], row["pair_id"]))
    drawn = [pair for _, pair in sorted(ranked)[:_EXAMPLES]]
    rows = preferences.filter(pc.field("pair_id").isin(drawn)).to_pylist()
    rows.sort(key=lambda row: drawn.index(row["pair_id"]))
    sides = [row[side] for row in rows for side in ("chosen_id", "rejected_id")]
    near = judgments.filter(pc.field("first_id").isin(sides) & pc.field("second_id").isin(sides))
    said = near.to_pylist()
    return [
        Example(
            pair_id=row["pair_id"],
            category=row["category"],
            label_source=row["label_source"],
            p_chosen=row["p_chosen"],
            prompt="\n".join(turn["content"] for turn in row["prompt"]),
            chosen=row["chosen"][0]["content"],
            rejected=row["rejected"][0]["content"],
            why=tuple(_why(row, one) for one in said if _is_of(row, one)),
        )
        for row in rows
    ]


def _is_of(row: dict[str, str], judgment: dict[str, str]) -> bool:
    sides = {row["chosen_id"], row["rejected_id"]}
    return {judgment["first_id"], judgment["second_id"]} == sides


def _why(row: dict[str, str], judgment: dict[str, str]) -> str:
    """One judgment, told as chosen and rejected instead of first and second."""
    chosen_first = judgment["first_id"] == row["chosen_id"]
    if judgment["method"] == "verifier":
        first, _, second = (judgment["rationale"] or "").partition("; second ")
        told = [first.removeprefix("first "), second]
        chosen, rejected = told if chosen_first else told[::-1]
        return f"{judgment['judge']}: chosen {chosen}; rejected {rejected}"
    named = {"first": chosen_first, "second": not chosen_first}.get(judgment["verdict"])
    what = {True: "chosen", False: "rejected", None: judgment["verdict"]}[named]
    shown = "chosen" if chosen_first else "rejected"
    return f"{judgment['judge']}, shown {shown} first: prefers {what}"
