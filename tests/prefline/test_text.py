from __future__ import annotations

import pytest

from prefline.text import number_of, without_surrogates


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("plain", "plain"),
        ("whole \U0001f600", "whole \U0001f600"),
        ("half \ud83d end", "half \ufffd end"),
        ("the other \ude00", "the other \ufffd"),
        ("\ud83d\ude00 apart", "\U0001f600 apart"),
        ("\ufeff\ud83d", "\ufeff\ufffd"),
    ],
)
def test_halves_of_surrogate_pairs_are_replaced_and_nothing_else(text: str, whole: str) -> None:
    assert without_surrogates(text) == whole


def test_a_count_of_one_is_singular() -> None:
    assert [number_of(n, "pair") for n in (0, 1, 2, 2_000)] == [
        "0 pairs", "1 pair", "2 pairs", "2,000 pairs",
    ]  # fmt: skip
    assert number_of(1, "reply", "replies") == "1 reply"
    assert number_of(3, "reply", "replies") == "3 replies"
