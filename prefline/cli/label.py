"""The command `prefline label`: calibrated labels of recorded verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prefline.cli.output import AsJson, counted, emit
from prefline.errors import InputError
from prefline.text import number_of, visible

if TYPE_CHECKING:
    from prefline.labeling import Labels, Votes
    from prefline.labeling.prior import PriorAccuracy

_PRIOR = "--prior-accuracy"
_FOLDS = 10  # in which pairs of known truth are held back
_DIGITS = 9
_WIDTH = 110  # columns where the output is no terminal


def label(
    table: Annotated[
        Path,
        typer.Argument(metavar="TABLE", help="Parquet, JSONL, CSV, or the folder data/judgments"),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE.parquet", help="Where the labels go.")],
    human: Annotated[
        list[str] | None,
        typer.Option(metavar="JUDGE", help="That judge is a person (may be repeated)."),
    ] = None,
    layout: Annotated[
        str | None,
        typer.Option(
            metavar="SET",
            help="TABLE is of that public set (docs/formats.md); where people judged, they are.",
        ),
    ] = None,
    prior_accuracy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="JUDGE=ACCURACY:PAIRS",
            help="What is known of a judge, such as 0.85:50: right in 85 %, seen on 50 pairs.",
        ),
    ] = None,
    order_random: Annotated[
        bool | None,
        typer.Option(
            "--order-random/--order-not-random",
            help="Whether the order shown was drawn at random. Without: the table is asked.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Label the pairs of recorded verdicts, with a calibrated probability for each.

    TABLE has one row for each verdict as the judge saw the pair; rows with `gold` tell the truth
    of their pair, and anchor the judges: docs/labeling.md.
    """
    if find_spec("scipy") is None:
        raise InputError(
            "`prefline label` needs scipy, which is not installed",
            "install the extra: `uv sync --extra pipeline`, or `pip install 'prefline[pipeline]'`",
        )
    from prefline.audit.report import gold_conflicts
    from prefline.audit.table import check_table, read_table
    from prefline.audit.verdicts import read_verdicts

    _check_out(out, table)
    known = dict(_prior_accuracy(option) for option in prior_accuracy or [])
    left_out: Mapping[str, int] = {}
    people = human or []
    if layout is None:
        rows = read_table(table)
    else:
        from prefline.audit.sets import read_set

        said = read_set(table, layout)
        rows, left_out = said.table, said.left_out
    check_table(rows, table.name)
    verdicts, names = read_verdicts(rows, table.name)
    for option, judges in (("--human", people), (_PRIOR, list(known))):
        _check_judges(option, judges, names.judges)
    if layout is not None and said.by_people:
        people = list(names.judges)
    report = {
        "table": table.name,
        "out": str(out),
        "gold_conflicts": gold_conflicts(verdicts),
        "left_out": left_out,
        **_label(rows, out, people, known, order_random),
    }
    if as_json:
        emit("", report, as_json=True)
    else:
        _print(report)


def _label(
    rows: Any,
    out: Path,
    people: list[str],
    known: Mapping[str, PriorAccuracy],
    order_random: bool | None,
) -> dict[str, Any]:
    """Write the labels, and return the document on them."""
    import pyarrow.parquet as pq

    from prefline.atomic import atomic_write
    from prefline.labeling.model import label_table
    from prefline.labeling.report import labels_report
    from prefline.labeling.votes import Order, read_votes

    orders = {None: Order.UNKNOWN, True: Order.RANDOM, False: Order.GIVEN}
    votes = read_votes(rows, people=people, order=orders[order_random])
    labelled, labels = label_table(rows, votes, prior_accuracy=known)
    with atomic_write(out) as file:
        pq.write_table(labelled, file, compression="zstd")
    held_back = _held_back(votes, labels, known)
    return labels_report(labels.counts(), list(known)) | {"held_back": held_back}


def _held_back(
    votes: Votes, labels: Labels, known: Mapping[str, PriorAccuracy]
) -> dict[str, Any] | None:
    """Return how often labels are right on pairs of known truth that did not teach them.

    By threshold of the probability, with the lowest above which labels are warranted if these
    pairs were drawn at random, and how many `labels` are above. None where no truth was told.
    """
    from dataclasses import asdict

    import numpy as np

    from prefline.labeling.model import held_back_log_odds
    from prefline.labeling.warrant import Standard, agreement_by_threshold, warranted_threshold

    log_odds = held_back_log_odds(votes, votes.prompt % _FOLDS, prior_accuracy=known)
    told = ~np.isnan(log_odds) & (votes.target != 0.5)  # noqa: PLR2004 - even odds
    if not told.any():
        return None
    side = np.sign(votes.target[told] - 0.5)
    right = np.sign(log_odds[told]) == side
    p = np.round(1 / (1 + np.exp(-np.abs(log_odds[told]))), _DIGITS)
    standard = Standard()
    threshold = warranted_threshold(p, right, standard)
    sure = np.round(np.maximum(labels.p, 1 - labels.p), _DIGITS)
    return {
        "by_threshold": [asdict(row) for row in agreement_by_threshold(p, right)],
        **asdict(standard),
        "threshold": threshold,
        "labels_above": int(np.sum(sure >= threshold)) if threshold is not None else 0,
    }


def _check_out(out: Path, table: Path) -> None:
    if out.suffix.lower() != ".parquet":
        raise InputError(
            f"--out {out} does not end in .parquet", "name a Parquet file, such as labels.parquet"
        )
    if out.is_dir():
        raise InputError(f"--out {out} is a folder", "name a file")
    if out.exists() and table.exists() and out.samefile(table):
        raise InputError(f"--out {out} is the table itself", "name another file")


def _prior_accuracy(option: str) -> tuple[str, PriorAccuracy]:
    from prefline.labeling.prior import PriorAccuracy

    judge, _, numbers = option.rpartition("=")
    accuracy, _, pairs = numbers.partition(":")
    try:
        known = PriorAccuracy(float(accuracy), float(pairs))
    except ValueError:
        known = None
    if not judge or known is None or not (0 <= known.accuracy <= 1 and 0 < known.pairs < 1e9):  # noqa: PLR2004
        raise InputError(
            f"{_PRIOR} {option!r} is not JUDGE=ACCURACY:PAIRS",
            "give a share from 0 to 1 and on how many pairs it was seen, such as gpt-4=0.85:50",
        )
    return judge, known


def _check_judges(option: str, named: list[str], judges: tuple[str, ...]) -> None:
    for judge in named:
        if judge not in judges:
            raise InputError(
                f"{option}: the table has no judge {judge!r}", f"its judges: {', '.join(judges)}"
            )


def _print(report: Mapping[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH)
    console.print(
        f"{visible(report['table'])}: {number_of(report['pairs'], 'pair')}, "
        f"{report['anchors']:.4g} of known truth, "
        f"{number_of(report['anchored'], 'label')} anchored -> {report['out']}", markup=False,
    )  # fmt: skip
    if report["left_out"]:
        console.print(f"left out: {counted(report['left_out'])}", markup=False)
    if report["gold_conflicts"]:
        console.print(
            f"warning: gold names another winner in another row for "
            f"{number_of(report['gold_conflicts'], 'pair')}: is it given in each row's own order?",
            markup=False,
        )  # fmt: skip
    table = Table(border_style="dim", header_style="bold")
    for column in ("judge", "weight", "right on anchors", "position", "length", "pairs"):
        table.add_column(column, justify="left" if column == "judge" else "right")
    for name, judge in report["judges"].items():
        table.add_row(Text(visible(name)), *_cells(judge))
    console.print(table)
    if report["held_at_even_odds"] or report["against_unanimous"]:
        console.print(
            f"held at even odds, since all judges say the opposite: "
            f"{report['held_at_even_odds']:,}; against all judges, who were mostly wrong on "
            f"anchors: {report['against_unanimous']:,}", markup=False,
        )  # fmt: skip
    console.print(report["meaning"], markup=False)
    if report["remedy"]:
        console.print(f"remedy: {report['remedy']}", markup=False)
    if report["held_back"]:
        console.print(_held_back_line(report["held_back"]), markup=False)


def _held_back_line(held_back: Mapping[str, Any]) -> str:
    whole, agreement = held_back["by_threshold"][0], f"{held_back['agreement']:.0%}"
    line = (
        f"on held-back pairs of known truth labels are right in {whole['agrees']:.0%} "
        f"[{whole['low']:.0%}, {whole['high']:.0%}] of {whole['n']:,}; "
    )
    if held_back["threshold"] is None:
        return f"{line}that warrants {agreement} at no threshold of p"
    return (
        f"{line}if these were drawn at random, at least {agreement} of the "
        f"{held_back['labels_above']:,} labels with p of at least {held_back['threshold']:g} are "
        f"(confidence {held_back['confidence']:.0%})"
    )


def _cells(judge: Mapping[str, Any]) -> list[str]:
    accuracy, position = judge["accuracy"], "not known"
    right = "-"
    if accuracy["value"] is not None:
        right = f"{accuracy['value']:.0%} of {accuracy['n']:,}"
    if accuracy["low"] is not None:
        right += f" [{accuracy['low']:.0%}, {accuracy['high']:.0%}]"
    if judge["position_bias"] is not None:
        position = f"{judge['position_bias']:+.2f} ± {judge['position_bias_se']:.2f}"
    weight = f"{judge['weight']:+.2f} ± {judge['weight_se']:.2f}"
    return [weight, right, position, f"{judge['length_bias']:+.2f}", f"{judge['n_pairs']:,}"]
