"""`python -m benchmarks.sample.ours DOCUMENTS GONE`: near duplicates as `sample` finds them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import orjson

from benchmarks.sample.setting import PERMUTATIONS, SHINGLE, THRESHOLD
from prefline.filters.near import near_duplicates
from prefline.params import NearDuplicates


def main() -> None:
    """Write the ids that go, one on each line."""
    documents, gone = Path(sys.argv[1]), Path(sys.argv[2])

    def texts() -> Iterator[tuple[str, str]]:
        with documents.open("rb") as lines:
            for line in lines:
                row = orjson.loads(line)
                yield row["id"], row["prompt"]

    rule = NearDuplicates(threshold=THRESHOLD, words=SHINGLE, permutations=PERMUTATIONS)
    gone.write_text("\n".join(sorted(near_duplicates(texts, rule))))


if __name__ == "__main__":
    main()
