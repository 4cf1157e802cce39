"""Figures of the judges, and of the responses that a check can pass; as tables, figures
and plots."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

from prefline.audit.agreement import judge_ratings
from prefline.audit.own import OwnVerdicts
from prefline.audit.report import audit_verdicts
from prefline.audit.verdicts import Names
from prefline.config import ComparingJudge, Judge, JudgeParams, ModelJudge
from prefline.errors import ParamsError
from prefline.stats import Bools, Ints
from prefline.stats.agreement import pairwise_agreement
from prefline.stats.bootstrap import ratio
from prefline.tables.answered import AnsweredPrompts
from prefline.tables.messages import Message
from prefline.tables.prompts import Prompt
from prefline.text import number_of
from prefline.verifiers import check, parse_verifier
from tasks.judge.comparisons import answer_of
from tasks.judge.results import JudgeResult, Judgment

Figures = dict[str, Any]
_NAME = "judgments"
_LISTS = ("by_category", "by_length", "calibration")
_FIRST = 20  # judgments that tell whether a judge has room to answer
_NO_ROOM = ("cut_off", "reasoning_only")
_PLOT_COLUMNS = ("value", "low", "high")
_PLOTTED_OF_JUDGES = ("accuracy_both_orders", "inconsistent", "prefers_first", "win_rate_longer",
                      "tie", "invalid")  # fmt: skip
_PLOTTED_OF_MODELS = ("win_rate", "length_controlled_win_rate")


def judge_metrics(own: OwnVerdicts, params: JudgeParams) -> Figures:
    """Return the audit of a run's judgments (docs/audit.md).

    Without judgments there are no figures. `measured_share` is there where only a share of the
    prompts was measured.
    """
    if not len(own.verdicts):
        return {"judges": {}, "models": {}, "agreement": {}, "by_principle": {}}
    models = _own_models(own.names, params)
    audit = audit_verdicts(own.verdicts, own.names, _NAME, seed=params.seed, judge_models=models)
    methods = {judge.name: judge.method for judge in params.judges}
    people = {judge.name for judge in params.judges if judge.is_human}
    for name, figures in audit["judges"].items():
        figures["method"] = methods.get(name, "")
        figures["kind"] = "human" if name in people else "model"
    sampled = {"measured_share": own.share} if own.share < 1 else {}
    # Criteria of a checklist are other ones for each prompt: their numbers are no principles.
    checklists = [
        number for number, name in enumerate(own.names.judges) if methods.get(name) == "checklist"
    ]
    is_of_one = np.isin(own.verdicts.judge, checklists)
    principled = replace(own, principle=np.where(is_of_one, -1, own.principle))
    return audit | {"by_principle": by_principle(principled, params.seed)} | sampled


def headline(audit: Figures) -> Figures:
    """Return the audit's figures without its lists by category, length and probability: what is
    compared from run to run."""
    judges = {
        name: {key: figure for key, figure in figures.items() if key not in _LISTS}
        for name, figures in audit["judges"].items()
    }
    kept = ("agreement", "krippendorff_alpha", "models", "by_principle", "measured_share")
    return {"judges": judges} | {key: audit[key] for key in kept if key in audit}


def by_principle(own: OwnVerdicts, seed: int) -> Figures:
    """Measure how far verdicts under each principle agree with all other verdicts on the same pairs
    (Cohen's kappa and the share of pairs with the same winner), each with its interval."""
    by_name: Figures = {}
    verdicts = own.verdicts
    for name, is_under_it in _by_principle(own):
        sides = [
            judge_ratings(verdicts.where(rows), by_order=False)
            for rows in (is_under_it, ~is_under_it)
            if rows.any()
        ]
        figures: Figures = {"n_verdicts": int(np.count_nonzero(is_under_it))}
        if len(sides) > 1:
            kappa, same = pairwise_agreement(sides[0], sides[1], seed)
            figures |= {"pairs_kappa": kappa.as_dict(), "same_winner": same.as_dict()}
        by_name[name] = figures
    return by_name


def invalid_reasons(counts: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    """Return how many invalid verdicts each judge gave for each reason, of counts by both; judges
    without one are left out."""
    reasons: dict[str, dict[str, int]] = {}
    for (judge, reason), count in sorted(counts.items()):
        reasons.setdefault(judge, {})[reason] = count
    return reasons


def cut_off_warnings(
    reasons: Mapping[str, Mapping[str, int]], judges: Iterable[Judge]
) -> list[str]:
    """Return a sentence with the remedy for each judge whose replies were cut off."""
    warnings = []
    for judge in judges:
        counts = reasons.get(judge.name, {})
        cut, thinking = counts.get("cut_off", 0), counts.get("reasoning_only", 0)
        if cut or thinking:
            key = "letter_tokens" if isinstance(judge, ComparingJudge) else "max_tokens"
            why = f", {thinking:,} of them while the model was still reasoning" if thinking else ""
            warnings.append(
                f"{judge.name}: {number_of(cut + thinking, 'reply', 'replies')} cut off before the "
                f"verdict{why}; "
                f"raise {key} of the judge"
            )
    return warnings


def refuse_all_cut_off(judge: Judge, results: Iterable[JudgeResult]) -> Iterator[JudgeResult]:
    """Yield a judge's results as they come. Raises `ParamsError` if the first 20 judgments all were
    cut off before their verdict: so would the others be, each of which is paid."""
    seen = 0
    for result in results:
        if seen < _FIRST:
            judgments = [item for item in result if isinstance(item, Judgment)]
            cut = [item for item in judgments if item.verdict.reason in _NO_ROOM]
            seen = _FIRST if len(cut) < len(judgments) else seen + len(cut)
            if len(cut) == len(judgments) and seen >= _FIRST:
                raise _all_cut_off(judge, cut[-1])
        yield result


def _all_cut_off(judge: Judge, last: Judgment) -> ParamsError:
    tokens = last.replies[-1].request.sampling.max_tokens if last.replies else 0
    key = "letter_tokens" if isinstance(judge, ComparingJudge) else "max_tokens"
    return ParamsError(
        f"the first {_FIRST} judgments of judge {judge.name} were all cut off after {tokens:,} "
        "tokens, before their verdict",
        f"raise {key} of that judge (a model that reasons takes some thousands); `prefline "
        f"judge-try {judge.name}` shows what it says",
    )


def pass_rates(answered: AnsweredPrompts) -> Figures:
    """Return the share of responses that pass their prompt's check, overall, by category and by
    model."""
    passed, prompts = bytearray(), array("q")
    categories, models = array("i"), array("i")
    numbers: dict[str, int] = {}
    rank = answered.rank
    for one in answered.read(answered.verified):
        for row in one.responses:
            passed.append(_passes(one.prompt, answer_of(row)))
            prompts.append(rank[one.number])
            categories.append(numbers.setdefault(one.prompt.category, len(numbers)))
            models.append(numbers.setdefault(row["model"], len(numbers)))
    graded = _Graded(np.frombuffer(passed, bool), np.array(prompts, np.int64))
    rates: Figures = {"all": graded.rate(np.ones(len(passed), bool))}
    for name, codes in (("by_category", categories), ("by_model", models)):
        of_each = np.array(codes, np.int64)
        rates[name] = {
            word: graded.rate(of_each == number)
            for word, number in sorted(numbers.items())
            if (of_each == number).any()
        }
    return rates


def write_plots(folder: Path, metrics: Mapping[str, Any]) -> None:
    """Write for `dvc plots` `figures.csv` (shares by judge), `models.csv` (win rates) and
    `pass_rates.csv`."""
    figures = [
        (f"{name}: {figure.replace('_', ' ')}", judge[figure])
        for name, judge in metrics["judges"].items()
        for figure in _PLOTTED_OF_JUDGES
    ]
    win_rates = [
        (f"{name}: {figure.replace('_', ' ')}", model[figure])
        for name, model in metrics["models"].items()
        for figure in _PLOTTED_OF_MODELS
    ]
    rates = metrics["pass_rate"]["by_category"].items()
    _write_plot(folder / "figures.csv", "figure", figures)
    _write_plot(folder / "models.csv", "model", win_rates)
    _write_plot(folder / "pass_rates.csv", "category", rates)


@dataclass(frozen=True, slots=True)
class _Graded:
    """The checks of n responses: `passed`, and the number of its prompt, (n,) both."""

    passed: Bools
    prompt: Ints

    def rate(self, rows: Bools) -> Figures:
        """Return the share of `rows` (n,) that passed, with its interval."""
        passed = self.passed[rows]
        return ratio(passed, np.ones(len(passed)), self.prompt[rows]).as_dict()


def _passes(prompt: Prompt, answer: str | Sequence[Message]) -> bool:
    assert prompt.verifier is not None
    return check(parse_verifier(prompt.verifier), answer).passed


def _by_principle(own: OwnVerdicts) -> Iterator[tuple[str, Bools]]:
    """Yield the principles, and which rows (n,) are under each: by their ids; where several judges
    apply some, by the judges' names too."""
    judges, applied = own.verdicts.judge, own.principle >= 0
    several = len(np.unique(judges[applied])) > 1
    for number in np.unique(own.principle[applied]).tolist():
        rows, name = own.principle == number, own.principles[number]
        if not several:
            yield name, rows
            continue
        for judge in np.unique(judges[rows]).tolist():
            yield f"{own.names.judges[judge]}: {name}", rows & (judges == judge)


def _own_models(names: Names, params: JudgeParams) -> dict[str, str]:
    """Return the model of each judge whose answers are among those that it judged."""
    return {
        judge.name: judge.endpoint.model
        for judge in params.judges
        if isinstance(judge, ModelJudge)
        and judge.endpoint.model in names.models
        and judge.name in names.judges
    }


def _write_plot(path: Path, name: str, rows: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
    measured = [
        {name: label} | {column: figure[column] for column in _PLOT_COLUMNS}
        for label, figure in rows
        if figure["value"] is not None
    ]
    numbers: list[pa.Field[Any]] = [pa.field(column, pa.float64()) for column in _PLOT_COLUMNS]
    schema = pa.schema([pa.field(name, pa.string()), *numbers])
    pyarrow.csv.write_csv(pa.Table.from_pylist(measured, schema), path)
