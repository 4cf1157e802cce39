"""Canaries: pairs of planted truth among those that judges are asked about, never published.

They are the same from run to run, and asked anew in each, since a stored reply says nothing of the
model of today: a request's sample index, which is in its key in the reply store, names the run. A
run that was interrupted goes on with the replies that it has. So a judge whose provider has
quietly put another model behind its name shows in the first run after.

Truth comes from judged examples, and from prompts whose check names the right answer (`exact`,
`numeric`): that answer beside one that is right for another prompt and fails here.

**Alarm.** Two comparisons, each of which a judge that has not changed fails with at most half of
the chance `alarm`: with the last run, pair by pair (McNemar's exact test of pairs right before and
wrong now against the other way round); and with all earlier runs together, by Fisher's exact test,
which the same pairs in every run make conservative.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from prefline.config import ModelJudge
from prefline.config.judge import CanaryParams, JudgeParams
from prefline.errors import ParamsError
from prefline.ids import content_hash, content_id
from prefline.llm import Outcome, Request
from prefline.sources import watched_file
from prefline.tables.prompts import Prompt
from prefline.verifiers import Verifier, check, parse_verifier
from tasks.judge.comparisons import Comparison, Response, pairs_in
from tasks.judge.context import read_examples
from tasks.judge.jobs import JudgeJob, plan_comparisons
from tasks.judge.results import JudgeResult, JudgeTask

if TYPE_CHECKING:
    import pyarrow as pa

_APART = 100_000  # sample indices between two runs: more than any judge has votes
_HALF = 0.5

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Canary:
    """A comparison whose better response is known: `truth` is "first" or "second"."""

    comparison: Comparison
    truth: Literal["first", "second"]


@dataclass(frozen=True, slots=True)
class CanaryJob(JudgeJob):
    """Canaries put to a judge in the run of this number."""

    run: int = 0

    def tasks(self) -> Iterator[JudgeTask]:
        """Yield the conversations, every request with a key of this run's own."""
        for task in JudgeJob.tasks(self):
            yield _anew(task, (self.run + 1) * _APART)


@dataclass(frozen=True, slots=True)
class CanaryRun:
    """The canaries of one run: those `planted`, and the rows of `canaries` of `earlier` runs."""

    params: CanaryParams | None
    planted: Sequence[Canary]
    earlier: Sequence[Mapping[str, Any]]

    @classmethod
    def of(
        cls, prompts: Iterable[Prompt], params: JudgeParams, root: Path, folder: Path
    ) -> CanaryRun:
        """Return the canaries that params ask for; `folder` has the table of earlier runs.

        Raises as `make_canaries` does.
        """
        from prefline.tables import read_table

        made = any(folder.glob("part-*.parquet"))
        earlier = read_table(folder).to_pylist() if made else []
        if params.canaries is None:
            return cls(None, [], earlier)
        planted = make_canaries(prompts, params.canaries, root, params.seed)
        return cls(params.canaries, planted, earlier)

    @property
    def number(self) -> int:
        """The number of this run."""
        return 1 + max((int(row["run"]) for row in self.earlier), default=-1)

    def jobs(self, jobs: Iterable[JudgeJob]) -> list[CanaryJob]:
        """Return what the judges of these jobs are asked."""
        if self.params is None:
            return []
        return canary_jobs(jobs, self.planted, self.params, self.number)

    def rows(self, judgments: pa.Table) -> list[Mapping[str, Any]]:
        """Return the rows of `canaries` once these judgments of canaries were made."""
        return [*self.earlier, *canary_rows(judgments, self.planted, self.number)]

    def figures(self, rows: Sequence[Mapping[str, Any]]) -> Figures:
        """Return each judge's figures, from all rows of `canaries`."""
        return canary_figures(rows, self.number, self.params.alarm) if self.params else {}


def make_canaries(
    prompts: Iterable[Prompt], params: CanaryParams, root: Path, seed: int
) -> list[Canary]:
    """Return all canaries that there are, in an order drawn by hash.

    Raises `ParamsError` if there is none, `InputError` for a bad file of examples.
    """
    canaries = list(_of_examples(params, root)) + (
        list(_of_checks(prompts, seed)) if params.verified else []
    )
    if not canaries:
        raise ParamsError(
            "judge.canaries: there is no pair of known truth",
            "give judged examples (judge.canaries.examples), or sample prompts whose check is of "
            "the kind exact or numeric",
        )
    return sorted(canaries, key=lambda each: content_hash(["canary", each.comparison.pair_id]))


def canary_jobs(
    jobs: Iterable[JudgeJob], canaries: Sequence[Canary], params: CanaryParams, run: int
) -> list[CanaryJob]:
    """Return the canaries that each model judge is asked about in the run of this number.

    A share of its pairs, the first of the draw, so that a judge meets the same in every run.
    """
    drawn = [each.comparison for each in canaries]
    found = []
    for job in jobs:
        if isinstance(job.judge, ModelJudge):
            size = max(params.min_pairs, math.ceil(params.share * pairs_in(job.plan)))
            every = job.judge.model_copy(update={"max_pairs": None})
            plan = list(plan_comparisons(drawn[:size], every, job.context))
            found.append(CanaryJob(job.judge, job.context, plan, run))
    return found


def canary_rows(judgments: pa.Table, canaries: Iterable[Canary], run: int) -> list[dict[str, Any]]:
    """Return the rows of `canaries` for judgments of them, the truth in the row's own order."""
    better = {_better(each) for each in canaries}
    return [
        row | {"run": run, "gold": "first" if row["first_id"] in better else "second"}
        for row in judgments.to_pylist()
    ]


def canary_figures(rows: Sequence[Mapping[str, Any]], run: int, alarm: float) -> Figures:
    """Return each judge's accuracy on canaries in this run, over earlier ones, and whether it fell.

    `rows` are those of `canaries`, of this and all earlier runs.
    """
    figures: Figures = {}
    for judge in sorted({row["judge"] for row in rows if row["run"] == run}):
        by_run = _scores([row for row in rows if row["judge"] == judge])
        figures[judge] = _figures_of(by_run, run, alarm) | {
            "cost_usd": sum(
                row["cost_usd"] or 0.0
                for row in rows
                if row["judge"] == judge and row["run"] == run
            )
        }
    return figures


def canary_warnings(figures: Mapping[str, Any]) -> list[str]:
    """Return a warning for each judge that fell."""
    return [
        f"{judge} is right on {one['accuracy']:.0%} of {one['n']} pairs of planted truth, and was "
        f"on {one['before']:.0%} in earlier runs (chance {one['chance']:.1g} if nothing changed): "
        "the model behind its name may be another one; look at data/canaries, and judge its pairs "
        "again by a judge that you trust"
        for judge, one in figures.items()
        if one["fell"]
    ]


def _figures_of(by_run: Mapping[int, Mapping[str, float]], run: int, alarm: float) -> Figures:
    from scipy.stats import binomtest, fisher_exact

    now = by_run[run]
    earlier = {number: scores for number, scores in by_run.items() if number < run}
    chance, before = 1.0, None
    if earlier:
        last = earlier[max(earlier)]
        both = now.keys() & last.keys()
        fell = sum(last[pair] > now[pair] for pair in both)
        rose = sum(last[pair] < now[pair] for pair in both)
        paired = binomtest(fell, fell + rose, alternative="greater").pvalue if fell + rose else 1.0
        scores = [score for of_run in earlier.values() for score in of_run.values()]
        table = [_right_and_wrong(list(now.values())), _right_and_wrong(scores)]
        pooled = float(fisher_exact(table, alternative="less").pvalue)
        chance, before = min(1.0, 2 * min(paired, pooled)), sum(scores) / len(scores)
    return {
        "n": len(now),
        "accuracy": sum(now.values()) / len(now),
        "before": before,
        "runs_before": len(earlier),
        "chance": chance,
        "fell": chance < alarm,
    }


def _right_and_wrong(scores: Sequence[float]) -> list[int]:
    right = sum(score > _HALF for score in scores)
    return [right, len(scores) - right]


def _scores(rows: Iterable[Mapping[str, Any]]) -> dict[int, dict[str, float]]:
    """Return the share of right verdicts on each pair by run; a tie counts one half."""
    said: dict[int, dict[str, list[float]]] = {}
    for row in rows:
        pair = " ".join(sorted((row["first_id"], row["second_id"])))
        score = _HALF if row["verdict"] == "tie" else float(row["verdict"] == row["gold"])
        said.setdefault(row["run"], {}).setdefault(pair, []).append(score)
    return {
        run: {pair: sum(scores) / len(scores) for pair, scores in pairs.items()}
        for run, pairs in said.items()
    }


def _better(canary: Canary) -> str:
    comparison = canary.comparison
    return (comparison.first if canary.truth == "first" else comparison.second).response_id


def _of_examples(params: CanaryParams, root: Path) -> Iterator[Canary]:
    if params.examples is None:
        return
    for example in read_examples(watched_file(root, params.examples, "data/examples")):
        first, second = example.comparison.first.text, example.comparison.second.text
        if example.verdict == "first":
            yield _canary(example.comparison.prompt, first, second)
        elif example.verdict == "second":
            yield _canary(example.comparison.prompt, second, first)


def _of_checks(prompts: Iterable[Prompt], seed: int) -> Iterator[Canary]:
    """Yield the right answer of each prompt beside one that is right for another and fails here."""
    known = [
        (prompt, verifier, answer)
        for prompt in sorted(prompts, key=lambda prompt: prompt.prompt_id)
        if prompt.verifier is not None
        for verifier in [parse_verifier(prompt.verifier)]
        for answer in [_right_answer(verifier)]
        if answer is not None and check(verifier, answer).passed
    ]
    for at, (prompt, verifier, answer) in enumerate(known):
        start = int(content_hash(["wrong", seed, prompt.prompt_id]), 16)
        for step in range(len(known)):
            other = known[(start + at + step) % len(known)]
            if other[1].kind == verifier.kind and not check(verifier, other[2]).passed:
                yield _canary(prompt, answer, other[2])
                break


def _right_answer(verifier: Verifier) -> str | None:
    if verifier.kind == "exact":
        return str(verifier.answers[0])  # type: ignore[attr-defined]
    if verifier.kind == "numeric":
        return f"{verifier.value:g}"  # type: ignore[attr-defined]
    return None


def _canary(prompt: Prompt, better: str, worse: str) -> Canary:
    """Return the two in an order drawn by hash, under ids that no pair of the run has."""
    prompt = replace(prompt, prompt_id=content_id("canary", prompt.prompt_id))
    right, wrong = (
        Response(content_id("canary", prompt.prompt_id, text), text, "stop")
        for text in (better, worse)
    )
    if right.response_id < wrong.response_id:
        return Canary(Comparison(prompt, right, wrong), "first")
    return Canary(Comparison(prompt, wrong, right), "second")


def _anew(task: JudgeTask, offset: int) -> JudgeTask:
    """Return the same conversation with the sample index of every request raised by `offset`."""
    try:
        request: Request = next(task)
        while True:
            raised = replace(request, sample_index=request.sample_index + offset)
            outcome: Outcome = yield raised
            request = task.send(outcome)
    except StopIteration as end:
        result: JudgeResult = end.value
        return result
