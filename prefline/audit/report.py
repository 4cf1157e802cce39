"""The whole audit of one table of verdicts, as one document."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from prefline.audit.agreement import judge_agreement
from prefline.audit.biases import P_LEAST, bias_figures, by_length, self_preference
from prefline.audit.figures import ECE_BINS, calibration, verdict_figures
from prefline.audit.models import model_figures
from prefline.audit.table import FIRST, SECOND, check_table, read_table
from prefline.audit.verdicts import Names, Verdicts, read_verdicts
from prefline.errors import InputError
from prefline.stats.bootstrap import BLOCKS, RESAMPLES

_NO_CATEGORY = "(none)"


def audit(
    path: Path, *, seed: int = 0, judge_models: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the judge-quality report of a file of recorded verdicts.

    `judge_models` says which model a judge is, where its name is not the model's. Raises
    `InputError` for a table that is not as `docs/audit.md` says.
    """
    return audit_table(read_table(path), path.name, seed=seed, judge_models=judge_models)


def audit_table(
    table: pa.Table,
    name: str,
    *,
    seed: int = 0,
    judge_models: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the report of a table in memory, with the columns of `docs/audit.md`.

    `name` is the table's name in errors and in the report. Raises `InputError` as `audit` does.
    """
    check_table(table, name)
    return audit_verdicts(*read_verdicts(table, name), name, seed=seed, judge_models=judge_models)


def audit_verdicts(
    verdicts: Verdicts,
    names: Names,
    name: str,
    *,
    seed: int = 0,
    judge_models: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the report of verdicts, with the `names` that their numbers stand for; `name` and
    errors are as of `audit_table`."""
    models = _models_of_judges(names, judge_models or {})
    agreement, alpha = judge_agreement(verdicts, names.judges, seed)
    return {
        "table": name,
        "n_verdicts": len(verdicts),
        "n_pairs": len(np.unique(verdicts.pair)),
        "n_clusters": len(np.unique(verdicts.cluster)),
        "gold_conflicts": gold_conflicts(verdicts),
        "settings": {
            "seed": seed, "resamples": RESAMPLES, "blocks": BLOCKS, "level": 0.95,
            "ece_bins": ECE_BINS, "p_least": P_LEAST,
        },
        "judges": {
            judge: _judge_report(verdicts, names, number, models.get(judge), seed)
            for number, judge in enumerate(names.judges)
        },
        "agreement": agreement,
        "krippendorff_alpha": alpha.as_dict(),
        "models": model_figures(verdicts, names.models, seed),
    }  # fmt: skip


def gold_conflicts(verdicts: Verdicts) -> int:
    """Return how many pairs have a gold winner that changes from row to row.

    Above 0, gold is most likely not given in each row's own order.
    """
    rows = np.isin(verdicts.gold, (FIRST, SECOND))
    pairs, place = np.unique(verdicts.pair[rows], return_inverse=True)
    towards = np.bincount(place, verdicts.gold[rows] * verdicts.side[rows], len(pairs))
    return int(np.count_nonzero(np.abs(towards) < np.bincount(place, minlength=len(pairs))))


def _models_of_judges(names: Names, judge_models: Mapping[str, str]) -> dict[str, int]:
    """Return the number of the model that a judge is, for each judge that is one of them."""
    for judge, model in judge_models.items():
        if judge not in names.judges or model not in names.models:
            raise InputError(
                f"the table has no judge {judge!r}, or no responses of {model!r}",
                f"judges: {', '.join(names.judges)}; models: {', '.join(names.models) or 'none'}",
            )
    models = {judge: judge_models.get(judge, judge) for judge in names.judges}
    return {j: names.models.index(m) for j, m in models.items() if m in names.models}


def _judge_report(
    verdicts: Verdicts, names: Names, judge: int, model: int | None, seed: int
) -> dict[str, Any]:
    mine = verdicts.judge == judge
    own = verdicts.where(mine)
    report = _figures(own, seed)
    report |= {name: one.as_dict() for name, one in bias_figures(own, seed).items()}
    if model is not None:
        others = verdicts.where(~mine)
        report["self_preference"] = self_preference(own, others, model, seed).as_dict()
    return report | {
        "by_length": by_length(own, seed),
        "calibration": calibration(own, seed),
        "by_category": _by_category(own, names, seed),
    }


def _by_category(own: Verdicts, names: Names, seed: int) -> dict[str, Any]:
    if not names.categories:
        return {}
    known = (*names.categories, _NO_CATEGORY)  # a missing one is -1: the last
    return {
        known[category]: _figures(own.where(own.category == category), seed)
        for category in np.unique(own.category)
    }


def _figures(own: Verdicts, seed: int) -> dict[str, Any]:
    counts = {"n_pairs": len(np.unique(own.pair)), "n_verdicts": len(own)}
    return counts | {name: one.as_dict() for name, one in verdict_figures(own, seed).items()}
