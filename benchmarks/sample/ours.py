"""`python -m benchmarks.sample.ours DOCUMENTS GONE`: near duplicates as `sample` finds them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from benchmarks.sample.setting import PERMUTATIONS, SHINGLE, THRESHOLD
from prefline.filters.fingerprints import Fingerprints, Positions, concatenate, fingerprint_texts
from prefline.filters.near import find_near_duplicates
from prefline.filters.near_duplicates import NearDuplicates
from prefline.tables.shards import shards

_SHARD = 20_000


def main() -> None:
    """Write the ids that go, one on each line."""
    documents, gone = Path(sys.argv[1]), Path(sys.argv[2])
    rule = NearDuplicates(threshold=THRESHOLD, words=SHINGLE, permutations=PERMUTATIONS)
    ids, parts = list[str](), list[Fingerprints]()
    for shard in shards(_rows(documents), _SHARD):
        rows = list(shard)
        ids.extend(row["id"] for row in rows)
        parts.append(fingerprint_texts([row["prompt"] for row in rows], rule))

    def texts(places: Positions) -> Iterator[str]:
        wanted = set(places.tolist())
        return (row["prompt"] for at, row in enumerate(_rows(documents)) if at in wanted)

    places, _ = find_near_duplicates(concatenate(parts).bands, texts, rule)
    gone.write_text("\n".join(sorted(ids[place] for place in places.tolist())))


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as lines:
        yield from map(orjson.loads, lines)


if __name__ == "__main__":
    main()
