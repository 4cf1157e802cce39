"""How long to wait before the same is tried again."""

from __future__ import annotations

import random
import time

_FIRST_S = 0.1
_LONGEST_S = 5.0


def pause(n: int) -> None:
    """Wait after failure `n`, counted from 0: 0.1 s, doubled each time, up to 5 s.

    Half of it is left to chance, so that callers who failed together do not meet again.
    """
    time.sleep(min(_LONGEST_S, _FIRST_S * 2**n) * random.uniform(0.5, 1.5))
