"""Which bodies were seen before, and how often: all of them, or the few that must be known."""

from __future__ import annotations

_MOST_STRUCK = 100_000


class AllBodies:
    """Every body; about 0.1 KB for each."""

    def __init__(self) -> None:
        # Twice the times seen, plus one once answered: one number, as there may be millions.
        self._states: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._states)

    def sight(self, body: int) -> int:
        """Count a body as seen; how often it had been seen before."""
        state = self._states.get(body, 0)
        self._states[body] = state + 2
        return state >> 1

    def strike(self, body: int) -> None:
        """Note that a body's request will fail."""

    def answer(self, body: int) -> None:
        """Note that a body was answered in full."""
        self._states[body] |= 1

    def history(self, body: int) -> tuple[int, bool]:
        """How often the body had been seen before its latest sight, and whether answered."""
        state = self._states[body]
        return (state >> 1) - 1, bool(state & 1)


class StruckBodies:
    """The latest bodies that failed and were not answered since: memory stays bounded.

    A body never seen and one answered count alike, as not seen before. So a retry after a
    fault draws anew, as it does among `AllBodies`.
    """

    def __init__(self, most: int = _MOST_STRUCK) -> None:
        self._times: dict[int, int] = {}
        self._most = most

    def __len__(self) -> int:
        return len(self._times)

    def sight(self, body: int) -> int:
        """How often the body failed since it was last answered."""
        return self._times.get(body, 0)

    def strike(self, body: int) -> None:
        """Count a failure; the one longest ago is forgotten where there are too many."""
        self._times[body] = self._times.pop(body, 0) + 1
        if len(self._times) > self._most:
            del self._times[next(iter(self._times))]

    def answer(self, body: int) -> None:
        """Forget a body that was answered in full."""
        self._times.pop(body, None)

    def history(self, body: int) -> tuple[int, bool]:
        """What is known: the failures, and nothing of answers."""
        return self._times.get(body, 0), False
