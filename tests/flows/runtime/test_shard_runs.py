from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.runtime.shard_runs import (
    ShardProcess,
    ShardProject,
    ShardRange,
    ShardRuns,
    StartShard,
    errors_told,
    prompts_per_unit,
    shard_count,
    shard_ranges,
)
from prefline.config import Endpoint, EngineParams, Params, RunParams, ShardParams
from prefline.errors import CallsLost, EndpointDenied, SpendLimitReached, WorkflowError
from prefline.llm.budget import RunSpend


@given(
    prompts=st.integers(0, 5_000),
    shards=st.integers(1, 40),
    per_prompt=st.integers(1, 12),
    size=st.integers(1, 300),
)
@settings(max_examples=100)  # money
def test_ranges_cover_all_prompts_in_order_and_cut_no_group_of_rows(
    prompts: int, shards: int, per_prompt: int, size: int
) -> None:
    ranges = shard_ranges(prompts, shards, prompts_per_unit(per_prompt, size))
    places = [place for one in ranges for place in range(one.start, one.stop)]

    assert places == list(range(prompts))
    assert len(ranges) <= shards
    assert all(one.stop > one.start for one in ranges)
    assert all(one.start * per_prompt % size == 0 for one in ranges)


def test_a_model_of_this_machine_and_one_that_takes_batches_are_asked_by_one_process() -> None:
    plain = Endpoint(base_url="http://somewhere/v1", model="m")
    batch = Endpoint(base_url="http://somewhere/v1", model="m", mode="batch")
    local = Endpoint(base_url="local", model="m")
    counts = [shard_count(RunParams(shards=8), [plain, one]) for one in (plain, batch, local)]

    assert counts == [8, 1, 1]


@dataclass
class Ended:
    """A shard that has ended as soon as it is started."""

    def has_ended(self) -> bool:
        return True

    def stop(self) -> None: ...

    def wait(self, timeout: float) -> None: ...

    def problem(self) -> None: ...


def tell(shard: ShardProject, *, done: int, cached: int, tokens: int, spent_usd: float) -> None:
    """Be a shard that tells how far it is."""
    status = {"stage": "generate", "ended": None, "process": 1, "failed": 0, "failures": []}
    status |= {"done": done, "cached": cached, "tokens": tokens, "spent_usd": spent_usd}
    shard.write_status(status)


class Executor:
    """Shards that each cost so much, end so often without a word, and end by these errors."""

    def __init__(
        self,
        cost_usd: dict[int, float],
        killed: dict[int, int] | None = None,
        errors: dict[int, Exception] | None = None,
    ) -> None:
        self.cost_usd, self.killed, self.errors = cost_usd, killed or {}, errors or {}
        self.limits: list[tuple[int, float | None]] = []

    def __call__(self, shard: ShardProject, run: str, limit_usd: float | None) -> ShardProcess:
        number = shard.range.start
        self.limits.append((number, limit_usd))
        if self.killed.get(number, 0) > 0:
            self.killed[number] -= 1
            bought = 5 * sum(one == number for one, _ in self.limits)
            tell(shard, done=bought, cached=bought - 5, tokens=50, spent_usd=0.5)
            self.cost_usd[number] -= 0.5
            return Ended()
        spent = min(self.cost_usd[number], limit_usd if limit_usd is not None else 1e9)
        RunSpend(shard.spend, run).add(spent)
        self.cost_usd[number] -= spent
        try:
            with errors_told(shard.error):
                if self.cost_usd[number] > 1e-9:
                    raise SpendLimitReached("its share is spent", "-")
                if number in self.errors:
                    raise self.errors[number]
        except (SpendLimitReached, CallsLost, EndpointDenied):
            return Ended()
        shard.folder.mkdir()
        return Ended()


def runs_of(
    root: Path,
    executor: Executor,
    limit_usd: float | None = None,
    start: StartShard | None = None,
    where: Literal["local", "prefect"] = "local",
) -> ShardRuns:
    params = Params.model_construct(
        engine=EngineParams(spend_limit_usd=limit_usd),
        run=RunParams(shards=len(executor.cost_usd), executor=where),
        shards=ShardParams(processes=2),
    )
    shards = [ShardProject(root, "generate", ShardRange(n, n + 1)) for n in executor.cost_usd]
    shards[0].folder.parent.mkdir(parents=True)
    return ShardRuns(params, shards, "run", 0.0, start or executor)


def test_what_others_leave_of_the_limit_goes_to_those_who_need_more(tmp_path: Path) -> None:
    executor = Executor({0: 1.0, 1: 4.0, 2: 0.5})
    runs = runs_of(tmp_path, executor, 6.0)
    runs.run()

    assert executor.limits == [(0, 2.0), (1, 2.0), (2, 2.0), (1, 2.5)]
    assert runs.budget.spent_usd == pytest.approx(5.5)


def test_a_limit_that_does_not_do_for_all_is_never_passed(tmp_path: Path) -> None:
    runs = runs_of(tmp_path, Executor({0: 1.0, 1: 9.0, 2: 2.0}), 6.0)

    with pytest.raises(SpendLimitReached, match=r"limit of \$6: \$6.0000 spent here"):
        runs.run()


def test_what_a_killed_shard_had_spent_counts_and_its_range_is_run_again(tmp_path: Path) -> None:
    executor = Executor({0: 2.0, 1: 1.0}, killed={0: 2})
    runs = runs_of(tmp_path, executor, 6.0)
    runs.run()

    assert [limit for number, limit in executor.limits if number == 0] == [3.0, 2.5, 2.0]
    assert runs.budget.spent_usd == pytest.approx(3.0)


def test_what_an_attempt_bought_that_was_killed_counts_as_bought_by_the_run(tmp_path: Path) -> None:
    runs = runs_of(tmp_path, Executor({0: 2.0, 1: 1.0}, killed={0: 2}))
    runs.run()
    tell(ShardProject(tmp_path, "generate", ShardRange(0, 1)),
         done=15, cached=12, tokens=30, spent_usd=0.3)  # fmt: skip

    assert (runs.stats.done, runs.stats.cached, runs.stats.tokens) == (15, 2, 130)


def test_a_run_says_that_nobody_has_taken_its_shards(tmp_path: Path) -> None:
    said = list[list[str]]()

    class Watched(Ended):
        def has_ended(self) -> bool:
            said.append(runs.batch_status())
            return True

    def start(shard: ShardProject, run: str, limit_usd: float | None) -> ShardProcess:
        shard.folder.mkdir()
        return Watched()

    runs = runs_of(tmp_path, Executor({0: 1.0, 1: 1.0}), start=start, where="prefect")
    runs.run()

    assert said[0][0] == "waiting for a worker: 2 of 2 shards"
    assert "prefect worker start" in said[0][1]
    assert not runs.batch_status()


def test_a_shard_that_is_killed_each_time_ends_the_run(tmp_path: Path) -> None:
    executor = Executor({0: 2.0, 1: 1.0}, killed={0: 9})
    runs = runs_of(tmp_path, executor)
    (tmp_path / ".prefline/shards/generate/000000000-000000001.log").write_text("Killed")

    with pytest.raises(WorkflowError, match=r"ended 3 times before it was done; it said: Killed"):
        runs.run()


def test_an_error_ends_the_run_at_once_and_lost_calls_at_its_end(tmp_path: Path) -> None:
    lost = Executor({0: 1.0, 1: 1.0}, errors={0: CallsLost("3 of 4 calls", "wait")})
    runs = runs_of(tmp_path / "lost", lost)
    with pytest.raises(CallsLost, match="3 of 4 calls"):
        runs.run()
    denied = Executor({0: 1.0, 1: 1.0, 2: 1.0}, errors={0: EndpointDenied("no key", "set it")})
    with pytest.raises(EndpointDenied, match="no key"):
        runs_of(tmp_path / "denied", denied).run()

    assert runs.budget.spent_usd == 2.0
    assert len(denied.limits) == 2
