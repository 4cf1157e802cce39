from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.errors import InputError
from prefline.params import HoldOut
from prefline.prompts import Prompt, prompt_from_row
from tasks.sample import sampling
from tasks.sample.pool import new_pool
from tests.tasks.sample.urns import params

TEXTS = st.lists(st.text(st.characters(codec="utf-8"), max_size=5), max_size=30)


def prompts(texts: list[str]) -> list[Prompt]:
    return [
        prompt_from_row({"prompt": text, "category": str(n)}, "s", "here")
        for n, text in enumerate(texts)
    ]


@given(texts=TEXTS)
def test_each_prompt_comes_back_once_the_first_of_its_copies_in_the_order_of_ids(
    texts: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    every = prompts(texts)
    first = {one.prompt_id: one for one in reversed(every)}
    with new_pool(tmp_path_factory.mktemp("work")) as pool:
        pool.gather(iter(every))

        assert list(pool) == [first[identity] for identity in sorted(first)]
        assert list(pool) == list(pool)


def test_nothing_is_left_of_a_pool_nor_of_one_whose_process_was_killed(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (tmp_path / f"pool-{ended.pid}").mkdir()
    (tmp_path / f"pool-{os.getppid()}").mkdir()
    with new_pool(tmp_path) as pool:
        pool.gather(iter(prompts(["a"])))

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
