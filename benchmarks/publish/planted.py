"""Preferences of any number with texts as long and as varied as real ones, for measuring."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from prefline.tables import PREFERENCES, TableWriter

_RESPONSES = 4  # of each prompt, so six pairs
_PAIRS = [(one, other) for one in range(_RESPONSES) for other in range(one + 1, _RESPONSES)]
_SHORTEST, _LONGEST = 200, 600  # characters of a message
_SOURCES, _CATEGORIES = 6, 20
_VOCABULARY, _STREAM = 30_000, 8_000_000  # words
_PROMPTS_AT_ONCE = 8_000
_MODELS = ("model-a", "model-b", "model-c", "model-d")
_MESSAGE = PREFERENCES.field("prompt").type.value_type


def write_preferences(folder: Path, rows: int, *, seed: int = 0) -> None:
    """Write a table of `rows` preferences in parts, in no order."""
    draw = np.random.default_rng(seed)
    text = _stream(draw)
    left = rows
    with TableWriter(folder, PREFERENCES) as table:
        for chunk in _chunks(draw, text):
            table.write(chunk.slice(0, left))
            left -= min(left, chunk.num_rows)
            if not left:
                return


def _stream(draw: np.random.Generator) -> str:
    """Words whose frequencies fall as in a language (Zipf)."""
    letters = np.array(list("etaoinshrdlucmfwypvbgk"))
    sizes = draw.integers(2, 11, _VOCABULARY)
    weights = np.linspace(3, 1, len(letters))
    every = draw.choice(letters, int(sizes.sum()), p=weights / weights.sum())
    words = ["".join(one) for one in np.split(every, np.cumsum(sizes)[:-1])]
    ranks = np.minimum(draw.zipf(1.2, _STREAM), _VOCABULARY) - 1
    return " ".join(np.array(words, dtype=object)[ranks].tolist())


def _chunks(draw: np.random.Generator, text: str) -> Iterator[pa.Table]:
    while True:
        yield _chunk(draw, text)


def _chunk(draw: np.random.Generator, text: str) -> pa.Table:
    prompts = _PROMPTS_AT_ONCE
    pair = np.tile(np.arange(len(_PAIRS)), prompts)
    prompt = np.repeat(np.arange(prompts), len(_PAIRS))
    sides = np.array(_PAIRS)[pair]
    flip = draw.random(len(pair)) < 0.5
    chosen = prompt * _RESPONSES + np.where(flip, sides[:, 1], sides[:, 0])
    rejected = prompt * _RESPONSES + np.where(flip, sides[:, 0], sides[:, 1])
    p = np.round(draw.uniform(0.65, 0.99, len(pair)), 4)
    prompt_ids, ids = _ids(draw, prompts), _ids(draw, prompts * _RESPONSES)
    asked, said = _texts(draw, text, prompts), _texts(draw, text, prompts * _RESPONSES)
    models = pa.array(_MODELS)
    split = np.where(draw.random(prompts) < 0.1, "test", "train")
    columns = {
        "pair_id": _ids(draw, len(pair)),
        "prompt_id": prompt_ids.take(pa.array(prompt)),
        "prompt": _messages("user", asked.take(pa.array(prompt))),
        "chosen": _messages("assistant", said.take(pa.array(chosen))),
        "rejected": _messages("assistant", said.take(pa.array(rejected))),
        "chosen_id": ids.take(pa.array(chosen)),
        "rejected_id": ids.take(pa.array(rejected)),
        "chosen_model": models.take(pa.array(chosen % _RESPONSES)),
        "rejected_model": models.take(pa.array(rejected % _RESPONSES)),
        "p_chosen": pa.array(p),
        "log_odds": pa.array(np.round(np.log(p / (1 - p)), 3)),
        "log_odds_se": pa.array(np.round(draw.uniform(0.05, 0.5, len(pair)), 3)),
        "n_judgments": pa.array(np.full(len(pair), 4, np.int32)),
        "agreement": pa.array(np.full(len(pair), 1.0)),
        "anchored": pa.array(np.full(len(pair), True)),
        "label_source": _same("ai", len(pair)),
        "split": pa.array(split[prompt]),
        "category": _named("category", draw.integers(0, _CATEGORIES, prompts)[prompt]),
        "source": _named("source", draw.integers(0, _SOURCES, prompts)[prompt]),
        "judges": _same("judge-a,judge-b", len(pair)),
    }
    return pa.table(columns).cast(PREFERENCES).take(pa.array(draw.permutation(len(pair))))


def _ids(draw: np.random.Generator, count: int) -> pa.Array:
    digits = draw.bytes(8 * count).hex()
    return pa.array([digits[start : start + 16] for start in range(0, len(digits), 16)])


def _texts(draw: np.random.Generator, text: str, count: int) -> pa.Array:
    starts = draw.integers(0, len(text) - _LONGEST, count)
    ends = starts + draw.integers(_SHORTEST, _LONGEST + 1, count)
    return pa.array([text[s:e] for s, e in zip(starts.tolist(), ends.tolist(), strict=True)])


def _messages(role: str, contents: pa.Array) -> pa.Array:
    each = pa.StructArray.from_arrays([_same(role, len(contents)), contents], fields=list(_MESSAGE))
    return pa.ListArray.from_arrays(pa.array(np.arange(len(contents) + 1, dtype=np.int32)), each)


def _same(value: str, count: int) -> pa.Array:
    return pa.array(np.full(count, value))


def _named(word: str, numbers: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> pa.Array:
    return pa.array(np.char.add(f"{word}-", numbers.astype(np.str_)))
