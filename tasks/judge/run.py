"""One run of the stage: the tables that it reads, its questions, and the answers so far.

What is said is written as it comes, one draft a job; the table is made of the drafts at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from prefline.audit.own import COLUMNS, own_verdicts
from prefline.config import JudgeParams
from prefline.llm.progress import Steps
from prefline.project import Project
from prefline.tables import (
    CHARGES,
    JUDGMENTS,
    REJECTIONS,
    RUBRICS,
    TableWriter,
    iter_batches,
    table_from_rows,
)
from prefline.tables.answered import StoredAnswers
from prefline.tables.calls import SeenCalls, charged_once
from prefline.tables.draft import Draft, draft_table, read_draft
from prefline.tables.parts import regroup
from prefline.tables.rubrics import rubric_rows
from prefline.tables.shards import Spread, here
from tasks.judge.attacks import attack_figures, scan_attacks
from tasks.judge.canaries import CanaryJob, canary_warnings
from tasks.judge.context import JudgeContext
from tasks.judge.jobs import JudgeJob, question_hashes, read_context
from tasks.judge.methods import method_of
from tasks.judge.methods.checklist import ChecklistJudge
from tasks.judge.metrics import (
    Figures,
    cut_off_warnings,
    headline,
    invalid_reasons,
    judge_metrics,
    pass_rates,
)
from tasks.judge.offer import (
    Judged,
    PairOffer,
    load_offer,
    offer_pairs,
    plan_of,
    save_offer,
)
from tasks.judge.self_preference import self_preference_warnings

_REJECTIONS, _RUBRICS = "rejections.arrow", "rubrics.arrow"


class RunFigures(NamedTuple):
    """The whole audit of a run, and what is compared from run to run."""

    audit: Figures
    headline: Figures


@dataclass(frozen=True, slots=True)
class JudgeRun:
    """The questions to the judges (`jobs`) about the prompts at places `start` to `stop`, and in
    `folder` what has been said so far: a draft a job of judgments or canaries, in the order of the
    jobs, and `rejected`."""

    folder: Path
    answered: StoredAnswers
    contexts: list[JudgeContext]
    offer: PairOffer
    jobs: list[JudgeJob]
    start: int
    stop: int
    rejected: Draft
    warnings: list[str] = field(default_factory=list)
    judged: list[Path] = field(default_factory=list)
    canaries: list[Path] = field(default_factory=list)
    written_rubrics: list[Path] = field(default_factory=list)

    @contextmanager
    def draft(self, job: JudgeJob) -> Iterator[Draft]:
        """Give the draft of what is said in a job. What is planted never comes among the judgments,
        and so into no label."""
        name, drafts = ("canaries", self.canaries) if isinstance(job, CanaryJob) else (
            "judgments", self.judged
        )  # fmt: skip
        with Draft(self.folder / f"{name}-{len(drafts):05d}.arrow", JUDGMENTS) as draft:
            yield draft
        drafts.append(draft.path)

    def leaves_out(self, job: JudgeJob) -> bool:
        """Return whether a job is the first part's alone, and this is another one."""
        return self.start > 0 and method_of(job.judge).needs_whole_plan

    def whole_jobs(self) -> list[JudgeJob]:
        """Return the jobs of the whole run, whatever part of it this is."""
        return [
            replace(job, plan=plan_of(self.answered, self.offer, job.judge)) for job in self.jobs
        ]

    def share_plan(self) -> None:
        """Write down what other processes need to judge a part of the run (`part_of_run`)."""
        save_offer(self.offer, self.folder)

    def take(self, parts: Sequence[Path]) -> None:
        """Take what was said in the parts of the run, which lie in these folders in the order of
        their prompts."""
        numbers = range(len(self.jobs))
        self.judged.extend(
            part / f"judgments-{number:05d}.arrow" for number in numbers for part in parts
        )
        self.canaries.extend(path for part in parts for path in sorted(part.glob("canaries-*")))
        self.written_rubrics.extend(part / _RUBRICS for part in parts)
        for part in parts:
            for batch in read_draft(part / _REJECTIONS):
                self.rejected.write(pa.Table.from_batches([batch]))

    def judgments(self) -> Iterator[pa.Table]:
        """Yield what has been said so far, job by job."""
        return map(draft_table, self.judged)

    def write_judgments(self, folder: Path) -> Judged:
        """Write the table of judgments, and return which pairs were judged."""
        seen, judged = SeenCalls(), Judged(self.offer)
        rows = chain.from_iterable(map(read_draft, self.judged))
        with TableWriter(folder, JUDGMENTS) as table:
            for group in regroup(rows):
                judged.add(group)
                table.write(charged_once(group, seen, *CHARGES))
        return judged

    def figures(
        self,
        project: Project,
        params: JudgeParams,
        n_judgments: int,
        canaries: Figures,
        n_for_people: int,
    ) -> RunFigures:
        """Measure the judges by the table of `n_judgments` judgments; `canaries` are figures of
        these."""
        folder = project.table("judgments")
        batches = iter_batches(folder, columns=[*COLUMNS])
        own = own_verdicts(batches, self.answered, n_judgments)
        audit = judge_metrics(own, params)
        invalid = invalid_reasons(own.invalid)
        warnings = [*self.warnings, *canary_warnings(canaries)]
        warnings += cut_off_warnings(invalid, params.judges)
        return RunFigures(
            audit,
            headline(audit)
            | {
                "asked": question_hashes(params.judges, self.contexts),
                "canaries": canaries,
                "attacks": attack_figures(self.answered.models, self.offer.quarantined),
                "invalid": invalid,
                "for_people": n_for_people,
                "pass_rate": pass_rates(self.answered),
                "warnings": warnings,
            },
        )

    def rubrics(self) -> pa.Table:
        """Return the rubrics by which prompts were judged, those of people and those written."""
        if self.written_rubrics:
            of_parts = pa.concat_tables(map(draft_table, self.written_rubrics))
            by_judge = [
                of_parts.filter(pc.equal(of_parts["judge"], pa.scalar(job.judge.name)))
                for job in self.jobs
            ]
            return pa.concat_tables([RUBRICS.empty_table(), *by_judge])
        ids = self.answered.ids[self.start : self.stop].to_pylist()
        rows = []
        for job in self.jobs:
            if isinstance(job.judge, ChecklistJudge):
                rows += rubric_rows(job.context.material, job.judge.name, ids)
        return table_from_rows(rows, RUBRICS)

    def write_rubrics(self) -> None:
        """Write the rubrics of a part down, for the whole run to take."""
        with Draft(self.folder / _RUBRICS, RUBRICS) as draft:
            draft.write(self.rubrics())

    def of_canaries(self) -> pa.Table:
        """Return what was said of canaries."""
        said = pa.concat_tables([JUDGMENTS.empty_table(), *map(draft_table, self.canaries)])
        return charged_once(said, SeenCalls(), *CHARGES)


@contextmanager
def prepared(
    project: Project, params: JudgeParams, folder: Path, spread: Spread = here
) -> Iterator[JudgeRun]:
    """Look at all responses, choose the pairs, and give the run; `folder` is for its drafts,
    `spread` looks for attacks.

    Raises what reading the tables and the judges' files raises.
    """
    answered = StoredAnswers(project.table("prompts"), project.table("responses"), folder)
    warnings = self_preference_warnings(params.judges, params.families, answered.models)
    contexts = [read_context(one, params, project.root, answered.rows()) for one in params.judges]
    n_prompts = len(answered.ids)
    with Draft(folder / _REJECTIONS, REJECTIONS) as rejected:
        with Steps("judge", "prompts looked at for attacks", n_prompts) as passed:
            attacks = scan_attacks(answered, spread, passed) if params.quarantine else {}
        with Steps("judge", "prompts looked at for pairs", n_prompts) as passed:
            offer = offer_pairs(answered, params, contexts, attacks, rejected.reject, passed)
        jobs = [
            JudgeJob(one, context, plan_of(answered, offer, one))
            for one, context in zip(params.judges, contexts, strict=True)
        ]
        yield JudgeRun(folder, answered, contexts, offer, jobs, 0, n_prompts, rejected, warnings)


@contextmanager
def part_of_run(
    project: Project, params: JudgeParams, plan: Path, start: int, stop: int, folder: Path
) -> Iterator[JudgeRun]:
    """Give the part of a run that is about the prompts at places `start` to `stop`; `plan` is the
    run's folder, `folder` is for the part's drafts."""
    answered = StoredAnswers(project.table("prompts"), project.table("responses"), plan)
    contexts = [
        # Which the first part reads for all.
        JudgeContext() if start > 0 and method_of(one).needs_whole_plan
        else read_context(one, params, project.root, answered.rows())
        for one in params.judges
    ]  # fmt: skip
    offer = load_offer(plan, params.judges)
    jobs = [
        JudgeJob(one, context, plan_of(answered, offer, one, start, stop))
        for one, context in zip(params.judges, contexts, strict=True)
    ]
    with Draft(folder / _REJECTIONS, REJECTIONS) as rejected:
        yield JudgeRun(folder, answered, contexts, offer, jobs, start, stop, rejected)
