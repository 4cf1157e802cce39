"""The measures of a round from the files that its stages wrote, and the strength of its judge.

A judge at chance on pairs of the policy's own outputs gives labels without information: chosen
and rejected are then drawn, and training on them moves the policy at random or wherever the
judge's biases lead. That happens as the policy gets better: judges are near chance on hard pairs
written by strong models (JudgeBench, Tan et al. 2024, arXiv 2410.12784), and self-improvement
levels off where judging is no longer ahead of generating (Song et al. 2024, arXiv 2412.02674).

The threshold. Of labels that are right with chance a, n are worth n (2a - 1)^2 clean ones: the
error of a policy trained on n preferences that are flipped with chance e = 1 - a falls as
1 / ((1 - 2e) sqrt(n)) (Chowdhury, Kini and Natarajan 2024, arXiv 2403.00409). `NEEDED` is 0.55:
there a hundred labels are worth one, so that what a round of hundreds or thousands of pairs
teaches cannot be told from noise. A value above it is not enough, its whole interval must be.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import orjson
import pyarrow.compute as pc

from prefline.project import Project
from prefline.stats.bootstrap import Figure, ratio
from prefline.tables import read_table
from prefline.tables.rejections import rejections_part
from tasks.improve.record import Round


def measure_round(project: Project, number: int, policy: str) -> Round:
    """Return the row of a round whose stages have all run; `policy` wrote the judged responses."""
    release = _json(project.release)
    figures = _json(project.table("evaluation") / "metrics.json")
    return Round(
        number=number,
        dataset=f"{release['store']}/{release['dataset']}",
        version=release["version"],
        model=figures["model"],
        policy=policy,
        cost_usd=_cost(project, figures),
        judge=judge_accuracy(project),
        **_policy_measures(project, figures, "tuned", "policy"),
    )


def measure_start(project: Project, policy: str) -> Round:
    """Return round 0, the policy that everything started from, from the first round's evaluation.

    Nothing was trained for it.
    """
    release = _json(project.release)
    figures = _json(project.table("evaluation") / "metrics.json")
    return Round(
        number=0,
        dataset=f"{release['store']}/{release['dataset']}",
        version=0,
        model=policy,
        policy=policy,
        **_policy_measures(project, figures, "base", "other"),
    )


def judge_accuracy(project: Project) -> Figure | None:
    """Return the accuracy of the best model judge on pairs of the policy's own outputs.

    On those pairs that a check decides; None where no such judge has a verdict on them.
    """
    judges = _json(project.metrics("judge"))["judges"]
    figures = [Figure(**judge["accuracy_per_order"]) for judge in judges.values()
               if judge.get("accuracy_per_order", {}).get("low") is not None]  # fmt: skip
    return max(figures, key=lambda figure: figure.low or 0.0, default=None)


def _policy_measures(
    project: Project, figures: dict[str, Any], name: str, side: str
) -> dict[str, Any]:
    """Return the measures of one policy: outcomes by prompt, length and diversity."""
    outcomes = _json(project.table("evaluation") / "outcomes.json")
    drift = figures["drift"]["base"]
    return {
        "gold": outcomes[name]["seen"],
        "unseen": outcomes[name]["unseen"],
        "proxy": outcomes["proxy"].get(name, {}),
        "wins": outcomes["wins"] if name == "tuned" else {},
        "mean_length": drift["characters"][side]["value"] or 0.0,
        "distinct": drift["diversity"][side]["value"] or 0.0,
    }


def _cost(project: Project, figures: dict[str, Any]) -> float:
    """Return the USD that a round's replies cost, whenever they were paid for."""
    paths = [project.table("responses"), project.table("judgments")]
    rejected = rejections_part(project.table("rejections"), "generate")
    if rejected.is_file():  # some of it is paid for all the same
        paths.append(rejected)
    tables = (read_table(path, columns=["cost_usd"]) for path in paths)
    spent = sum(pc.sum(table["cost_usd"]).as_py() or 0.0 for table in tables)
    return float(spent + figures["cost_usd"])


def _json(path: Path) -> Any:
    return orjson.loads(path.read_bytes())


NEEDED = 0.55
Strength = Literal["stronger", "unclear", "not_stronger"]


def measure_judge(right: Sequence[float], prompts: Sequence[str]) -> Figure:
    """Return the judge's accuracy, with a 95 % interval by prompt (cluster bootstrap).

    For each pair of the policy's own outputs that a check decides: `right` 1, 0, or 0.5
    for no preference; and the prompt it belongs to. Both have one entry a pair.
    """
    # Whatever order the pairs come in, the draws must fall on the same prompts.
    order = sorted(range(len(right)), key=lambda pair: (prompts[pair], right[pair]))
    return ratio(
        [right[pair] for pair in order], [1.0] * len(order), [prompts[pair] for pair in order]
    )


def judge_strength(judge: Figure | None, needed: float = NEEDED) -> Strength:
    """Return `stronger` if the whole interval is above `needed` (0.5 at least).

    `not_stronger` if none of it is, `unclear` otherwise and where nothing was measured.
    """
    if judge is None or judge.low is None or judge.high is None:
        return "unclear"
    bar = max(needed, 0.5)
    if judge.low > bar:
        return "stronger"
    return "not_stronger" if judge.high <= bar else "unclear"
