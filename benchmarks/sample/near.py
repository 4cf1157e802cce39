"""`python -m benchmarks.sample.near`: near duplicates of the same documents, found by us, by
datasketch and by datatrove, each in a process of its own. `--documents` is 100,000 unless given.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import orjson

from benchmarks.engine.measure import Cost, measure
from benchmarks.report import write_results
from benchmarks.sample.documents import write_documents
from benchmarks.sample.setting import PERMUTATIONS, SHINGLE, THRESHOLD
from prefline.filters.fingerprints import jaccard, shingles

_DOCUMENTS = 100_000
_ROOT = Path(__file__).parents[2]
_PEERS = ("datasketch", "datatrove")


def main() -> None:
    """Measure all, and write the section."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--documents", type=int, default=_DOCUMENTS)
    count = asked.parse_args().documents
    with tempfile.TemporaryDirectory(prefix="bench-sample-") as scratch:
        folder = Path(scratch)
        write_documents(folder / "documents.jsonl", count)
        planted, near = _planted(folder / "documents.jsonl")
        setting = [str(one) for one in (THRESHOLD, SHINGLE, PERMUTATIONS)]
        commands = {"Prefline": ([sys.executable, "-m", "benchmarks.sample.ours"], list[str]())}
        for name in _PEERS:
            python = _ROOT / ".bench" / f"near-{name}" / "bin" / "python"
            script = _ROOT / "benchmarks" / "sample" / "peers" / f"{name}_near.py"
            commands[name] = ([str(python), str(script)], setting)
        rows = [
            _row(name, _run(folder, command, more), folder / "gone", (planted, near), count)
            for name, (command, more) in commands.items()
        ]
    text = _table(count, len(near), rows)
    print(text)
    if count == _DOCUMENTS:
        write_results("benchmarks.sample.near", "Near duplicates beside their peers", text)


def _planted(path: Path) -> tuple[set[str], set[str]]:
    """The ids of all copies, and of those that are near duplicates by the exact Jaccard index."""
    planted, near = set[str](), set[str]()
    with path.open("rb") as lines:
        for line in lines:
            row = orjson.loads(line)
            if row["copy_of"] is None:
                continue
            planted.add(row["id"])
            if jaccard(*(shingles(row[it], SHINGLE) for it in ("prompt", "copy_of"))) >= THRESHOLD:
                near.add(row["id"])
    return planted, near


def _run(folder: Path, command: list[str], more: list[str]) -> Cost:
    files = [str(folder / "documents.jsonl"), str(folder / "gone")]
    cost = measure([*command, *files, *more], folder / "log", dict(os.environ))
    if cost.status != 0:
        raise RuntimeError(f"{command} ended with {cost.status}: {(folder / 'log').read_text()}")
    return cost


def _row(
    name: str, cost: Cost, gone: Path, wanted: tuple[set[str], set[str]], count: int
) -> dict[str, float | str]:
    planted, near = wanted
    found = set(gone.read_text().split())
    return {
        "name": name,
        "found": len(found),
        "recall": len(found & near) / len(near),
        "wrong": len(found - near),
        "unplanted": len(found - planted),
        "wall": cost.wall_s,
        "cpu": cost.cpu_s,
        "rate": count / cost.cpu_s,
        "peak": cost.peak_mb,
    }


def _table(count: int, near: int, rows: list[dict[str, float | str]]) -> str:
    lines = [
        f"{count:,} documents of about 200 characters, of which {near:,} are near duplicates of "
        f"the one before (Jaccard index of runs of {SHINGLE} words {THRESHOLD} or more, computed "
        f"exactly); {PERMUTATIONS} permutations; each in a process of its own, reading included.\n",
        "| | gone | recall | below the threshold | documents per CPU s | CPU s | wall s | MB |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {row['name']} | {row['found']:,} | {row['recall']:.4f} | {row['wrong']:,} | "
        f"{row['rate']:,.0f} | {row['cpu']:.1f} | {row['wall']:.1f} | {row['peak']:.0f} |"
        for row in rows
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
