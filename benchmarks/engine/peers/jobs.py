"""The two jobs, as every peer is given them: what to ask which model, and how.

A peer gets the finished user message of every call, so none pays for a template. It runs
alone in its process, with its caches in the output folder, which is fresh for each run.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

IN_FLIGHT = 64
"""Calls that a peer may have in flight."""

API_KEY = "none"
"""The server asks for no key; most clients insist on one."""

JUDGE_MESSAGE = """Which answer is better? Reply with A or B only.

<prompt>
{prompt}
</prompt>
<first>
{first}
</first>
<second>
{second}
</second>"""


@dataclass(frozen=True)
class Job:
    """One job: the model asked, how, and the fields that identify a call."""

    model: str
    temperature: float
    max_tokens: int
    keys: tuple[str, ...]


JOBS = {
    "generate": Job("sim-strong", 0.8, 256, ("prompt_id",)),
    "judge": Job("sim-judge", 0.0, 4, ("pair_id", "order")),
}


@dataclass(frozen=True)
class Options:
    """What the command line says."""

    base_url: str
    input: Path
    output: Path
    job: Job

    def calls(self) -> Iterator[dict[str, str]]:
        """One row per call: the keys of the job, and `message`."""
        with self.input.open(encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                yield from _generate(row) if "prompt_id" in row else _judge(row)


def options(doc: str | None) -> Options:
    """The options of a peer's script; its caches and temporary files go to the output folder."""
    parser = argparse.ArgumentParser(description=(doc or "").split("\n", 1)[0])
    parser.add_argument("--base-url", required=True, help="http://IP:PORT/v1")
    parser.add_argument("--input", type=Path, required=True, help="JSONL file")
    parser.add_argument("--output", type=Path, required=True, help="fresh folder")
    parser.add_argument("--job", choices=sorted(JOBS), required=True)
    given = parser.parse_args()
    _isolate(given.output)
    return Options(given.base_url, given.input, given.output, JOBS[given.job])


def _generate(row: dict[str, str]) -> Iterator[dict[str, str]]:
    yield {"prompt_id": row["prompt_id"], "message": row["prompt"]}


def _judge(row: dict[str, str]) -> Iterator[dict[str, str]]:
    one, other = row["first"], row["second"]
    for order, first, second in (("forward", one, other), ("backward", other, one)):
        message = JUDGE_MESSAGE.format(prompt=row["prompt"], first=first, second=second)
        yield {"pair_id": row["pair_id"], "order": order, "message": message}


def _isolate(output: Path) -> None:
    """No cache of an earlier run, no file outside `output`, no way to any host over HTTPS.

    The endpoint is plain HTTP. All else (prices, tokenizers, hubs, telemetry) fails at once
    and alike everywhere, with or without the internet.
    """
    home = output / "home"
    home.mkdir(parents=True)
    os.environ.update(
        HOME=str(home),
        XDG_CACHE_HOME=str(home / ".cache"),
        HF_HOME=str(home / "hf"),
        HF_HUB_OFFLINE="1",
        HF_HUB_DISABLE_TELEMETRY="1",
        DO_NOT_TRACK="1",
        HTTPS_PROXY="http://127.0.0.1:9",
    )
