from __future__ import annotations

import asyncio
import threading

import pytest

from prefline.llm.replies import commit as commit_module
from prefline.llm.replies.commit import GroupCommit


class Disk:
    """Takes groups down, slowly where `gate` is closed."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.error: Exception | None = None

    def write(self, group: list[int]) -> None:
        assert self.gate.wait(10)
        if self.error:
            raise self.error
        self.groups.append(group)


@pytest.fixture
def disk() -> Disk:
    return Disk()


def test_what_comes_while_a_group_is_written_is_one_group(disk: Disk) -> None:
    commit = GroupCommit(disk.write)

    async def add_all() -> None:
        disk.gate.clear()
        first = asyncio.create_task(commit.add(0))
        await asyncio.sleep(0.05)
        later = [asyncio.create_task(commit.add(n)) for n in range(1, 5)]
        await asyncio.sleep(0)
        assert not first.done()
        disk.gate.set()
        await asyncio.gather(first, *later)

    asyncio.run(add_all())
    commit.close()
    assert disk.groups == [[0], [1, 2, 3, 4]]


def test_where_several_come_at_a_time_those_of_a_moment_are_one_group(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit_module, "_GATHER_S", 0.2)
    commit = GroupCommit(disk.write)

    async def add_all() -> None:
        await asyncio.gather(commit.add(0), commit.add(1))
        waiting = []
        for number in (2, 3, 4):
            waiting.append(asyncio.create_task(commit.add(number)))
            await asyncio.sleep(0.001)
        await asyncio.gather(*waiting)

    asyncio.run(add_all())
    commit.close()
    assert disk.groups == [[0, 1], [2, 3, 4]]


@pytest.mark.parametrize("error", [OSError(5, "I/O"), ValueError("?")], ids=["disk", "any"])
def test_an_error_wakes_all_who_wait_and_the_next_group_is_written(
    disk: Disk, error: Exception
) -> None:
    commit = GroupCommit(disk.write)

    async def add_all() -> None:
        disk.error = error
        told = await asyncio.gather(*(commit.add(n) for n in range(3)), return_exceptions=True)
        assert told == [error] * 3
        disk.error = None
        await commit.add(9)

    asyncio.run(asyncio.wait_for(add_all(), 10))
    commit.close()
    assert disk.groups == [[9]]


def test_one_who_was_cancelled_does_not_break_the_group(disk: Disk) -> None:
    commit = GroupCommit(disk.write)

    async def add_all() -> None:
        disk.gate.clear()
        tasks = [asyncio.create_task(commit.add(n)) for n in range(3)]
        await asyncio.sleep(0.02)
        tasks[1].cancel()
        disk.gate.set()
        await asyncio.gather(tasks[0], tasks[2])
        assert tasks[1].cancelled()

    asyncio.run(add_all())
    commit.close()
    assert disk.groups == [[0, 1, 2]]


def test_what_nobody_waits_for_any_more_is_written_at_the_close(disk: Disk) -> None:
    commit = GroupCommit(disk.write)

    async def leave() -> None:
        disk.gate.clear()
        tasks = [asyncio.create_task(commit.add(0))]
        await asyncio.sleep(0.02)
        tasks.append(asyncio.create_task(commit.add(1)))
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()

    asyncio.run(leave())
    disk.gate.set()
    commit.close()
    assert disk.groups == [[0], [1]]


def test_it_works_in_a_second_loop_where_the_first_ended_in_the_middle(disk: Disk) -> None:
    commit = GroupCommit(disk.write)

    async def leave() -> None:
        disk.gate.clear()
        asyncio.create_task(commit.add(0)).cancel()
        task = asyncio.create_task(commit.add(1))
        await asyncio.sleep(0.02)
        task.cancel()

    asyncio.run(leave())
    disk.gate.set()
    asyncio.run(asyncio.wait_for(commit.add(2), 10))
    commit.close()
    assert sorted(item for group in disk.groups for item in group) == [1, 2]
