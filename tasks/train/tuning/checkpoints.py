"""Which checkpoint a killed training goes on from."""

from __future__ import annotations

import json
from pathlib import Path

_WRITTEN_LAST = "trainer_state.json"


def last_checkpoint(work: Path) -> Path | None:
    """The newest one that is whole: a kill may have come while the newest of all was written."""
    whole = [one for one in work.glob("checkpoint-*") if _is_whole(one)]
    return max(whole, key=_step, default=None)


def _is_whole(checkpoint: Path) -> bool:
    try:
        state = json.loads((checkpoint / _WRITTEN_LAST).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return False
    return bool(state["global_step"] == _step(checkpoint))


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])
