"""Prefline's entrant: the work of the stages `generate` and `judge`, as their flows do it.

Everything that a stage does to its rows is in it: requests by the stage's own functions, the
whole engine (reply store on disk, limits, accounting), rows, and Parquet in shards. Prefect and
DVC around it are not: the peers have no orchestrator either. The judge's prompt is the stage's
own, a little longer than the peers'.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import orjson
import pyarrow as pa

from prefline.config import Endpoint, EngineParams, GenerateParams, PairwiseJudge, Prices
from prefline.llm import Engine, ReplyStore
from prefline.tables import JUDGMENTS, RESPONSES, TableWriter
from prefline.tables.messages import Message
from prefline.tables.prompts import Prompt
from prefline.tables.shards import shards

_SHARD = 1_000


def generate_over(
    prompts: Iterable[Prompt], base_url: str, output: Path, in_flight: int = 64
) -> int:
    """One response to every prompt, into the table `responses`; returns how many."""
    from tasks.generate import response_table, sample_conversations

    params = generate_params(base_url)
    rows = 0
    with (
        opened(params.endpoints[0], output, in_flight) as engine,
        TableWriter(output / "rows" / "responses", RESPONSES) as table,
    ):
        for shard in shards(engine.converse(sample_conversations(prompts, params)), _SHARD):
            rows += _write(table, *response_table(shard))
    return rows


def judge_over(pairs: Iterable[dict[str, str]], base_url: str, output: Path) -> int:
    """A verdict on every pair in both orders, into the table `judgments`; returns how many."""
    from tasks.judge.comparisons import Comparison, Response
    from tasks.judge.context import JudgeContext
    from tasks.judge.jobs import JudgeJob, plan_comparisons
    from tasks.judge.results import judgment_rows

    one = judge_spec(base_url)
    comparisons = [
        Comparison(
            prompt_of(row["pair_id"], row["prompt"]),
            Response(f"{row['pair_id']}-first", row["first"], "stop"),
            Response(f"{row['pair_id']}-second", row["second"], "stop"),
        )
        for row in pairs
    ]
    plan = list(plan_comparisons(comparisons, one, JudgeContext()))
    job = JudgeJob(one, JudgeContext(), plan)
    rows = 0
    with (
        opened(one.endpoint, output) as engine,
        TableWriter(output / "rows" / "judgments", JUDGMENTS) as table,
    ):
        for shard in shards(job.collect(engine.converse), _SHARD):
            rows += _write(table, *judgment_rows(one, shard))
    return rows


def generate_params(base_url: str) -> GenerateParams:
    """One sample of one model for each prompt."""
    endpoint = _endpoint(base_url, "sim-strong")
    return GenerateParams(endpoints=(endpoint,), samples_per_prompt=1, max_tokens=256)


def judge_spec(base_url: str) -> PairwiseJudge:
    """A model that is asked about each pair in both orders."""
    endpoint = _endpoint(base_url, "sim-judge")
    return PairwiseJudge(name="sim", method="pairwise", endpoint=endpoint)


def prompt_of(identity: str, text: str) -> Prompt:
    """A prompt of one message."""
    messages = (Message(role="user", content=text),)
    return Prompt(identity, messages, "bench", "bench", "none", None, None, None)


def replies(folder: Path) -> Path:
    """The reply store of a run that writes to `folder`."""
    return folder / "replies.db"


@contextmanager
def opened(endpoint: Endpoint, folder: Path, in_flight: int = 64) -> Iterator[Engine]:
    """An engine over a reply store in `folder`."""
    params = EngineParams(max_in_flight=in_flight)
    with ReplyStore(replies(folder)) as store, Engine([endpoint], params, store) as engine:
        yield engine


def _endpoint(base_url: str, model: str) -> Endpoint:
    return Endpoint(base_url=base_url, model=model, prices=Prices(input=1.0, output=4.0))


def _write(table: TableWriter, rows: pa.Table, failed: Iterable[object]) -> int:
    missing = list(failed)
    if missing:
        raise SystemExit(f"{len(missing)} calls failed, the first: {missing[0]}")
    table.write(rows)
    return rows.num_rows


def main() -> None:
    """Do one job with the options that every entrant is given."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine.stage")
    parser.add_argument("--base-url", required=True, help="http://IP:PORT/v1")
    parser.add_argument("--input", type=Path, required=True, help="JSONL file")
    parser.add_argument("--output", type=Path, required=True, help="folder")
    parser.add_argument("--job", choices=("generate", "judge"), required=True)
    parser.add_argument("--aiohttp", action="store_true", help="call over aiohttp")
    given = parser.parse_args()
    with ExitStack() as stack:
        if given.aiohttp:
            from benchmarks.engine.aiohttp_client import engine_over_aiohttp

            stack.enter_context(engine_over_aiohttp())
        lines = stack.enter_context(given.input.open("rb"))
        rows = map(orjson.loads, lines)
        if given.job == "generate":
            prompts = (prompt_of(row["prompt_id"], row["prompt"]) for row in rows)
            generate_over(prompts, given.base_url, given.output)
        else:
            judge_over(rows, given.base_url, given.output)


if __name__ == "__main__":
    main()
