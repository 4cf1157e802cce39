from __future__ import annotations

from pathlib import Path
from typing import Any

from prefline.tables import JUDGMENTS, PREFERENCES, REJECTIONS, RESPONSES, table_from_rows
from tasks.publish import Made, lineage

PAID: dict[str, Any] = {"input_tokens": 10, "output_tokens": 2, "cost_usd": 0.5}


def test_a_version_s_costs_are_those_of_the_line_s_own_calls_each_counted_once(
    tmp_path: Path,
) -> None:
    responses = [
        {"model": "m", "request_key": "a", **PAID},
        {"model": "m", "request_key": "b c", **PAID},
        {"model": "theirs", **PAID},
    ]
    made = Made(
        preferences=PREFERENCES.empty_table(),
        rejections=REJECTIONS.empty_table(),
        calls={
            "generate": table_from_rows(responses, RESPONSES),
            "judge": JUDGMENTS.empty_table(),
        },
        judged={},
        paired={},
        validation={},
    )
    found = lineage(tmp_path, made, {})

    assert found["calls"] == {
        "generate": {"calls": 3, "input_tokens": 20, "output_tokens": 4, "cost_usd": 1.0},
        "judge": {"calls": 0, "input_tokens": 0, "output_tokens": 0, "cost_usd": 0},
    }
    assert found["models"] == ["m", "theirs"]
