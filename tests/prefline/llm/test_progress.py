from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from prefline.llm import Failure, Outcome, Reply, Usage
from prefline.llm import progress as module
from prefline.llm.outcome import CallStats
from prefline.llm.progress import Progress
from tests.prefline.llm.requests import ask


@dataclass
class Running:
    """The parts of an engine that progress reads."""

    in_flight: int = 3
    stats: CallStats = field(default_factory=CallStats)
    budget: Any = field(default_factory=lambda: SimpleNamespace(spent_usd=0.0))

    def batch_status(self) -> list[str]:
        return ["batch b1: in_progress, 5 of 9"]


def reply(*, cached: bool = False) -> Reply:
    return Reply(ask("x"), "text", "stop", (), Usage(7, 3), 0.25, cached=cached)


def watched(total: int, outcomes: list[Outcome]) -> Progress:
    running = Running()
    running.budget.spent_usd = sum(
        o.cost_usd for o in outcomes if isinstance(o, Reply) if not o.cached
    )
    for outcome in outcomes:
        running.stats.add(outcome)
    return Progress("generate", total, running)  # type: ignore[arg-type]


def test_it_says_rate_calls_in_flight_tokens_cost_and_what_is_to_come() -> None:
    progress = watched(10, [reply(), reply(), reply(cached=True), Failure(ask("y"), "timeout", "")])
    status = progress.status()

    assert progress.fraction_done == 0.4
    for part in (
        r"[\d.]+/s",
        "20 tokens",
        "3 in flight",
        "1 from the reply store",
        "1 failed",
        r"\$0\.50 so far, \$1\.50 to come",
        r"\d:\d\d:\d\d to go",
        "batch b1: in_progress, 5 of 9",
    ):
        assert re.search(part, status), (part, status)


def test_calls_beyond_the_plan_are_counted_as_expected() -> None:
    progress = watched(2, [reply(), reply(), reply()])

    assert (progress.expected, progress.fraction_done) == (3, 1.0)
    assert "to go" not in progress.status()


def test_without_a_terminal_a_plain_line_comes_now_and_then_even_while_nothing_ends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "_SECONDS_BETWEEN_LINES", 0.02)
    with Progress("judge", 5, Running()):  # type: ignore[arg-type]
        time.sleep(0.2)
    lines = capsys.readouterr().err.splitlines()

    assert len(lines) >= 2
    assert all(line.startswith("judge: 0/5, ") for line in lines)
    assert "\x1b" not in "".join(lines)


def test_a_stage_ends_with_one_line_that_says_what_it_took(
    capsys: pytest.CaptureFixture[str],
) -> None:
    watched(1, [reply()]).print_summary("1 response")

    assert re.match(r"generate: 1 response; 1 call in \d+ s \(", capsys.readouterr().out)
