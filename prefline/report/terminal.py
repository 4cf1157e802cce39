"""What a run says at its end."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from prefline.project import Project
from prefline.report.facts import Facts, read_facts

_EXAMPLES = 5
_LONGEST = 100


def print_summary(project: Project) -> None:
    """The version's path, five real examples, label quality, and what to try next."""
    facts = read_facts(project)
    console = Console(width=None if Console().is_terminal else 110, highlight=False)
    console.print()
    console.print(_examples(facts))
    console.print("\n[bold]Label quality[/bold], as this run measured it")
    for line in facts.quality:
        console.print(Text(f"  {line}"))
    release = facts.release
    if release:
        uri = f"{release['store']}/{release['dataset']}"
        rows = ", ".join(f"{count:,} {split}" for split, count in facts.splits.items())
        folder = f"{uri}/versions/{release['version']:06d}"
        console.print(f"\n[bold]Version[/bold] {uri}@{release['version']} ({rows}), in {folder}")
        console.print("\n[bold]Next[/bold]")
        for what, why in _next(project, facts, uri):
            console.print(Text(f"  {what:<44} {why}"))


def _examples(facts: Facts) -> Table:
    table = Table(title="Five of the preferences", title_justify="left", show_lines=True)
    for column, ratio in (("prompt", 4), ("chosen", 4), ("rejected", 4), ("why", 4)):
        table.add_column(column, ratio=ratio, overflow="fold")
    for one in facts.examples[:_EXAMPLES]:
        why = one.why[0] if one.why else one.label_source
        cells = (one.prompt, one.chosen, one.rejected, f"p = {one.p_chosen:.2f}; {why}")
        table.add_row(*(Text(_cut(cell)) for cell in cells))
    return table


def _cut(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _LONGEST else f"{flat[:_LONGEST]}..."


def _next(project: Project, facts: Facts, uri: str) -> list[tuple[str, str]]:
    shown = project.report.relative_to(project.root)
    found = [(f"open {shown}", "look at plots and examples")]
    if facts.examples:
        found.append(
            (f".venv/bin/prefline trace {facts.examples[0].pair_id}", "the history of one row")
        )
    return [
        *found,
        (f".venv/bin/prefline show {uri}@latest", "what the version says of itself"),
        (".venv/bin/dvc metrics show", "figures; `dvc dag` draws the line"),
        ("edit params.yaml", "your models, prompts and bucket: see README.md"),
    ]
