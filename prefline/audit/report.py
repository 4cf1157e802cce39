"""The whole audit of one table, as one document."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from prefline.audit.agreement import agreements
from prefline.audit.biases import P_LEAST, bias_figures, self_preference
from prefline.audit.checks import check
from prefline.audit.columns import FIRST, SECOND
from prefline.audit.figures import ECE_BINS, calibration, verdict_figures
from prefline.audit.lengths import by_length
from prefline.audit.models import model_figures
from prefline.audit.read import read_columns
from prefline.audit.verdicts import Names, Verdicts, verdicts_of
from prefline.errors import InputError
from prefline.stats.bootstrap import BLOCKS, RESAMPLES

_NO_CATEGORY = "(none)"


def audit(
    path: Path, *, seed: int = 0, judge_models: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The judge-quality report of a table of recorded verdicts.

    `judge_models` says which model a judge is, where its name is not the model's. Raises
    `InputError` for a table that is not as `docs/audit.md` says.
    """
    return audit_table(read_columns(path), path.name, seed=seed, judge_models=judge_models)


def audit_table(
    table: pa.Table,
    name: str,
    *,
    seed: int = 0,
    judge_models: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The same of a table in memory, with the columns of `docs/audit.md`; `name` is its name in
    errors and in the report."""
    check(table, name)
    seen, names = verdicts_of(table, name)
    known = _judge_models(names, judge_models or {})
    between, alpha = agreements(seen, names.judges, seed)
    return {
        "table": name,
        "n_verdicts": len(seen),
        "n_pairs": len(np.unique(seen.pair)),
        "n_clusters": len(np.unique(seen.cluster)),
        "gold_conflicts": gold_conflicts(seen),
        "settings": {
            "seed": seed, "resamples": RESAMPLES, "blocks": BLOCKS, "level": 0.95,
            "ece_bins": ECE_BINS, "p_least": P_LEAST,
        },
        "judges": {
            name: _judge(seen, names, judge, known.get(name), seed)
            for judge, name in enumerate(names.judges)
        },
        "agreement": between,
        "krippendorff_alpha": alpha.as_dict(),
        "models": model_figures(seen, names.models, seed),
    }  # fmt: skip


def gold_conflicts(seen: Verdicts) -> int:
    """How many pairs have a gold winner that changes from row to row.

    Above 0, gold is most likely not given in each row's own order.
    """
    rows = np.isin(seen.gold, (FIRST, SECOND))
    pairs, place = np.unique(seen.pair[rows], return_inverse=True)
    towards = np.bincount(place, seen.gold[rows] * seen.side[rows], len(pairs))
    return int(np.count_nonzero(np.abs(towards) < np.bincount(place, minlength=len(pairs))))


def _judge_models(names: Names, given: Mapping[str, str]) -> dict[str, int]:
    """The model of each judge that is one."""
    for judge, model in given.items():
        if judge not in names.judges or (model not in names.models):
            raise InputError(
                f"the table has no judge {judge!r}, or no responses of {model!r}",
                f"judges: {', '.join(names.judges)}; models: {', '.join(names.models) or 'none'}",
            )
    models = {judge: given.get(judge, judge) for judge in names.judges}
    return {j: names.models.index(m) for j, m in models.items() if m in names.models}


def _judge(
    seen: Verdicts, names: Names, judge: int, model: int | None, seed: int
) -> dict[str, Any]:
    mine = seen.judge == judge
    own = seen.where(mine)
    found = _figures(own, seed)
    found |= {name: one.as_dict() for name, one in bias_figures(own, seed).items()}
    if model is not None:
        found["self_preference"] = self_preference(own, seen.where(~mine), model, seed).as_dict()
    return found | {
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
