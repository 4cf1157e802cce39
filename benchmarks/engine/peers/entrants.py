"""Who takes part. An entrant is a name, a command, and the files that it writes its rows to.

The command is given `--base-url`, `--input`, `--output` and `--job`, as `jobs.options` reads
them. It reads the JSONL of `inputs.py`, and writes one row per call below the output folder:
the keys of the job and `text`.
"""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path

_PEERS = "benchmarks.engine.peers"
_PREFLINE = "benchmarks.engine.stage"


@dataclass(frozen=True, slots=True)
class Entrant:
    """`rows` is a pattern of files below the output folder, see `outputs.py` for the formats."""

    name: str
    argv: tuple[str, ...]
    rows: str


def entrants() -> list[Entrant]:
    """All that can take part here: Prefline where its stage exists, peers where installed."""
    argv = (sys.executable, "-m", _PREFLINE)
    prefline = [
        Entrant("prefline", argv, "rows/**/*.parquet"),
        Entrant("prefline-aiohttp", (*argv, "--aiohttp"), "rows/**/*.parquet"),
    ]
    peers = [
        _peer("datatrove", "rows/*.jsonl"),
        _peer("data_designer", "rows/dataset/parquet-files/*.parquet"),
        _peer("distilabel", "rows/**/steps_outputs/**/*.parquet"),
        # Named by a hash; beside it lies the order of the rows, with a longer name.
        _peer("curator", f"rows/*/{'?' * 16}.arrow"),
    ]
    here = prefline if importlib.util.find_spec(_PREFLINE) else []
    return here + [peer for peer in peers if Path(peer.argv[0]).exists()]


def _peer(name: str, rows: str) -> Entrant:
    python = Path(".bench", name, "bin", "python").absolute()
    return Entrant(name, (str(python), "-m", f"{_PEERS}.{name}"), rows)
