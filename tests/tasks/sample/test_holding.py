from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.errors import InputError
from prefline.params import HoldOut
from prefline.prompts import Prompt, prompt_from_row
from tasks.sample import hold_out


def templated(texts: list[str]) -> list[Prompt]:
    rows = [{"prompt": text, "template": text[0]} for text in texts]
    return [prompt_from_row(row, "s", "here") for row in rows]


@given(st.floats(0, 0.99), st.integers(0, 30))
def test_what_is_held_out_stays_so_however_many_prompts_come_to_it(share: float, n: int) -> None:
    every = templated([f"{letter}{number}" for letter in "abc" for number in range(n + 1)])
    rule = HoldOut(share=share, templates=("a",))
    rest, out = hold_out(every, rule)
    fewer, out_of_fewer = hold_out(every[: n + 1], rule)

    assert sorted(one.text for one in rest + out) == sorted(one.text for one in every)
    assert all(one.template != "a" for one in rest)
    assert {one.text for one in out_of_fewer} <= {one.text for one in out}
    assert fewer == []


def test_the_share_that_is_held_out_is_about_what_was_asked_for() -> None:
    every = templated([f"b{number}" for number in range(2_000)])

    assert 0.15 < len(hold_out(every, HoldOut(share=0.2))[1]) / 2_000 < 0.25


def test_a_template_to_hold_out_that_no_prompt_has_is_an_error() -> None:
    with pytest.raises(InputError, match="no prompt has the template 'd'"):
        hold_out(templated(["a1", "b1"]), HoldOut(templates=("a", "d")))
