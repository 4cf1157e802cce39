"""The summary of a run on the terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from prefline.labeling.warrant_words import detail_lines
from prefline.project import Project
from prefline.report.facts import Facts, Json, read_facts
from prefline.tables.gold import VERIFIER
from prefline.text import visible

_EXAMPLES = 5
_WARNINGS = 4
_LONGEST = 110  # characters of one cell
_WIDTH = 110  # columns where the output is no terminal


def print_summary(project: Project) -> None:
    """The version's path, five real examples, label quality, what was learnt from it, and what
    to try next.

    Raises `TableError` for a damaged table.
    """
    facts = read_facts(project)
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH)
    parts = (_version, _examples, _quality, _learnt)
    for part in (*(made(facts) for made in parts), _next(project, facts)):
        if part is not None:
            console.print()
            console.print(part)


def _version(facts: Facts) -> Text:
    splits = ", ".join(f"{rows:,} {split}" for split, rows in sorted(facts.splits.items())[::-1])
    if not facts.release:
        return Text.assemble(("Not published yet", "bold"), f"  {splits or 'no preferences'}")
    at = _uri(facts.release)
    if not facts.counts["preferences"]:
        return Text.assemble(
            ("No preferences here now", "bold"),
            f"  the last version is {at}@{facts.release['version']}",
        )
    folder = f"{at}/versions/{facts.release['version']:06d}"
    return Text.assemble(
        (f"{at}@{facts.release['version']}", "bold green"), f"  {splits}  in {folder}"
    )


def _uri(release: Json) -> str:
    return f"{str(release['store']).rstrip('/')}/{release['dataset']}"


def _examples(facts: Facts) -> Any:
    if not facts.examples:
        return Text("There are no preferences to show.", "dim")
    table = Table(expand=True, show_lines=True, border_style="dim", header_style="bold")
    for column, ratio in (("prompt", 3), ("chosen", 4), ("rejected", 4), ("why", 4)):
        table.add_column(column, ratio=ratio, overflow="fold")
    for example in facts.examples[:_EXAMPLES]:
        reason = example.why[0] if example.why else ""
        why = f"p {example.p_chosen:.2f}, {example.label_source}; {reason}"
        cells = (
            (example.prompt[-1][1], ""),
            (example.chosen, "green"),
            (example.rejected, ""),
            (why, "dim"),
        )
        table.add_row(*(Text(_cut(text), style) for text, style in cells))
    return table


def _cut(text: str) -> str:
    """Return one line without what could move a terminal's cursor."""
    flat = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return flat if len(flat) <= _LONGEST else f"{flat[:_LONGEST].rstrip()}..."


def _quality(facts: Facts) -> Group:
    judges = [judge for judge in facts.judges if judge["method"] != VERIFIER]
    accuracy = "; ".join(_accuracy(judge) for judge in judges) or "no model judge took part"
    position = "; ".join(_position(judge) for judge in judges) or "no model judge took part"
    lines = [
        ("judges", accuracy),
        ("position", position),
        ("labels", facts.labels.removeprefix("labels ")),
        *(("warrant", line) for line in facts.warrant["says"]),
        *(("", visible(line)) for line in detail_lines(facts.warrant)),
        ("train?", f"{facts.answer.word}: {facts.answer.says}"),
        *([("to know", facts.answer.remedy)] if facts.answer.remedy else []),
    ]
    lines += [("beware", warning) for warning in facts.quality.warnings[:_WARNINGS]]
    if len(facts.quality.warnings) > _WARNINGS:
        lines.append(("", f"{len(facts.quality.warnings) - _WARNINGS} more are in the report"))
    grid = Table.grid(padding=(0, 2))
    for name, says in lines:
        grid.add_row(Text(name, "dim"), Text(says))
    return _titled("Label quality, as this run measured it", grid)


def _learnt(facts: Facts) -> Group | None:
    if not facts.learning.says:
        return None
    sentences = Group(*(Text(sentence) for sentence in facts.learning.says))
    return _titled(f"Learnt from it: {facts.learning.model}", sentences)


def _titled(title: str, body: RenderableType) -> Group:
    return Group(Text(title, "bold"), Padding(body, (0, 0, 0, 2)))


def _accuracy(judge: Json) -> str:
    accuracy = judge["accuracy"]
    if not accuracy["n"]:
        unknown = "neither a check nor people told the truth of a pair of its"
        return f"{judge['name']} {judge['word']}: {unknown}"
    low, high = accuracy["low"], accuracy["high"]
    interval = "" if low is None else f"[{low:.0%}, {high:.0%}] "
    return (
        f"{judge['name']} is {judge['word']}: right on {accuracy['value']:.0%} "
        f"{interval}of {accuracy['n']:,} checked pairs"
    )


def _position(judge: Json) -> str:
    first, flips = judge["prefers_first"], judge["inconsistent"]
    if not first["n"]:
        return f"{judge['name']} named no winner"
    told = f"{judge['name']} prefers what it sees first in {first['value']:.0%} of verdicts"
    if not flips["n"]:
        return told
    return f"{told}, changes with the order in {flips['value']:.0%} of pairs"


def _next(project: Project, facts: Facts) -> Text:
    found = [(f"open {project.report.name}", "plots and examples")]
    if facts.examples:
        pair = facts.examples[0].pair_id
        found.append((f"prefline trace {pair}", "the whole history of the first row above"))
    if facts.release:
        at = f"{_uri(facts.release)}@{facts.release['version']}"
        found.append((f"prefline show {at}", "the version's card"))
    found.append(("README.md", "your own models: three lines of params.yaml"))
    width = max(len(what) for what, _ in found) + 2
    lines = [Text.assemble(f"\n  {what:<{width}}", (why, "dim")) for what, why in found]
    return Text.assemble(("Next", "bold"), *lines)
