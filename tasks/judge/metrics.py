"""What a run measures of its judges, and of the responses that a check can pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefline.audit.agreement import judge_ratings
from prefline.audit.report import audit_table
from prefline.audit.verdicts import read_verdicts
from prefline.config import ImportedJudge, JudgeParams, ModelJudge
from prefline.stats.agreement import pairwise_agreement
from prefline.stats.bootstrap import ratio
from prefline.tables.prompts import Prompt
from prefline.verifiers import check, parse_verifier

Figures = dict[str, Any]
_NAME = "judgments"
_LISTS = ("by_category", "by_length", "calibration")
_OTHERS = "(all others)"


def judge_metrics(table: pa.Table, judgments: pa.Table, params: JudgeParams) -> Figures:
    """The audit of a run's judgments (docs/audit.md): `table` is `audited` of them. Without
    judgments there is nothing."""
    if not table.num_rows:
        return {"judges": {}, "models": {}, "agreement": {}, "by_principle": {}}
    audit = audit_table(table, _NAME, seed=params.seed, judge_models=_own_models(table, params))
    methods = {judge.name: judge.method for judge in params.judges}
    people = {
        judge.name
        for judge in params.judges
        if isinstance(judge, ImportedJudge) and judge.kind == "human"
    }
    for name, figures in audit["judges"].items():
        figures["method"] = methods.get(name, "")
        figures["kind"] = "human" if name in people else "model"
    return audit | {"by_principle": by_principle(table, judgments["principle"], params.seed)}


def headline(audit: Figures) -> Figures:
    """The audit's figures without its lists by category, length and probability: what is compared
    from run to run."""
    judges = {
        name: {key: one for key, one in figures.items() if key not in _LISTS}
        for name, figures in audit["judges"].items()
    }
    kept = ("agreement", "krippendorff_alpha", "models", "by_principle")
    return {"judges": judges} | {key: audit[key] for key in kept if key in audit}


def by_principle(table: pa.Table, principles: Any, seed: int) -> Figures:
    """How far verdicts under each principle agree with all other verdicts on the same pairs
    (Cohen's kappa and the share of pairs with the same winner), each with its interval."""
    found: Figures = {}
    principles = _named(table["judge"], principles)
    for principle in sorted({one for one in principles.to_pylist() if one is not None}):
        mine = pc.fill_null(pc.equal(principles, pa.scalar(principle)), False)
        judge = pc.if_else(mine, principle, _OTHERS)
        at = table.column_names.index("judge")
        seen, names = read_verdicts(table.set_column(at, "judge", judge), _NAME)
        sides = [
            judge_ratings(seen.where(seen.judge == number), by_order=False)
            for number in sorted(range(len(names.judges)), key=lambda n: names.judges[n] == _OTHERS)
        ]
        figures: Figures = {"n_verdicts": int(np.count_nonzero(mine.to_numpy()))}
        if len(sides) > 1:
            kappa, same = pairwise_agreement(sides[0], sides[1], seed)
            figures |= {"pairs_kappa": kappa.as_dict(), "same_winner": same.as_dict()}
        found[principle] = figures
    return found


def _named(judges: Any, principles: Any) -> Any:
    """Principles under their ids; where several judges apply some, under the judges' names too."""
    spoke = pc.unique(judges.filter(pc.is_valid(principles)))
    return principles if len(spoke) < 2 else pc.binary_join_element_wise(judges, principles, ": ")  # noqa: PLR2004


def _own_models(table: pa.Table, params: JudgeParams) -> dict[str, str]:
    """The model of each judge whose answers are among those that it judged."""
    wrote = {*table["first_model"].to_pylist(), *table["second_model"].to_pylist()}
    spoke = set(table["judge"].to_pylist())
    return {
        judge.name: judge.endpoint.model
        for judge in params.judges
        if isinstance(judge, ModelJudge) and judge.endpoint.model in wrote and judge.name in spoke
    }


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
