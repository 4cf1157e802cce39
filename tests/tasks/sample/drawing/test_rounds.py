from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.config import SampleParams
from prefline.errors import InputError
from prefline.tables import DRAWN, TableWriter
from prefline.tables.prompts import Prompt
from tasks.sample.draw import Ledger, draw_round, ledger_tables, read_ledger
from tests.tasks.sample.urns import params, prompts, urn_of

EVERY = prompts(40)


def rounds(
    every: list[Prompt], numbers: range, ledger: Ledger, given_params: SampleParams
) -> dict[int, set[int]]:
    """What each round draws, noted in the ledger or not."""
    urn = urn_of(every, given_params.seed)
    found = {
        number: draw_round(urn, given_params.model_copy(update={"round": number}), ledger).places
        for number in numbers
    }
    return {number: set(urn.tickets.ids[places].tolist()) for number, places in found.items()}


@given(st.integers(1, 20), st.integers(0, 5), st.booleans())
def test_no_prompt_is_drawn_twice(size: int, seed: int, mixed: bool) -> None:
    mix = {"categories": {"x": 0.5, "y": 0.5}} if mixed else {}
    there = 26 if mixed else 40
    count = -(-there // size) if not mixed else max(1, 26 // (2 * size))
    found = rounds(EVERY, range(count), {}, params(size, mix=mix, seed=seed))

    assert sum(map(len, found.values())) == len(set.union(*found.values()))
    assert all(len(one) == size for one in list(found.values())[:-1])


def test_a_round_without_a_ledger_is_the_one_with_the_ledger_of_the_same_sources() -> None:
    given_params, ledger = params(7), dict[int, np.ndarray]()
    for number in range(5):
        found = rounds(EVERY, range(number, number + 1), ledger, given_params)[number]
        assert found == rounds(EVERY, range(number, number + 1), {}, given_params)[number]
        ledger[number] = np.array(sorted(found), np.uint64)


@given(st.integers(0, 30), st.integers(1, 9), st.integers(0, 3))
def test_what_was_drawn_is_not_drawn_again_when_sources_sizes_or_seeds_change(
    more: int, size: int, seed: int
) -> None:
    before = rounds(EVERY, range(2), {}, params(10))
    ledger = {number: np.array(sorted(ids), np.uint64) for number, ids in before.items()}
    after = rounds(prompts(40 + more), range(2, 3), ledger, params(size, seed=seed))[2]

    assert len(after) == size
    assert not after & (before[0] | before[1])


def test_the_last_round_takes_what_is_left_and_one_more_is_an_error() -> None:
    assert len(rounds(EVERY, range(2, 3), {}, params(15))[2]) == 10
    with pytest.raises(InputError, match="round is 3, and the rounds before it have drawn all 40"):
        rounds(EVERY, range(3, 4), {}, params(15))


def test_without_a_size_every_round_has_all_prompts() -> None:
    ledger = {0: np.array([int(one.prompt_id, 16) for one in EVERY], np.uint64)}

    assert len(rounds(EVERY, range(1, 2), ledger, params())[1]) == 40


@given(st.integers(1, 40), st.integers(1, 8))
def test_with_reuse_every_prompt_is_drawn_once_before_any_is_drawn_twice(
    size: int, count: int
) -> None:
    found = rounds(EVERY, range(count), {}, params(size, reuse=True))
    times = dict.fromkeys(range(40), 0)
    order = sorted(set.union(*rounds(EVERY, range(1), {}, params()).values()))
    for one in found.values():
        assert len(one) == size
        for prompt in one:
            times[order.index(prompt)] += 1
        assert max(times.values()) - min(times.values()) <= 1


def test_the_ledger_makes_the_round_trip_and_later_rounds_are_forgotten(tmp_path: Path) -> None:
    ledger = {0: np.array([5, 2**63], np.uint64), 2: np.array([7], np.uint64)}
    with TableWriter(tmp_path / "drawn", DRAWN) as table:
        for rows in ledger_tables(ledger):
            table.write(rows)

    assert read_ledger(tmp_path / "nowhere", 3) == {}
    assert {n: set(ids.tolist()) for n, ids in read_ledger(tmp_path / "drawn", 3).items()} == {
        0: {5, 2**63}, 2: {7},
    }  # fmt: skip
    assert list(read_ledger(tmp_path / "drawn", 2)) == [0]
