"""How each judge did in this run: what it prefers by position, and how often it is right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from prefline.ids import pair_id
from prefline.intervals import Figure, ratio
from prefline.prompts import Prompt
from prefline.verifiers import check, parse_verifier

_VALUE = {"first": 1, "second": -1, "tie": 0, "invalid": 0}


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one judge said of one pair over its orders.

    `scores` holds +1 for each verdict for the pair's lower id, -1 for the other, 0 for a
    tie; an invalid verdict has no score.
    """

    prompt_id: str
    scores: tuple[int, ...]
    verdicts: int

    @property
    def total(self) -> int:
        """Positive if the judge prefers the pair's lower id over its orders."""
        return sum(self.scores)

    @property
    def consistent(self) -> bool:
        """Both orders valid and naming the same winner."""
        return len(self.scores) == self.verdicts and len(set(self.scores)) == 1


def opinions(rows: Iterable[Mapping[str, Any]]) -> dict[str, Opinion]:
    """One judge's judgments, gathered by pair."""
    gathered: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        gathered[pair_id(row["first_id"], row["second_id"])].append(row)
    return {pair: _opinion(verdicts) for pair, verdicts in gathered.items()}


def _opinion(rows: list[Mapping[str, Any]]) -> Opinion:
    scores = tuple(
        _VALUE[row["verdict"]] * (1 if row["first_id"] < row["second_id"] else -1)
        for row in rows
        if row["verdict"] != "invalid"
    )
    return Opinion(rows[0]["prompt_id"], scores, len(rows))


def judge_metrics(judgments: pa.Table) -> dict[str, Any]:
    """Figures of every judge, each with its interval by prompt.

    The decided verdicts (ties aside) of the method "verifier" count as right; the other
    judges' accuracy is measured against them. `accuracy_both_orders` is JudgeBench's (Tan
    et al. 2024, arXiv 2410.12784): over a pair's orders a right verdict counts +1, a wrong
    one -1, tie and invalid 0; correct if the sum is positive.
    """
    columns = ["prompt_id", "first_id", "second_id", "judge", "method", "verdict"]
    verdicts: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in judgments.select(columns).to_pylist():
        verdicts[row["judge"]].append(row)
    by_judge = {judge: opinions(rows) for judge, rows in verdicts.items()}
    gold = {
        pair: opinion.total
        for judge, rows in verdicts.items()
        if rows[0]["method"] == "verifier"
        for pair, opinion in by_judge[judge].items()
        if opinion.total
    }
    return {
        judge: _figures(rows, by_judge[judge], gold if rows[0]["method"] != "verifier" else {})
        for judge, rows in sorted(verdicts.items())
    }


def _figures(
    rows: list[dict[str, Any]], pairs: Mapping[str, Opinion], gold: Mapping[str, int]
) -> dict[str, Any]:
    decided = [row for row in rows if row["verdict"] in ("first", "second")]
    both = [opinion for opinion in pairs.values() if opinion.verdicts > 1]
    measured = [(opinion, gold[pair]) for pair, opinion in pairs.items() if pair in gold]
    figures = {
        "prefers_first": _share(decided, lambda row: row["verdict"] == "first"),
        "tie": _share(rows, lambda row: row["verdict"] == "tie"),
        "invalid": _share(rows, lambda row: row["verdict"] == "invalid"),
        "inconsistent": ratio(
            [not opinion.consistent for opinion in both],
            [1] * len(both),
            [opinion.prompt_id for opinion in both],
        ),
        "accuracy_both_orders": ratio(
            [opinion.total * right > 0 for opinion, right in measured],
            [1] * len(measured),
            [opinion.prompt_id for opinion, _ in measured],
        ),
    }
    counts = {"method": rows[0]["method"], "n_verdicts": len(rows), "n_pairs": len(pairs)}
    return counts | {name: figure.as_dict() for name, figure in figures.items()}


def _share(rows: list[dict[str, Any]], holds: Callable[[dict[str, Any]], bool]) -> Figure:
    return ratio([holds(row) for row in rows], [1] * len(rows), [row["prompt_id"] for row in rows])


def pass_rates(prompts: Iterable[Prompt], responses: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Share of responses that pass their prompt's check, overall, by category and by model."""
    checked = {prompt.prompt_id: prompt for prompt in prompts if prompt.verifier is not None}
    graded = [
        _Graded(prompt.prompt_id, prompt.category, row["model"], _passes(prompt, row["text"]))
        for row in responses
        if (prompt := checked.get(row["prompt_id"])) is not None
    ]
    categories = sorted({one.category for one in graded})
    models = sorted({one.model for one in graded})
    return {
        "all": _rate(graded),
        "by_category": {c: _rate([g for g in graded if g.category == c]) for c in categories},
        "by_model": {m: _rate([g for g in graded if g.model == m]) for m in models},
    }


@dataclass(frozen=True, slots=True)
class _Graded:
    prompt_id: str
    category: str
    model: str
    passed: bool


def _passes(prompt: Prompt, text: str) -> bool:
    assert prompt.verifier is not None
    return check(parse_verifier(prompt.verifier), text).passed


def _rate(graded: list[_Graded]) -> dict[str, Any]:
    passed, prompts = [one.passed for one in graded], [one.prompt_id for one in graded]
    return ratio(passed, [1] * len(graded), prompts).as_dict()
