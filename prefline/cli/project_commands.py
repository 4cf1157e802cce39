"""Commands for the people who run the pipeline: estimate, doctor, trace, report."""

from __future__ import annotations

import sys
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from prefline.cli.output import AsJson, emit
from prefline.errors import ProjectNotFound
from prefline.project import Project, find_project


def estimate(as_json: AsJson = False) -> None:
    """Calls, tokens, cost and time of the next run, per stage, without calling a model."""
    project = find_project()
    estimates = project_module(project, "flows.runtime.estimate")
    found = estimates.estimate(project)
    data = estimates.as_json(found)
    rows = [*(asdict(one) for one in found), {"stage": "total", "model": "", **data["total"]}]
    emit(_estimate_text(rows), data, as_json=as_json)


def _estimate_text(rows: list[dict[str, Any]]) -> str:
    heading = f"stage     {'model':<38}"
    lines = [f"{heading}calls  stored      tokens       USD    time"]
    for row in rows:
        tokens = row["input_tokens"] + row["output_tokens"]
        note = "" if row.get("exact", True) else "  counted before the responses exist"
        lines.append(
            f"{row['stage']:<10}{row['model']:<35}{row['calls']:>8}{row['cached']:>8}"
            f"{tokens:>12,}{row['cost_usd']:>10.4f}{row['seconds']:>6.0f} s{note}"
        )
    return "\n".join(lines)


def doctor(
    call: Annotated[
        bool,
        typer.Option("--call", help="Make one tiny call to each endpoint too: costs a few tokens."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check params, endpoints, keys, store, disk and versions; say the remedy for each fault."""
    from prefline.cli.doctor import diagnose

    findings = diagnose(find_project(), call=call)
    marks = {True: "ok  ", False: "FAIL"}
    text = "\n".join(
        f"{marks[finding.ok]} {finding.check}: {finding.detail}"
        + (f"\n     remedy: {finding.remedy}" if finding.remedy else "")
        for finding in findings
    )
    ok = all(finding.ok for finding in findings)
    emit(text, {"ok": ok, "checks": [finding.as_dict() for finding in findings]}, as_json=as_json)
    raise typer.Exit(0 if ok else 1)


def trace(
    identity: Annotated[str, typer.Argument(metavar="ID", help="Id of a pair, response, ...")],
    version: Annotated[
        str | None, typer.Option("--in", metavar="URI@V", help="a published version that has it")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """The whole history of one row: prompt, requests, raw replies, judgments, label, version.

    Of a prompt that a model has made, also the prompts that it was made of, how, and the call.
    """
    if version is not None:
        from prefline.cli.trace import describe_in, trace_in

        found = trace_in(version, identity)
        emit(describe_in(found), found, as_json=as_json)
        return
    from prefline.cli.trace import describe, trace_id

    history = trace_id(find_project(), identity)
    emit(describe(history), history, as_json=as_json)


def project_module(project: Project, name: str) -> Any:
    """Return a module of the project's own `flows`, which is not part of the installed package.

    The consumer's package holds `prefline` alone; what needs the stages' code finds it in
    the project that the command is run in. Raises `ProjectNotFound` if it is not there.
    """
    if str(project.root) not in sys.path:
        sys.path.insert(0, str(project.root))
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise ProjectNotFound(
            f"{project.root} cannot run this command: {error}",
            "use a clone of the project, with the extra `pipeline` installed (`make setup`)",
        ) from error


def report(
    output: Annotated[Path | None, typer.Option(help="Where the page goes.")] = None,
    as_json: AsJson = False,
) -> None:
    """One HTML page with plots: label quality, biases, rejections, costs, examples."""
    from prefline.report import read_facts, write_report

    project = find_project()
    facts = read_facts(project)
    path = write_report(project, output, facts)
    emit(f"wrote {path}", {"path": str(path), **facts.as_dict()}, as_json=as_json)
