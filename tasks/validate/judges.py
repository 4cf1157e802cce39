"""The suite of the judges: is their word good enough to be published.

One row for each judge that is a model, from what the stage `judge` measured of it
(`data/judgments/metrics.json`). A gate is passed unless the whole interval of the figure lies on
the wrong side: few checked pairs are no proof of a bad judge, and the report shows how few
they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from prefline.config import ValidateParams
from prefline.tables.gold import VERIFIER
from tasks.validate.rules import Rule, Suite, at_least, gate, nothing_derived, within

TABLE = "judges"
_EVEN = 0.5
_COLUMNS: dict[str, pa.DataType] = {
    "judge": pa.string(),
    "gold_accuracy": pa.float64(),
    "calibration_error": pa.float64(),
    "position_bias": pa.float64(),
}
SCHEMA = pa.schema(_COLUMNS)


def judges_table(measured: Mapping[str, Any]) -> pa.Table:
    """What speaks best for each judge: the upper end of its accuracy on checked pairs, the lower
    ends of its calibration error and of how far from even it prefers what it sees first."""
    rows = [
        {
            "judge": name,
            "gold_accuracy": one["accuracy_per_order"]["high"],
            "calibration_error": one["ece"]["low"],
            "position_bias": _from_even(one["prefers_first"]),
        }
        for name, one in sorted(measured.get("judges", {}).items())
        if one["method"] != VERIFIER
    ]
    return pa.Table.from_pylist(rows, SCHEMA)


def _from_even(figure: Mapping[str, float | None]) -> float | None:
    """The distance of an interval from one half; 0 where it holds one half."""
    low, high = figure["low"], figure["high"]
    if low is None or high is None:
        return None
    return max(0.0, low - _EVEN, _EVEN - high)


def rules(params: ValidateParams) -> tuple[Rule, ...]:
    """What holds for every judge that could be measured."""
    look = "`prefline report` shows what was measured; "
    return (
        gate(
            "gold_accuracy",
            at_least(
                "gold_accuracy",
                params.min_gold_accuracy,
                f"{look}take a stronger judge, or lower validate.min_gold_accuracy",
            ),
            params,
        ),
        gate(
            "calibration_error",
            within(
                "calibration_error",
                0,
                params.max_calibration_error,
                f"{look}the label model takes most of it out; take a judge with log-probabilities "
                "that mean something, or raise validate.max_calibration_error",
            ),
            params,
        ),
        gate(
            "position_bias",
            within(
                "position_bias",
                0,
                params.max_position_bias,
                f"{look}the label model takes it out where both orders are asked; take another "
                "judge, or raise validate.max_position_bias",
            ),
            params,
        ),
    )


SUITE = Suite(TABLE, "judge", nothing_derived, rules)
