from __future__ import annotations

import os
import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.config import HoldOut
from prefline.errors import InputError
from prefline.tables.prompts import Prompt, prompt_from_row
from tasks.sample import sampling
from tasks.sample.partitions import (
    partition_lines,
    partitioned_rows,
    prompt_from_line,
    sorted_lines,
)
from tests.tasks.sample.pools import params

TEXTS = st.lists(st.text(st.characters(codec="utf-8"), max_size=5), max_size=30)


def prompts(texts: list[str]) -> list[Prompt]:
    return [
        prompt_from_row({"prompt": text, "category": str(n)}, "s", "here")
        for n, text in enumerate(texts)
    ]


@given(texts=TEXTS, cuts=st.lists(st.integers(1, 7), min_size=30, max_size=30), data=st.data())
def test_each_row_comes_back_once_in_the_order_of_ids_and_by_its_place(
    texts: list[str],
    cuts: list[int],
    data: st.DataObject,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    every = prompts(texts)
    first = {one.prompt_id: one for one in reversed(every)}
    ordered = [first[identity] for identity in sorted(first)]
    with partitioned_rows(tmp_path_factory.mktemp("work"), "a") as (rows_on_disk,):
        left = iter(every)
        for cut in cuts:
            shard = islice(left, cut)
            rows_on_disk.append(
                partition_lines((one.prompt_id, orjson.dumps(one)) for one in shard)
            )
        for number, lines in rows_on_disk.partitions():
            rows = sorted_lines(lines, "prompt_id")
            rows_on_disk.replace(number, b"\n".join(rows.values()), len(rows))

        assert len(rows_on_disk) == len(ordered)
        assert [prompt_from_line(row) for row in rows_on_disk.rows()] == ordered
        positions = sorted(data.draw(st.sets(st.sampled_from(range(len(ordered)))) if ordered
                                  else st.just(set())))  # fmt: skip
        found = rows_on_disk.rows(np.array(positions, np.int64))
        assert [prompt_from_line(row) for row in found] == [
            ordered[position] for position in positions
        ]


def test_nothing_is_left_of_a_pool_nor_of_one_whose_process_was_killed(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (tmp_path / f"pool-{ended.pid}").mkdir()
    (tmp_path / f"pool-{os.getppid()}").mkdir()
    with partitioned_rows(tmp_path, "a", "b") as (rows_on_disk, _):
        rows_on_disk.append({0: b"{}\n"})

    assert [one.name for one in tmp_path.iterdir()] == [f"pool-{os.getppid()}"]


def test_a_template_to_hold_out_that_no_source_has_stops_the_run(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("prompt,template\nWhy?,asking\n")
    given_params = params(
        sources=({"name": "a", "path": "a.csv"},), hold_out=HoldOut(templates=("telling",))
    )

    with (
        pytest.raises(InputError, match=r"no prompt has the template 'telling'"),
        sampling(given_params, tmp_path),
    ):
        pass
    assert not any((tmp_path / ".prefline/sources").iterdir())
