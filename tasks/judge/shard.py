"""From rulings to a judge's rows."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from prefline.config import Judge
from prefline.tables import JUDGMENTS, Rejection, table_from_rows
from tasks.judge.ruling import Judged, Ruling, judgment_row


def judgment_rows(judge: Judge, rulings: Iterable[Ruling]) -> tuple[pa.Table, list[Rejection]]:
    """A judge's verdicts, and what was asked of it and got none."""
    ended = [one for ruling in rulings for one in ruling]
    rows = [judgment_row(judge, one) for one in ended if isinstance(one, Judged)]
    return table_from_rows(rows, JUDGMENTS), [one for one in ended if isinstance(one, Rejection)]
