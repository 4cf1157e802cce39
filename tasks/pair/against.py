"""How good the labels and the judges are, by the word of people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from prefline.audit.report import audit_table
from prefline.ids import pair_id
from prefline.stats.bootstrap import NOTHING
from tasks.pair.decide import Decided

Row = Mapping[str, Any]
Figures = dict[str, Any]

OF_LABEL = {"accuracy": "accuracy_per_order", "brier": "brier", "ece": "ece"}
OF_JUDGE = (
    "accuracy_per_order", "accuracy_both_orders", "inconsistent", "kappa", "brier", "ece",
)  # fmt: skip
_LABEL, _PREFERENCE = "label", "preference"
_COLUMNS = pa.schema(
    [(name, pa.string()) for name in
     ("pair_id", "prompt_id", "judge", "first_id", "second_id", "verdict", "gold")]
    + [("p_first", pa.float64())]
)  # fmt: skip
_EVEN = 0.5
_DIGITS = 9  # of a figure: beyond them machines differ


def against_people(
    judged: Iterable[Decided],
    people: Mapping[str, Decided],
    judgments: Iterable[Row],
    seed: int,
) -> Figures:
    """Figures of the labels that the pairs have on the word of judges alone, and of each judge, on
    those pairs that people have settled, with intervals by prompt (docs/audit.md).

    `people` are the pairs with people's label, by id. A pair is settled if they prefer one
    response, or see neither better (a gold tie). `accuracy` is the share of right winners where
    people prefer one, a label of one half being not right; `accuracy_of_preferences` is of the
    labels that would have been kept. `brier` and `ece` are of the probability of the label.
    """
    gold = {name: side for name, one in people.items() if (side := _gold(one)) is not None}
    labels = [one for one in judged if one.evidence.pair_id in gold]
    rows = [_label_row(_LABEL, one, gold) for one in labels]
    rows += [_label_row(_PREFERENCE, one, gold) for one in labels if one.reason is None]
    found = _audited(rows, "labels", seed)
    said = _audited(list(_judge_rows(judgments, gold)), "judgments", seed)
    return {
        "pairs": len(gold),
        **{name: _figure(found, _LABEL, figure) for name, figure in OF_LABEL.items()},
        "accuracy_of_preferences": _figure(found, _PREFERENCE, OF_LABEL["accuracy"]),
        "judges": {
            judge: {name: _figure(said, judge, name) for name in OF_JUDGE}
            | {name: said[judge][name] for name in ("n_pairs", "n_verdicts")}
            for judge in sorted(said)
        },
    }


def _gold(people: Decided) -> int | None:
    """+1 if people prefer the lower id, -1 the upper, 0 neither; None if they do not agree."""
    if people.reason == "people_tie":
        return 0
    if people.reason is not None:
        return None
    return 1 if people.chosen == people.evidence.lower else -1


def _label_row(name: str, one: Decided, gold: Mapping[str, int]) -> Figures:
    evidence, p = one.evidence, one.p_lower
    verdict = "tie" if p == _EVEN else "first" if p > _EVEN else "second"
    return {
        "pair_id": evidence.pair_id, "prompt_id": evidence.prompt_id, "judge": name,
        "first_id": evidence.lower, "second_id": evidence.upper,
        "verdict": verdict, "p_first": p, "gold": _in_order(gold[evidence.pair_id], True),
    }  # fmt: skip


def _judge_rows(judgments: Iterable[Row], gold: Mapping[str, int]) -> Iterable[Figures]:
    for row in judgments:
        identity = pair_id(row["first_id"], row["second_id"])
        if identity in gold:
            side = _in_order(gold[identity], row["first_id"] < row["second_id"])
            yield {name: row.get(name) for name in _COLUMNS.names} | {
                "pair_id": identity, "gold": side,
            }  # fmt: skip


def _in_order(side: int, lower_first: bool) -> str:
    if side == 0:
        return "tie"
    return "first" if (side == 1) == lower_first else "second"


def _audited(rows: Sequence[Row], name: str, seed: int) -> dict[str, Figures]:
    """The audit's figures of each judge; in an order of rows of its own, since sums of floats
    depend on it."""
    if not rows:
        return {}
    rows = sorted(rows, key=lambda row: ([str(row[name]) for name in _COLUMNS.names]))
    found: dict[str, Figures] = audit_table(
        pa.Table.from_pylist(rows, _COLUMNS), f"{name} against people", seed=seed
    )["judges"]
    return found


def _figure(found: Mapping[str, Figures], judge: str, name: str) -> Figures:
    return written(found[judge][name] if judge in found else NOTHING.as_dict())


def written(figure: Figures) -> Figures:
    """A figure as it is written, rounded."""
    return {key: one if one is None else round(one, _DIGITS) for key, one in figure.items()}
