"""The ids that a source gives its prompts: one that names two different prompts is a mistake."""

from __future__ import annotations

from array import array

import numpy as np

from prefline.ids import content_hash


class GivenIds:
    """Ids of a source's rows, 24 bytes for each."""

    def __init__(self) -> None:
        self._ids, self._prompts, self._rows = array("Q"), array("Q"), array("Q")

    def note(self, row: int, given: str, prompt_id: str) -> None:
        """Row number `row`, from 1, gives its prompt this id."""
        self._rows.append(row)
        self._ids.append(int(content_hash(given)[:16], 16))
        self._prompts.append(int(prompt_id, 16))

    def clash(self) -> tuple[int, int] | None:
        """Two rows, rising, that have the same id and different prompts; None if no two have."""
        ids, prompts, rows = (
            np.frombuffer(one, np.uint64) for one in (self._ids, self._prompts, self._rows)
        )
        order = np.lexsort((rows, ids))
        ids, prompts, rows = ids[order], prompts[order], rows[order]
        at = np.flatnonzero((ids[1:] == ids[:-1]) & (prompts[1:] != prompts[:-1]))
        if not len(at):
            return None
        first = at[np.argmin(rows[at + 1])]
        return int(rows[first]), int(rows[first + 1])
