"""Commands for the reply store: `prefline replies`, `replies prune` and `replies check`."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prefline.cli.output import AsJson, emit
from prefline.project import find_project
from prefline.text import number_of

if TYPE_CHECKING:
    from prefline.llm.replies.maintenance import Checked, Pruned, Summary

_DAY_S = 86_400
_MOST_SHOWN = 20

replies_app = typer.Typer(invoke_without_command=True)


@replies_app.callback()
def replies(context: typer.Context, as_json: AsJson = False) -> None:
    """The contents of the reply store: replies by model, with their tokens, age and size."""
    if context.invoked_subcommand is not None:
        return
    from prefline.llm.replies.maintenance import bytes_on_disk, summarize

    path = find_project().replies
    data = {"file": str(path), "bytes_on_disk": bytes_on_disk(path), **_as_dict(summarize(path))}
    emit(_summary_text(data), data, as_json=as_json)


def _as_dict(summary: Summary) -> dict[str, Any]:
    now = time.time()
    return {
        "replies": summary.replies,
        "oldest_days": None if summary.oldest is None else (now - summary.oldest) / _DAY_S,
        "newest_days": None if summary.newest is None else (now - summary.newest) / _DAY_S,
        "models": [
            {"model": name, **asdict(share)} for name, share in sorted(summary.models.items())
        ],
    }


def _summary_text(data: dict[str, Any]) -> str:
    replies = number_of(data["replies"], "reply", "replies")
    head = f"{replies} in {data['file']}, {_size(data['bytes_on_disk'])}"
    if not data["replies"]:
        return head
    age = f"bought {data['oldest_days']:.1f} to {data['newest_days']:.1f} days ago"
    return "\n".join([head, age, *_model_lines(data["models"])])


def _model_lines(models: list[dict[str, Any]]) -> list[str]:
    title = f"{'model':<36}{'replies':>10}{'tokens in':>14}{'tokens out':>14}{'size':>11}"
    return [
        title,
        *(
            f"{share['model']:<36}{share['replies']:>10,}{share['input_tokens']:>14,}"
            f"{share['output_tokens']:>14,}{_size(share['bytes']):>11}"
            for share in models
        ),
    ]


def _size(count: float) -> str:
    """Return a number of bytes as text for a person."""
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
    """Remove the replies for which all that is given holds; given nothing, none.

    Says what would go, and does it with --yes. What a running process has bought is left alone.
    A reply that is gone is paid for again where it is needed again.
    """
    from prefline.llm.replies import maintenance

    project = find_project()
    filters = maintenance.Filters(
        before=None if older_than is None else time.time() - older_than * _DAY_S,
        model=model,
        used=maintenance.used_keys(project) if unused else None,
    )
    pruned = maintenance.prune(project.replies, filters, dry_run=not yes)
    data = {
        "done": yes,
        "kept": pruned.kept,
        "spared": pruned.spared,
        "removed": _as_dict(pruned.gone) | {"bytes": pruned.gone.bytes},
    }
    emit(_pruned_text(pruned, done=yes), data, as_json=as_json)


def _pruned_text(pruned: Pruned, *, done: bool) -> str:
    gone = pruned.gone
    replies = number_of(gone.replies, "reply", "replies")
    lines = [
        f"{'removed' if done else 'would remove'} {replies} ({_size(gone.bytes)}) "
        f"and {'kept' if done else 'keep'} the {pruned.kept:,} others"
    ]
    if gone.replies:
        lines += _model_lines(_as_dict(gone)["models"])
    if pruned.spared:
        lines.append(
            f"{pruned.spared:,} of these may be of a run that is under way: they are left alone"
        )
    if not done:
        lines.append("nothing was changed: do it with --yes")
    return "\n".join(lines)


@replies_app.command()
def check(
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Keep what can be read, in a new file."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Look for damage: the file's structure, its indexes, and every reply, which is unpacked.

    Ends with exit code 1 if something is wrong.
    """
    from prefline.llm.replies import maintenance

    path = find_project().replies
    if repair:
        repaired = maintenance.repair(path)
        data = {"kept": repaired.kept, "lost": repaired.lost, "damaged": str(repaired.damaged)}
        text = (
            f"kept {number_of(repaired.kept, 'reply', 'replies')}; "
            f"{repaired.lost:,} could not be read\n"
            f"the damaged file is now {repaired.damaged}"
        )
        emit(text, data, as_json=as_json)
        return
    checked = maintenance.check(path)
    data = {"file": str(path), "ok": checked.ok, **asdict(checked)}
    emit(_checked_text(checked), data, as_json=as_json)
    raise typer.Exit(0 if checked.ok else 1)


def _checked_text(checked: Checked) -> str:
    lines = [f"{number_of(checked.replies, 'reply', 'replies')} read"]
    if checked.ok:
        lines[0] += ", and nothing is wrong"
    lines += [f"damage: {line}" for line in checked.damage[:_MOST_SHOWN]]
    unreadable = list(checked.unreadable.items())
    lines += [f"cannot be read: {key}: {reason}" for key, reason in unreadable[:_MOST_SHOWN]]
    more = len(checked.damage[_MOST_SHOWN:]) + len(unreadable[_MOST_SHOWN:])
    if more:
        lines.append(f"and {more:,} more, all of which --json names")
    if checked.aside:
        lines.append(f"{checked.aside:,} that could not be read were set aside and bought again")
    if checked.damage:
        lines.append("to keep what can still be read: prefline replies check --repair")
    elif unreadable:
        lines.append("each is bought again when it is needed; nothing else is to be done")
    return "\n".join(lines)
