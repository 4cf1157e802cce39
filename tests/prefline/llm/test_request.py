from __future__ import annotations

from dataclasses import replace

import pytest

from prefline.llm import Sampling
from tests.prefline.llm.requests import ask


def test_equal_requests_have_equal_keys() -> None:
    assert ask("hello").key == ask("hello").key


def test_the_tag_is_no_part_of_what_is_asked() -> None:
    assert replace(ask("hello"), tag="other").key == ask("hello").key


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"model": "other"}, id="model"),
        pytest.param({"messages": ({"role": "user", "content": "hullo"},)}, id="messages"),
        pytest.param({"sampling": Sampling(0.8, 1.0, 21, 0)}, id="max_tokens"),
        pytest.param({"sampling": Sampling(0.8, 1.0, 20, 1)}, id="seed"),
        pytest.param({"sampling": Sampling(0.7, 1.0, 20, 0)}, id="temperature"),
        pytest.param({"sample_index": 1}, id="sample index"),
        pytest.param({"top_logprobs": 5}, id="logprobs"),
    ],
)
def test_whatever_can_change_the_reply_changes_the_key(change: dict[str, object]) -> None:
    assert replace(ask("hello"), **change).key != ask("hello").key
