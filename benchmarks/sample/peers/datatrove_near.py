"""Near duplicates by datatrove's four steps (signatures, buckets, clusters, filter), in the way of
its example: of a cluster one document stays, of a pair the first.

datatrove makes its runs of words itself, from text in its own normal form. Words are split at
spaces by a tokenizer that is given to it, as datasketch's are, and nothing is downloaded. The
plainest that it brings, WhitespaceTokenizer, calls spaCy on every document: the same documents go,
but that takes longer than all the rest.

`python FILE DOCUMENTS GONE THRESHOLD SHINGLE PERMUTATIONS`
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.dedup import MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import (
    MinhashConfig,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
)
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter
from datatrove.utils.word_tokenizers import WordTokenizer

_CHANCE = 0.99


class Spaces(WordTokenizer):
    """Words are what stands between spaces. Sentences are never asked for."""

    def word_tokenize(self, text: str) -> list[str]:
        """The words of a text that is in datatrove's normal form."""
        return text.split(" ")

    def sent_tokenize(self, text: str) -> list[str]:
        """Not what this is for."""
        raise NotImplementedError

    def span_tokenize(self, text: str) -> list[tuple[int, int]]:
        """Not what this is for."""
        raise NotImplementedError


def main() -> None:
    """Write the ids that go, one on each line."""
    documents, gone = map(Path, sys.argv[1:3])
    threshold, shingle, permutations = float(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
    rows = hashes_of_a_bucket(threshold, permutations)
    config = MinhashConfig(
        n_grams=shingle, num_buckets=permutations // rows, hashes_per_bucket=rows
    )
    with tempfile.TemporaryDirectory(prefix="datatrove-") as name:
        folder = Path(name)
        for number, steps in enumerate(_steps(documents, folder, config)):
            # Buckets are one task each by its rule; the others have one file to read.
            tasks = config.num_buckets if number == 1 else 1
            logs = str(folder / "logs" / str(number))
            LocalPipelineExecutor(steps, tasks=tasks, workers=1, logging_dir=logs).run()
        found = sorted(_ids(folder / "gone"))
    gone.write_text("\n".join(found))


def _steps(documents: Path, folder: Path, config: MinhashConfig) -> list[list[PipelineStep]]:
    def reader() -> JsonlReader:
        return JsonlReader(
            str(documents.parent), glob_pattern=documents.name, text_key="prompt", id_key="id"
        )

    signatures, pairs, removed = (str(folder / name) for name in ("sigs", "pairs", "removed"))
    gone = JsonlWriter(str(folder / "gone"), compression=None)
    return [
        [reader(), MinhashDedupSignature(signatures, config=config, language=Spaces())],
        [MinhashDedupBuckets(signatures, pairs, config=config)],
        [MinhashDedupCluster(pairs, removed, config=config)],
        [reader(), MinhashDedupFilter(removed, exclusion_writer=gone)],
    ]


def _ids(folder: Path) -> Iterator[str]:
    for path in folder.glob("*.jsonl"):
        with path.open(encoding="utf-8") as lines:
            yield from (json.loads(line)["id"] for line in lines)


def hashes_of_a_bucket(threshold: float, permutations: int) -> int:
    """As many as ours has rows of a band (`prefline.filters.fingerprints.rows_per_band`): the most
    that leave a pair at the threshold a chance of 99 % to share one, 1 - (1 - t^rows)^buckets.
    At 0.7 and 128 that is 32 buckets of 4."""
    fitting = [
        rows
        for rows in range(1, permutations + 1)
        if 1 - (1 - threshold**rows) ** (permutations // rows) >= _CHANCE
    ]
    return max(fitting, default=1)


if __name__ == "__main__":
    main()
