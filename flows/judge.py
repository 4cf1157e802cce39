"""Stage `judge`: which of two responses is better, says each judge."""

from __future__ import annotations

import shutil

from prefect import flow

from flows.runtime.model_calls import model_calls
from flows.runtime.stage import as_task, run_stage
from prefline.atomic import atomic_folder
from prefline.config import read_params
from prefline.project import find_project
from prefline.tables import (
    CANARIES,
    RUBRICS,
    table_from_rows,
    write_for_people,
    write_table,
    write_unjudged,
)
from prefline.tables.metrics import write_metrics
from prefline.tables.rejections import write_drafted_rejections
from prefline.tables.shards import shards
from prefline.text import visible
from prefline.verifiers import require_checks
from tasks.judge.batches import Batches
from tasks.judge.canaries import CanaryRun
from tasks.judge.metrics import refuse_all_cut_off, write_plots
from tasks.judge.results import judgment_rows
from tasks.judge.run import prepared


@flow(name="judge")
def judge() -> None:
    """Write `data/judgments`."""
    project = find_project()
    params = read_params(project.params)
    section, drafts = params.judge, project.shards("judge")
    shutil.rmtree(drafts, ignore_errors=True)

    with prepared(project, section, drafts) as run:
        require_checks(prompt.verifier for prompt in run.answered.verified_prompts())
        canaries = CanaryRun.of(
            run.answered.verified_prompts(), section, project.root, project.table("canaries")
        )
        batches = Batches(section, run.jobs, run.answered.lengths, canaries.jobs(run.jobs))

        # One slot, since the bundled model's probabilities depend on what it computes beside them.
        with model_calls(
            project, "judge", section.endpoints, params.engine, local_slots=1
        ) as calls:
            engine, progress = calls
            while batch := batches.next(run.judgments()):
                progress.total += sum(job.calls for job in batch)
                for job in batch:
                    results = refuse_all_cut_off(job.judge, job.collect(engine.converse))
                    with run.draft(job) as draft:
                        for shard in shards(results, section.shard_size):
                            judgments, failed = as_task(judgment_rows)(job.judge, shard)
                            draft.write(judgments)
                            run.rejected.reject(failed)

    judged = run.write_judgments(project.table("judgments"))
    of_runs = canaries.rows(run.of_canaries())
    for_people = batches.for_people(run.judgments())
    said = canaries.figures(of_runs)
    figures = run.figures(project, section, judged.n_judgments, said, len(for_people))
    write_table(project.table("canaries"), table_from_rows(of_runs, CANARIES), CANARIES)
    write_table(project.table("rubrics"), run.rubrics(), RUBRICS)
    with atomic_folder(project.judge_details) as details:
        write_metrics(details / "audit.json", figures.audit)
        write_plots(details, figures.headline)
        # People may have looked at these: `pair` rejects the others.
        write_unjudged(details, judged.others(section))
        write_for_people(details, for_people)
    write_metrics(project.metrics("judge"), figures.headline)
    write_drafted_rejections(project.table("rejections"), "judge", run.rejected.path)
    shutil.rmtree(drafts)
    for warning in figures.headline["warnings"]:
        print(visible(f"judge: {warning}"))
    progress.print_summary(f"{judged.n_judgments:,} judgments of {len(run.offer.pair_id):,} pairs")


if __name__ == "__main__":
    run_stage(judge)
