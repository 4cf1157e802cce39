"""What comparing, checking and loading versions of a million preferences costs.

`python -m benchmarks.publish.diff [--quick] [--rounds N]`. Two versions of as many rows are
published in a folder; of the second a tenth of the rows are others, a twentieth of the rest is
flipped, and no two files are the same. Each command is a process of its own, its start included;
`load` is from a cache of nothing, and then once more. What `diff` says is compared with what was
planted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.engine.measure import measure
from benchmarks.engine.results import ROOT, Result, Results
from benchmarks.publish.planted import write_preferences
from prefline.objects import open_store
from prefline.releases import Draft, DraftFile, publish
from prefline.tables import PREFERENCES

_PREFLINE = Path(sys.executable).with_name("prefline")
_LOAD = "import sys, prefline; print(prefline.load(sys.argv[1], split='train').num_rows)"
_MEASURES = ("wall_s", "cpu_s", "peak_mb")
_PER_GROUP, _OTHERS, _FLIPS = 50_000, 10, 20  # rows; one in ten, one in twenty
_SIDES = ("chosen", "rejected")


@dataclass(frozen=True, slots=True)
class Planted:
    """Counts of pairs that only one of the two versions has, in each, and of flipped ones."""

    added: int
    removed: int
    flipped: int


def main() -> None:
    """Run, write the results down, and print medians."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.publish.diff")
    parser.add_argument("--quick", action="store_true", help="few rows, not for quoting")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    results = Results("diff", quick=asked.quick)
    results.begin()
    home = ROOT / ".bench"
    home.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home, prefix="diff-") as folder:
        scratch = Path(folder)
        planted = _publish_two(scratch, 100_000 if asked.quick else 1_000_000)
        for number in range(asked.rounds):
            _round(scratch, number, planted, results)
    print(table(results.read()))


def table(results: list[Result]) -> str:
    """Medians, as Markdown."""
    lines = ["| command | wall s | CPU s | peak MB |", "| --- | --- | --- | --- |"]
    for what in dict.fromkeys(one["what"] for one in results):
        runs = [one for one in results if one["what"] == what]
        values = [median(run[name] for run in runs) for name in _MEASURES]
        lines.append(f"| {what} | " + " | ".join(f"{value:.1f}" for value in values) + " |")
    return "\n".join(lines)


def _publish_two(scratch: Path, rows: int) -> Planted:
    write_preferences(scratch / "drawn", rows)
    write_preferences(scratch / "others", rows // _OTHERS, seed=1)
    store = open_store(str(scratch / "store"))
    publish(store, _draft(scratch / "old", _groups(scratch / "drawn", _PER_GROUP)))
    counts: list[tuple[int, int]] = []
    publish(store, _draft(scratch / "new", _changed(scratch, counts)))
    replaced, flipped = (sum(column) for column in zip(*counts, strict=True))
    return Planted(replaced, replaced, flipped)


def _groups(folder: Path, rows: int) -> Iterator[pa.Table]:
    for part in sorted(folder.glob("*.parquet")):
        for batch in pq.ParquetFile(part).iter_batches(rows):
            yield pa.Table.from_batches([batch])


def _changed(scratch: Path, counts: list[tuple[int, int]]) -> Iterator[pa.Table]:
    """The groups of the second version, in another order; `counts` gets how many rows of each are
    others, and how many are flipped."""
    draw = np.random.default_rng(2)
    others = pq.read_table(scratch / "others")
    for group in _groups(scratch / "drawn", _PER_GROUP):
        new = others.slice(sum(count for count, _ in counts), group.num_rows // _OTHERS)
        kept = group.slice(new.num_rows)
        flip = draw.random(kept.num_rows) < 1 / _FLIPS
        all_three = pa.concat_tables([kept, _turned(kept), new])
        rows = np.arange(kept.num_rows) + np.where(flip, kept.num_rows, 0)
        rows = np.concatenate([rows, np.arange(new.num_rows) + 2 * kept.num_rows])
        counts.append((new.num_rows, int(flip.sum())))
        yield all_three.take(pa.array(draw.permutation(rows)))


def _turned(rows: pa.Table) -> pa.Table:
    """Every pair with chosen and rejected the other way round."""
    one, other = _SIDES
    names = {f"{a}{what}": f"{b}{what}" for what in ("", "_id", "_model")
             for a, b in ((one, other), (other, one))}  # fmt: skip
    return rows.rename_columns([names.get(name, name) for name in rows.column_names]).select(
        rows.column_names
    )


def _draft(folder: Path, groups: Iterator[pa.Table]) -> Draft:
    """A version of two splits, in files of one group each."""
    folder.mkdir()
    files = []
    for number, group in enumerate(groups):
        for split in ("train", "test"):
            path = folder / f"{split}-{number:05d}.parquet"
            rows = group.filter(pc.equal(group["split"], pa.scalar(split))).cast(PREFERENCES)
            pq.write_table(rows, path, compression="zstd")
            files.append(DraftFile(split, path))
    return Draft("demo", files, card="---\nlicense: mit\n---\n\n# planted\n", license="mit")


def _round(scratch: Path, number: int, planted: Planted, results: Results) -> None:
    old, new = (f"{scratch}/store/demo@{version}" for version in (1, 2))
    results.add(_run("diff", [_PREFLINE, "diff", old, new, "--json"], scratch))
    _check((scratch / "log").read_text(encoding="utf-8"), planted)
    results.add(_run("verify", [_PREFLINE, "verify", new], scratch))
    cache = {name: str(scratch / f"{name}-{number}") for name in ("PREFLINE_CACHE", "HF_HOME")}
    for what in ("load, first", "load, again"):
        results.add(_run(what, [sys.executable, "-c", _LOAD, new], scratch, **cache))


def _run(what: str, argv: list[str | Path], scratch: Path, **variables: str) -> Result:
    os.sync()  # what the run before it wrote is not its cost
    load, log = os.getloadavg()[0], scratch / "log"
    cost = measure(argv, log, os.environ | variables)
    if cost.status != 0:
        raise RuntimeError(f"{what} ended with {cost.status}: {log.read_text()[-2000:]}")
    return {"what": what, "load": load} | asdict(cost)


def _check(said: str, planted: Planted) -> None:
    found = json.loads(said)
    wrong = {name for name, count in asdict(planted).items() if found[name] != count}
    if wrong:
        raise RuntimeError(f"diff says {found}, but planted was {planted}: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
