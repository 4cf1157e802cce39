"""Stage `judge`: which of two responses is better, says each judge."""

from __future__ import annotations

import pyarrow as pa
from prefect import flow

from flows.as_task import as_task
from flows.leases import prefect_lease
from flows.progress_artifact import progress_artifact
from flows.stage import run_stage
from prefline.engine import open_engine
from prefline.metrics import write_metrics
from prefline.params import read_params
from prefline.progress import Progress
from prefline.project import find_project
from prefline.prompts import read_prompts
from prefline.shards import shards
from prefline.tables import JUDGMENTS, TableWriter, read_table, write_rejections
from tasks.judge import (
    answered_rows,
    attack_figures,
    judge_metrics,
    offer_pairs,
    pairwise_requests,
    pass_rates,
    plan_comparisons,
    unjudged,
    verified_rows,
)


@flow(name="judge")
def judge() -> None:
    """Write `data/judgments`."""
    project = find_project()
    params = read_params(project.params)
    judges, size = params.judge.judges, params.judge.shard_size
    prompts = read_prompts(project.table("prompts"))
    responses = read_table(project.table("responses")).to_pylist()

    offer = offer_pairs(prompts, responses, params.judge)
    plans = [list(plan_comparisons(offer.comparisons, one, params.judge.seed)) for one in judges]
    calls = sum(len(plan) for one, plan in zip(judges, plans, strict=True) if one.endpoint)
    endpoints = [one.endpoint for one in judges if one.endpoint]
    tables, rejected = [JUDGMENTS.empty_table()], list(offer.rejections)

    with (
        prefect_lease(endpoints) as lease,
        # The bundled model's probabilities depend on what it computes beside them.
        open_engine(project, endpoints, params.engine, local_slots=1, lease=lease) as engine,
        Progress("judge", calls, engine) as progress,
        progress_artifact("judge", progress),
    ):
        for one, plan in zip(judges, plans, strict=True):
            if one.endpoint is None:
                tables += [as_task(verified_rows)(one, shard) for shard in shards(plan, size)]
                continue
            outcomes = engine.answer(pairwise_requests(one, plan))
            for shard in shards(zip(plan, outcomes, strict=True), size):
                judgments, failures = as_task(answered_rows)(one, shard)
                tables.append(judgments)
                rejected += failures

    judgments = pa.concat_tables(tables)
    rejected += unjudged(offer.comparisons, judgments)
    figures = {
        "attacks": attack_figures(responses, offer.attacks),
        "judges": judge_metrics(judgments),
        "pass_rate": pass_rates(prompts, responses),
    }
    with TableWriter(project.table("judgments"), JUDGMENTS) as table:
        table.write(judgments)
        write_metrics(table.draft / "metrics.json", figures)
    write_rejections(project.table("rejections"), "judge", rejected)
    progress.say(f"{judgments.num_rows:,} judgments of {len(offer.comparisons):,} pairs")


if __name__ == "__main__":
    run_stage(judge)
