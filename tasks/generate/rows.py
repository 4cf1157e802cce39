"""Answers as rows of `responses`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from prefline.llm import call_columns
from prefline.tables import RESPONSES, Rejection, table_from_rows
from tasks.generate.candidate import Candidate, Ended


def response_rows(samples: Iterable[Ended]) -> tuple[pa.Table, list[Rejection]]:
    """The answers that samples came to, and what they did not come to."""
    ended = [one for sample in samples for one in sample]
    rows = [_row(one) for one in ended if isinstance(one, Candidate)]
    return table_from_rows(rows, RESPONSES), [one for one in ended if isinstance(one, Rejection)]


def imported_rows(rows: Iterable[dict[str, Any]]) -> pa.Table:
    """Imported responses as a table."""
    return table_from_rows(rows, RESPONSES)


def _row(one: Candidate) -> dict[str, Any]:
    request = one.reply.request
    return {
        "response_id": one.response_id,
        "prompt_id": request.tag,
        "model": request.model,
        "sample_index": request.sample_index,
        "text": one.text,
        "finish_reason": one.reply.finish_reason,
        "origin": one.origin,
        "parent_id": one.parent.response_id if one.parent else None,
        "principle": one.principle,
        **call_columns(one.calls),
    }
