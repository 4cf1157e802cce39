"""Work on shards comes out in their order, wherever it is done."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.tables.shards import here, in_order, on_processes


def test_processes_give_what_is_given_here_in_the_same_order() -> None:
    numbers, factor = [list(range(n)) for n in range(9)], 7

    def work(shard: list[int]) -> tuple[int, int]:  # a closure, as filters are
        return factor * sum(shard), os.getpid()

    spread = list(on_processes(2)(work, iter(numbers)))
    assert [found for found, _ in spread] == [found for found, _ in here(work, numbers)]
    assert os.getpid() not in {process for _, process in spread}


def test_one_shard_is_worked_on_here() -> None:
    assert list(on_processes(2)(lambda _: os.getpid(), ["one"])) == [os.getpid()]
    assert list(on_processes(2)(lambda _: os.getpid(), [])) == []


def test_what_work_raises_is_raised_here_and_what_came_before_is_given() -> None:
    found = on_processes(2)(lambda n: 6 // n, [3, 2, 0, 1])

    assert [next(found), next(found)] == [2, 3]
    with pytest.raises(ZeroDivisionError):
        next(found)


@given(st.integers(1, 5), st.integers(0, 12))
def test_no_more_shards_are_sent_ahead_than_is_allowed(most: int, count: int) -> None:
    sent: list[int] = []
    taken = 0
    for result in in_order(lambda n: sent.append(n) or n, range(count), most):
        assert result == taken
        taken += 1
        assert len(sent) - taken < most
    assert taken == count


def test_shards_are_read_as_they_are_needed() -> None:
    read: list[int] = []

    def shards() -> Iterator[int]:
        for n in range(10):
            read.append(n)
            yield n

    results = in_order(lambda n: n, shards(), 3)
    assert next(results) == 0
    assert read == [0, 1, 2]
