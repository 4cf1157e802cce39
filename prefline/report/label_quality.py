"""Figures of a run's judges beside each other, of its models, and of people's answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from prefline.labeling.quality import label_warnings, verifier_lines

Json = dict[str, Any]
_FEW = 2  # models or judges from which there is something to compare


@dataclass(frozen=True, slots=True)
class LabelQuality:
    """`longer` and `reliability` are rows of {judge, name, value, low, high} for plots;
    `agreement` has {one, other, pairs_kappa, same_verdict} for each two judges and `alpha`
    Krippendorff's of all; `models` are ranked, best first; `principles`, `attacks` and
    `people` hold what was measured of them; `checks` tell in words how right each kind of check
    is. All are empty where nothing was."""

    longer: list[Json]
    reliability: list[Json]
    agreement: list[Json]
    alpha: Json
    models: list[Json]
    principles: list[Json]
    attacks: Json
    people: Json
    warnings: list[str]
    checks: list[str]


def label_quality(judged: Json, audit: Json, paired: Json) -> LabelQuality:
    """From the metrics of `judge`, its whole audit, and the metrics of `pair`."""
    judges = audit.get("judges", {})
    reviews = paired.get("reviews", {})
    return LabelQuality(
        longer=[row for name, one in judges.items() for row in _longer(name, one)],
        reliability=[row for name, one in judges.items() for row in _reliability(name, one)],
        agreement=_agreement(audit.get("agreement", {})),
        alpha=audit.get("krippendorff_alpha", {}),
        models=_ranked(audit.get("models", {})),
        principles=[{"name": name} | one for name, one in audit.get("by_principle", {}).items()],
        attacks=judged.get("attacks", {}),
        people=reviews if reviews.get("n_answers") else {},
        warnings=label_warnings(judged, paired),
        checks=verifier_lines(paired),
    )


def _longer(judge: str, figures: Mapping[str, Any]) -> list[Json]:
    return [
        {"judge": judge, "name": f"{row['from']:.2f} to {row['to']:.2f} times"} | row
        for row in figures.get("by_length", [])
    ]


def _reliability(judge: str, figures: Mapping[str, Any]) -> list[Json]:
    return [
        {"judge": judge, "name": f"said {row['p']:.0%}"} | row
        for row in figures.get("calibration", [])
    ]


def _agreement(found: Mapping[str, Any]) -> list[Json]:
    """Return the two judges that agree most come first; those that share no pair are left out."""
    rows = []
    for names, figures in found.items():
        one, other = names.split("|", 1)
        if figures["pairs_kappa"]["value"] is not None:
            rows.append({"one": one, "other": other} | figures)
    return sorted(rows, key=lambda row: (-row["pairs_kappa"]["value"], row["one"], row["other"]))


def _ranked(models: Mapping[str, Any]) -> list[Json]:
    """Best first; nothing to rank where there is one model, or none was compared."""
    rows = [{"name": name} | figures for name, figures in models.items() if figures["n_pairs"]]
    if len(rows) < _FEW:
        return []
    return sorted(rows, key=lambda row: (-(row["win_rate"]["value"] or 0), row["name"]))
