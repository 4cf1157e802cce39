"""Queries of the tables: pairs with filters, rejections, and all that hangs on a prompt."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from prefline.errors import TableError
from prefline.ids import pair_id
from prefline.review.tables import Row, TableViews
from prefline.tables.messages import message_from_row, text_of

PAGE_ROWS = 50
_MOST_WORDS = 400  # of a facet
# A label that judges contradict, the surer the odder; then the unsure ones.
_ODDITY = "(1 - agreement) * p_chosen + (1 - p_chosen)"
_ORDERS = {
    "odd": f"{_ODDITY} DESC, pair_id",
    "unsure": "p_chosen, pair_id",
    "sure": "p_chosen DESC, pair_id",
    "id": "pair_id",
}
_SNIPPET = 240  # characters
_SIDES = ("chosen", "rejected")
_SHOWN = (
    "pair_id, prompt_id, category, chosen_model, rejected_model, p_chosen, agreement, "
    "n_judgments, label_source, judges, split, n_reviews, review_agreement"
)
_IN_MESSAGES = "regexp_matches(array_to_string([x.content FOR x IN {}], ' '), ?)"


class PairFilters(BaseModel):
    """The pairs that are shown, as the address says it; what is empty filters nothing."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    category: str = ""
    model: str = ""
    judge: str = ""
    rests_on: str = ""
    split: str = ""
    people: Literal["", "yes", "no"] = ""
    disagreement: Literal["", "yes", "no"] = ""
    p_from: float = Field(0.0, ge=0, le=1)
    p_to: float = Field(1.0, ge=0, le=1)
    text: str = Field("", max_length=200)
    whole: bool = False
    order: Literal["odd", "unsure", "sure", "id"] = "odd"
    page: int = Field(1, ge=1, le=1_000_000)


class RejectionFilters(BaseModel):
    """The choice of the rejections that are shown."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    stage: str = ""
    kind: str = ""
    reason: str = ""
    text: str = Field("", max_length=200)
    page: int = Field(1, ge=1, le=1_000_000)


@dataclass(frozen=True, slots=True)
class Found:
    """One page of rows, and how many there are on all pages."""

    rows: list[Row]
    total: int
    page: int

    @property
    def pages(self) -> int:
        """The number of pages, at least one."""
        return max(1, -(-self.total // PAGE_ROWS))


@dataclass(frozen=True, slots=True)
class PromptView:
    """A prompt with all that hangs on it. `pairs` are those that were judged, labelled, answered
    or rejected, each with its rows."""

    prompt: Row
    responses: list[Row]
    pairs: list[Row]
    rejections: list[Row]
    cost_usd: float
    keys: list[str] = field(default_factory=list)


class _Where:
    """Conditions joined by AND, with their values."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.values: list[Any] = []

    def add(self, condition: str, *values: Any) -> None:
        self.parts.append(condition)
        self.values += values

    def __str__(self) -> str:
        return "WHERE " + " AND ".join(self.parts) if self.parts else ""


class Browser:
    """Answers questions about the tables."""

    def __init__(self, views: TableViews) -> None:
        self._views = views
        self._facets: tuple[Any, dict[str, list[Row]]] | None = None
        self._reasons: tuple[Any, list[Row]] | None = None

    def prepare(self) -> None:
        """Do what the first question would wait for, such as DuckDB's import of pandas."""
        with suppress(TableError):  # the page says so
            self.pairs(PairFilters())
            self.facets()

    def pairs(self, filters: PairFilters) -> Found:
        """Return a page of preferences. Raises `TableError`."""
        where = self._conditions(filters)
        searched, values = self._searched(filters)
        rows = self._views.rows(
            f"WITH {searched}found AS {'MATERIALIZED' if filters.text else 'NOT MATERIALIZED'} "
            f"(SELECT {_SHOWN} FROM preferences {where}), shown AS (SELECT * FROM found ORDER BY "
            f"{_ORDERS[filters.order]} LIMIT {PAGE_ROWS} OFFSET {(filters.page - 1) * PAGE_ROWS}) "
            "SELECT * FROM (SELECT count(*) AS n FROM found) LEFT JOIN shown ON true "
            f"ORDER BY {_ORDERS[filters.order]}",
            [*values, *where.values],
            tables=("preferences", "prompts"),
        )
        total = rows[0]["n"]
        rows = [row for row in rows if row["pair_id"] is not None]
        texts = self._last_turns([row["prompt_id"] for row in rows])
        for row in rows:
            row["text"] = texts.get(row["prompt_id"], "")
        return Found(rows, total, filters.page)

    def facets(self) -> Mapping[str, list[Row]]:
        """Return the values that filters may have, each with how many preferences have it."""
        state = self._views.state("preferences")
        if self._facets is None or self._facets[0] != state:
            found = {
                name: self._facet(column)
                for name, column in (
                    ("category", "category"), ("rests_on", "label_source"), ("split", "split"),
                )
            }  # fmt: skip
            found["model"] = self._views.rows(
                "WITH models AS (SELECT chosen_model, rejected_model, count(*) AS n "
                "FROM preferences GROUP BY 1, 2) SELECT value, sum(n)::BIGINT AS n FROM (SELECT "
                "unnest(list_distinct([chosen_model, rejected_model])) AS value, n FROM models) "
                f"GROUP BY 1 ORDER BY n DESC, 1 LIMIT {_MOST_WORDS}",
                tables=("preferences",),
            )
            found["judge"] = self._views.rows(
                "SELECT value, sum(n)::BIGINT AS n FROM (SELECT unnest(string_split(judges, ',')) "
                "AS value, n FROM (SELECT judges, count(*) AS n FROM preferences GROUP BY 1)) "
                f"GROUP BY 1 ORDER BY n DESC, 1 LIMIT {_MOST_WORDS}",
                tables=("preferences",),
            )
            self._facets = state, found
        return self._facets[1]

    def rejections(self, filters: RejectionFilters) -> Found:
        """Return a page of rejections, by stage and reason."""
        where = _Where()
        for column in ("stage", "kind", "reason"):
            if getattr(filters, column):
                where.add(f"{column} = ?", getattr(filters, column))
        if filters.text:
            where.add("(contains(lower(detail), lower(?)) OR id = ?)", filters.text, filters.text)
        tables = ("rejections",)
        (count,) = self._views.rows(
            f"SELECT count(*) AS n FROM rejections {where}", where.values, tables=tables
        )  # fmt: skip
        rows = self._views.rows(
            f"SELECT stage, kind, id, reason, detail FROM rejections {where} "
            f"ORDER BY stage, reason, id LIMIT {PAGE_ROWS} OFFSET {(filters.page - 1) * PAGE_ROWS}",
            where.values,
            tables=tables,
        )
        return Found(rows, count["n"], filters.page)

    def reasons(self) -> list[Row]:
        """Return how often each reason was given, by stage and kind."""
        state = self._views.state("rejections")
        if self._reasons is None or self._reasons[0] != state:
            rows = self._views.rows(
                "SELECT stage, kind, reason, count(*) AS n FROM rejections GROUP BY ALL "
                "ORDER BY n DESC, stage, kind, reason",
                tables=("rejections",),
            )
            self._reasons = state, rows
        return self._reasons[1]

    def prompt_of(self, identity: str) -> str | None:
        """Return the prompt on which a row of this id hangs; None if no table knows it."""
        for table, column in (
            ("prompts", "prompt_id"), ("preferences", "pair_id"), ("preferences", "prompt_id"),
            ("responses", "response_id"), ("judgments", "judgment_id"), ("answers", "pair_id"),
            ("anchors", "pair_id"),
        ):  # fmt: skip
            rows = self._views.rows(
                f"SELECT prompt_id FROM {table} WHERE {column} = ? LIMIT 1",
                [identity], tables=(table,),
            )  # fmt: skip
            if rows:
                return str(rows[0]["prompt_id"])
        # A rejected pair: its id is the hash of the ids of its responses (prefline/ids.py).
        rows = self._views.rows(
            "SELECT prompt_id FROM judgments WHERE substr(sha256('[\"pair\",\"' || "
            "least(first_id, second_id) || '\",\"' || greatest(first_id, second_id) || '\"]'), 1, "
            "16) = ? LIMIT 1",
            [identity], tables=("judgments",),
        )  # fmt: skip
        return str(rows[0]["prompt_id"]) if rows else None

    def prompt(self, prompt_id: str) -> PromptView | None:
        """Return a prompt with all that hangs on it; None if no table knows it."""
        by_prompt = {
            table: self._views.rows(
                f"SELECT * FROM {table} WHERE prompt_id = ?", [prompt_id], tables=(table,)
            )
            for table in ("prompts", "responses", "judgments", "preferences", "answers", "anchors")
        }  # fmt: skip
        prompt = _prompt(prompt_id, by_prompt)
        if prompt is None:
            return None
        responses = by_prompt["responses"] or _published(by_prompt["preferences"])
        pairs = _pairs(by_prompt)
        ids = [prompt_id, *(row["response_id"] for row in responses), *pairs]
        rejections = self._views.rows(
            f"SELECT * FROM rejections WHERE id IN ({', '.join('?' * len(ids))})",
            ids, tables=("rejections",),
        )  # fmt: skip
        for row in rejections:
            if row["id"] in pairs:
                pairs[row["id"]]["rejection"] = row
        paid = [*by_prompt["responses"], *by_prompt["judgments"]]
        return PromptView(
            prompt,
            sorted(responses, key=lambda row: (row["model"], row["sample_index"] or 0)),
            sorted(pairs.values(), key=_oddest_first),
            [row for row in rejections if row["id"] not in pairs],
            sum(row["cost_usd"] or 0.0 for row in paid),
        )

    def _facet(self, column: str) -> list[Row]:
        return self._views.rows(
            f"SELECT {column} AS value, count(*) AS n FROM preferences GROUP BY 1 "
            f"ORDER BY n DESC, 1 LIMIT {_MOST_WORDS}",
            tables=("preferences",),
        )

    def _conditions(self, filters: PairFilters) -> _Where:
        where = _Where()
        for name, column in (
            ("category", "category"), ("rests_on", "label_source"), ("split", "split"),
        ):  # fmt: skip
            if getattr(filters, name):
                where.add(f"{column} = ?", getattr(filters, name))
        if filters.model:
            where.add("(chosen_model = ? OR rejected_model = ?)", filters.model, filters.model)
        if filters.judge:
            where.add("list_contains(string_split(judges, ','), ?)", filters.judge)
        if filters.people:
            where.add(f"n_reviews IS {'NOT ' if filters.people == 'yes' else ''}NULL")
        if filters.disagreement:
            where.add(f"agreement {'<' if filters.disagreement == 'yes' else '='} 1")
        if filters.p_from > 0:
            where.add("p_chosen >= ?", filters.p_from)
        if filters.p_to < 1:
            where.add("p_chosen <= ?", filters.p_to)
        if filters.text:
            self._search(where, filters)
        return where

    def _search(self, where: _Where, filters: PairFilters) -> None:
        """Search the prompts, and the answers too if the whole is asked for: that takes longer."""
        wanted = _literal(filters.text)
        parts, values = ["prompt_id IN (FROM searched)"], []
        if not self._views.has("prompts"):
            parts, values = [_IN_MESSAGES.format("prompt")], [wanted]
        if filters.whole:
            parts += [f"regexp_matches({side}[-1].content, ?)" for side in _SIDES]
            values += [wanted] * len(_SIDES)
        where.add(f"({' OR '.join(parts)})", *values)

    def _searched(self, filters: PairFilters) -> tuple[str, list[str]]:
        """Return the prompts that have the text, as a part of the query, with its value."""
        if not filters.text or not self._views.has("prompts"):
            return "", []
        said = _IN_MESSAGES.format("messages")
        wanted = f"searched AS MATERIALIZED (SELECT prompt_id FROM prompts WHERE {said}), "
        return wanted, [_literal(filters.text)]

    def _last_turns(self, prompts: Sequence[str]) -> dict[str, str]:
        """Return the beginning of the last message of each prompt."""
        if not prompts:
            return {}
        wanted = list(dict.fromkeys(prompts))
        table, column = ("prompts", "messages") if self._views.has("prompts") else (
            "preferences", "prompt")  # fmt: skip
        rows = self._views.rows(
            f"SELECT prompt_id, any_value({column}[-1].content[:{_SNIPPET}]) AS text "
            f"FROM {table} WHERE prompt_id IN ({', '.join('?' * len(wanted))}) GROUP BY 1",
            wanted, tables=(table,),
        )  # fmt: skip
        return {row["prompt_id"]: row["text"] or "" for row in rows}


def _literal(text: str) -> str:
    """Return a pattern of RE2 for a text in any case: a fifth of the time that lowering takes."""
    return f"(?i){re.escape(text)}"


def _prompt(prompt_id: str, rows: Mapping[str, list[Row]]) -> Row | None:
    if rows["prompts"]:
        return rows["prompts"][0]
    if not rows["preferences"]:
        return None
    row = rows["preferences"][0]
    return {
        "prompt_id": prompt_id, "messages": row["prompt"], "category": row["category"],
        "source": row["source"], "license": None, "verifier": None, "reference": None,
        "style": None, "parent_ids": None, "request_key": None, "tools": row.get("tools"),
    }  # fmt: skip


def _published(preferences: Sequence[Row]) -> list[Row]:
    """Return the responses of published pairs, whose table is not there."""
    found: dict[str, Row] = {}
    for row in preferences:
        for side in _SIDES:
            found[row[f"{side}_id"]] = {
                "response_id": row[f"{side}_id"], "model": row[f"{side}_model"],
                "text": text_of([message_from_row(turn) for turn in row[side]]),
                "sample_index": None, "finish_reason": None, "origin": None, "parent_id": None,
                "principle": None, "cost_usd": None, "output_tokens": None, "request_key": None,
            }  # fmt: skip
    return list(found.values())


def _pairs(rows: Mapping[str, list[Row]]) -> dict[str, Row]:
    """Return by id the pairs that were judged, labelled or answered, each with its rows."""
    pairs: dict[str, Row] = {}

    def of(identity: str, ids: tuple[str, str] | None = None) -> Row:
        pair = pairs.setdefault(identity, {
            "pair_id": identity, "ids": (), "preference": None, "judgments": [], "answers": [],
            "anchors": [], "rejection": None,
        })  # fmt: skip
        if ids and not pair["ids"]:
            pair["ids"] = tuple(sorted(ids))
        return pair

    for row in rows["preferences"]:
        of(row["pair_id"], (row["chosen_id"], row["rejected_id"]))["preference"] = row
    for row in rows["judgments"]:
        ids = row["first_id"], row["second_id"]
        of(pair_id(*ids), ids)["judgments"].append(row)
    for row in rows["answers"]:
        of(row["pair_id"])["answers"].append(row)
    for row in rows["anchors"]:
        of(row["pair_id"])["anchors"].append(row)
    return pairs


def _oddest_first(pair: Row) -> tuple[float, str]:
    label = pair["preference"]
    if label is None:
        return 1.0, pair["pair_id"]
    contradicted = (1 - label["agreement"]) * label["p_chosen"] + 1 - label["p_chosen"]
    return -contradicted, pair["pair_id"]
