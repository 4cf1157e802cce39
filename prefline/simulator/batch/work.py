"""Working through a batch, in slices so short that live requests hardly wait."""

from __future__ import annotations

import asyncio
import math
import time
from contextlib import suppress

from prefline.simulator.answers import Answers
from prefline.simulator.batch.lines import MOST_FLAWS, Checks, Flaw, Line, file_flaw, numbered
from prefline.simulator.batch.outcome import Outcome, answered, line_fault, not_reached, scattered
from prefline.simulator.batch.state import Batch, Status
from prefline.simulator.config import SimulatorConfig
from prefline.simulator.draws import key_of, uniforms
from prefline.simulator.files import FileStore
from prefline.simulator.journal import Journal, body_hash

_SLICE = 32
_LOOK_S = 0.005
# Shares of the latency at which the lines begin, and end.
_FIRST, _LAST = 0.1, 0.9


class BatchWork:
    """Takes batches from `validating` to their end."""

    def __init__(
        self, config: SimulatorConfig, answers: Answers, journal: Journal, store: FileStore
    ) -> None:
        self._config = config
        self._answers = answers
        self._journal = journal
        self._store = store

    async def run(self, batch: Batch, content: bytes, attempt: int) -> None:
        """All of a batch; `attempt` is how often its file had been sent before."""
        checks = await self._validate(batch, content, attempt)
        if batch.cancel.is_set():
            batch.enter("cancelled")
        elif checks.flaws:
            batch.flaws = checks.flaws[:MOST_FLAWS]
            batch.enter("failed")
        else:
            batch.model, batch.total = checks.model, len(checks.lines)
            batch.enter("in_progress")
            await self._work(batch, checks.lines)

    async def _validate(self, batch: Batch, content: bytes, attempt: int) -> Checks:
        spec = self._config.batch
        checks = Checks(self._answers.models, spec.max_lines)
        flaw = _planted(spec.fail, self._config.seed, content, attempt)
        flaw = file_flaw(content, spec.max_bytes) or flaw
        if flaw:
            checks.flaws.append(flaw)
        else:
            await _take_all(checks, content, batch)
        await self._until(batch, _FIRST)
        return checks

    async def _work(self, batch: Batch, lines: list[Line]) -> None:
        share = self._config.batch.expired_share
        reached = lines[: len(lines) - math.ceil(share * len(lines))]
        done = await self._answer(batch, reached)
        end: Status
        if batch.cancel.is_set():
            end, code = "cancelled", "batch_cancelled"
        elif share:
            await self._until(batch, 1.0)
            end, code = "expired", "batch_expired"
        else:
            batch.enter("finalizing")
            await self._until(batch, 1.0, wakes=False)
            end, code = "completed", ""
        left = [not_reached(line, batch.id, code) for line in lines[len(done) :]]
        self._write(batch, done, left)
        batch.enter(end)

    async def _answer(self, batch: Batch, lines: list[Line]) -> list[Outcome]:
        """Answer the lines, evenly over their part of the latency, until a cancel."""
        done: list[Outcome] = []
        while len(done) < len(lines) and not batch.cancel.is_set():
            due = math.ceil(self._progress(batch) * len(lines))
            turn = lines[len(done) : min(due, len(done) + _SLICE)]
            done += [self._outcome(batch, line) for line in turn]
            await asyncio.sleep(0 if len(done) < due else _LOOK_S)
        return done

    def _outcome(self, batch: Batch, line: Line) -> Outcome:
        body = body_hash(line.body)
        attempt = self._journal.sight(body)
        share = self._config.batch.line_failures
        fault = line_fault(share, self._config.seed, body, attempt)
        outcome = answered(line, batch.id, self._answers, fault)
        told = outcome.status, outcome.fault
        self._journal.note(body, batch.model or "", told, time.time(), batch=True)
        if outcome.usage is not None:
            self._journal.answered(body, outcome.usage)
        batch.add(outcome)
        return outcome

    def _write(self, batch: Batch, done: list[Outcome], left: list[bytes]) -> None:
        """The output file and the error file, each only if it has a line."""
        mixed = scattered(done, batch.id.encode())
        good = b"".join([outcome.text for outcome in mixed if outcome.usage is not None])
        bad = b"".join([*(outcome.text for outcome in mixed if outcome.usage is None), *left])
        if good:
            batch.output_file_id = self._keep(batch, good, "output")
        if bad:
            batch.error_file_id = self._keep(batch, bad, "error")

    def _keep(self, batch: Batch, content: bytes, kind: str) -> str:
        return self._store.add(content, f"{batch.id}_{kind}.jsonl", "batch_output").id

    def _progress(self, batch: Batch) -> float:
        """The share of the lines that should be done by now."""
        latency = self._config.batch.latency_ms / 1000
        passed = time.monotonic() - batch.started
        if passed >= latency * _LAST:
            return 1.0
        return max(0.0, (passed / latency - _FIRST) / (_LAST - _FIRST))

    async def _until(self, batch: Batch, share: float, *, wakes: bool = True) -> None:
        """Wait for a share of the latency to pass, or (if it `wakes`) for a cancel."""
        due = batch.started + share * self._config.batch.latency_ms / 1000
        left = max(0.0, due - time.monotonic())
        if not wakes:
            await asyncio.sleep(left)
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(batch.cancel.wait(), left)


async def _take_all(checks: Checks, content: bytes, batch: Batch) -> None:
    for number, raw in numbered(content):
        checks.take(number, raw)
        if checks.hopeless or batch.cancel.is_set():
            return
        if number % _SLICE == 0:
            await asyncio.sleep(0)


def _planted(share: float, seed: int, content: bytes, attempt: int) -> Flaw | None:
    """Whether a batch of this file fails as a whole, as one does above a provider's limit."""
    if share == 0:
        return None  # a large file takes a while to hash
    key = key_of(b"batch", seed.to_bytes(8, "big", signed=True), content)
    if uniforms(key, "fail", attempt)[0] >= share:
        return None
    message = "Simulated fault: the enqueued token limit is reached. Please try again later."
    return Flaw("token_limit_exceeded", message)
