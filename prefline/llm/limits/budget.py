"""Money: what was spent, what is under way, and the limit that is never passed."""

from __future__ import annotations

import asyncio

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
        self._under_way = 0
        self._line: list[asyncio.Future[None]] = []
        self.earlier_usd = earlier_usd
        self.spent_usd = 0.0
        self.wasted_usd = 0.0
        self.unsure_usd = 0.0

    async def take(self, highest_usd: float) -> None:
        """`reserve`, once there is room: calls under way usually cost less than they might."""
        while self._may_fit_later(highest_usd):
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._line.append(turn)
            await turn
        self.reserve(highest_usd)

    def reserve(self, *highest_usd: float) -> None:
        """Reserve the highest price of a call, in USD, or those of several: all or none.

        Raises `SpendLimitReached` if that could pass the limit.
        """
        if not self._fits(self.committed_usd + sum(highest_usd)):
            raise SpendLimitReached(
                f"the next call could pass the spend limit of ${self._limit:g}: {self._account}",
                "raise engine.spend_limit_usd in params.yaml, or leave it, and run the same "
                "command again: every reply so far is kept and is not paid for twice; a new run "
                "counts its spend from zero",
            )
        self._reserved += sum(highest_usd)
        self._under_way += sum(one > 0 for one in highest_usd)

    def settle(self, reserved_usd: float, cost_usd: float, *, useful: bool = True) -> None:
        """Replace a reservation by what the call cost; not `useful` if it brought no reply."""
        self._free(reserved_usd)
        self.spent_usd += cost_usd
        self.wasted_usd += 0.0 if useful else cost_usd

    def doubt(self, reserved_usd: float) -> None:
        """End the reservation of a call that was sent, got no answer, and may be billed."""
        self._free(reserved_usd)
        self.unsure_usd += reserved_usd

    @property
    def committed_usd(self) -> float:
        """What was spent here, what may have been, and what is under way."""
        return self.spent_usd + self.unsure_usd + self._reserved

    def _fits(self, usd: float) -> bool:
        return self._limit is None or self.earlier_usd + usd <= self._limit

    def _may_fit_later(self, highest_usd: float) -> bool:
        fits_alone = self._fits(self.spent_usd + self.unsure_usd + highest_usd)
        return fits_alone and not self._fits(self.committed_usd + highest_usd)

    def _free(self, reserved_usd: float) -> None:
        self._under_way -= reserved_usd > 0
        # Exactly nothing once nothing is under way: what is left of rounding would be waited for.
        self._reserved = self._reserved - reserved_usd if self._under_way else 0.0
        line, self._line = self._line, []
        for turn in line:
            if not turn.done():
                turn.set_result(None)

    @property
    def _account(self) -> str:
        parts = [f"${self.spent_usd:.4f} spent here", f"${self._reserved:.4f} under way"]
        if self.earlier_usd:
            parts.append(f"${self.earlier_usd:.4f} spent by earlier stages of this run")
        if self.unsure_usd:
            parts.append(f"${self.unsure_usd:.4f} for calls that were never answered")
        return ", ".join(parts)
