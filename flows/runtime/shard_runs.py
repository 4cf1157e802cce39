"""Running a stage as shards: contiguous ranges of its prompts, each in a process of its own.

The shards share the reply store, whose claims let nobody buy what another is buying, and Prefect's
global limits. The stage's process starts them, shows their progress as one, counts their spend as
one, gives the range of one that was killed to another, and puts what they wrote together in the
order of the prompts, so that tables are byte for byte those of one process.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from math import gcd, inf
from pathlib import Path
from typing import Any, Protocol

import orjson

from flows.runtime.dvc import environment
from flows.runtime.ending import interrupt_signal
from flows.runtime.model_calls import progress_artifact
from prefline import errors
from prefline.atomic import atomic_write
from prefline.config import Endpoint, Params, RunParams
from prefline.errors import CallsLost, PreflineError, SpendLimitReached, WorkflowError
from prefline.llm.budget import SPEND_LIMIT_REMEDY, RunSpend, current_run_id
from prefline.llm.outcome import CallStats
from prefline.llm.progress import Progress
from prefline.llm.run_status import StatusWriter, read_statuses
from prefline.project import Project

SILENT_S = 60.0
"""Seconds after which a shard that tells nothing is taken for dead."""
_LOOK_S = 0.05
_MOST_DEATHS = 3  # of one shard: what kills it so often is not chance
_END_S = 20.0
_LAST_LINES = 10

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, order=True)
class ShardRange:
    """The prompts at places `start` to `stop` of their table."""

    start: int
    stop: int

    def __str__(self) -> str:
        return f"{self.start:09d}-{self.stop:09d}"


def shard_ranges(prompts: int, shards: int, unit: int) -> list[ShardRange]:
    """Cut the prompts into at most so many ranges, about equal, at multiples of `unit`."""
    units = -(-prompts // unit)
    count = max(1, min(shards, units))
    bounds = [min(units * place // count * unit, prompts) for place in range(count + 1)]
    return [ShardRange(*pair) for pair in pairwise(bounds)] if prompts else []


def shard_count(params: RunParams, endpoints: Iterable[Endpoint]) -> int:
    """Return into how many shards a stage with calls to these endpoints is cut: one where a model
    runs on this machine, of which there is to be one, or takes whole batches."""
    alone = any(endpoint.is_local or endpoint.mode == "batch" for endpoint in endpoints)
    return 1 if alone else params.shards


def prompts_per_unit(per_prompt: int, size: int) -> int:
    """Return of how many prompts, with so many items each, a whole number of groups of `size` items
    is: at such a place a table of one process begins a new group, too."""
    return size // gcd(per_prompt, size)


@dataclass(frozen=True)
class ShardProject(Project):
    """The paths of a project for one shard of a stage."""

    stage: str
    range: ShardRange

    def __str__(self) -> str:
        return f"{self.stage} for prompts {self.range.start:,} to {self.range.stop:,}"

    @property
    def folder(self) -> Path:
        """The folder that the shard writes; there once it is done."""
        return self.shards(self.stage) / str(self.range)

    @property
    def status(self) -> Path:
        """The progress of this shard."""
        return self.folder.with_suffix(".status")

    @property
    def error(self) -> Path:
        """The error of the tree by which the shard ended."""
        return self.folder.with_suffix(".error")

    @property
    def log(self) -> Path:
        """The output of the shard's process, or what is known of a worker's."""
        return self.folder.with_suffix(".log")

    def read_status(self) -> Json:
        """Return the shard's progress so far; empty before there is any."""
        return read_statuses(self.status).get(self.stage, {})

    def write_status(self, status: Json) -> None:
        """Take over the progress of a shard of another machine."""
        self.status.mkdir(exist_ok=True)
        with atomic_write(self.status / f"{self.stage}.json") as file:
            file.write(orjson.dumps(status))

    def touch(self) -> None:
        """Note that the shard is alive."""
        self._alive.touch()

    @property
    def silent_s(self) -> float:
        """The seconds since the shard was last known to be alive."""
        return time.time() - self._alive.stat().st_mtime if self._alive.exists() else inf

    @property
    def _alive(self) -> Path:
        return self.folder.with_suffix(".alive")


@contextmanager
def errors_told(path: Path) -> Iterator[None]:
    """Write an error of the tree for the stage's process, where one ends the block."""
    path.unlink(missing_ok=True)
    try:
        yield
    except PreflineError as error:
        with atomic_write(path) as file:
            file.write(orjson.dumps(error_told(error)))
        raise


def error_told(error: PreflineError) -> Json:
    """Return an error as what is written for the stage's process."""
    known = (kind.__name__ for kind in type(error).__mro__ if hasattr(errors, kind.__name__))
    return {"kind": next(known), "problem": error.problem, "remedy": error.remedy}


def _told(path: Path) -> PreflineError | None:
    try:
        told = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    kind: type[PreflineError] = getattr(errors, told["kind"])
    return kind(told["problem"], told["remedy"])


class ShardProcess(Protocol):
    """A shard under way, wherever it is."""

    def has_ended(self) -> bool:
        """Return whether it has ended, in whatever way."""
        ...

    def stop(self) -> None:
        """Tell it to keep what it has paid for, and end."""
        ...

    def wait(self, timeout: float) -> None:
        """Wait for its end; make it end after so many seconds."""
        ...

    def problem(self) -> str | None:
        """Return what went wrong, as far as its executor knows; None for what a second try may
        mend, such as a kill."""
        ...


class LocalShard:
    """A shard in a process of this machine."""

    def __init__(self, shard: ShardProject, run: str, limit_usd: float | None) -> None:
        words = [shard.stage, shard.range.start, shard.range.stop, run]
        limit = [] if limit_usd is None else [repr(limit_usd)]
        with shard.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "flows.shard", *map(str, words), *limit],
                cwd=shard.root, env=environment(), stdin=subprocess.PIPE, stdout=log, stderr=log,
                process_group=0,  # the stage passes a Ctrl-C on, once
            )  # fmt: skip

    def has_ended(self) -> bool:
        """Return whether the process has ended."""
        return self._process.poll() is not None

    def stop(self) -> None:
        """Interrupt it."""
        self._process.send_signal(interrupt_signal())

    def wait(self, timeout: float) -> None:
        """Wait for its end; kill it after so many seconds."""
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()

    def problem(self) -> None:
        """Return None: what such a process says is in its log."""


StartShard = Callable[[ShardProject, str, float | None], ShardProcess]
"""Start a shard whose spend is counted under a name and limited."""


@contextmanager
def executor_of(
    project: Project, stage: str, params: Params, models: Iterable[str], also: Sequence[Path]
) -> Iterator[StartShard]:
    """Give what starts shards, where params say; see `shards_done`.

    Raises `WorkflowError` if they are to be runs of a deployment that there is not.
    """
    if params.run.executor == "local":
        yield LocalShard
        return
    from flows.runtime.shard_workers import on_workers

    with on_workers(project, stage, params, models, also) as start:
        yield start


@dataclass
class ShardsBudget:
    """The spend of the shards and the limit of the run, in USD."""

    limit_usd: float | None
    earlier_usd: float
    spent_usd: float = 0.0

    @property
    def left_usd(self) -> float | None:
        """The USD that may still be spent; None for no limit."""
        if self.limit_usd is None:
            return None
        return max(0.0, self.limit_usd - self.earlier_usd - self.spent_usd)


class ShardRuns:
    """The shards of a stage; to progress and status, an engine that makes all their calls."""

    def __init__(
        self,
        params: Params,
        shards: Sequence[ShardProject],
        run_id: str,
        earlier_usd: float,
        start: StartShard,
    ) -> None:
        self.budget = ShardsBudget(params.engine.spend_limit_usd, earlier_usd)
        self._shards, self._run_id, self._start_process = shards, run_id, start
        self._last: list[Json] | None = None
        self._most = len(shards)  # workers of a pool take as many as they may
        self._executor = params.run.executor
        if self._executor == "local":
            self._most = params.shards.processes or len(os.sched_getaffinity(0))
        self._allowed = dict[ShardProject, float]()
        self._ended_usd = dict.fromkeys(shards, 0.0)
        self._attempts = Counter[ShardProject]()
        self._deaths = Counter[ShardProject]()
        self._earlier = dict[ShardProject, Json]()  # what attempts before the present one told
        self._running = dict[ShardProject, ShardProcess]()

    def run(self) -> None:
        """Run all shards to their ends.

        Raises the error by which one ended, after the others where calls were lost; and
        `SpendLimitReached` where what the others left does not do for one that used up its share.
        """
        lost, short = list[CallsLost](), list(self._shards)
        while short:
            before = self.budget.spent_usd
            self._share_limit(short)
            # Those whose share did not do go on by what the others left of theirs.
            short = self._run_each(short, lost)
            if short and self.budget.spent_usd == before:
                raise self._limit_reached()
        if lost:
            raise lost[0]

    def _run_each(
        self, shards: Sequence[ShardProject], lost: list[CallsLost]
    ) -> list[ShardProject]:
        """Run shards to their ends; return those that have used up their share of the limit."""
        waiting, running = list(shards), self._running
        short = list[ShardProject]()
        try:
            while waiting or running:
                while waiting and len(running) < self._most:
                    shard = waiting.pop(0)
                    running[shard] = self._start(shard)
                for shard in [one for one, process in running.items() if process.has_ended()]:
                    process = running.pop(shard)
                    process.wait(0)
                    error = self._end(shard, process.problem())
                    if isinstance(error, CallsLost):
                        lost.append(error)
                    elif isinstance(error, SpendLimitReached):
                        short.append(shard)
                    elif error is not None:
                        raise error
                    elif not shard.folder.exists():
                        waiting.append(shard)
                self._count_spend(running)
                time.sleep(_LOOK_S)
        finally:
            self._stop(running)
            running.clear()
        return short

    def _stop(self, running: Mapping[ShardProject, ShardProcess]) -> None:
        """Stop shards under way, and take note of what they tell meanwhile."""
        for process in running.values():
            process.stop()
        until = time.monotonic() + _END_S
        while [one for one in running.values() if not one.has_ended()] and time.monotonic() < until:
            self._count_spend(running)
            time.sleep(_LOOK_S)
        for shard, process in running.items():
            process.wait(0)
            self._end(shard, None)
        self._count_spend([])

    def _start(self, shard: ShardProject) -> ShardProcess:
        self._attempts[shard] += 1
        if shard.status.exists():
            self._earlier[shard] = self._status(shard)
            shutil.rmtree(shard.status)
        allowed = self._allowed.get(shard)
        limit = None if allowed is None else max(0.0, allowed - self._ended_usd[shard])
        return self._start_process(shard, self._run_of(shard), limit)

    def _end(self, shard: ShardProject, problem: str | None) -> PreflineError | None:
        """Take note of what an ended shard has spent; return its error, if it is done or told one:
        one that was killed is to be run again, but not for ever."""
        spend = RunSpend(shard.spend, self._run_of(shard)).total_usd()
        # One that was killed has told nothing; its status is a second old at most.
        self._ended_usd[shard] += spend or shard.read_status().get("spent_usd", 0.0)
        if shard.folder.exists():
            return None
        error = _told(shard.error)
        if error is None and problem is not None:
            return WorkflowError(
                f"a worker could not do {shard}: {problem}",
                "mend it where it works, and run the same command again: every reply is kept",
            )
        self._deaths[shard] += error is None
        return _killed_again_and_again(shard) if self._deaths[shard] == _MOST_DEATHS else error

    def _run_of(self, shard: ShardProject) -> str:
        return f"{self._run_id}.{shard.stage}.{shard.range}.{self._attempts[shard]}"

    def _share_limit(self, shards: Sequence[ShardProject]) -> None:
        left = self.budget.left_usd
        if left is not None:
            for shard in shards:
                self._allowed[shard] = self._ended_usd[shard] + left / len(shards)

    def _count_spend(self, running: Iterable[ShardProject]) -> None:
        under_way = sum(shard.read_status().get("spent_usd", 0.0) for shard in running)
        self.budget.spent_usd = sum(self._ended_usd.values()) + under_way

    def _limit_reached(self) -> SpendLimitReached:
        budget = self.budget
        return SpendLimitReached(
            f"the next call could pass the spend limit of ${budget.limit_usd:g}: "
            f"${budget.spent_usd:.4f} spent here, ${budget.earlier_usd:.4f} by earlier stages of "
            "this run",
            SPEND_LIMIT_REMEDY,
        )

    @property
    def stats(self) -> CallStats:
        """The counts of all shards' calls."""
        statuses = self._statuses()
        names = ("done", "cached", "failed", "tokens")
        counts = {name: sum(status[name] for status in statuses) for name in names}
        stats = CallStats(**counts, cost_usd=self.budget.spent_usd)
        for failure in (one for status in statuses for one in status["failures"]):
            kind = failure["model"], failure["reason"]
            stats.failures[kind] += failure["n"]
            stats.details.setdefault(kind, failure["example"])
        return stats

    @property
    def in_flight(self) -> int:
        """The calls under way."""
        return sum(status["in_flight"] for status in self._statuses() if not status["ended"])

    @property
    def retries(self) -> dict[tuple[str, str], int]:
        """The number of tries that ended by a passing fault, by model and reason."""
        found = Counter[tuple[str, str]]()
        for one in (one for status in self._statuses() for one in status["retries"]):
            found[one["model"], one["reason"]] += one["n"]
        return found

    def batch_status(self) -> list[str]:
        """Return what is to be said of batches, and of shards that nobody has taken yet."""
        statuses = self._statuses()
        lines = [line for status in statuses for line in status["batches"]]
        submitted = list(self._running)
        waiting = sum(not shard.read_status() for shard in submitted)
        if waiting and self._executor != "local":
            lines.append(f"waiting for a worker: {waiting} of {len(submitted)} shards")
        if waiting and not statuses and self._executor == "prefect":
            lines.append("`prefect worker start --pool prefline` starts one")
        return lines

    def keep_stats(self) -> None:
        """Go on telling what there is to tell now, when the shards' folders are gone."""
        self._last = self._statuses()

    def _statuses(self) -> list[Json]:
        if self._last is not None:
            return self._last
        return [status for shard in self._shards if (status := self._status(shard))]

    def _status(self, shard: ShardProject) -> Json:
        """Return what a shard tells; the calls of earlier attempts, which it finds in the reply
        store, count as this run's."""
        status, earlier = shard.read_status(), self._earlier.get(shard)
        if earlier is None:
            return status
        if not status:
            return earlier | {"in_flight": 0}
        fresh = sum(one["done"] - one["cached"] - one["failed"] for one in (status, earlier))
        done = max(status["done"], earlier["done"])
        return status | {
            "done": done,
            "cached": max(0, done - fresh - status["failed"]),
            "tokens": status["tokens"] + earlier["tokens"],
        }


def _killed_again_and_again(shard: ShardProject) -> WorkflowError:
    log = shard.log.read_text("utf-8", "replace") if shard.log.exists() else ""
    said = log.splitlines()[-_LAST_LINES:]
    return WorkflowError(
        f"the process of {shard} was ended {_MOST_DEATHS} times before it was done; it said: "
        + (" / ".join(said) or "nothing"),
        "see what ends it (`dmesg` names what was killed for memory), lower run.shards or "
        "shards.processes, and run the same command again: every reply is kept",
    )


@contextmanager
def shards_done(
    project: Project,
    stage: str,
    params: Params,
    ranges: Sequence[ShardRange],
    total: int,
    *,
    models: Iterable[str],
    also: Sequence[Path] = (),
) -> Iterator[tuple[list[Path], Progress]]:
    """Run the ranges of a stage, whose calls are `total`, to these models; give the folders that
    they have written, in their order, for as long as the block lasts. They read what `dvc.yaml`
    says, and `also` what lies there.

    Raises the error by which a shard ended, `SpendLimitReached`, and `WorkflowError` for one that
    was killed again and again.
    """
    shutil.rmtree(project.shards(stage), ignore_errors=True)
    project.shards(stage).mkdir(parents=True)
    run_id = current_run_id()
    spend = RunSpend(project.spend, run_id)
    shards = [ShardProject(project.root, stage, part) for part in ranges]
    with executor_of(project, stage, params, models, also) as start:
        runs = ShardRuns(params, shards, run_id, spend.total_usd(), start)
        with (
            Progress(stage, total, runs) as progress,
            StatusWriter(project.status, stage, progress, runs),
            progress_artifact(stage, progress),
        ):
            try:
                runs.run()
            finally:
                spend.add(runs.budget.spent_usd)
        runs.keep_stats()
    yield [shard.folder for shard in shards], progress
    shutil.rmtree(project.shards(stage))
