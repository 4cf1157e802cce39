"""A comparison of two versions as text, and as one HTML page that needs nothing beside it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from prefline.releases.diff import Diff
from prefline.text import xml_text

_MOST_FIGURES = 20
_COUNTS = (
    ("added", "pairs that only the new version has"),
    ("removed", "pairs that only the old version has"),
    ("kept", "pairs that both have"),
    ("flipped", "of those: chosen and rejected the other way round"),
    ("moved", "in another split"),
    ("relabelled", "whose label rests on another source"),
    ("p_changed", "not flipped, but surer or less sure"),
)
_STYLE = """
:root { color-scheme: light dark }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: .5rem 0 1.5rem } .wide { overflow-x: auto }
th, td { text-align: left; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid #8884 }
td.n { text-align: right; font-variant-numeric: tabular-nums } code { overflow-wrap: anywhere }
""".strip()


def as_text(diff: Diff) -> str:
    """Write a comparison for a terminal."""
    lines = [f"{diff.old} -> {diff.new}"]
    if diff.major[0] != diff.major[1]:
        lines.append(
            f"major version {diff.major[0]} -> {diff.major[1]}: columns or the meaning of labels "
            "have changed"
        )
    lines += [f"{name:<11}{getattr(diff, name):>12,}  {meaning}" for name, meaning in _COUNTS]
    lines += _churn_lines("category", diff.categories) + _churn_lines("source", diff.sources)
    lines += [
        f"columns {word}: {', '.join(names)}" for word, names in diff.columns.items() if names
    ]
    lines += [
        f"{kind} {word}: {', '.join(names)}"
        for kind, changes in diff.lists.items()
        for word, names in changes.items()
        if names
    ]
    lines += [
        f"{name}: {_shown(figure['old'])} -> {_shown(figure['new'])}"
        for name, figure in list(diff.quality.items())[:_MOST_FIGURES]
    ]
    hidden = len(diff.quality) - _MOST_FIGURES
    lines += [f"and {hidden} more figures of label quality (--json, --html)"] if hidden > 0 else []
    lines += [
        f"flipped: {flip['pair_id']} ({flip['category']}), "
        f"p_chosen {flip['p_chosen']['old']:.3f} -> {flip['p_chosen']['new']:.3f} the other way"
        for flip in diff.flips
    ]
    return "\n".join(lines)


def as_page(diff: Diff) -> str:
    """Write a comparison for a browser; every word of the data is escaped."""
    title = f"{diff.old} → {diff.new}"
    counts = [(name, meaning, getattr(diff, name)) for name, meaning in _COUNTS]
    sections = [
        f"<h1>{escape(title)}</h1>",
        f"<p>Major version {diff.major[0]} → {diff.major[1]}.</p>",
        _table("Rows", ("", "", "pairs"), counts),
        *(
            _churn_table(word, churn)
            for word, churn in (("category", diff.categories), ("source", diff.sources))
        ),
        _table(
            "Columns, formats, models, judges",
            ("what", "change", "names"),
            [("columns", word, ", ".join(names)) for word, names in diff.columns.items() if names]
            + [
                (kind, word, ", ".join(names))
                for kind, changes in diff.lists.items()
                for word, names in changes.items()
                if names
            ],
        ),
        _table(
            "Label quality: figures that differ",
            ("figure", "old", "new"),
            [
                (name, _shown(figure["old"]), _shown(figure["new"]))
                for name, figure in diff.quality.items()
            ],
        ),
        _table(
            "Some flipped pairs, the surest first",
            ("pair_id", "category", "source", "p_chosen before", "p_chosen now, the other way"),
            [
                (
                    flip["pair_id"],
                    flip["category"],
                    flip["source"],
                    _shown(flip["p_chosen"]["old"]),
                    _shown(flip["p_chosen"]["new"]),
                )
                for flip in diff.flips
            ],
        ),
    ]
    page: str = xml_text(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title>"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head>\n<body>\n" + "\n".join(sections) + "\n</body></html>\n"
    )
    return page


def _churn_lines(word: str, churn: dict[str, dict[str, int]]) -> list[str]:
    return [
        f"  {word} {name}: +{counts['added']:,} -{counts['removed']:,}, "
        f"{counts['flipped']:,} flipped"
        for name, counts in churn.items()
    ]


def _churn_table(word: str, churn: dict[str, dict[str, int]]) -> str:
    rows = [
        (name, counts["added"], counts["removed"], counts["flipped"])
        for name, counts in churn.items()
    ]
    return _table(f"By {word}", (word, "added", "removed", "flipped"), rows)


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    if not rows:
        return f"<h2>{escape(title)}</h2>\n<p>Nothing.</p>"
    lines = "".join(f"<tr>{''.join(map(_cell, row))}</tr>\n" for row in rows)
    names = "".join(f"<th>{escape(name)}</th>" for name in head)
    return (
        f"<h2>{escape(title)}</h2>\n"
        f'<div class="wide"><table>\n<tr>{names}</tr>\n{lines}</table></div>'
    )


def _cell(value: Any) -> str:
    if isinstance(value, int):
        return f'<td class="n">{value:,}</td>'
    return f"<td>{escape(str(value))}</td>"


def _shown(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"
