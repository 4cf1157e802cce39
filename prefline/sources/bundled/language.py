"""Prompts about words and simple facts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from prefline.sources.bundled import words
from prefline.sources.bundled.row import Row, row, says


def rows() -> Iterator[Row]:
    """All of them; the same on any machine."""
    yield from _facts()
    yield from _grammar()
    yield from _reasoning()
    yield from _order()


def _facts() -> Iterator[Row]:
    for country, capital in words.CAPITALS.items():
        yield says("facts", "capital", f"What is the capital of {country}?", capital)
    for thing, colour in words.COLOURS.items():
        prompt = f"What colour is {thing}? Reply with one word."
        yield says("facts", "colour", prompt, colour)


def _grammar() -> Iterator[Row]:
    for word, opposite in words.OPPOSITES.items():
        prompt = f"What is the opposite of {word}? Reply with one word."
        yield says("vocabulary", "opposite", prompt, opposite)
    for word, plural in words.PLURALS.items():
        prompt = f"What is the plural of the word {word}? Reply with one word."
        yield says("grammar", "plural", prompt, plural)
    for word, past in words.PASTS.items():
        prompt = f"What is the past tense of the verb {word}? Reply with one word."
        yield says("grammar", "past tense", prompt, past)


def _reasoning() -> Iterator[Row]:
    for right, wrong, questions in (("yes", "no", words.YES), ("no", "yes", words.NO)):
        for question in questions:
            prompt = f"{question} Answer yes or no."
            verifier = {"kind": "constraints", "starts_with": right, "forbidden": [wrong]}
            yield row("yes or no", f"answer {right}", prompt, verifier) | {"reference": right}
    for thing, one, other, right in words.CHOICES:
        article = "an" if thing[0] in "aeiou" else "a"
        prompt = f"Is {article} {thing} a kind of {one} or a kind of {other}? Reply with one word."
        wrong = one if right == other else other
        yield says("categories", "one of two", prompt, right, forbidden=[wrong])


def _order() -> Iterator[Row]:
    for day, following in pairwise(words.DAYS):
        yield says("calendar", "day after", f"Which day comes after {day}?", following)
    for month, following in pairwise(words.MONTHS):
        prompt = f"Which month comes right after {month}?"
        yield says("calendar", "month after", prompt, following)
