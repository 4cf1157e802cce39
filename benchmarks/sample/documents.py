"""Documents of about 200 characters of which some are near duplicates of others, by plan."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import orjson

WORDS = 34  # of a document; about 200 characters
_VOCABULARY = 30_000
_COPIED = 0.1  # share that are copies of the one before, with a few words changed
_MOST_CHANGED = 4


def documents(count: int, seed: int = 0) -> Iterator[tuple[str, str | None]]:
    """Texts, each with the text that it was copied from, if it was."""
    draw = random.Random(seed)
    words = [_word(draw) for _ in range(_VOCABULARY)]
    before = ""
    for _ in range(count):
        if before and draw.random() < _COPIED:
            said = before.split(" ")
            for place in draw.sample(range(len(said)), draw.randint(1, _MOST_CHANGED)):
                said[place] = draw.choice(words)
            yield " ".join(said), before
            before = ""
        else:
            before = " ".join(draw.choices(words, k=WORDS))
            yield before, None


def _word(draw: random.Random) -> str:
    return "".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(2, 8)))


def write_documents(path: Path, count: int) -> None:
    """JSONL with `id` (by place), `prompt`, and `copy_of`, which is null or a text."""
    with path.open("wb") as file:
        for place, (text, source) in enumerate(documents(count)):
            row = {"id": f"{place:09d}", "prompt": text, "copy_of": source}
            file.write(orjson.dumps(row) + b"\n")
