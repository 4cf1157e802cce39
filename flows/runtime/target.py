"""Drawing prompts until enough preferences pass: `sample.until` of `params.yaml`.

A draw is `dvc repro pair` under a size of its own, so `params.yaml` always says how `data/` was
made. A larger draw holds what a smaller one held (`tasks.sample.draw`), and every reply so far is
in the reply store, so that only what is new is paid for.
"""

from __future__ import annotations

import secrets
from collections import Counter

import orjson
import pyarrow.compute as pc

from flows.runtime import dvc, params_file
from prefline.config import Params, TargetParams, read_params
from prefline.config.environment import name_run, run_name
from prefline.llm.budget import RunSpend
from prefline.project import Project
from prefline.tables import read_table
from prefline.text import visible
from tasks.publish import count_publishable
from tasks.sample.target import ALL, Progress, next_draw, params_of


def reach_target(project: Project, target: TargetParams) -> None:
    """Draw, generate, judge and pair until as many preferences pass as `target` says, or none more
    can; and say which. Raises `WorkflowError` as `dvc.reproduce` does."""
    params = read_params(project.params)
    if target.categories and not params.sample.mix.categories:
        params_file.set_params(project.params, {"sample.mix.categories": target.categories})
    # All draws, and the stages after them, have one spend limit together.
    run = run_name() or secrets.token_hex(8)
    name_run(run)
    draws: list[Progress] = []
    for _ in range(target.max_rounds):
        dvc.reproduce(project.root, "pair")
        params = read_params(project.params)
        limit = params.engine.spend_limit_usd
        left = None if limit is None else limit - RunSpend(project.spend, run).total_usd()
        draws.append(progress_of(project, params, target))
        draw = next_draw(target, draws, left)
        print(visible(f"until: {draw.says}"))
        if draw.prompts is None:
            return
        params_file.set_params(project.params, params_of(draw.prompts))


def progress_of(project: Project, params: Params, target: TargetParams) -> Progress:
    """Return what the tables say of the draws so far."""
    sampled = orjson.loads(project.metrics("sample").read_bytes())
    drawn: Counter[str] = Counter(sampled["categories"])
    passed = count_publishable(project, params)
    exhausted = {short["category"] for short in sampled["too_few"] if short["category"]}
    if not target.categories:
        drawn, passed = Counter({ALL: drawn.total()}), Counter({ALL: passed.total()})
    if not sampled["not_drawn_yet"]:
        exhausted = set(drawn) | set(target.categories)
    paid = (
        read_table(project.table(name), columns=["cost_usd"]) for name in ("responses", "judgments")
    )
    cost = sum(pc.sum(table["cost_usd"]).as_py() or 0.0 for table in paid)
    return Progress(drawn, passed, frozenset(exhausted), cost)
