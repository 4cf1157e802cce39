"""What an engine has answered so far, in figures."""

from __future__ import annotations

from dataclasses import dataclass

from prefline.llm.outcome import Outcome, Reply


@dataclass(slots=True)
class Tally:
    """Counts of outcomes; `tokens` and `cost_usd` (USD) are of replies that were bought now."""

    done: int = 0
    cached: int = 0
    failed: int = 0
    tokens: int = 0
    cost_usd: float = 0.0

    def add(self, outcome: Outcome) -> None:
        """Count one more."""
        self.done += 1
        if not isinstance(outcome, Reply):
            self.failed += 1
        elif outcome.cached:
            self.cached += 1
        else:
            self.tokens += outcome.usage.total
            self.cost_usd += outcome.cost_usd
