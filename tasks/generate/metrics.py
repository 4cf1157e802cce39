"""What the stage made, in figures."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from prefline.tables import texts


@dataclass(slots=True)
class Made:
    """Counts of responses, shard by shard."""

    origin: Counter[str] = field(default_factory=Counter)
    finish_reason: Counter[str] = field(default_factory=Counter)
    principle: Counter[str] = field(default_factory=Counter)

    def count(self, responses: pa.Table) -> None:
        """Count one more shard."""
        self.origin.update(texts(responses, "origin"))
        self.finish_reason.update(texts(responses, "finish_reason"))
        self.principle.update(one for one in responses["principle"].to_pylist() if one)

    def figures(self) -> dict[str, Any]:
        """For `data/metrics/generate.json`; `principle` counts the revisions by each."""
        return {
            "responses": self.origin.total(),
            "origin": dict(self.origin),
            "finish_reason": dict(self.finish_reason),
            "principle": dict(self.principle),
        }

    def summary(self) -> str:
        """In a few words."""
        whole = f"{self.origin.total():,} responses"
        if set(self.origin) <= {"sampled"}:
            return whole
        return f"{whole} ({', '.join(f'{n:,} {name}' for name, n in self.origin.items())})"
