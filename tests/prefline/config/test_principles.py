from __future__ import annotations

from pathlib import Path

import pytest

from prefline.config.principles import Principle, draw_principle, read_principles
from prefline.errors import InputError

ROOT = Path(__file__).parents[3]


def test_the_bundled_constitution_serves_judging_and_revising() -> None:
    principles = read_principles(ROOT / "data/principles/constitution.jsonl")

    assert len(principles) >= 8
    assert all(one.choose and one.critique and one.revise for one in principles)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        pytest.param("", "holds no principle", id="empty"),
        pytest.param('{"id": "a"}', "row 1: field 'choose' is missing", id="no text"),
        pytest.param('{"id": "a", "choose": "b", "revise": 3}', "'revise'", id="not text"),
        pytest.param('{"id": "a", "chose": "b"}', "unknown field 'chose'", id="misspelt"),
        pytest.param('{"id": "a", "choose": "b"}\n{"id": "a", "choose": "c"}', "'a'", id="twice"),
    ],
)
def test_a_bad_principle_is_named_with_its_place(tmp_path: Path, lines: str, says: str) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(lines)

    with pytest.raises(InputError, match=r"mine\.jsonl") as caught:
        read_principles(path)

    assert says in str(caught.value)


def test_every_principle_is_drawn_about_as_often() -> None:
    principles = [Principle(name, "choose") for name in "abcd"]
    drawn = [draw_principle(principles, 0, f"pair {n}").id for n in range(4_000)]

    assert all(900 < drawn.count(name) < 1_100 for name in "abcd")
