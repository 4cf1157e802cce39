"""Near duplicates by datatrove's four steps (signatures, buckets, clusters, filter), in the way of
its example: of a cluster the first document stays.

Words are split at white space, its quickest way. Buckets are chosen as ours are: as many hashes
in each as leave a pair at the threshold a chance of 99 % to share one.

`python FILE DOCUMENTS GONE THRESHOLD SHINGLE PERMUTATIONS`
"""

import json
import logging
import sys
import tempfile
from pathlib import Path

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import (
    MinhashConfig,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
)
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter
from datatrove.utils.word_tokenizers import WhitespaceTokenizer

_CHANCE = 0.99


def main() -> None:
    """Write the ids that go, one on each line."""
    documents, gone = map(Path, sys.argv[1:3])
    threshold, shingle, permutations = float(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
    rows = hashes_of_a_bucket(threshold, permutations)
    config = MinhashConfig(
        n_grams=shingle, num_buckets=permutations // rows, hashes_per_bucket=rows
    )
    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory(prefix="datatrove-") as name:
        folder = Path(name)
        for number, steps in enumerate(_steps(documents, folder, config)):
            logs = str(folder / "logs" / str(number))
            tasks = config.num_buckets if number == 1 else 1
            LocalPipelineExecutor(steps, tasks=tasks, workers=1, logging_dir=logs).run()
        found = [
            json.loads(line)["id"]
            for path in (folder / "gone").glob("*.jsonl")
            for line in path.read_text().splitlines()
        ]
    gone.write_text("\n".join(sorted(found)))


def _steps(documents: Path, folder: Path, config: MinhashConfig) -> list[list[object]]:
    def reader() -> JsonlReader:
        return JsonlReader(
            str(documents.parent), glob_pattern=documents.name, text_key="prompt", id_key="id"
        )

    signatures, buckets, removed = (str(folder / name) for name in ("sigs", "buckets", "remove"))
    return [
        [
            reader(),
            MinhashDedupSignature(signatures, config=config, language=WhitespaceTokenizer()),
        ],
        [MinhashDedupBuckets(signatures, buckets, config=config)],
        [MinhashDedupCluster(buckets, removed, config=config)],
        [
            reader(),
            MinhashDedupFilter(
                removed, exclusion_writer=JsonlWriter(str(folder / "gone"), compression=None)
            ),
        ],
    ]


def hashes_of_a_bucket(threshold: float, permutations: int) -> int:
    """The most that leave a pair at the threshold that chance, 1 - (1 - t^rows)^buckets."""
    fitting = [
        rows
        for rows in range(1, permutations + 1)
        if 1 - (1 - threshold**rows) ** (permutations // rows) >= _CHANCE
    ]
    return max(fitting)


if __name__ == "__main__":
    main()
