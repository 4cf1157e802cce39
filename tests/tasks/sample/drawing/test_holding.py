from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.config import HoldOut
from prefline.errors import InputError
from prefline.tables.prompts import Prompt, prompt_from_row
from tasks.sample.pool import check_templates, is_held_out


def templated(texts: list[str]) -> list[Prompt]:
    rows = [{"prompt": text, "template": text[0]} for text in texts]
    return [prompt_from_row(row, "s", "here") for row in rows]


@given(st.floats(0, 0.99), st.integers(0, 30))
def test_of_a_template_all_are_held_out_and_a_larger_share_holds_a_smaller_one(
    share: float, n: int
) -> None:
    every = templated([f"{letter}{number}" for letter in "abc" for number in range(n + 1)])
    rule = HoldOut(share=share, templates=("a",))
    out = {one.text for one in every if is_held_out(one, rule)}
    larger = HoldOut(share=(share + 1) / 2, templates=("a",))

    assert {one.text for one in every if one.template == "a"} <= out
    assert out <= {one.text for one in every if is_held_out(one, larger)}


def test_the_share_that_is_held_out_is_about_what_was_asked_for() -> None:
    every = templated([f"b{number}" for number in range(2_000)])

    assert 0.15 < sum(is_held_out(one, HoldOut(share=0.2)) for one in every) / 2_000 < 0.25


def test_a_template_to_hold_out_that_no_prompt_has_is_an_error() -> None:
    with pytest.raises(InputError, match="no prompt has the template 'd'"):
        check_templates(HoldOut(templates=("a", "d")), {"a", "b", None})
