"""A token bucket: a rate with a burst, and how long to wait for one's turn."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Bucket:
    """`capacity` units that refill at `rate` units a second; times are in seconds.

    Starts full at time `at`, on whatever clock the caller has.
    """

    rate: float
    capacity: float
    at: float = 0.0
    level: float = field(init=False)

    def __post_init__(self) -> None:
        self.level = self.capacity

    def wait(self, cost: float, now: float) -> float:
        """Seconds until `cost` units may be taken: 0 for now. Takes nothing.

        A cost above the capacity waits for a full bucket, and then leaves it in debt, so
        that the rate holds for it too.
        """
        self._refill(now)
        missing = min(cost, self.capacity) - self.level
        # Rounding must not leave a client that waited exactly so long waiting once more.
        return missing / self.rate if missing > 1e-6 * self.capacity else 0.0

    def take(self, cost: float) -> None:
        """Take `cost` units."""
        self.level -= cost

    def reserve(self, cost: float, now: float) -> float:
        """Take `cost` units now, and return the seconds after which they are due.

        Whoever waits as told gets the units in the order of asking, without a queue.
        """
        self._refill(now)
        self.level -= cost
        return max(0.0, -self.level / self.rate)

    def give_back(self, units: float) -> None:
        """Return units that were taken and not used."""
        self.level = min(self.capacity, self.level + units)

    def _refill(self, now: float) -> None:
        # A clock that went back refills nothing.
        self.level = min(self.capacity, self.level + max(0.0, now - self.at) * self.rate)
        self.at = max(self.at, now)
