"""Prefline's entrant: the work of the stages `generate` and `judge`, as their flows do it.

Everything that a stage does to its rows is in it: requests by the stage's own functions, the
whole engine (reply store on disk, limits, accounting), rows, and Parquet in shards. Prefect and
DVC around it are not: the peers have no orchestrator either. The judge's prompt is the stage's
own, a little longer than the peers'.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
import pyarrow as pa

from prefline.engine import Engine, ReplyStore
from prefline.params import Endpoint, EngineParams, GenerateParams, JudgeSpec, Prices
from prefline.prompts import Prompt
from prefline.shards import shards
from prefline.tables import JUDGMENTS, RESPONSES, TableWriter

_SHARD = 1_000
_PRICES = Prices(input=1.0, output=4.0)


@dataclass(frozen=True, slots=True)
class Work:
    """What to do: `input` as `peers/inputs.py` writes it, `output` a folder for the results."""

    base_url: str
    input: Path
    output: Path
    in_flight: int = 64

    def endpoint(self, model: str) -> Endpoint:
        """A model of the server."""
        return Endpoint(base_url=self.base_url, model=model, prices=_PRICES)

    def rows(self) -> Iterator[dict[str, str]]:
        """The rows of the input."""
        with self.input.open("rb") as lines:
            yield from map(orjson.loads, lines)


def generate(work: Work) -> None:
    """One response to every prompt, into the table `responses`."""
    from tasks.generate import generation_requests, response_rows

    endpoint = work.endpoint("sim-strong")
    params = GenerateParams(endpoints=(endpoint,), samples_per_prompt=1, max_tokens=256)
    prompts = (_prompt(row["prompt_id"], row["prompt"]) for row in work.rows())
    with (
        _engine(work, endpoint) as engine,
        TableWriter(work.output / "rows" / "responses", RESPONSES) as table,
    ):
        for shard in shards(engine.answer(generation_requests(prompts, params)), _SHARD):
            _write(table, *response_rows(shard))


def judge(work: Work) -> None:
    """A verdict on every pair in both orders, into the table `judgments`."""
    from tasks.judge import answered_rows, pairwise_requests, plan_comparisons
    from tasks.judge.comparisons import Comparison, Response

    endpoint = work.endpoint("sim-judge")
    one = JudgeSpec(name="sim", method="pairwise", endpoint=endpoint)
    pairs = [
        Comparison(
            _prompt(row["pair_id"], row["prompt"]),
            Response(f"{row['pair_id']}-first", row["first"], "stop"),
            Response(f"{row['pair_id']}-second", row["second"], "stop"),
        )
        for row in work.rows()
    ]
    plan = list(plan_comparisons(pairs, one, seed=0))
    with (
        _engine(work, endpoint) as engine,
        TableWriter(work.output / "rows" / "judgments", JUDGMENTS) as table,
    ):
        answered = zip(plan, engine.answer(pairwise_requests(one, plan)), strict=True)
        for shard in shards(answered, _SHARD):
            _write(table, *answered_rows(one, shard))


@contextmanager
def _engine(work: Work, endpoint: Endpoint) -> Iterator[Engine]:
    params = EngineParams(max_in_flight=work.in_flight)
    with ReplyStore(work.output / "replies") as store, Engine([endpoint], params, store) as engine:
        yield engine


def _write(table: TableWriter, rows: pa.Table, failed: Iterable[object]) -> None:
    missing = list(failed)
    if missing:
        raise SystemExit(f"{len(missing)} calls failed, the first: {missing[0]}")
    table.write(rows)


def _prompt(identity: str, text: str) -> Prompt:
    messages = ({"role": "user", "content": text},)
    return Prompt(identity, messages, "bench", "bench", "none", None, None, None)


def main() -> None:
    """Do one job with the options that every entrant is given."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine.stage")
    parser.add_argument("--base-url", required=True, help="http://IP:PORT/v1")
    parser.add_argument("--input", type=Path, required=True, help="JSONL file")
    parser.add_argument("--output", type=Path, required=True, help="folder")
    parser.add_argument("--job", choices=("generate", "judge"), required=True)
    given = parser.parse_args()
    work = Work(given.base_url, given.input, given.output)
    {"generate": generate, "judge": judge}[given.job](work)


if __name__ == "__main__":
    main()
