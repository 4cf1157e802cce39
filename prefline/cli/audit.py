"""The command `prefline audit`: how good the judges of a table of recorded verdicts are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from prefline.cli.output import AsJson, counted, emit
from prefline.errors import InputError
from prefline.text import number_of

_COUNTS = ("n_pairs", "n_verdicts")
_LISTS = ("by_category", "by_length", "calibration")


def audit(
    table: Annotated[
        Path,
        typer.Argument(metavar="TABLE", help="Parquet, JSONL or CSV"),
    ],
    judge_model: Annotated[
        list[str] | None,
        typer.Option(metavar="JUDGE=MODEL", help="That judge is that model (may be repeated)."),
    ] = None,
    layout: Annotated[
        str | None,
        typer.Option(metavar="SET", help="TABLE is of that public set (docs/formats.md)."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the resampling.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Measure how right, steady and biased the judges of recorded verdicts are.

    TABLE has one row for each verdict as the judge saw the pair: docs/audit.md.
    """
    from prefline.audit.report import audit as audit_file
    from prefline.audit.report import audit_table

    models = _mapping(judge_model or [])
    if layout is None:
        report = audit_file(table, seed=seed, judge_models=models)
    else:
        from prefline.audit.sets import read_set

        said = read_set(table, layout)
        report = audit_table(said.table, table.name, seed=seed, judge_models=models)
        report["left_out"] = said.left_out
    emit(_text(report), report, as_json=as_json)


def _mapping(options: list[str]) -> dict[str, str]:
    for option in options:
        if "=" not in option:
            raise InputError(f"--judge-model {option!r} is not JUDGE=MODEL", "give both, with a =")
    return dict(option.split("=", 1) for option in options)


def _text(report: dict[str, Any]) -> str:
    lines = [
        f"{report['table']}: {number_of(report['n_verdicts'], 'verdict')} on "
        f"{number_of(report['n_pairs'], 'pair')}, {number_of(report['n_clusters'], 'prompt')}; "
        "95 % intervals by prompt"
    ]
    if report.get("left_out"):
        lines.append(f"left out: {counted(report['left_out'])}")
    if report["gold_conflicts"]:
        lines.append(
            f"warning: gold names another winner in another row for "
            f"{number_of(report['gold_conflicts'], 'pair')}: is it given in each row's own order?"
        )
    for name, judge in report["judges"].items():
        lines += ["", *_judge_lines(name, judge)]
    lines += _agreement_lines(report)
    if report["models"]:
        head = f"{'model':<34}{'win rate':<25}{'length-controlled':<25}Bradley-Terry (log-odds)"
        lines += ["", head]
    for name, model in report["models"].items():
        controlled = _format(model["length_controlled_win_rate"])
        rated = _format(model["bradley_terry"])
        lines.append(f"  {name:<32}{_format(model['win_rate']):<25}{controlled:<25}{rated}")
    return "\n".join(lines)


def _judge_lines(name: str, judge: Mapping[str, Any]) -> list[str]:
    pairs = number_of(judge["n_pairs"], "pair")
    head = f"{name}: {number_of(judge['n_verdicts'], 'verdict')} on {pairs}"
    figures = {key: one for key, one in judge.items() if key not in (*_COUNTS, *_LISTS)}
    lines = [head, *(f"  {key:<32}{_format(one)}" for key, one in figures.items())]
    for quarter in judge["by_length"]:
        ends = f"{quarter['from']:.2f} to {quarter['to']:.2f} times as long"
        lines.append(f"    {'longer wins, ' + ends:<44}{_format(quarter)}")
    if judge["by_category"]:
        lines.append("  accuracy over both orders, by category")
    for category, one in judge["by_category"].items():
        accuracy = _format(one["accuracy_both_orders"])
        lines.append(f"    {category:<30}{accuracy}, inconsistent {_format(one['inconsistent'])}")
    return lines


def _agreement_lines(report: Mapping[str, Any]) -> list[str]:
    if not report["agreement"]:
        return []
    lines = ["", f"{'agreement':<34}kappa"]
    lines += [f"  {pair:<32}{_format(one['kappa'])}" for pair, one in report["agreement"].items()]
    return [*lines, f"  {'Krippendorff alpha of all':<32}{_format(report['krippendorff_alpha'])}"]


def _format(figure: Mapping[str, Any]) -> str:
    """Return a figure with its interval and what it counts, or a dash where there is none."""
    if figure["value"] is None:
        return "-"
    if figure["low"] is None:
        return f"{figure['value']:.3f} (of {figure['n']:,})"
    return f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"
