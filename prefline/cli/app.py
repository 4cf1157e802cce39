"""The command line: each module of this folder declares a few commands, registered here."""

from __future__ import annotations

import typer

from prefline.cli.audit import audit
from prefline.cli.files import gc, get, models, verify
from prefline.cli.judge_try import judge_try
from prefline.cli.label import label
from prefline.cli.project_commands import doctor, estimate, report, trace
from prefline.cli.recall import recall
from prefline.cli.relabel import relabel
from prefline.cli.releases import channel, diff, show, versions, yank
from prefline.cli.replies import replies_app
from prefline.cli.review import review_app
from prefline.cli.simulate import simulate

app = typer.Typer(
    name="prefline",
    help="A production pipeline for preference data.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback()
def _prefline() -> None:
    """A production pipeline for preference data."""


_PRODUCER = (estimate, doctor, judge_try, simulate, report, audit, label, relabel, trace)
_CONSUMER = (versions, show, diff, get, verify, channel, yank, recall, gc, models)

for _command in (*_PRODUCER, *_CONSUMER):
    app.command()(_command)

app.add_typer(replies_app, name="replies")
app.add_typer(review_app, name="review")
