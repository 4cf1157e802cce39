"""One shard of comparisons by one judge, as a Prefect task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
from prefect import task
from prefect.cache_policies import NO_CACHE

from prefline.engine import Engine, Failure, Outcome, Reply
from prefline.params import JudgeSpec
from prefline.tables import JUDGMENTS, Rejection, table_from_rows
from tasks.judge.comparisons import Comparison
from tasks.judge.pairwise import pairwise_request, parse_pairwise
from tasks.judge.verdicts import judgment_id, judgment_row
from tasks.judge.verifier import verify


@task(cache_policy=NO_CACHE)
def judge_shard(
    engine: Engine,
    judge: JudgeSpec,
    comparisons: list[Comparison],
    on_outcome: Callable[[Outcome], None],
) -> tuple[pa.Table, list[Rejection]]:
    """One judge's verdicts on a shard, and the calls that got no reply."""
    if judge.method == "verifier":
        rows = [judgment_row(judge, one, verify(one)) for one in comparisons]
        return table_from_rows(rows, JUDGMENTS), []
    requests = [pairwise_request(judge, one, judgment_id(judge, one)) for one in comparisons]
    outcomes = engine.run(requests, on_outcome)
    rows = [
        _answered_row(judge, comparison, outcome)
        for comparison, outcome in zip(comparisons, outcomes, strict=True)
        if isinstance(outcome, Reply)
    ]
    failures = [
        Rejection("judge", "judgment", one.request.tag, one.reason, one.detail)
        for one in outcomes
        if isinstance(one, Failure)
    ]
    return table_from_rows(rows, JUDGMENTS), failures


def _answered_row(judge: JudgeSpec, comparison: Comparison, reply: Reply) -> dict[str, Any]:
    return judgment_row(judge, comparison, parse_pairwise(reply)) | {
        "input_tokens": reply.input_tokens,
        "output_tokens": reply.output_tokens,
        "cost_usd": reply.cost_usd,
        "request_key": reply.request.key,
    }
