"""Templates of the bundled prompts: numbers, words and facts, forms of an answer.

They are small enough for a small model to get some right and some wrong. A prompt asks for nothing
that its check does not look at: a label that a check gives is then right to a reader too.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import combinations, pairwise
from typing import Any

from prefline.sources.bundled import words

Row = dict[str, Any]

_SEED = 7


def row(category: str, template: str | None, prompt: str, verifier: Row | None) -> Row:
    """Return a prompt with its check."""
    return {"prompt": prompt, "category": category, "template": template, "verifier": verifier}


def pattern_row(category: str, template: str, prompt: str, reference: str, pattern: str) -> Row:
    """Return a prompt whose answer must be of a pattern as a whole, in any case."""
    verifier = {"kind": "regex", "pattern": pattern, "full": True, "ignore_case": True}
    return row(category, template, prompt, verifier) | {"reference": reference}


def number_row(category: str, template: str, prompt: str, value: int, *shown: int) -> Row:
    """Return a prompt whose answer is a number; before it a reply may repeat those that were
    `shown`, and has no others: "3 bags with 2 * 2 = 4 stamps" gets to its answer by chance."""
    verifier = {"kind": "numeric", "value": value, "shown": list(shown)}
    return row(category, template, prompt, verifier) | {"reference": str(value)}


def order_row(category: str, template: str, prompt: str, right: str, claim: str) -> Row:
    """Return a prompt about which of two comes first; the answer is `right` alone or with a
    `claim`, a pattern, since a reply that names both may say the opposite."""
    opening = r"(?:(?:the )?(?:answer|number|day|month|one)(?: is)?:? )?"
    return pattern_row(category, template, prompt, right, rf"{opening}\W*{right}\W*(?:{claim}\W*)?")


def required(category: str, template: str, prompt: str, *texts: str, **constraints: Any) -> Row:
    """Return a prompt whose answer must contain certain words and meet further constraints."""
    verifier = {"kind": "constraints", "required": list(texts), **constraints}
    return row(category, template, prompt, verifier) | {"reference": ", ".join(texts)}


def template_rows() -> Iterator[Row]:
    """Return all prompts that templates make; the same on any machine."""
    draw = random.Random(_SEED)
    yield from _sums(draw)
    yield from _word_problems(draw)
    yield from _comparisons(draw)
    yield from _sequences()
    yield from _sorting(draw)
    yield from _facts()
    yield from _grammar()
    yield from _reasoning()
    yield from _order()
    yield from _required()
    yield from _length()
    yield from _forbidden()
    yield from _case_and_copy()
    yield from _json()


def _pairs(draw: random.Random, count: int, most: int) -> list[tuple[int, int]]:
    every = [(a, b) for a in range(2, most + 1) for b in range(2, most + 1) if a != b]
    return draw.sample(every, count)


def _sums(draw: random.Random) -> Iterator[Row]:
    for a, b in _pairs(draw, 30, 9):
        yield number_row("arithmetic", "sum", f"What is {a} + {b}?", a + b, a, b)
    for a, b in _pairs(draw, 24, 30):
        prompt = f"Add {a} and {b}. What do you get?"
        yield number_row("arithmetic", "add", prompt, a + b, a, b)
    for low, high in draw.sample(list(combinations(range(2, 13), 2)), 24):
        prompt = f"What is {high} minus {low}?"
        yield number_row("arithmetic", "difference", prompt, high - low, high, low)
    for a, b in _pairs(draw, 10, 7):
        prompt = f"What is {a} times {b}?"
        yield number_row("arithmetic", "product", prompt, a * b, a, b)


def _word_problems(draw: random.Random) -> Iterator[Row]:
    filled = zip(
        _pairs(draw, 36, 9),
        draw.sample(words.NAMES * 2, 36),
        draw.choices(words.THINGS, k=36),
        strict=True,
    )
    for place, ((a, b), name, thing) in enumerate(filled):
        low, high = sorted((a, b))
        template, text, value, *shown = (
            ("gets more", f"{name} has {a} {thing} and gets {b} more. "
             f"How many {thing} does {name} have now?", a + b, a, b),
            ("gives away", f"{name} has {high} {thing} and gives {low} away. "
             f"How many {thing} are left?", high - low, high, low),
            ("buys bags", f"{name} buys {low} bags with 2 {thing} in each. "
             f"How many {thing} is that?", 2 * low, low, 2),
        )[place % 3]  # fmt: skip
        yield number_row("word problems", template, text, value, *shown)


def _comparisons(draw: random.Random) -> Iterator[Row]:
    for a, b in _pairs(draw, 12, 99):
        prompt = f"Which number is larger, {a} or {b}?"
        claim = f"is (?:a |the )?(?:larger|greater|bigger)(?: number| one)?(?: than {min(a, b)})?"
        yield order_row("comparing", "larger", prompt, str(max(a, b)), claim)
    for a, b in _pairs(draw, 16, 99):
        prompt = f"Which is smaller: {a} or {b}?"
        claim = f"is (?:a |the )?smaller(?: number| one)?(?: than {max(a, b)})?"
        yield order_row("comparing", "smaller", prompt, str(min(a, b)), claim)


def _sequences() -> Iterator[Row]:
    for start, step in ((1, 1), (2, 2), (5, 5), (10, 10), (3, 3), (1, 2), (4, 4), (20, 10)):
        *shown, value = (start + step * place for place in range(5))
        prompt = f"Which number comes next: {', '.join(map(str, shown))}?"
        yield number_row("sequences", "next number", prompt, value, *shown)
    for start in (10, 8, 20, 15, 9, 30, 12, 50):
        *shown, value = (start - place for place in range(5))
        prompt = f"We count down: {', '.join(map(str, shown))}. What is the next number?"
        yield number_row("sequences", "count down", prompt, value, *shown)


def _digit_triples(draw: random.Random, count: int) -> list[list[int]]:
    """Return threes of digits, no two of the same digits."""
    triples = dict[tuple[int, ...], list[int]]()
    while len(triples) < count:
        digits = draw.sample(range(1, 10), 3)
        triples.setdefault(tuple(sorted(digits)), digits)
    return list(triples.values())


def _sorting(draw: random.Random) -> Iterator[Row]:
    for numbers in _digit_triples(draw, 24):
        shown, right = ", ".join(map(str, numbers)), ", ".join(map(str, sorted(numbers)))
        prompt = f"Put these numbers in order from small to large: {shown}."
        pattern = r"\D*" + r"(?:\s|,|and)+".join(map(str, sorted(numbers))) + r"\D*"
        yield pattern_row("sorting", "three numbers", prompt, right, pattern)


def _facts() -> Iterator[Row]:
    for country, capital in words.CAPITALS.items():
        yield required("facts", "capital", f"What is the capital of {country}?", capital)
    for thing, colour in words.COLOURS.items():
        others = sorted({*words.COLOURS.values()} - {colour})
        yield required("facts", "colour", f"What colour is {thing}?", colour, forbidden=others)


def _grammar() -> Iterator[Row]:
    for word, opposite in words.OPPOSITES.items():
        prompt = f"What is the opposite of {word}?"
        yield required("vocabulary", "opposite", prompt, opposite, forbidden=["not"])
    for word, plural in words.PLURALS.items():
        prompt = f"What is the plural of the word {word}?"
        # "The singular of leaf is leaves" has the right word.
        yield required("grammar", "plural", prompt, plural, forbidden=["singular", "not"])
    for word, past in words.PASTS.items():
        prompt = f"What is the past tense of the verb {word}?"
        yield required("grammar", "past tense", prompt, past)


def _reasoning() -> Iterator[Row]:
    for right, wrong, questions in (("yes", ["no", "not"], words.YES), ("no", ["yes"], words.NO)):
        for question in questions:
            prompt = f"{question} Begin your answer with yes or no."
            # `required` too, since "Not sure" starts with "no".
            yield required(
                "yes or no", f"answer {right}", prompt, right, starts_with=right, forbidden=wrong
            )
    for thing, one, other, right in words.CHOICES:
        article = "an" if thing[0] in "aeiou" else "a"
        prompt = f"Is {article} {thing} a kind of {one} or a kind of {other}?"
        wrong = [one if right == other else other, "both", "neither", "not", "no"]
        yield required("categories", "one of two", prompt, right, forbidden=wrong)


def _order() -> Iterator[Row]:
    for day, following in pairwise(words.DAYS):
        prompt = f"Which day comes after {day}?"
        yield order_row("calendar", "day after", prompt, following, f"(?:comes |is )?after {day}")
    for month, following in pairwise(words.MONTHS):
        prompt = f"Which month comes right after {month}?"
        claim = f"(?:comes |is )?(?:right )?after {month}"
        yield order_row("calendar", "month after", prompt, following, claim)


def _required() -> Iterator[Row]:
    for word in words.WORDS:
        prompt = f"Write one sentence of at most 15 words with the word {word}."
        yield required("required words", "one word", prompt, word, max_sentences=1, max_words=15)
    for one, other in words.WORD_PAIRS:
        prompt = f"Write one sentence of at most 15 words with the words {one} and {other}."
        yield required(
            "required words", "two words", prompt, one, other, max_sentences=1, max_words=15
        )


def _length() -> Iterator[Row]:
    for topic in words.TOPICS[:20]:
        word = topic.removeprefix("the ")
        prompt = f"Write one sentence of 3 to 8 words with the word {word}."
        verifier = {"kind": "constraints", "required": [word], "max_sentences": 1}
        verifier |= {"min_words": 3, "max_words": 8}
        yield row("length", "fewer than nine", prompt, verifier)
        prompt = f"Describe {topic} in exactly three words, one of them {word}."
        verifier = {"kind": "constraints", "required": [word], "min_words": 3, "max_words": 3}
        yield row("length", "three words", prompt, verifier)


def _forbidden() -> Iterator[Row]:
    for topic, word in (
        ("the sun", "hot"), ("the sea", "water"), ("a cat", "animal"), ("snow", "cold"),
        ("a teacher", "school"), ("bread", "food"), ("a car", "drive"), ("a book", "read"),
        ("a bird", "fly"), ("a doctor", "sick"), ("rain", "water"), ("a tree", "leaves"),
    ):  # fmt: skip
        prompt = f"Describe {topic} in one sentence of at most 15 words, without the word {word}."
        verifier = {"kind": "constraints", "forbidden": [word], "max_sentences": 1, "max_words": 15}
        yield row("forbidden words", "one word", prompt, verifier)


def _case_and_copy() -> Iterator[Row]:
    for topic in words.TOPICS[10:20]:
        prompt = f"Write one sentence about {topic}. Use lower case letters only."
        verifier = {"kind": "constraints", "case": "lower", "max_sentences": 1}
        yield row("letter case", "lower case", prompt, verifier)
    for word in words.WORDS[:24]:
        prompt = f"Reply with this one word and nothing else: {word}"
        yield row("copying", "one word", prompt, {"kind": "exact", "answers": [word]})


def _json() -> Iterator[Row]:
    for name, age in zip(words.NAMES, range(21, 45), strict=True):
        prompt = (
            f'Write a JSON object with the key "name" set to "{name}" and the key "age" set to '
            f"{age}, and no other key. Reply with the JSON only; a code block around it is fine."
        )
        schema = {
            "type": "object",
            "required": ["name", "age"],
            "properties": {"name": {"const": name}, "age": {"const": age}},
            "additionalProperties": False,
        }
        yield row("json", "name and age", prompt, {"kind": "json_schema", "json_schema": schema})
