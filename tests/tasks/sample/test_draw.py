"""Draws have the mix that params ask for, and rounds do not repeat each other."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from prefline.config import MixParams, SampleParams
from prefline.errors import InputError
from prefline.ids import content_hash
from prefline.sources.files import FileSource
from prefline.tables import DRAWN, TableWriter
from prefline.tables.prompts import Prompt
from tasks.sample.draw import (
    Draw,
    Ledger,
    SamplingPool,
    draw,
    draw_round,
    fit_shares,
    ledger_tables,
    read_ledger,
    round_counts,
)
from tasks.sample.pool import prompt_columns
from tests.tasks.sample.pools import SOURCES, keys, params, pool_of, prompts

SHARES = st.dictionaries(st.sampled_from("xyz"), st.integers(1, 9), min_size=1).map(
    lambda parts: {name: part / sum(parts.values()) for name, part in parts.items()}
)


def drawn(
    every: list[Prompt], given_params: SampleParams, pool: SamplingPool | None = None
) -> list[Prompt]:
    return [every[position] for position in run(every, given_params, pool).positions]


def run(every: list[Prompt], given_params: SampleParams, pool: SamplingPool | None = None) -> Draw:
    pool = pool or pool_of(every, given_params.seed)
    return draw(pool, np.ones(len(every), np.bool_), given_params, given_params.size)


def ids(some: list[Prompt]) -> set[str]:
    return {one.prompt_id for one in some}


@given(st.integers(0, 40), st.integers(0, 5))
def test_without_a_mix_the_lowest_hashes_are_drawn(size: int, seed: int) -> None:
    every = prompts(40)
    order = sorted(every, key=lambda one: content_hash([seed, one.prompt_id]))

    assert ids(drawn(every, params(size or 1, seed=seed))) == ids(order[: size or 1])


@given(SHARES, st.integers(1, 60), st.integers(), st.booleans())
def test_neither_order_nor_what_else_there_is_changes_a_draw(
    shares: dict[str, float], size: int, seed: int, weighted: bool
) -> None:
    every = prompts(120)
    shuffled = random.Random(seed).sample(every, len(every))
    weight = {one.prompt_id: 1 + random.Random(one.prompt_id).random() * weighted for one in every}
    found = [
        ids(drawn(some, params(size, mix={"categories": shares}),
                  pool_of(some, 0, np.array([weight[one.prompt_id] for one in some]))))
        for some in (every, shuffled)
    ]  # fmt: skip

    assert found[0] == found[1]


@given(SHARES, st.integers(1, 120))
def test_a_draw_has_the_shares_that_were_asked_for(shares: dict[str, float], size: int) -> None:
    """By less than one prompt of each category, or all that there are."""
    every = prompts(120)
    found = run(every, params(size, mix={"categories": shares}))
    counts = Counter(every[position].category for position in found.positions)

    for name in "xyz":
        asked = shares.get(name, 0) * size
        assert abs(counts[name] - min(asked, 40)) < 1
    assert {one.category for one in found.shortfalls} == {
        name for name, share in shares.items() if round(share * size, 9) > 40
    } or size < 120
    assert len(found.positions) == size - sum(one.asked - one.there for one in found.shortfalls)


@given(SHARES)
def test_without_a_size_as_many_are_drawn_as_the_shares_allow(shares: dict[str, float]) -> None:
    every = prompts(120)
    found = run(every, params(mix={"categories": shares}))
    counts = Counter(every[position].category for position in found.positions)

    assert not found.shortfalls
    assert max(counts.values()) >= 39 or len(shares) == 1
    for name, share in shares.items():
        assert abs(counts[name] - share * len(found.positions)) < 1


def test_a_larger_draw_holds_the_smaller_one() -> None:
    every, shares = prompts(120), {"x": 0.5, "y": 0.25, "z": 0.25}
    draws = [ids(drawn(every, params(size, mix={"categories": shares}))) for size in (8, 16, 40)]

    assert draws[0] < draws[1] < draws[2]


@pytest.mark.parametrize(
    "given_params",
    [
        params(60, mix={"sources": {"a": 0.75, "b": 0.25}}),
        params(60, sources=tuple(one.model_copy(update={"weight": w}) for one, w in
                                 zip(SOURCES, (3, 1), strict=True))),
    ],
    ids=["shares", "weights"],
)  # fmt: skip
def test_sources_have_shares_or_weights(given_params: SampleParams) -> None:
    counts = Counter(one.source for one in drawn(prompts(120), given_params))

    assert counts == {"a": 45, "b": 15}


def test_shares_of_sources_and_categories_hold_together() -> None:
    shares = {"sources": {"a": 0.7, "b": 0.3}, "categories": {"x": 0.6, "z": 0.4}}
    found = drawn(prompts(1_200), params(100, mix=shares))
    counts = Counter((one.source, one.category) for one in found)

    assert abs(sum(counts[("a", name)] for name in "xz") - 70) <= 1
    assert abs(sum(counts[(name, "x")] for name in "ab") - 60) <= 1
    assert len(found) == 100


def test_shares_that_no_draw_has_are_an_error() -> None:
    every = prompts(30, "x", "a") + prompts(60, "y", "b")[30:]
    mix = {"sources": {"a": 0.5, "b": 0.5}, "categories": {"x": 0.9, "y": 0.1}}

    with pytest.raises(InputError, match="no draw has the shares of both"):
        drawn(every, params(10, mix=mix))


def test_a_category_that_no_prompt_is_of_is_told_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"of the category 'maths'\n.*did you mean 'math'"):
        drawn(prompts(9, ["math", "words"]), params(4, mix={"categories": {"maths": 1.0}}))  # type: ignore[arg-type]


@given(st.integers(0, 50), st.integers(1, 120))
def test_no_more_are_drawn_of_a_category_than_its_most(most: int, size: int) -> None:
    every = prompts(120)
    counts = Counter(
        one.category for one in drawn(every, params(size, mix={"at_most": {"x": most}}))
    )

    assert counts["x"] <= most
    assert counts.total() == min(size, 80 + min(most, 40))


def test_of_two_prompts_the_one_with_three_times_the_weight_comes_first_three_times_in_four() -> (
    None
):
    every = prompts(2)
    columns = prompt_columns(every)
    first = [
        np.argmin(keys(columns, seed, np.array([3.0, 1.0]))) == 0  # type: ignore[arg-type]
        for seed in range(4_000)
    ]

    assert abs(np.mean(first) - 0.75) < 4 * (0.75 * 0.25 / 4_000) ** 0.5


@given(st.lists(st.integers(-1, 5), min_size=60, max_size=60), st.integers(1, 60))
def test_every_cluster_gives_as_many_as_any_other_while_it_can(
    clusters: list[int], size: int
) -> None:
    every = prompts(60)
    plain = pool_of(every)
    pool = SamplingPool(plain.columns, plain.key, np.array(clusters, np.int32))
    counts = Counter(clusters[position] for position in run(every, params(size), pool).positions)
    there = Counter(clusters)

    assert counts.total() == size
    most = max(counts.values())
    assert all(counts[name] >= min(there[name], most - 1) for name in there)


@pytest.mark.parametrize(
    ("mix", "message"),
    [
        ({"categories": {"x": 0.5, "y": 0.4}}, "the shares sum to 0.9, not to 1"),
        ({"sources": {"a": 0.7, "b": 0.7}}, "the shares sum to 1.4, not to 1"),
        ({"categories": {"x": 1.5, "y": -0.5}}, "share of 'x' is 1.5"),
        ({"at_most": {"x": -1}}, "at most -1"),
        ({"uncertainty": {"release": "store/demo@latest"}}, "release"),
        ({"catgories": {}}, "catgories"),
    ],
)
def test_a_mix_that_makes_no_sense(mix: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        MixParams(**mix)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"mix": {"sources": {"a": 0.5, "c": 0.5}}}, "'c' is no source"),
        ({"sources": (SOURCES[0], SOURCES[0])}, "same name"),
        (
            {"sources": (SOURCES[0], FileSource(name="c", path="c.csv", weight=1))},
            "to every source",
        ),
    ],
)
def test_sources_that_do_not_fit_the_mix(more: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        params(**more)


@given(st.lists(st.integers(0, 20), min_size=6, max_size=6), st.integers(0, 100))
def test_counts_sum_to_the_size_and_are_near_their_shares(there: list[int], size: int) -> None:
    table = np.array(there).reshape(2, 3)
    shares = fit_shares(table, None, None)
    counts = round_counts(shares, size)

    assert counts.sum() == (size if table.sum() else min(size, 6))
    if table.sum():
        assert np.abs(counts - shares * size).max() < 1


EVERY = prompts(40)


def rounds(
    every: list[Prompt], numbers: range, ledger: Ledger, given_params: SampleParams
) -> dict[int, set[int]]:
    """What each round draws, noted in the ledger or not."""
    pool = pool_of(every, given_params.seed)
    found = {
        number: draw_round(
            pool, given_params.model_copy(update={"round": number}), ledger
        ).positions
        for number in numbers
    }
    return {
        number: set(pool.columns.ids[positions].tolist()) for number, positions in found.items()
    }


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
