"""Near duplicates by datasketch's MinHash and MinHashLSH, in the way of its documentation: each
document is asked for among those before it, and goes if there is one.

`python FILE DOCUMENTS GONE THRESHOLD SHINGLE PERMUTATIONS`
"""

import json
import sys
from pathlib import Path

from datasketch import MinHash, MinHashLSH


def main() -> None:
    """Write the ids that go, one on each line."""
    documents, gone = map(Path, sys.argv[1:3])
    threshold, shingle, permutations = float(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
    index = MinHashLSH(threshold=threshold, num_perm=permutations)
    found = []
    with documents.open() as lines:
        for line in lines:
            row = json.loads(line)
            words = row["prompt"].split(" ")
            made = MinHash(num_perm=permutations)
            made.update_batch(
                {
                    " ".join(words[at : at + shingle]).encode()
                    for at in range(len(words) - shingle + 1)
                }
            )
            if index.query(made):
                found.append(row["id"])
            else:
                index.insert(row["id"], made)
    gone.write_text("\n".join(sorted(found)))


if __name__ == "__main__":
    main()
