"""Prompts about the form of an answer: words to use or to avoid, length, case, JSON."""

from __future__ import annotations

from collections.abc import Iterator

from prefline.sources.bundled import words
from prefline.sources.bundled.row import Row, row, says


def rows() -> Iterator[Row]:
    """All of them; the same on any machine."""
    yield from _required()
    yield from _length()
    yield from _forbidden()
    yield from _case_and_copy()
    yield from _json()


def _required() -> Iterator[Row]:
    for word in words.WORDS:
        prompt = f"Write one short sentence that contains the word {word}."
        yield says("required words", "one word", prompt, word, max_sentences=1, max_words=20)
    for one, other in words.WORD_PAIRS:
        prompt = f"Write one short sentence with the words {one} and {other}."
        yield says("required words", "two words", prompt, one, other, max_sentences=1)


def _length() -> Iterator[Row]:
    for topic in words.TOPICS[:20]:
        prompt = f"Write a sentence about {topic} with fewer than 9 words."
        verifier = {"kind": "constraints", "max_words": 8, "min_words": 3, "max_sentences": 1}
        yield row("length", "fewer than nine", prompt, verifier)
    for topic in words.TOPICS[:20]:
        prompt = f"Describe {topic} in exactly three words."
        verifier = {"kind": "constraints", "max_words": 3, "min_words": 3}
        yield row("length", "three words", prompt, verifier)


def _forbidden() -> Iterator[Row]:
    for topic, word in (
        ("the sun", "hot"), ("the sea", "water"), ("a cat", "animal"), ("snow", "cold"),
        ("a teacher", "school"), ("bread", "food"), ("a car", "drive"), ("a book", "read"),
        ("a bird", "fly"), ("a doctor", "sick"), ("rain", "water"), ("a tree", "leaves"),
    ):  # fmt: skip
        prompt = f"Describe {topic} in one short sentence without using the word {word}."
        verifier = {"kind": "constraints", "forbidden": [word], "max_sentences": 1, "max_words": 15}
        yield row("forbidden words", "one word", prompt, verifier)


def _case_and_copy() -> Iterator[Row]:
    for topic in words.TOPICS[10:20]:
        prompt = f"Write one short sentence about {topic}. Use lower case letters only."
        verifier = {"kind": "constraints", "case": "lower", "max_words": 20}
        yield row("letter case", "lower case", prompt, verifier)
    for word in words.WORDS[:24]:
        prompt = f"Reply with this one word and nothing else: {word}"
        yield row("copying", "one word", prompt, {"kind": "exact", "answers": [word]})


def _json() -> Iterator[Row]:
    for name, age in zip(words.NAMES, range(21, 45), strict=True):
        prompt = (
            f'Write a JSON object with the key "name" set to "{name}" and the key "age" set to '
            f"{age}. Reply with the JSON only."
        )
        schema = {
            "type": "object",
            "required": ["name", "age"],
            "properties": {"name": {"const": name}, "age": {"const": age}},
        }
        yield row("json", "name and age", prompt, {"kind": "json_schema", "json_schema": schema})
