"""Small drafts of versions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from prefline.releases import Draft, DraftFile
from prefline.tables import PREFERENCES, table_from_rows


def preference(number: int, **changes: Any) -> dict[str, Any]:
    """A row of `preferences`."""
    said = [{"role": "assistant", "content": f"answer {number}"}]
    return {
        "pair_id": f"{number:016x}",
        "prompt_id": f"prompt{number}",
        "prompt": [{"role": "user", "content": f"question {number}"}],
        "chosen": said,
        "rejected": [{"role": "assistant", "content": "no"}],
        "chosen_id": f"{number}a",
        "rejected_id": f"{number}b",
        "chosen_model": "m",
        "rejected_model": "m",
        "p_chosen": 0.9,
        "log_odds": 2.2,
        "n_judgments": 1,
        "agreement": 1.0,
        "anchored": True,
        "label_source": "verifier",
        "split": "train",
        "category": "c",
        "source": "s",
        "judges": "verifier",
    } | changes


def draft(folder: Path, rows: list[dict[str, Any]], dataset: str = "demo") -> Draft:
    """A draft with one split and these rows."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "train.parquet"
    pq.write_table(table_from_rows(rows, PREFERENCES), path)
    return Draft(
        dataset=dataset,
        files=[DraftFile("train", path)],
        card=f"---\nlicense: cc-by-4.0\n---\n\n# {len(rows)} rows, {rows[0]['pair_id']}\n",
        license="CC-BY-4.0",
        lineage={"git_commit": "abc"},
    )


def two_versions(folder: Path) -> tuple[Draft, Draft]:
    """Five pairs; and then one flipped, one surer, one moved, one relabelled, one other."""
    first = draft(folder / "one", [preference(n) for n in range(5)])
    rows = [
        preference(0, label_source="human"),
        preference(1, chosen_id="1b", rejected_id="1a"),
        preference(2, p_chosen=0.99),
        preference(3, split="test"),
        preference(9, category="new", source="t"),
    ]
    return first, draft(folder / "two", rows)


def parted(folder: Path, parts: list[list[dict[str, Any]]], dataset: str = "demo") -> Draft:
    """A draft with one split in several files, whose ranges are stated."""
    files = []
    for number, rows in enumerate(parts):
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{number}.parquet"
        pq.write_table(table_from_rows(rows, PREFERENCES), path)
        ranges = {
            name: [min(row[name] for row in rows), max(row[name] for row in rows)]
            for name in ("source", "category", "p_chosen")
        }
        files.append(DraftFile("train", path, ranges=ranges))
    return Draft(dataset, files, card="---\nlicense: mit\n---\n\n# parts\n", license="mit")
