"""Money: what was spent, what is under way, and the limit that is never passed."""

from __future__ import annotations

from prefline.engine.request import Request
from prefline.errors import SpendLimitReached
from prefline.params import Prices

_CHARACTERS_PER_TOKEN = 3


class Budget:
    """The spend of a run. A call is reserved at its highest price before it is made and
    settled at its real price after it, so that calls in flight count."""

    def __init__(self, limit_usd: float | None) -> None:
        self._limit = limit_usd
        self._reserved = 0.0
        self.spent_usd = 0.0

    def reserve(self, request: Request, prices: Prices) -> float:
        """Reserve the highest price of a call and return it, in USD.

        Raises `SpendLimitReached` if that could pass the limit.
        """
        price = highest_price_usd(request, prices)
        if self._limit is not None and self.spent_usd + self._reserved + price > self._limit:
            raise SpendLimitReached(
                f"the next call could pass the spend limit of ${self._limit:g} "
                f"(${self.spent_usd:.4f} spent, ${self._reserved:.4f} under way)",
                "raise engine.spend_limit_usd in params.yaml and run the same command again: "
                "every reply so far is kept and is not paid for twice",
            )
        self._reserved += price
        return price

    def settle(self, reserved_usd: float, cost_usd: float) -> None:
        """Replace a reservation by what the call cost (0 if it got no reply)."""
        self._reserved -= reserved_usd
        self.spent_usd += cost_usd


def highest_price_usd(request: Request, prices: Prices) -> float:
    """An upper estimate of a call's price in USD: three characters a token (English text
    has about four), and every output token that it may use."""
    characters = sum(len(message["content"]) for message in request.messages)
    read = characters / _CHARACTERS_PER_TOKEN + 8 * len(request.messages)
    return (prices.input * read + prices.output * request.sampling.max_tokens) / 1e6
