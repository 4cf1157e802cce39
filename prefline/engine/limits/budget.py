"""Money: what was spent, what is under way, and the limit that is never passed."""

from __future__ import annotations

from prefline.errors import SpendLimitReached


class Budget:
    """The spend of a run. A call is reserved at its highest price before it is made and
    settled at its real price after it, so that calls in flight count.

    `earlier_usd` was spent by the run before, in other processes: its earlier stages.
    `wasted_usd` is the part of `spent_usd` that brought no reply: answers that were billed
    and could not be used. `unsure_usd` may have been billed: calls that were sent and never
    answered, at their highest price; it counts against the limit and is no part of the spend.
    """

    def __init__(self, limit_usd: float | None, earlier_usd: float = 0.0) -> None:
        self._limit = limit_usd
        self._reserved = 0.0
        self.earlier_usd = earlier_usd
        self.spent_usd = 0.0
        self.wasted_usd = 0.0
        self.unsure_usd = 0.0

    def reserve(self, highest_usd: float) -> None:
        """Reserve the highest price of a call, in USD.

        Raises `SpendLimitReached` if that could pass the limit.
        """
        if (
            self._limit is not None
            and self.earlier_usd + self.committed_usd + highest_usd > self._limit
        ):
            raise SpendLimitReached(
                f"the next call could pass the spend limit of ${self._limit:g}: {self._account}",
                "raise engine.spend_limit_usd in params.yaml, or leave it, and run the same "
                "command again: every reply so far is kept and is not paid for twice; a new run "
                "counts its spend from zero",
            )
        self._reserved += highest_usd

    def settle(self, reserved_usd: float, cost_usd: float, *, useful: bool = True) -> None:
        """Replace a reservation by what the call cost; not `useful` if it brought no reply."""
        self._reserved -= reserved_usd
        self.spent_usd += cost_usd
        self.wasted_usd += 0.0 if useful else cost_usd

    def doubt(self, reserved_usd: float) -> None:
        """End the reservation of a call that was sent, got no answer, and may be billed."""
        self._reserved -= reserved_usd
        self.unsure_usd += reserved_usd

    @property
    def committed_usd(self) -> float:
        """What was spent here, what may have been, and what is under way."""
        return self.spent_usd + self.unsure_usd + self._reserved

    @property
    def _account(self) -> str:
        parts = [f"${self.spent_usd:.4f} spent here", f"${self._reserved:.4f} under way"]
        if self.earlier_usd:
            parts.append(f"${self.earlier_usd:.4f} spent by earlier stages of this run")
        if self.unsure_usd:
            parts.append(f"${self.unsure_usd:.4f} for calls that were never answered")
        return ", ".join(parts)
