"""Preferences of several prompts with several responses each, for the formats."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from prefline.ids import content_id, pair_id
from prefline.tables import PREFERENCES, table_from_rows
from tasks.publish.formats import order_columns
from tasks.publish.sorting import read_order
from tasks.publish.write import Written, write_formats

Row = dict[str, Any]

ALL = ("preference", "kto", "ranked", "reward_margin", "reward_soft", "sft")


def pair(prompt: int, better: int, worse: int, p: float = 0.8, **changes: Any) -> Row:
    """The response `better` of a prompt over the response `worse`."""
    ids = {one: content_id("response", prompt, one) for one in (better, worse)}
    return {
        "pair_id": pair_id(*ids.values()),
        "prompt_id": content_id("prompt", prompt),
        "prompt": [{"role": "user", "content": f"question {prompt}"}],
        "chosen": [{"role": "assistant", "content": f"answer {prompt}.{better}"}],
        "rejected": [{"role": "assistant", "content": f"answer {prompt}.{worse}"}],
        "chosen_id": ids[better],
        "rejected_id": ids[worse],
        "chosen_model": f"model-{better}",
        "rejected_model": f"model-{worse}",
        "p_chosen": p,
        "log_odds": 1.5,
        "n_judgments": 2,
        "agreement": 1.0,
        "anchored": True,
        "label_source": "ai",
        "split": "test" if prompt % 4 == 0 else "train",
        "category": f"category-{prompt % 3}",
        "source": f"source-{prompt % 2}",
        "judges": "big",
    } | changes


def some_pairs(prompts: int = 12, seed: int = 0) -> list[Row]:
    """Every pair of four responses of each prompt, some of them in a circle."""
    draw = random.Random(seed)
    return [
        pair(prompt, *draw.sample((one, other), 2), p=draw.uniform(0.65, 0.99))
        for prompt in range(prompts)
        for one in range(4)
        for other in range(one + 1, 4)
    ]


def in_parts(folder: Path, *parts: list[Row]) -> list[Path]:
    """Write rows as the files of a table."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"part-{number:05d}.parquet" for number in range(len(parts))]
    for path, rows in zip(paths, parts, strict=True):
        pq.write_table(table_from_rows(rows, PREFERENCES), path, row_group_size=10)
    return paths


def prompts_with(checks: dict[int, str | None], references: dict[int, str]) -> pa.Table:
    """What formats want of prompts: their checks and right answers, by the number of the prompt."""
    return pa.table(
        {
            "prompt_id": [content_id("prompt", prompt) for prompt in checks],
            "verifier": pa.array(list(checks.values()), pa.string()),
            "reference": pa.array([references.get(one) for one in checks], pa.string()),
        }
    )


def written(
    folder: Path,
    *parts: list[Row],
    formats: tuple[str, ...] = ALL,
    prompts: pa.Table | None = None,
) -> Written:
    """The files of these rows in every format."""
    paths = in_parts(folder / "table", *parts)
    order = read_order(paths, order_columns(formats), folder)
    return write_formats(paths, order, formats, folder / "out", prompts=prompts)


def rows_in(found: Written, name: str) -> list[Row]:
    """All rows of a format, file by file."""
    paths = [one.path for one in found.files if one.format == name]
    return pa.concat_tables([pq.ParquetFile(path).read() for path in paths]).to_pylist()
