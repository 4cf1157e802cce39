"""What a round found, from the files that its stages wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pyarrow.compute as pc

from prefline.project import Project
from prefline.stats.bootstrap import Figure
from prefline.tables import read_table
from tasks.improve.record import Round


def measured(project: Project, number: int, policy: str) -> Round:
    """The row of a round whose stages have all run; `policy` is whose responses were judged."""
    release = _json(project.release)
    figures = _json(project.table("evaluation") / "metrics.json")
    return Round(
        number=number,
        dataset=f"{release['store']}/{release['dataset']}",
        version=release["version"],
        model=figures["model"],
        policy=policy,
        cost_usd=_cost(project, figures),
        judge=judge_of(project),
        **_of(project, figures, "tuned", "policy"),
    )


def begun_with(project: Project, policy: str) -> Round:
    """Round 0, the policy that everything started from, from the evaluation of the first round:
    nothing was trained for it."""
    release = _json(project.release)
    figures = _json(project.table("evaluation") / "metrics.json")
    return Round(
        number=0,
        dataset=f"{release['store']}/{release['dataset']}",
        version=0,
        model=policy,
        policy=policy,
        **_of(project, figures, "base", "other"),
    )


def judge_of(project: Project) -> Figure | None:
    """How often the best of the judges that are models is right on pairs of the policy's own
    outputs that a check decides; None where no such judge said anything of them."""
    judges = _json(project.metrics("judge"))["judges"]
    figures = [Figure(**one["accuracy_per_order"]) for one in judges.values()
               if one.get("accuracy_per_order", {}).get("low") is not None]  # fmt: skip
    return max(figures, key=lambda one: one.low or 0.0, default=None)


def _of(project: Project, figures: dict[str, Any], who: str, side: str) -> dict[str, Any]:
    """What was measured of one policy: outcomes by prompt, length and diversity."""
    outcomes = _json(project.table("evaluation") / "outcomes.json")
    beside = figures["drift"]["base"]
    return {
        "gold": outcomes[who]["seen"],
        "unseen": outcomes[who]["unseen"],
        "proxy": outcomes["proxy"].get(who, {}),
        "wins": outcomes["wins"] if who == "tuned" else {},
        "mean_length": beside["characters"][side]["value"] or 0.0,
        "distinct": beside["diversity"][side]["value"] or 0.0,
    }


def _cost(project: Project, figures: dict[str, Any]) -> float:
    """USD that a round's replies cost, whenever they were paid for."""
    tables = (read_table(project.table(name)) for name in ("responses", "judgments"))
    spent = sum(pc.sum(table["cost_usd"]).as_py() or 0.0 for table in tables)
    return float(spent + figures["cost_usd"])


def _json(path: Path) -> Any:
    return orjson.loads(path.read_bytes())
