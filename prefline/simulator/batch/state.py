"""A batch: what is asked, how far it is, and how the API shows it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any, Literal

from prefline.simulator.batch.lines import Flaw
from prefline.simulator.batch.outcome import Outcome

Status = Literal[
    "validating",
    "failed",
    "in_progress",
    "finalizing",
    "completed",
    "expired",
    "cancelling",
    "cancelled",
]
ENDED = frozenset({"failed", "completed", "expired", "cancelled"})
WINDOW_S = {"24h": 86_400}
_STAMPED = ("in_progress", "finalizing", "completed", "failed", "expired", "cancelling",
            "cancelled")  # fmt: skip


@dataclass(slots=True)
class Batch:
    """One batch. Its status changes through `enter` only; `cancel` wakes what works on it."""

    id: str
    input_file_id: str
    endpoint: str
    window: str
    metadata: dict[str, str] | None
    expires_at: int
    created_at: int = field(default_factory=lambda: int(time.time()))
    status: Status = "validating"
    started: float = field(default_factory=time.monotonic)
    stamps: dict[str, int] = field(default_factory=dict)
    flaws: list[Flaw] = field(default_factory=list)
    model: str | None = None
    total: int = 0
    completed: int = 0
    failed: int = 0
    tokens: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("input", "cached", "output", "reasoning"), 0)
    )
    output_file_id: str | None = None
    error_file_id: str | None = None
    cancel: asyncio.Event = field(default_factory=asyncio.Event)

    def enter(self, status: Status) -> None:
        """Change the status and note when."""
        self.status = status
        self.stamps[status] = int(time.time())

    def add(self, outcome: Outcome) -> None:
        """Count a line as done."""
        usage = outcome.usage
        if usage is None:
            self.failed += 1
            return
        self.completed += 1
        self.tokens["input"] += usage["prompt_tokens"]
        self.tokens["output"] += usage["completion_tokens"]
        self.tokens["cached"] += usage.get("prompt_tokens_details", {}).get("cached_tokens", 0)
        details = usage.get("completion_tokens_details", {})
        self.tokens["reasoning"] += details.get("reasoning_tokens", 0)

    def describe(self) -> dict[str, Any]:
        """The batch object of OpenAI's API."""
        errors = {"object": "list", "data": [flaw.describe() for flaw in self.flaws]}
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": self.endpoint,
            "model": self.model,
            "errors": errors if self.flaws else None,
            "input_file_id": self.input_file_id,
            "completion_window": self.window,
            "status": self.status,
            "output_file_id": self.output_file_id,
            "error_file_id": self.error_file_id,
            "created_at": self.created_at,
            "expires_at": self.expires_at,
            **{f"{name}_at": self.stamps.get(name) for name in _STAMPED},
            "request_counts": {
                "total": self.total,
                "completed": self.completed,
                "failed": self.failed,
            },
            "usage": self._usage(),
            "metadata": self.metadata,
        }

    def _usage(self) -> dict[str, Any]:
        tokens = self.tokens
        return {
            "input_tokens": tokens["input"],
            "input_tokens_details": {"cached_tokens": tokens["cached"]},
            "output_tokens": tokens["output"],
            "output_tokens_details": {"reasoning_tokens": tokens["reasoning"]},
            "total_tokens": tokens["input"] + tokens["output"],
        }
