"""A few real rows, with why their label is what it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from prefline.tables.encoding import encode_texts
from prefline.tables.messages import message_from_row, parts_of, text_of

Json = dict[str, Any]
Batches = Iterable[pa.RecordBatch]

N_EXAMPLES = 20
_LONGEST = 4_000  # characters of one text; nobody reads on in a report


@dataclass(frozen=True, slots=True)
class Example:
    """One preference; `prompt` has (role, text) for each message, `why` a line for each
    judge, what decided the label first. `chosen_by` and `rejected_by` say how an answer came
    about that is no plain sample."""

    pair_id: str
    category: str
    label_source: str
    split: str
    p_chosen: float
    prompt: tuple[tuple[str, str], ...]
    chosen: str
    rejected: str
    chosen_id: str
    rejected_id: str
    chosen_model: str
    rejected_model: str
    chosen_by: str
    rejected_by: str
    why: tuple[str, ...]


def draw_ids(preferences: pa.Table, count: int = N_EXAMPLES) -> list[str]:
    """Return ids of pairs to show, the same ones for the same table: categories by turns, one pair
    of each prompt before a second one; within these by id (a hash, so that it is any)."""
    rows = preferences.select(["pair_id", "prompt_id", "category"]).sort_by("pair_id")
    of_prompt = _rank(rows["prompt_id"], np.arange(rows.num_rows))
    of_category = _rank(rows["category"], np.argsort(of_prompt, kind="stable"))
    drawn = np.argsort(of_category, kind="stable")[:count]
    return [str(pair) for pair in rows["pair_id"].take(drawn).to_pylist()]


def _rank(column: Any, order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each row the number of rows of the same value before it in `order`."""
    codes = encode_texts(column).indices.to_numpy()[order]
    grouped = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[grouped], codes[grouped], side="left")
    rank = np.empty(len(codes), dtype=np.int64)
    rank[order[grouped]] = np.arange(len(codes)) - starts
    return rank


def read_examples(
    drawn: list[str], preferences: Batches, judgments: Batches, responses: Batches
) -> list[Example]:
    """Return the preferences of these ids, in their order, each with the judgments behind it."""
    rows = _matching(preferences, drawn, "pair_id")
    rows.sort(key=lambda row: drawn.index(row["pair_id"]))
    sides = [row[side] for row in rows for side in ("chosen_id", "rejected_id")]
    said = _matching(judgments, sides, "first_id", "second_id")
    origins = {
        row["response_id"]: _origin(row) for row in _matching(responses, sides, "response_id")
    }
    return [
        _example(row, [judgment for judgment in said if _is_of(row, judgment)], origins)
        for row in rows
    ]


def _origin(response: Json) -> str:
    """Return how a response came about; nothing for a plain sample."""
    if response["origin"] == "revised":
        return f"revision of {response['parent_id']} by {response['principle']}"
    return "imported" if response["origin"] == "imported" else ""


def _matching(batches: Batches, values: list[str], *columns: str) -> list[Json]:
    wanted = pa.array(values, pa.string())
    found: list[Json] = []
    for batch in batches:
        mask = pc.is_in(batch[columns[0]], value_set=wanted)
        for column in columns[1:]:
            mask = pc.and_(mask, pc.is_in(batch[column], value_set=wanted))
        found += batch.filter(mask).to_pylist()
    return found


def _is_of(row: Json, judgment: Json) -> bool:
    sides = {row["chosen_id"], row["rejected_id"]}
    return {judgment["first_id"], judgment["second_id"]} == sides


def _example(row: Json, judgments: list[Json], origins: Mapping[str, str]) -> Example:
    copied = ("pair_id", "category", "label_source", "split", "p_chosen", "chosen_id",
              "rejected_id", "chosen_model", "rejected_model")  # fmt: skip
    return Example(
        **{name: row[name] for name in copied},
        prompt=tuple(
            (label, _cut(text))
            for label, text in parts_of(map(message_from_row, row["prompt"]), row.get("tools"))
        ),
        chosen=_cut(text_of([message_from_row(turn) for turn in row["chosen"]])),
        rejected=_cut(text_of([message_from_row(turn) for turn in row["rejected"]])),
        chosen_by=origins.get(row["chosen_id"], ""),
        rejected_by=origins.get(row["rejected_id"], ""),
        why=tuple(_reasons(row["chosen_id"], judgments)),
    )


def _cut(text: str) -> str:
    more = len(text) - _LONGEST
    return text if more <= 0 else f"{text[:_LONGEST]}... ({more:,} more characters)"


def _reasons(chosen_id: str, judgments: list[Json]) -> list[str]:
    by_judge: dict[tuple[bool, str, str], list[Json]] = defaultdict(list)
    for judgment in judgments:
        by_judge[
            judgment["method"] != "verifier", judgment["judge"], judgment["principle"] or ""
        ].append(judgment)
    return [
        f"{judge}{f' ({principle})' if principle else ''}: "
        + (_verdicts if is_model else _checks)(chosen_id, said)
        for (is_model, judge, principle), said in sorted(by_judge.items(), key=lambda kv: kv[0])
    ]


def _checks(chosen_id: str, said: list[Json]) -> str:
    """Return a verifier's rationale ("first ...; second ..."), told of chosen and rejected."""
    one = said[0]
    names = {"first ": "chosen ", "second ": "rejected "}
    if one["first_id"] != chosen_id:
        names = {"first ": "rejected ", "second ": "chosen "}
    parts = (one["rationale"] or one["verdict"]).split("; second ", 1)
    told = [parts[0], *(f"second {rest}" for rest in parts[1:])]
    turned = [_renamed(part, names) for part in told]
    return "; ".join(sorted(turned, key=lambda part: part.startswith("rejected ")))


def _renamed(part: str, names: dict[str, str]) -> str:
    for old, new in names.items():
        if part.startswith(old):
            return new + part.removeprefix(old)
    return part


def _verdicts(chosen_id: str, said: list[Json]) -> str:
    told = [_verdict(chosen_id, one) for one in said]
    if set(told) == {"chosen", "rejected"}:
        return "changes with the order"
    if len(set(told)) > 1:
        return ", then ".join(told)
    asked = " in both orders" if len(told) > 1 else ""
    return f"{_phrase(told[0])}{asked}"


def _verdict(chosen_id: str, one: Json) -> str:
    named = {"first": one["first_id"], "second": one["second_id"]}.get(one["verdict"])
    if named is None:
        return str(one["verdict"])
    return "chosen" if named == chosen_id else "rejected"


def _phrase(verdict: str) -> str:
    return f"prefers {verdict}" if verdict in ("chosen", "rejected") else verdict


WHY_COLUMNS: list[str] = [
    "first_id", "second_id", "judge", "method", "principle", "verdict", "rationale",
]  # fmt: skip
MADE_COLUMNS: list[str] = ["response_id", "origin", "parent_id", "principle"]
