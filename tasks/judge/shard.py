"""From comparisons to a judge's rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa

from prefline.engine import Outcome, Reply, Request, bill
from prefline.params import JudgeSpec
from prefline.tables import JUDGMENTS, Rejection, table_from_rows
from tasks.judge.comparisons import Comparison
from tasks.judge.pairwise import pairwise_request, parse_pairwise
from tasks.judge.verdicts import judgment_id, judgment_row
from tasks.judge.verifier import verify


def pairwise_requests(judge: JudgeSpec, plan: Iterable[Comparison]) -> Iterator[Request]:
    """What to ask a judge, one request for each comparison."""
    for comparison in plan:
        yield pairwise_request(judge, comparison, judgment_id(judge, comparison))


def answered_rows(
    judge: JudgeSpec, answered: Iterable[tuple[Comparison, Outcome]]
) -> tuple[pa.Table, list[Rejection]]:
    """A model judge's verdicts, and the calls that got no reply."""
    rows, failures = [], []
    for comparison, outcome in answered:
        if isinstance(outcome, Reply):
            verdict = parse_pairwise(outcome)
            rows.append(judgment_row(judge, comparison, verdict) | bill(outcome))
        else:
            tag = outcome.request.tag
            failures.append(Rejection("judge", "judgment", tag, outcome.reason, outcome.detail))
    return table_from_rows(rows, JUDGMENTS), failures


def verified_rows(judge: JudgeSpec, plan: Iterable[Comparison]) -> pa.Table:
    """The verdicts of programmatic checks."""
    rows = [judgment_row(judge, one, verify(one)) for one in plan]
    return table_from_rows(rows, JUDGMENTS)
