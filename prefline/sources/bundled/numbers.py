"""Prompts about numbers, small enough for a small model to get some right and some wrong."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import combinations

from prefline.sources.bundled.row import Row, number, row
from prefline.sources.bundled.words import NAMES, THINGS

_SEED = 7


def rows() -> Iterator[Row]:
    """All of them; the same on any machine."""
    draw = random.Random(_SEED)
    yield from _sums(draw)
    yield from _word_problems(draw)
    yield from _comparisons(draw)
    yield from _sequences()
    yield from _sorting(draw)


def _pairs(draw: random.Random, count: int, most: int) -> list[tuple[int, int]]:
    every = [(a, b) for a in range(2, most + 1) for b in range(2, most + 1) if a != b]
    return draw.sample(every, count)


def _sums(draw: random.Random) -> Iterator[Row]:
    for a, b in _pairs(draw, 30, 9):
        yield number("arithmetic", "sum", f"What is {a} + {b}?", a + b)
    for a, b in _pairs(draw, 24, 30):
        prompt = f"Add {a} and {b}. Reply with the number only."
        yield number("arithmetic", "add", prompt, a + b)
    for low, high in draw.sample(list(combinations(range(2, 13), 2)), 24):
        prompt = f"What is {high} minus {low}?"
        yield number("arithmetic", "difference", prompt, high - low)
    for a, b in _pairs(draw, 10, 7):
        prompt = f"What is {a} times {b}? Reply with the number only."
        yield number("arithmetic", "product", prompt, a * b)


def _word_problems(draw: random.Random) -> Iterator[Row]:
    filled = zip(
        _pairs(draw, 36, 9), draw.sample(NAMES * 2, 36), draw.choices(THINGS, k=36), strict=True
    )
    for place, ((a, b), name, thing) in enumerate(filled):
        low, high = sorted((a, b))
        template, text, value = (
            ("gets more", f"{name} has {a} {thing} and gets {b} more. "
             f"How many {thing} does {name} have now?", a + b),
            ("gives away", f"{name} has {high} {thing} and gives {low} away. "
             f"How many {thing} are left?", high - low),
            ("buys bags", f"{name} buys {low} bags with 2 {thing} in each. "
             f"How many {thing} is that?", 2 * low),
        )[place % 3]  # fmt: skip
        yield number("word problems", template, text, value)


def _comparisons(draw: random.Random) -> Iterator[Row]:
    for a, b in _pairs(draw, 12, 99):
        prompt = f"Which number is larger, {a} or {b}? Reply with the number only."
        yield number("comparing", "larger", prompt, max(a, b))
    for a, b in _pairs(draw, 16, 99):
        prompt = f"Which is smaller: {a} or {b}? Give only that number."
        yield number("comparing", "smaller", prompt, min(a, b))


def _sequences() -> Iterator[Row]:
    for start, step in ((1, 1), (2, 2), (5, 5), (10, 10), (3, 3), (1, 2), (4, 4), (20, 10)):
        shown = ", ".join(str(start + step * place) for place in range(4))
        prompt = f"Which number comes next: {shown}?"
        yield number("sequences", "next number", prompt, start + step * 4)
    for start in (10, 8, 20, 15, 9, 30, 12, 50):
        shown = ", ".join(str(start - place) for place in range(4))
        prompt = f"We count down: {shown}. What is the next number?"
        yield number("sequences", "count down", prompt, start - 4)


def _different(draw: random.Random, count: int) -> list[list[int]]:
    """Threes of digits, no two of the same digits."""
    found = dict[tuple[int, ...], list[int]]()
    while len(found) < count:
        drawn = draw.sample(range(1, 10), 3)
        found.setdefault(tuple(sorted(drawn)), drawn)
    return list(found.values())


def _sorting(draw: random.Random) -> Iterator[Row]:
    for numbers in _different(draw, 24):
        shown, right = ", ".join(map(str, numbers)), ", ".join(map(str, sorted(numbers)))
        prompt = f"Put these numbers in order from small to large: {shown}."
        pattern = r"(?<!\d)" + r",?\s*(?:and\s+)?".join(map(str, sorted(numbers))) + r"(?!\d)"
        verifier = {"kind": "regex", "pattern": pattern, "full": False}
        yield row("sorting", "three numbers", prompt, verifier) | {"reference": right}
