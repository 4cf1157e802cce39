"""Commands for the reply store: `prefline replies` and `prefline replies prune`."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prefline.cli.output import AsJson, emit
from prefline.project import find_project

if TYPE_CHECKING:
    from prefline.llm.replies.prune import Pruned
    from prefline.llm.replies.summary import Summary

_DAY_S = 86_400

replies_app = typer.Typer(invoke_without_command=True)


@replies_app.callback()
def replies(context: typer.Context, as_json: AsJson = False) -> None:
    """What the reply store holds: replies by model, with their tokens, age and size."""
    if context.invoked_subcommand is not None:
        return
    from prefline.llm.replies.summary import summary_of

    folder = find_project().replies
    summary, sizes = summary_of(folder)
    data = {"folder": str(folder), "journals": len(sizes), "bytes_on_disk": sum(sizes)}
    data |= _as_dict(summary)
    emit(_summary_text(data), data, as_json=as_json)


def _as_dict(summary: Summary) -> dict[str, Any]:
    now = time.time()
    return {
        "replies": summary.replies,
        "oldest_days": None if summary.oldest is None else (now - summary.oldest) / _DAY_S,
        "newest_days": None if summary.newest is None else (now - summary.newest) / _DAY_S,
        "models": [{"model": name, **asdict(one)} for name, one in sorted(summary.models.items())],
    }


def _summary_text(data: dict[str, Any]) -> str:
    head = (
        f"{data['replies']:,} replies in {data['journals']} journals of {data['folder']}, "
        f"{_size(data['bytes_on_disk'])}"
    )
    if not data["replies"]:
        return head
    age = f"bought {data['oldest_days']:.1f} to {data['newest_days']:.1f} days ago"
    return "\n".join([head, age, *_model_lines(data["models"])])


def _model_lines(models: list[dict[str, Any]]) -> list[str]:
    title = f"{'model':<36}{'replies':>10}{'tokens in':>14}{'tokens out':>14}{'size':>11}"
    return [
        title,
        *(
            f"{one['model']:<36}{one['replies']:>10,}{one['input_tokens']:>14,}"
            f"{one['output_tokens']:>14,}{_size(one['bytes']):>11}"
            for one in models
        ),
    ]


def _size(count: float) -> str:
    """Bytes for a person."""
    for unit in ("B", "kB", "MB"):
        if count < 1_000:  # noqa: PLR2004 - of the next unit
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1_000
    return f"{count:.1f} GB"


@replies_app.command()
def prune(
    older_than: Annotated[
        float | None, typer.Option(min=0, metavar="DAYS", help="Bought longer ago than that.")
    ] = None,
    model: Annotated[str | None, typer.Option(metavar="NAME", help="Of that model.")] = None,
    unused: Annotated[
        bool, typer.Option("--unused", help="Named by no row of prompts, responses, judgments.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it: without it, only say it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove the replies for which all that is given holds; given nothing, only merge journals.

    Says what would go, and does it with --yes. What a running process writes is left alone. A
    reply that is gone is paid for again where it is needed again.
    """
    from prefline.llm.replies import prune as pruning
    from prefline.llm.replies.used import used_keys

    project = find_project()
    filters = pruning.Filters(
        before=None if older_than is None else time.time() - older_than * _DAY_S,
        model=model,
        used=used_keys(project) if unused else None,
    )
    found = (pruning.prune if yes else pruning.plan)(project.replies, filters)
    data = {
        "done": yes,
        "kept": found.kept,
        "journals": {"finished": found.finished, "growing": found.growing},
        "removed": _as_dict(found.gone) | {"bytes": found.gone.bytes},
    }
    emit(_pruned_text(found, done=yes), data, as_json=as_json)


def _pruned_text(found: Pruned, *, done: bool) -> str:
    gone = found.gone
    lines = [
        f"{'removed' if done else 'would remove'} {gone.replies:,} replies "
        f"({_size(gone.bytes)}) and {'merged' if done else 'merge'} the {found.kept:,} others of "
        f"{found.finished} journals into one"
    ]
    if gone.replies:
        lines += _model_lines(_as_dict(gone)["models"])
    if found.growing:
        lines.append(f"{found.growing} journals may still be written: they are left alone")
    if not done:
        lines.append("nothing was changed: do it with --yes")
    return "\n".join(lines)
