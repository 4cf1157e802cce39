"""The command `prefline judge-try`: what a judge is sent, and what is read from its reply."""

from __future__ import annotations

from typing import Annotated

import typer

from prefline.cli.output import AsJson, emit
from prefline.cli.project_commands import project_module
from prefline.project import find_project


def judge_try(
    judge: Annotated[
        str | None, typer.Argument(metavar="JUDGE", help="Name of a model judge in params.yaml.")
    ] = None,
    pairs: Annotated[int, typer.Option(min=1, help="Pairs to ask about, drawn by hash.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Ask a judge about a few pairs: what it is sent, and what is read from its reply.

    The calls are paid, once: the stage `judge` finds their replies in the store.
    """
    project = find_project()
    module = project_module(project, "flows.runtime.judge_try")
    document = module.try_judge(project, judge, pairs)
    emit("\n".join(module.as_text(document)), document, as_json=as_json)
