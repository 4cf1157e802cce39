"""The spend limit: money spent and reserved by this process, and by a run's earlier stages."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from prefline.config.environment import run_name
from prefline.errors import SpendLimitReached
from prefline.llm.runs import dvc_above, lasting_name

SPEND_LIMIT_REMEDY = (
    "raise engine.spend_limit_usd in params.yaml, or leave it, and run the same command again: "
    "every reply so far is kept and is not paid for twice; a new run counts its spend from zero"
)
_KEPT_S = 7 * 24 * 3_600


class Budget:
    """The spend of a run, which never passes its limit.

    A call is reserved at its highest price before it is made and settled at its real price after
    it, so that calls in flight count. All amounts are in USD.

    `earlier_usd` was spent by the run's earlier stages, in other processes. `wasted_usd` is the
    part of `spent_usd` that brought no usable reply. `unconfirmed_usd` is the highest price of
    calls that were sent and never answered, or answered without their usage: it may have been
    billed, counts against the limit and is no part of the spend.
    """

    def __init__(self, limit_usd: float | None, earlier_usd: float = 0.0) -> None:
        self._limit = limit_usd
        self._reserved = 0.0
        self._under_way = 0
        self._waiters: list[asyncio.Future[None]] = []
        self.earlier_usd = earlier_usd
        self.spent_usd = 0.0
        self.wasted_usd = 0.0
        self.unconfirmed_usd = 0.0

    @property
    def limit_usd(self) -> float | None:
        """The spend that a run never passes; None for no limit."""
        return self._limit

    async def acquire(self, highest_usd: float) -> None:
        """`reserve`, once there is room: calls under way usually cost less than they might."""
        while self._may_fit_later(highest_usd):
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter
        self.reserve(highest_usd)

    def reserve(self, *highest_usd: float) -> None:
        """Reserve the highest prices of one or several calls: all or none.

        Raises `SpendLimitReached` if that could pass the limit.
        """
        total_usd = sum(highest_usd)
        if not self._fits(self.committed_usd + total_usd):
            raise SpendLimitReached(
                f"the next call could pass the spend limit of ${self._limit:g}: {self._account}",
                SPEND_LIMIT_REMEDY,
            )
        self._reserved += total_usd
        self._under_way += sum(usd > 0 for usd in highest_usd)

    def settle(self, reserved_usd: float, cost_usd: float, *, useful: bool = True) -> None:
        """Replace a reservation by what the call cost; not `useful` if it brought no reply."""
        self._release(reserved_usd)
        self.spent_usd += cost_usd
        self.wasted_usd += 0.0 if useful else cost_usd

    def settle_unanswered(self, reserved_usd: float) -> None:
        """End the reservation of a call that was sent, got no answer, and may be billed."""
        self._release(reserved_usd)
        self.unconfirmed_usd += reserved_usd

    @property
    def committed_usd(self) -> float:
        """The sum spent here, the sum that may have been, and the sum under way."""
        return self.spent_usd + self.unconfirmed_usd + self._reserved

    def _fits(self, usd: float) -> bool:
        return self._limit is None or self.earlier_usd + usd <= self._limit

    def _may_fit_later(self, highest_usd: float) -> bool:
        fits_alone = self._fits(self.spent_usd + self.unconfirmed_usd + highest_usd)
        return fits_alone and not self._fits(self.committed_usd + highest_usd)

    def _release(self, reserved_usd: float) -> None:
        self._under_way -= reserved_usd > 0
        # Exactly nothing once nothing is under way: what is left of rounding would be waited for.
        self._reserved = self._reserved - reserved_usd if self._under_way else 0.0
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    @property
    def _account(self) -> str:
        parts = [f"${self.spent_usd:.4f} spent here", f"${self._reserved:.4f} under way"]
        if self.earlier_usd:
            parts.append(f"${self.earlier_usd:.4f} spent by earlier stages of this run")
        if self.unconfirmed_usd:
            parts.append(f"${self.unconfirmed_usd:.4f} for calls whose cost nobody told")
        return ", ".join(parts)


class RunSpend:
    """A small file per run to which each stage adds what it has spent, when it ends.

    Stages of one run follow each other, so nothing is lost by adding at the end; a stage that
    was killed ends its run, and the next run counts from zero.
    """

    def __init__(self, folder: Path, run_id: str) -> None:
        self._path = folder / run_id

    def total_usd(self) -> float:
        """Return what the run's earlier stages have spent, in USD."""
        try:
            return sum(float(line) for line in self._path.read_text("ascii").split())
        except FileNotFoundError:
            return 0.0

    def add(self, usd: float) -> None:
        """Add what a stage has spent, in USD, and remove the files of runs of weeks ago."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="ascii") as file:
            file.write(f"{usd!r}\n")
        for path in self._path.parent.iterdir():
            if path.stat().st_mtime < time.time() - _KEPT_S:
                path.unlink(missing_ok=True)


def current_run_id() -> str:
    """Return the id of this process's run: the name that a parent gave it, else that of the `dvc`
    that started it, or its own."""
    if name := run_name():
        return name
    return lasting_name(dvc_above() or os.getpid())
