"""Win rates of a policy against others on the same prompts by a judge, raw and length-controlled.

Length control is that of prefline/audit/models.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from prefline.audit.models import length_controlled, matches_of, win_rate
from prefline.audit.verdicts import Names, Verdicts, read_verdicts
from prefline.ids import pair_id
from prefline.stats.bootstrap import NOTHING, Figure, Resampler

Row = Mapping[str, Any]

_VALID = ("first", "second", "tie")


@dataclass(frozen=True, slots=True)
class Written:
    """A response's model, and its length in characters."""

    model: str
    length: int


@dataclass(frozen=True, slots=True)
class Wins:
    """A policy's win rates against one other, 0.5 being no better.

    A pair's preference is the mean over its verdicts, of both orders: `p_first` where the judge
    said one, else 1, 0, or 0.5 for a tie. `n_pairs` have a valid verdict, `n_one_order` of them in
    one order only, so that the judge's liking for a place is in them; `n_invalid` pairs have none
    and are in no rate.
    """

    n_pairs: int
    n_one_order: int
    n_invalid: int
    raw: Figure
    length_controlled: Figure


@dataclass(frozen=True, slots=True)
class WinTable:
    """Win rates by the other's name; `n_other` verdicts are not on a response of the policy and
    one of another's."""

    against: dict[str, Wins]
    n_other: int

    def as_dict(self) -> dict[str, Any]:
        """Return the win rates for JSON."""
        return asdict(self)


def wins(
    judgments: Iterable[Row], written: Mapping[str, Written], policy: str, seed: int = 0
) -> WinTable:
    """Return the win rates of `policy` by verdicts (rows of `judgments`) on responses.

    `written` has the responses by their ids.

    The effect of length is fitted to all others at once. Where several of them answered a prompt,
    how hard it is for them is in the fit as well, and what it shares with length is not taken for
    length; with only one there is no such term.
    """
    rows = list(judgments)
    ours = [row for row in rows if _opponent(row, written, policy) is not None]
    verdicts, names = read_verdicts(_audit_table(ours, written), "judgments")
    counts = _counts(ours, written, policy)
    rates = _rates(verdicts, names, policy, seed)
    against = {name: Wins(*counts[name], *rates.get(name, (NOTHING, NOTHING))) for name in counts}
    return WinTable(against, len(rows) - len(ours))


def _opponent(row: Row, written: Mapping[str, Written], policy: str) -> str | None:
    """Return the other model of a row in which the policy takes part, else None."""
    sides = [written.get(row[side]) for side in ("first_id", "second_id")]
    models = {side.model for side in sides if side is not None}
    others = models - {policy}
    return others.pop() if policy in models and others else None


def _rates(
    seen: Verdicts, names: Names, policy: str, seed: int
) -> dict[str, tuple[Figure, Figure]]:
    """Return win rates, raw and length-controlled, by the other's name: one less theirs."""
    matches = matches_of(seen)
    sampler = Resampler.of(matches.cluster, seed)
    controlled = length_controlled(matches, len(names.models), sampler)
    return {
        name: (_complement(win_rate(matches, number, sampler)), _complement(controlled[number]))
        for number, name in enumerate(names.models)
        if name != policy
    }


def _complement(figure: Figure) -> Figure:
    """Return one less a share."""
    if figure.value is None:
        return figure
    low = None if figure.high is None else 1 - figure.high
    high = None if figure.low is None else 1 - figure.low
    return Figure(1 - figure.value, low, high, figure.n)


def _counts(
    rows: Iterable[Row], written: Mapping[str, Written], policy: str
) -> dict[str, tuple[int, int, int]]:
    """Count by the other's name: pairs with a valid verdict, in one order only, and without one."""
    orders: dict[str, dict[str, set[bool]]] = {}
    for row in rows:
        pairs = orders.setdefault(str(_opponent(row, written, policy)), {})
        order = pairs.setdefault(pair_id(row["first_id"], row["second_id"]), set())
        if row["verdict"] in _VALID:
            order.add(row["first_id"] < row["second_id"])
    n_orders = {
        name: [len(seen) for seen in pairs.values()] for name, pairs in sorted(orders.items())
    }
    return {name: (len(n) - n.count(0), n.count(1), n.count(0)) for name, n in n_orders.items()}


def _audit_table(rows: Sequence[Row], written: Mapping[str, Written]) -> pa.Table:
    """Return the rows as a table of the audit's columns."""
    ids = {side: [row[f"{side}_id"] for row in rows] for side in ("first", "second")}
    pairs = [pair_id(first, second) for first, second in zip(*ids.values(), strict=True)]
    columns: dict[str, tuple[list[Any], pa.DataType]] = {
        "pair_id": (pairs, pa.string()),
        "judge": ([row["judge"] for row in rows], pa.string()),
        "prompt_id": ([row["prompt_id"] for row in rows], pa.string()),
        "verdict": ([row["verdict"] for row in rows], pa.string()),
        "p_first": ([_p_first(row) for row in rows], pa.float64()),
    }
    for side, side_ids in ids.items():
        columns |= {
            f"{side}_id": (side_ids, pa.string()),
            f"{side}_model": ([written[key].model for key in side_ids], pa.string()),
            f"{side}_length": ([float(written[key].length) for key in side_ids], pa.float64()),
        }
    return pa.table({name: pa.array(values, kind) for name, (values, kind) in columns.items()})


def _p_first(row: Row) -> float | None:
    """Return the judge's probability; None for an invalid verdict, whatever came with it."""
    p_first: float | None = row["p_first"] if row["verdict"] in _VALID else None
    return p_first
