from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.plateau.measure import STOPPING_RULE, measure, true_plateau
from benchmarks.plateau.rounds import LIMITED, MIDDLE, OVER, STRONG, WEAK
from benchmarks.plateau.table import tables
from benchmarks.plateau.world import expected_path

FEW = [replace(one, held_out=60, last=6) for one in (MIDDLE, LIMITED)]


def test_a_stronger_judge_moves_the_ceiling() -> None:
    ends = [expected_path(one.world, 14)[-1] for one in (WEAK, MIDDLE, STRONG)]

    assert ends[0] + 0.1 < ends[1] < ends[2] - 0.1


def test_a_judge_that_likes_length_makes_gold_rise_and_fall() -> None:
    path = expected_path(OVER.world, 14)

    assert 0 < int(np.argmax(path)) < 14
    assert path[-1] < path.max() / 2


def test_the_plateau_is_where_less_than_two_points_are_to_come() -> None:
    assert true_plateau(np.array([0.2, 0.3, 0.385, 0.4, 0.39])) == 2


def test_the_tables_are_made_at_small_size_and_the_same_each_time() -> None:
    found = {setting: [measure(setting, seed) for seed in range(2)] for setting in FEW}

    page = tables(found)

    assert page.count(f"| {STOPPING_RULE} |") == len(FEW)
    assert page.count("seeds, 60 held-out prompts") == len(FEW)
    again = {setting: [measure(setting, seed) for seed in range(2)] for setting in FEW}
    assert tables(again) == page
