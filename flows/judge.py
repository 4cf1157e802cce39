"""Stage `judge`: which of two responses is better, says each judge."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from prefect import flow

from flows.runtime.executor import spread_over
from flows.runtime.model_calls import model_calls
from flows.runtime.shard_runs import shard_count, shard_ranges, shards_done
from flows.runtime.stage import as_task, run_stage
from prefline.atomic import atomic_folder
from prefline.config import JudgeParams, Params, read_params
from prefline.llm import Engine
from prefline.llm.progress import Progress
from prefline.project import Project, find_project
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
from prefline.tables.shards import Spread, here, shards
from prefline.text import visible
from prefline.verifiers import require_checks
from tasks.judge.batches import Batches
from tasks.judge.canaries import CanaryRun
from tasks.judge.jobs import JudgeJob
from tasks.judge.methods import JudgedRows
from tasks.judge.metrics import refuse_all_cut_off, write_plots
from tasks.judge.results import judgment_rows
from tasks.judge.run import JudgeRun, part_of_run, prepared

_PLAN = "judge-plan"


@flow(name="judge")
def judge() -> None:
    """Write `data/judgments`."""
    project = find_project()
    params = read_params(project.params)
    section, plan = params.judge, project.shards(_PLAN)
    shutil.rmtree(plan, ignore_errors=True)

    with _spread(params) as spread, prepared(project, section, plan, spread) as run:
        require_checks(prompt.verifier for prompt in run.answered.verified_prompts())
        canaries = _canaries_of(project, section, run)
        batches = Batches(section, run.jobs, run.answered.lengths, canaries.jobs(run.jobs))

        with said(project, params, run, batches) as progress:
            judged = run.write_judgments(project.table("judgments"))
            of_runs = canaries.rows(run.of_canaries())
            for_people = batches.for_people(run.judgments())
            rubrics = run.rubrics()

    of_canaries = canaries.figures(of_runs)
    figures = run.figures(project, section, judged.n_judgments, of_canaries, len(for_people))
    write_table(project.table("canaries"), table_from_rows(of_runs, CANARIES), CANARIES)
    write_table(project.table("rubrics"), rubrics, RUBRICS)
    with atomic_folder(project.judge_details) as details:
        write_metrics(details / "audit.json", figures.audit)
        write_plots(details, figures.headline)
        # People may have looked at these: `pair` rejects the others.
        write_unjudged(details, judged.others(section))
        write_for_people(details, for_people)
    write_metrics(project.metrics("judge"), figures.headline)
    write_drafted_rejections(project.table("rejections"), "judge", run.rejected.path)
    shutil.rmtree(plan)
    for warning in figures.headline["warnings"]:
        print(visible(f"judge: {warning}"))
    progress.print_summary(f"{judged.n_judgments:,} judgments of {len(run.offer.pair_id):,} pairs")


@contextmanager
def said(project: Project, params: Params, run: JudgeRun, batches: Batches) -> Iterator[Progress]:
    """Have everything asked, here or by several processes, as `params.run` says; `run` has what was
    said for as long as the block lasts. Adaptive judging, which goes by all that was said before,
    is done here."""
    ranges = shard_ranges(run.stop, _shard_count(params), unit=1)
    if len(ranges) > 1:
        run.share_plan()
        calls = sum(job.calls for job in batches.next([]))
        models = [endpoint.model for endpoint in params.judge.endpoints]
        also = [project.shards(_PLAN), project.table("canaries")]
        with shards_done(project, "judge", params, ranges, calls, models=models, also=also) as (
            folders,
            progress,
        ):
            run.take(folders)
            yield progress
        return
    with _calls(project, params) as (engine, progress):
        while batch := batches.next(run.judgments()):
            progress.total += sum(job.calls for job in batch)
            _ask(run, batch, engine, params.judge.shard_size)
    yield progress


def _shard_count(params: Params) -> int:
    return 1 if params.judge.adaptive else shard_count(params.run, params.judge.endpoints)


def _spread(params: Params) -> AbstractContextManager[Spread]:
    """Give what looks at responses: as many processes as judge, where several do."""
    return spread_over(params.shards) if _shard_count(params) > 1 else nullcontext(here)


def work_on_range(project: Project, params: Params, start: int, stop: int, folder: Path) -> None:
    """Ask, for `said`, what the run under way asks about the prompts at places `start` to `stop`;
    what is said lies in `folder` then. The first range has the canaries, too."""
    section = params.judge
    with part_of_run(project, section, project.shards(_PLAN), start, stop, folder) as run:
        jobs: list[JudgeJob] = [*run.jobs]
        if start == 0:
            jobs += _canaries_of(project, section, run).jobs(run.whole_jobs())
        with _calls(project, params, sum(job.calls for job in jobs)) as (engine, _):
            _ask(run, jobs, engine, section.shard_size)
        run.write_rubrics()


def _canaries_of(project: Project, section: JudgeParams, run: JudgeRun) -> CanaryRun:
    prompts, earlier = run.answered.verified_prompts(), project.table("canaries")
    return CanaryRun.of(prompts, section, project.root, earlier)


def _calls(
    project: Project, params: Params, total: int = 0
) -> AbstractContextManager[tuple[Engine, Progress]]:
    # One slot, since the bundled model's probabilities depend on what it computes beside them.
    endpoints = params.judge.endpoints
    return model_calls(project, "judge", endpoints, params.engine, total=total, local_slots=1)


def _ask(run: JudgeRun, jobs: Iterable[JudgeJob], engine: Engine, size: int) -> None:
    """Put jobs to their judges, and write what is said as it comes, `size` calls at once."""
    for job in jobs:
        with run.draft(job) as draft:
            if run.leaves_out(job):
                continue
            for judgments, failed in _judged(job, engine, size):
                draft.write(judgments)
                run.rejected.reject(failed)


def _judged(job: JudgeJob, engine: Engine, size: int) -> Iterator[JudgedRows]:
    """Yield what is said in a job: in columns, if nobody is asked for them, or `size` calls at
    once."""
    if (columns := job.columns()) is not None:
        yield from columns
        return
    results = refuse_all_cut_off(job.judge, job.collect(engine.converse))
    for shard in shards(results, size):
        yield as_task(judgment_rows)(job.judge, shard)


if __name__ == "__main__":
    run_stage(judge)
