"""Stage `judge`: which of two responses is better, says each judge."""

from __future__ import annotations

import pyarrow as pa
from prefect import flow

from flows.runtime.progress_artifact import progress_artifact
from flows.runtime.rate_limits import prefect_slots
from flows.runtime.stage import as_task, run_stage
from prefline.config import read_params
from prefline.llm import open_engine
from prefline.llm.progress import Progress
from prefline.project import find_project
from prefline.tables import CHARGES, JUDGMENTS, TableWriter, read_table, write_rejections
from prefline.tables.calls import charged_once
from prefline.tables.metrics import write_metrics
from prefline.tables.prompts import read_prompts
from prefline.tables.shards import shards
from tasks.judge import (
    Asked,
    Waves,
    asked_of,
    attack_figures,
    audited,
    headline,
    judge_metrics,
    judgment_rows,
    kin_warnings,
    offer_pairs,
    pass_rates,
    plan_comparisons,
    read_kit,
    unjudged,
    write_plots,
)


@flow(name="judge")
def judge() -> None:
    """Write `data/judgments`."""
    project = find_project()
    params = read_params(project.params)
    judges, size = params.judge.judges, params.judge.shard_size
    prompts = read_prompts(project.table("prompts"))
    answers = read_table(project.table("responses"))
    responses = answers.to_pylist()

    offer = offer_pairs(prompts, responses, params.judge)
    kits = [read_kit(one, params.judge, project.root, responses) for one in judges]
    asked = [
        Asked(one, kit, list(plan_comparisons(offer.comparisons, one, kit)))
        for one, kit in zip(judges, kits, strict=True)
    ]
    lengths = {row["response_id"]: len(row["text"]) for row in responses}
    waves = Waves(params.judge, asked, lengths)
    endpoints = params.judge.endpoints
    warnings = kin_warnings(judges, params.judge.families, {row["model"] for row in responses})
    tables, rejected = [JUDGMENTS.empty_table()], list(offer.rejections)

    with (
        prefect_slots(endpoints) as acquire_slots,
        # The bundled model's probabilities depend on what it computes beside them.
        open_engine(
            project, endpoints, params.engine, local_slots=1, acquire_slots=acquire_slots
        ) as engine,
        Progress("judge", 0, engine) as progress,
        progress_artifact("judge", progress),
    ):
        while wave := waves.next(tables):
            progress.total += sum(one.calls for one in wave)
            for one in wave:
                for shard in shards(engine.converse(one.hearings()), size):
                    judgments, lost = as_task(judgment_rows)(one.judge, shard)
                    tables.append(judgments)
                    rejected += lost

    judgments = charged_once(pa.concat_tables(tables), *CHARGES)
    rejected += unjudged(offer.comparisons, judgments)
    audit = judge_metrics(audited(judgments, prompts, answers), judgments, params.judge)
    figures = headline(audit) | {
        "asked": asked_of(judges, kits),
        "attacks": attack_figures(responses, offer.attacks),
        "pass_rate": pass_rates(prompts, responses),
        "warnings": warnings,
    }
    with TableWriter(project.table("judgments"), JUDGMENTS) as table:
        table.write(judgments)
        write_metrics(table.draft / "metrics.json", figures)
        write_metrics(table.draft / "audit.json", audit)
        write_plots(table.draft, figures)
    write_rejections(project.table("rejections"), "judge", rejected)
    for warning in warnings:
        print(f"judge: {warning}")
    progress.print_summary(f"{judgments.num_rows:,} judgments of {len(offer.comparisons):,} pairs")


if __name__ == "__main__":
    run_stage(judge)
