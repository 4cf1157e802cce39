"""Stage `judge`: which of two responses is better, says each judge."""

from __future__ import annotations

import pyarrow as pa
from prefect import flow

from flows.runtime.model_calls import model_calls
from flows.runtime.stage import as_task, run_stage
from prefline.atomic import atomic_folder
from prefline.audit.own import audit_rows
from prefline.config import read_params
from prefline.project import find_project
from prefline.tables import (
    CANARIES,
    CHARGES,
    JUDGMENTS,
    TableWriter,
    read_table,
    table_from_rows,
    write_for_people,
    write_rejections,
    write_table,
    write_unjudged,
)
from prefline.tables.calls import charged_once
from prefline.tables.metrics import write_metrics
from prefline.tables.prompts import read_prompts
from prefline.tables.shards import shards
from prefline.text import visible
from tasks.judge.attacks import attack_figures
from tasks.judge.batches import Batches
from tasks.judge.canaries import CanaryJob, CanaryRun, canary_warnings
from tasks.judge.jobs import JudgeJob, plan_comparisons, question_hashes, read_context
from tasks.judge.metrics import (
    cut_off_warnings,
    headline,
    invalid_reasons,
    judge_metrics,
    pass_rates,
    refuse_all_cut_off,
    write_plots,
)
from tasks.judge.pairs import select_pairs, unjudged
from tasks.judge.results import judgment_rows
from tasks.judge.self_preference import self_preference_warnings


@flow(name="judge")
def judge() -> None:
    """Write `data/judgments`."""
    project = find_project()
    params = read_params(project.params)
    judges, size = params.judge.judges, params.judge.shard_size
    prompts = read_prompts(project.table("prompts"))
    answers = read_table(project.table("responses"))
    responses = answers.to_pylist()

    pairs = select_pairs(prompts, responses, params.judge)
    contexts = [read_context(one, params.judge, project.root, responses) for one in judges]
    jobs = [
        JudgeJob(one, context, list(plan_comparisons(pairs.comparisons, one, context)))
        for one, context in zip(judges, contexts, strict=True)
    ]
    lengths = {row["response_id"]: len(row["text"]) for row in responses}
    canaries = CanaryRun.of(prompts, params.judge, project.root, project.table("canaries"))
    batches = Batches(params.judge, jobs, lengths, canaries.jobs(jobs))
    endpoints, families = params.judge.endpoints, params.judge.families
    warnings = self_preference_warnings(judges, families, {row["model"] for row in responses})
    tables, rejections = [JUDGMENTS.empty_table()], list(pairs.rejections)
    of_canaries = [JUDGMENTS.empty_table()]

    # One slot, since the bundled model's probabilities depend on what it computes beside them.
    with model_calls(project, "judge", endpoints, params.engine, local_slots=1) as calls:
        engine, progress = calls
        while batch := batches.next(tables):
            progress.total += sum(job.calls for job in batch)
            for job in batch:
                results = refuse_all_cut_off(job.judge, job.collect(engine.converse))
                for shard in shards(results, size):
                    judgments, failed = as_task(judgment_rows)(job.judge, shard)
                    # What is planted never comes among the judgments, and so into no label.
                    (of_canaries if isinstance(job, CanaryJob) else tables).append(judgments)
                    rejections += failed

    for_people = batches.for_people(tables)
    judgments = charged_once(pa.concat_tables(tables), *CHARGES)
    of_runs = canaries.rows(charged_once(pa.concat_tables(of_canaries), *CHARGES))
    found = canaries.figures(of_runs)
    warnings += canary_warnings(found)
    rejections += unjudged(pairs.comparisons, judgments)
    audit = judge_metrics(audit_rows(judgments, prompts, answers), judgments, params.judge)
    invalid = invalid_reasons(judgments)
    warnings += cut_off_warnings(invalid, judges)
    figures = headline(audit) | {
        "asked": question_hashes(judges, contexts),
        "canaries": found,
        "attacks": attack_figures(responses, pairs.attacks),
        "invalid": invalid,
        "for_people": len(for_people),
        "pass_rate": pass_rates(prompts, responses),
        "warnings": warnings,
    }
    with TableWriter(project.table("judgments"), JUDGMENTS) as table:
        table.write(judgments)
    write_table(project.table("canaries"), table_from_rows(of_runs, CANARIES), CANARIES)
    with atomic_folder(project.judge_details) as draft:
        write_metrics(draft / "audit.json", audit)
        write_plots(draft, figures)
        # People may have looked at these: `pair` rejects the others.
        write_unjudged(draft, [one for one in rejections if one.stage == "pair"])
        write_for_people(draft, for_people)
    write_metrics(project.metrics("judge"), figures)
    rejections = [one for one in rejections if one.stage == "judge"]
    write_rejections(project.table("rejections"), "judge", rejections)
    for warning in warnings:
        print(visible(f"judge: {warning}"))
    progress.print_summary(f"{judgments.num_rows:,} judgments of {len(pairs.comparisons):,} pairs")


if __name__ == "__main__":
    run_stage(judge)
